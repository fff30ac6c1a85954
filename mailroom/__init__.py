"""The mailroom: takes mails in so that none is lost, and gives each to its item (ADR 0013)."""
