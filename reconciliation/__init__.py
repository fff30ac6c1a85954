"""Comparison of the store with the workflows, and repair of the store."""
