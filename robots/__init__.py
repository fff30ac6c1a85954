"""Robots: programs in any language that do what a queue offers robots (Q2, Q3)."""
