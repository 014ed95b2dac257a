"""Metrics: what the numbers mean, from overlap and matching to intervals and error analyses."""
