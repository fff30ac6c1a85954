"""Queries for items: lists, search, pages and claims."""
