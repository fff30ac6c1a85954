"""Bytes to messages and back, pure: parse, recognise loops, unwrap, thread, compose."""
