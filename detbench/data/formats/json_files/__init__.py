"""Formats of JSON files that are only read: one file per format."""
