"""Cheap checks on ground truth and detections: what `eval` and `predict` warn about."""
