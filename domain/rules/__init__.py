"""Rules of the status model, one module for each of its verbs."""
