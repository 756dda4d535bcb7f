"""Configuration: what can be set, its defaults, and where it comes from."""
