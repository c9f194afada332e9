"""Configuration → case: templates and live settings become one description, rules look at it."""
