"""Page: the content as one HTML file that holds its styles, scripts and data and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from detbench.bench.analysis.tables import finite
from detbench.data.files import atomic_path
from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL
from detbench.reports.frames import Frames
from detbench.reports.page import charts
from detbench.reports.page.assemble import content_of
from detbench.reports.page.content import Content
from detbench.reports.page.error_analysis import ends, is_significant
from detbench.reports.plots.style import COLORS

_HERE = Path(__file__).parent
_STYLES = (
    "vendor/uPlot.min.css",
    "templates/page.css",
    "templates/tables.css",
    "templates/plots.css",
    "templates/error_analysis.css",
    "templates/gallery.css",
    "templates/media.css",
)
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
"""Width of a strip of dots in pixels."""
_MAX_OPEN_PAIRS = 6
"""With more pairs of detectors than this, their table is folded."""


def build_page(frames: Frames, *, command: str = "", gallery_size: int = GALLERY_SIZE) -> str:
    """Return the report page of scored detectors as HTML.

    Args:
        frames: the tables of run folders or evaluations, in the order in which they are shown.
        command: the command line that rebuilds the page, shown at its end.
        gallery_size: maximum number of example images of comparable detectors.
    """
    return render(content_of(frames, command=command, gallery_size=gallery_size))


def write_page(
    path: Path, frames: Frames, *, command: str = "", gallery_size: int = GALLERY_SIZE
) -> Path:
    """Write the report page atomically, and return its path."""
    page = build_page(frames, command=command, gallery_size=gallery_size)
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(content: Content) -> str:
    """Return the HTML of a content; all text is escaped."""
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
        "signed_interval": signed_interval,
        "finite": finite,
        "ends": ends,
    }
    environment.tests["significant"] = is_significant
    style, script = (_concatenated(names) for names in (_STYLES, _SCRIPTS))
    data = _json_for_html([comparison.explorer for comparison in content.comparisons])
    return environment.get_template("page.html").render(
        content=content,
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        data=Markup(data),  # noqa: S704
        policy=_security_policy(style, script),
        charts=charts,
        colors=len(COLORS),
        strip_width=_STRIP_WIDTH,
        max_open_pairs=_MAX_OPEN_PAIRS,
        best=best,
        why_no_interval=WHY_NO_INTERVAL,
    )


def fixed(value: float | None, digits: int = 4) -> str:
    """Return a number with this many decimals; an en dash if absent."""
    return "–" if finite(value) is None else f"{value:.{digits}f}"


def grouped(value: int | None) -> str:
    """Return a whole number with separators of thousands; an en dash if absent."""
    return "–" if value is None else f"{value:,}"


def signed(value: float | None) -> str:
    """Return a difference with its sign and two decimals; an en dash if absent."""
    return "–" if finite(value) is None else f"{value:+.2f}".replace("-", "−")


def signed_interval(ends: tuple[float, float] | None) -> str:
    """Return the ends of an interval of a difference; an en dash if absent."""
    return "–" if ends is None else " to ".join(map(signed, ends))


def exact(value: float | None) -> str:
    """Return a number with all its digits, as in JSON; empty if absent."""
    return "" if finite(value) is None else repr(value)


def best(values: Sequence[float | None]) -> float | None:
    """Return the highest of several values; None if all are equal or there is only one."""
    present = [value for value in values if value is not None]
    return max(present) if len(present) > 1 and max(present) > min(present) else None


def _concatenated(names: Sequence[str]) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8").strip() for name in names)


def _json_for_html(value: Any) -> str:
    """Return JSON without characters that end a script element."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _security_policy(style: str, script: str) -> str:
    """Return a content security policy that allows the page's own script and style only."""
    sources = {"style-src": style, "script-src": script}
    hashes = [f"{directive} 'sha256-{_sha256(text)}'" for directive, text in sources.items()]
    return "; ".join(
        ["default-src 'none'", "img-src data:", *hashes, "base-uri 'none'", "form-action 'none'"]
    )


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
