"""COCO: annotations and results as JSON."""
