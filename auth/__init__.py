"""Who may do what: callers, permits, accounts, keys and sign-in."""
