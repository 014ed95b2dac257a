"""Fixes: commands and rewritten files that remove what the doctor finds."""
