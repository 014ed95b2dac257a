"""Adapters: run object detectors of any framework, from image files to detections."""
