"""Checks of detections; those of the ground truth are in `ground_truth`."""
