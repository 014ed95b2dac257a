"""Decoders: the layouts of raw outputs, one file each, whatever runs the model."""
