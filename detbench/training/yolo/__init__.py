"""The trainer of detbench's own YOLO."""
