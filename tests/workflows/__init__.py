"""Lives of items on real servers, with every task replayed."""
