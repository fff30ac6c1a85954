"""The read model: what people search, and what remains of an item after Temporal's retention."""
