"""Formats of XML files that are only read: one file per format."""
