"""What people look at: frames, tables and plots."""

from detbench.reports.frames import frames

__all__ = ["frames"]
