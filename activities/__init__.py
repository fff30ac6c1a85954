"""Temporal activities: one class for each outside system."""
