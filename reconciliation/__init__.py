"""Comparison of the store with the workflows, and its repair."""
