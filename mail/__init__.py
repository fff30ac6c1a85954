"""Mails as bytes and as messages, without side effects: parse, classify, match, compose."""
