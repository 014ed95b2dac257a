"""Edits: ground truth without a fault, as columns and as a COCO document."""
