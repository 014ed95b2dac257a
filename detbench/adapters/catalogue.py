"""Catalogue: the table of adapters, and how a spec such as `onnx:model.onnx,score=0.001` is loaded.

A package adds an adapter with an entry point in the group `detbench.adapters`: its name is that of
the adapter, its object a function `load(target: str, options: Mapping[str, str]) -> Detector`.
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
from detbench.adapters.option_values import option_text
from detbench.errors import DetbenchError, DetbenchWarning, InputError

GROUP = "detbench.adapters"
"""The entry-point group of other packages' adapters."""


@dataclass(frozen=True)
class Adapter:
    """One way to run models."""

    name: str
    """The part of a spec before the colon."""
    loader: str
    """`module:function`; imported only when it is used."""
    needs: str = ""
    """The package that must be importable; empty for none."""
    install: str = ""
    """The command that installs it."""
    suffixes: tuple[str, ...] = ()
    """Suffixes of files that belong to this adapter if a spec names none."""
    package: str = "detbench"
    """The distribution it comes from."""
    target_is_path: bool = True
    """Whether the target must exist as a file or folder.

    Detbench's own `load` functions then get it as a Path, otherwise as text.
    """

    @property
    def installed(self) -> bool:
        """Whether the package that it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None


_KERAS = "pip install 'detbench[keras]'"
ADAPTERS = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            "onnx",
            "detbench.adapters.onnx.adapter:load",
            needs="onnxruntime",
            install="pip install 'detbench[onnx]'",
            suffixes=(".onnx",),
        ),
        Adapter("yolo", "detbench.adapters.yolo.adapter:load", needs="keras", install=_KERAS),
        Adapter(
            "keras",
            "detbench.adapters.keras.adapter:load",
            needs="keras",
            install=_KERAS,
            suffixes=(".keras",),
        ),
        Adapter(
            "kerashub",
            "detbench.adapters.keras.hub:load",
            needs="keras_hub",
            install=_KERAS,
            target_is_path=False,
        ),
        Adapter(
            "replay",
            "detbench.adapters.replay:load",
            install="pip install detbench",
            suffixes=(".parquet",),
        ),
    )
}
"""Detbench's own adapters by name."""


class Spec(NamedTuple):
    """The parts of a spec."""

    name: str
    """Of the adapter."""
    target: str
    """A path or the name of a model."""
    options: dict[str, str]


def adapters() -> list[Adapter]:
    """Return detbench's own adapters and those of installed packages.

    Of two adapters with one name the first counts, with a DetbenchWarning.
    """
    by_name = dict(ADAPTERS)
    for point in _entry_points():
        package = point.dist.name if point.dist else point.module
        if point.name in by_name:
            warnings.warn(
                f"adapter {point.name!r} of package {package} is not used, "
                f"because {by_name[point.name].package} has an adapter of that name",
                DetbenchWarning,
                stacklevel=2,
            )
        else:
            by_name[point.name] = Adapter(
                point.name, point.value, install=f"pip install {package}", package=package
            )
    return list(by_name.values())


def parse_spec(spec: str) -> Spec:
    r"""Split a spec: `NAME:TARGET,KEY=VALUE,…`, or `TARGET,KEY=VALUE,…` for a known suffix.

    A name has at least two letters, so that `C:\model.onnx` is a path. A comma inside a path or
    value is written `\,`.

    Raises:
        DetbenchError: for a spec without target, for an option without value or given twice, and
            for a path without adapter whose suffix is unknown.
    """
    prefix = re.match(r"([A-Za-z][\w-]+):(?!//)", spec)
    target, *option_texts = (
        part.replace("\\,", ",")
        for part in re.split(r"(?<!\\),", spec[prefix.end() if prefix else 0 :])
    )
    if not target:
        raise DetbenchError(f"spec {spec!r} names no model; write for example onnx:model.onnx")
    options: dict[str, str] = {}
    for text in option_texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise DetbenchError(
                f"spec {spec!r}: {text!r} is not KEY=VALUE; "
                "write a comma inside a path or value as \\,"
            )
        if key in options:
            raise DetbenchError(f"spec {spec!r}: option {key!r} is given twice")
        options[key] = value
    return Spec(prefix[1] if prefix else _name_by_suffix(target), target, options)


def load_detector(spec: str, **options: Any) -> Detector:
    """Load the detector of a spec.

    Args:
        spec: `NAME:TARGET,KEY=VALUE,…`, as `parse_spec` reads it.
        **options: take precedence over the options in the spec. Values are texts, numbers,
            booleans, or lists, which are joined with commas; None leaves an option out.

    Raises:
        DetbenchError: for an unknown adapter, for one whose package is not installed, and for
            every problem of model and options that the adapter finds.
    """
    name, target, spec_options = parse_spec(spec)
    texts = spec_options | {
        key: option_text(value) for key, value in options.items() if value is not None
    }
    by_name = {adapter.name: adapter for adapter in adapters()}
    if name not in by_name:
        raise DetbenchError(
            f"spec {spec!r}: unknown adapter {name!r}; the adapters are {', '.join(by_name)}"
        )
    adapter = by_name[name]
    if not adapter.installed:
        raise DetbenchError(
            f"adapter {name!r} needs {adapter.needs}, which is not installed; run {adapter.install}"
        )
    load = _import_loader(adapter)
    if name not in ADAPTERS:
        return _check_detector(load(target, texts), adapter)
    if adapter.target_is_path and not Path(target).exists():
        raise InputError(target, "no such model", fix="check the path")
    detector: Detector = load(Path(target) if adapter.target_is_path else target, texts)
    return detector


def _entry_points() -> Iterable[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _name_by_suffix(target: str) -> str:
    """Return the adapter of a file's suffix."""
    suffix = Path(target).suffix.lower()
    for adapter in ADAPTERS.values():
        if suffix in adapter.suffixes:
            return adapter.name
    suffixes = ", ".join(
        f"{suffix} for {adapter.name}"
        for adapter in ADAPTERS.values()
        for suffix in adapter.suffixes
    )
    raise DetbenchError(
        f"{target}: cannot infer the adapter from the suffix; "
        f"write NAME:{target}, or use a known suffix ({suffixes})"
    )


def _import_loader(adapter: Adapter) -> Any:
    module, _, function = adapter.loader.partition(":")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        # An own adapter whose package is complete fails because of a bug: show its traceback.
        if adapter.name in ADAPTERS and not (adapter.needs and isinstance(error, ImportError)):
            raise
        raise DetbenchError(
            f"adapter {adapter.name!r} of package {adapter.package} cannot be imported ({error}); "
            f"reinstall it: {adapter.install}"
        ) from error


def _check_detector(detector: object, adapter: Adapter) -> Detector:
    """Raise DetbenchError if another package's adapter returned no Detector."""
    if not isinstance(detector, Detector):
        kind = type(detector).__name__
        raise DetbenchError(
            f"adapter {adapter.name!r} of package {adapter.package} returned an object of type "
            f"{kind}, which lacks methods of Detector"
        )
    return detector
