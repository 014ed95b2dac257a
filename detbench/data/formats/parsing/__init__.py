"""Parsing: what the readers of several formats share."""
