"""Decoders of exports that suppress duplicate boxes inside the model."""
