"""Errors: where a score is lost, and how sure that is."""
