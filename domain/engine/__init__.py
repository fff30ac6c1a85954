"""Entry points: start an item, decide a message, let a deadline pass."""
