"""Scoring: from ground truth and detections to an Evaluation, and its checks."""
