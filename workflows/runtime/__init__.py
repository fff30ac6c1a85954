"""Adapters around the Temporal SDK: payloads, rows, queries and the worker's settings."""
