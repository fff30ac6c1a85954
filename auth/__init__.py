"""Authentication and permissions: callers, accounts, API keys, sessions and sign-in."""
