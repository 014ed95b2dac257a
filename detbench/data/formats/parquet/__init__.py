"""detbench's own format: ground truth and detections as Parquet."""
