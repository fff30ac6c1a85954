"""Signing in and out: by password, by a link that works once, by an OpenID provider."""
