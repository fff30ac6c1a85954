"""Translations of the product: one gettext catalog for each language (ADR 21)."""
