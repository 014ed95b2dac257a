"""What is scored: ground truth and detections, and the readers and writers of their files."""
