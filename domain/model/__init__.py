"""Items, commands, states and definitions: the nouns of the status model."""
