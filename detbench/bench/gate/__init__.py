"""The gate: stops a candidate that is worse than its baseline by enough, and significantly so.

docs/gate.md explains how it decides.
"""
