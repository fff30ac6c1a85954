"""Tests of what any Temporal client may rely on, against a real server with our settings."""
