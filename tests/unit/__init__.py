"""Tests of the pure domain, written from the status model: no server, no file, no clock."""
