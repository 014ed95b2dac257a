"""Errors: kinds of errors and their costs, confusions, calibration, hard cases, label errors."""
