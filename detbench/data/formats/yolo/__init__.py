"""YOLO: data.yaml with label files, and text files of results."""
