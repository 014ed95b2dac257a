"""Decoders of the YOLO family."""
