"""Checks of the ground truth: its numbers, IDs, flags, box format and boxes."""
