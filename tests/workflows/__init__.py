"""Lives of items on real servers, every task replayed."""
