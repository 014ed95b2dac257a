"""Uncertainty: intervals, differences, rankings and tests of scores."""
