"""Formats of text files that are only read: one file per format."""
