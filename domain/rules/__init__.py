"""The rules of the status model, a module for each of its verbs."""
