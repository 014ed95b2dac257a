"""Page: the content as one HTML file, with styles, scripts and data inside and nothing outside of it."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from detbench.data.files import atomic_path
from detbench.metrics.errors.tide import MEANINGS
from detbench.reports.frames import Frames
from detbench.reports.page import charts
from detbench.reports.page.assemble import content_of
from detbench.reports.page.content import Content
from detbench.reports.page.error_analysis import DRAWS, PICTURED
from detbench.reports.plots.style import COLOURS

_HERE = Path(__file__).parent
_STYLES = ("vendor/uPlot.min.css", "templates/page.css")
_SCRIPTS = (
    "vendor/uPlot.iife.min.js",
    "templates/tables.js",
    "templates/curves.js",
    "templates/explorer.js",
    "templates/gallery.js",
    "templates/start.js",
)
GALLERY_SIZE = 60
_STRIP_WIDTH = 168
_MOST_PAIRS_OPEN = 6


def build_page(frames: Frames, *, command: str = "", gallery_size: int = GALLERY_SIZE) -> str:
    """Return the report page of scored detectors as HTML.

    Args:
        frames: the tables of run folders or evaluations, in the order in which they are shown.
        command: the command line that builds the page again, shown at its end.
        gallery_size: at most so many pictures for each group of comparable detectors.
    """
    return render(content_of(frames, command=command, gallery_size=gallery_size))


def write_page(
    path: Path, frames: Frames, *, command: str = "", gallery_size: int = GALLERY_SIZE
) -> Path:
    """Write the report page, all of it or nothing, and return its path."""
    page = build_page(frames, command=command, gallery_size=gallery_size)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(content: Content) -> str:
    """Return the HTML of a content; whatever comes from files is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "fixed": fixed,
        "exact": exact,
        "grouped": grouped,
        "signed": signed,
        "signed_between": signed_between,
    }
    style, script = (_joined(names) for names in (_STYLES, _SCRIPTS))
    data = _json([part.explorer for part in content.parts])
    return environment.get_template("page.html").render(
        content=content,
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        data=Markup(data),  # noqa: S704
        policy=_policy(style, script),
        charts=charts,
        meanings=MEANINGS,
        pictured_kinds=PICTURED,
        draws=DRAWS,
        colours=len(COLOURS),
        strip_width=_STRIP_WIDTH,
        most_pairs_open=_MOST_PAIRS_OPEN,
        best=best,
    )


def fixed(value: float | None, digits: int = 4) -> str:
    """Return a number with so many digits after the point, an en dash for none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def grouped(value: int | None) -> str:
    """Return a whole number with separated thousands."""
    return "–" if value is None else f"{value:,}"


def signed(value: float | None) -> str:
    """Return a difference with its sign and two digits after the point, an en dash for none."""
    return "–" if value is None else f"{value:+.2f}".replace("-", "−")


def signed_between(ends: tuple[float, float] | None) -> str:
    """Return the ends of an interval of a difference, an en dash for none."""
    return "–" if ends is None else " to ".join(map(signed, ends))


def exact(value: float | None) -> str:
    """Return a number with every digit it has, as JSON writes it; empty for none."""
    return "" if value is None else repr(value)


def best(values: Sequence[float | None]) -> float | None:
    """Return the highest of several values; None where none stands out."""
    known = [value for value in values if value is not None]
    return max(known) if len(known) > 1 and max(known) > min(known) else None


def _joined(names: Sequence[str]) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8").strip() for name in names)


def _json(value: Any) -> str:
    """Return JSON that no HTML parser can take for anything else."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _policy(style: str, script: str) -> str:
    """Return a content security policy under which the page runs its own script and style and may ask for nothing."""
    sources = {"style-src": style, "script-src": script}
    hashes = [
        f"{kind} 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in sources.items()
    ]
    return "; ".join(
        ["default-src 'none'", "img-src data:", *hashes, "base-uri 'none'", "form-action 'none'"]
    )
