"""Formats of CSV files that are only read: one file per format."""
