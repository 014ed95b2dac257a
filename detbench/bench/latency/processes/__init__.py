"""Processes of models: started, paused, timed side by side, and ended."""
