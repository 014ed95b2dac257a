"""Plots: matplotlib figures of scores, times, errors and datasets."""
