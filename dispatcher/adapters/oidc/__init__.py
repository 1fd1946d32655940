"""Access tokens of an OIDC issuer: its keys, fetched and kept, and what its claims mean here."""
