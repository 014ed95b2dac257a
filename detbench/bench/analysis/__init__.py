"""Error analysis of detectors on one dataset: computed once, projected into tables and JSON."""
