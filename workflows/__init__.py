"""Temporal workflows that run the status model: Ticket, Case and Action."""
