"""KerasHub's image converter as our preprocessing: the same numbers for the same pixels, and a placement that can be inverted."""

from __future__ import annotations

import warnings
from typing import Any

from detbench.errors import DetbenchWarning

_INTERPOLATIONS = {
    ("bilinear", False): "linear",
    ("bilinear", True): "antialias",
    ("nearest", False): "nearest",
    ("nearest", True): "nearest",
}


def converted_size(preprocessor: Any) -> tuple[int, int] | None:
    """Return width and height of what a preprocessor gives, None where it leaves sizes as they are."""
    size = preprocessor.image_converter.image_size if _has_converter(preprocessor) else None
    return (int(size[1]), int(size[0])) if size is not None else None


def read_converter(preprocessor: Any, fit: str) -> dict[str, Any]:
    """Return the settings of `Preprocessing`, less the size, that do what a KerasHub preprocessor does.

    KerasHub multiplies by `scale` and adds `offset`, each per channel: here (value − mean) / std with std = 1 / scale and
    mean = −offset / scale. Its default is to crop, which loses the objects at the edges: then `fit`, its authors' way, holds instead.
    Without a preprocessor KerasHub's `predict` takes pictures as they are, 0–255; so is it here.
    """
    if not _has_converter(preprocessor):
        return {"fit": fit, "pad_value": 0, "scale": 1.0}
    converter = preprocessor.image_converter
    scale, offset = _three(converter.scale, 1.0), _three(converter.offset, 0.0)
    fits = {(False, False): "stretch", (False, True): "letterbox"}
    return {
        "fit": fits.get((converter.crop_to_aspect_ratio, converter.pad_to_aspect_ratio), fit),
        "pad_value": 0,
        "scale": 1.0,
        "mean": [0.0 - shift / factor for shift, factor in zip(offset, scale, strict=True)],
        "std": [1 / factor for factor in scale],
        "resize": _resize(converter),
    }


def _has_converter(preprocessor: Any) -> bool:
    return getattr(preprocessor, "image_converter", None) is not None


def _three(value: Any, default: float) -> list[float]:
    """Return one number per channel."""
    if value is None:
        return [default] * 3
    return [float(one) for one in value] if hasattr(value, "__len__") else [float(value)] * 3


def _resize(converter: Any) -> str:
    how = (str(converter.interpolation), bool(converter.antialias))
    if how not in _INTERPOLATIONS:
        message = f"KerasHub resizes pictures for this model by {how[0]} interpolation; linear is used here, or what resize= says"
        warnings.warn(message, DetbenchWarning, stacklevel=5)
    return _INTERPOLATIONS.get(how, "linear")
