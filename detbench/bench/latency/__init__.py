"""Latency: times detectors so that a number can be quoted."""
