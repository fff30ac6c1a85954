"""Tests of pure code, the domain's written from the status model: no server, no file, no clock."""
