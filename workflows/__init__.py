"""The durable shell around the status model: Ticket, Case and Action."""
