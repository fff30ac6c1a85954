"""Sign-in by password, by a link that works once or by an OpenID provider; sign-out."""
