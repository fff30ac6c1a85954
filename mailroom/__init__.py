"""Mailroom: accepts mails without loss, and delivers each to its item (ADR 0013)."""
