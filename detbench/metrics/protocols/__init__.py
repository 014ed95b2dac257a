"""Protocols: the rules of each benchmark as values; `table` lists all of them."""
