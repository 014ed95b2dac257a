"""Labeled boxes: one reading of row-wise formats, for scoring and for the doctor."""
