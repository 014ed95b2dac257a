"""The catalogue: the one table of adapters, and the way from a spec such as `onnx:model.onnx,score=0.001` to a detector.

A package adds an adapter with an entry point in the group `detbench.adapters`: its name is the adapter's, its object a function
`load(target: str, options: Mapping[str, str]) -> Detector`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from detbench.adapters.detector import Detector
from detbench.adapters.options import option_text
from detbench.errors import DetbenchError, DetbenchWarning, InputError

GROUP = "detbench.adapters"


@dataclass(frozen=True)
class Adapter:
    """One way to run models."""

    name: str
    """What stands before the colon of a spec."""
    loader: str
    """`module:function`; imported only when it is used."""
    needs: str = ""
    """The package that must be importable; empty for none."""
    install: str = ""
    """The line that installs it."""
    suffixes: tuple[str, ...] = ()
    """Files that are taken for this adapter's when a spec names none."""
    package: str = "detbench"
    """The distribution it comes from."""
    path_only: bool = True
    """Whether a target that does not exist can be nothing else: our own `load` then takes it as a Path, otherwise as it stands."""

    @property
    def installed(self) -> bool:
        """Whether what it needs is there."""
        return not self.needs or find_spec(self.needs) is not None


class Spec(NamedTuple):
    """A spec taken apart."""

    name: str
    target: str
    options: dict[str, str]


ADAPTERS = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            "onnx",
            "detbench.adapters.onnx.adapter:load",
            "onnxruntime",
            "pip install 'detbench[onnx]'",
            (".onnx",),
        ),
        Adapter(
            "yolo", "detbench.adapters.yolo.adapter:load", "keras", "pip install 'detbench[keras]'"
        ),
        Adapter(
            "keras",
            "detbench.adapters.keras.adapter:load",
            "keras",
            "pip install 'detbench[keras]'",
            (".keras",),
        ),
        Adapter(
            "kerashub",
            "detbench.adapters.keras.hub:load",
            "keras_hub",
            "pip install 'detbench[keras]'",
            path_only=False,
        ),
        Adapter(
            "replay", "detbench.adapters.replay:load", "", "pip install detbench", (".parquet",)
        ),
    )
}
"""Our own adapters."""


def adapters() -> list[Adapter]:
    """Return our own adapters and those that installed packages add; of two with one name the first counts, with a warning."""
    known = dict(ADAPTERS)
    for point in _entry_points():
        package = point.dist.name if point.dist else point.module
        if point.name in known:
            other = known[point.name].package
            message = f"adapter {point.name!r} of package {package} is not used: {other} has one of that name"
            warnings.warn(message, DetbenchWarning, stacklevel=2)
        else:
            known[point.name] = Adapter(
                point.name, point.value, install=f"pip install {package}", package=package
            )
    return list(known.values())


def parse_spec(spec: str) -> Spec:
    r"""Take a spec apart: `NAME:TARGET,KEY=VALUE,…` or, where the suffix tells the adapter, `TARGET,KEY=VALUE,…`.

    A name has at least two letters, so that `C:\model.onnx` is a path. A comma inside a path or value is written `\,`.
    Raises DetbenchError for a spec without target, an option without value or given twice, and a path whose suffix says nothing.
    """
    named = re.match(r"([A-Za-z][\w-]+):(?!//)", spec)
    target, *pieces = (
        piece.replace("\\,", ",")
        for piece in re.split(r"(?<!\\),", spec[named.end() if named else 0 :])
    )
    if not target:
        raise DetbenchError(f"spec {spec!r} names no model; expected for example onnx:model.onnx")
    options: dict[str, str] = {}
    for piece in pieces:
        key, equals, value = piece.partition("=")
        if not equals or not key.isidentifier():
            raise DetbenchError(
                f"spec {spec!r}: {piece!r} is not KEY=VALUE; a comma inside a path or value is written \\,"
            )
        if key in options:
            raise DetbenchError(f"spec {spec!r}: option {key!r} is given twice")
        options[key] = value
    return Spec(named[1] if named else _name_by_suffix(target), target, options)


def load_detector(spec: str, **options: Any) -> Detector:
    """Load the detector a spec names; keyword options go before those in the spec.

    Option values may be strings, numbers, booleans, or lists, which are joined with commas; None leaves an option out.
    Raises DetbenchError for an unknown adapter, one whose extra is not installed, and whatever the adapter finds wrong with model and
    options.
    """
    name, target, written = parse_spec(spec)
    texts = written | {
        key: option_text(value) for key, value in options.items() if value is not None
    }
    known = {adapter.name: adapter for adapter in adapters()}
    if name not in known:
        raise DetbenchError(
            f"spec {spec!r}: unknown adapter {name!r}; known are: {', '.join(known)}"
        )
    adapter = known[name]
    if not adapter.installed:
        raise DetbenchError(
            f"adapter {name!r} needs {adapter.needs}, which is not installed: {adapter.install}"
        )
    load = _imported(adapter)
    if name not in ADAPTERS:
        return _checked(load(target, texts), adapter)
    if adapter.path_only and not Path(target).exists():
        raise InputError(target, "no such model", fix="check the path")
    detector: Detector = load(Path(target) if adapter.path_only else target, texts)
    return detector


def _entry_points() -> Iterable[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _name_by_suffix(target: str) -> str:
    suffix = Path(target).suffix.lower()
    for adapter in ADAPTERS.values():
        if suffix in adapter.suffixes:
            return adapter.name
    by_suffix = ", ".join(
        f"{suffix} is {adapter.name}"
        for adapter in ADAPTERS.values()
        for suffix in adapter.suffixes
    )
    raise DetbenchError(
        f"{target}: which adapter runs this does not show; write NAME:{target}, or use a known suffix ({by_suffix})"
    )


def _imported(adapter: Adapter) -> Any:
    module, _, function = adapter.loader.partition(":")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        if adapter.name in ADAPTERS and not (adapter.needs and isinstance(error, ImportError)):
            raise
        fix = f"install it again: {adapter.install}"
        raise DetbenchError(
            f"adapter {adapter.name!r} of package {adapter.package} cannot be imported ({error}); {fix}"
        ) from error


def _checked(detector: object, adapter: Adapter) -> Detector:
    if not isinstance(detector, Detector):
        kind = type(detector).__name__
        raise DetbenchError(
            f"adapter {adapter.name!r} of package {adapter.package} gave something ({kind}) that lacks steps of a Detector"
        )
    return detector
