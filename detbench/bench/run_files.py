"""Names of the files in a run folder."""

from __future__ import annotations

RECORD = "record.json"
GROUND_TRUTH = "ground_truth.parquet"
DETECTIONS = "detections.parquet"
LATENCY = "latency.parquet"
