"""Recorded histories that every later version has to replay."""
