"""Checks: one file for each kind of mistake in ground truth or detections."""
