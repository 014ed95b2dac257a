"""Fixes: which findings can be fixed, by which command, and what the command writes."""
