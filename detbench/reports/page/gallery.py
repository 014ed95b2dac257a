"""Gallery: the most telling images of a comparison, ready to be drawn over their thumbnails."""

from __future__ import annotations

from detbench.reports.frames import Frames
from detbench.reports.page.content import Picture


def gallery(frames: Frames, size: int) -> tuple[tuple[Picture, ...], str]:
    """Return at most `size` pictures, and a sentence that says why there are none or fewer."""
    if size == 0:
        return (), "No pictures were asked for."
    return (), "x"
