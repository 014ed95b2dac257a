"""Readings: other meanings that the box numbers, image IDs and classes of a file can have."""
