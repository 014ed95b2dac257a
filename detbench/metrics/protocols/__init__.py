"""Protocols: the rules of each benchmark as values."""
