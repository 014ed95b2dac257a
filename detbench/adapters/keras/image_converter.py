"""KerasHub's image converter as detbench's preprocessing.

The model sees the same numbers for the same pixels, and boxes can be mapped back exactly.
"""

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
"""KerasHub's interpolation and antialias → `Preprocessing.resize`."""
_FITS = {(False, False): "stretch", (False, True): "letterbox"}
"""KerasHub's crop and pad to the aspect ratio → `Preprocessing.fit`."""


def converted_size(preprocessor: Any) -> tuple[int, int] | None:
    """Return width and height of a preprocessor's output, None if it does not resize."""
    size = preprocessor.image_converter.image_size if _has_converter(preprocessor) else None
    return (int(size[1]), int(size[0])) if size is not None else None


def read_converter(preprocessor: Any, fit: str) -> dict[str, Any]:
    """Return the settings of `Preprocessing`, without the size, that match a KerasHub preprocessor.

    KerasHub multiplies by `scale` and adds `offset`, each per channel. Here that is
    (value − mean) / std with std = 1 / scale and mean = −offset / scale.

    KerasHub crops by default, which loses the objects at the edges; then `fit`, the way of the
    model's authors, is used instead. Without a preprocessor the values 0–255 are not scaled, as in
    KerasHub's `predict`.
    """
    if not _has_converter(preprocessor):
        return {"fit": fit, "pad_value": 0, "scale": 1.0}
    converter = preprocessor.image_converter
    scale, offset = _per_channel(converter.scale, 1.0), _per_channel(converter.offset, 0.0)
    crop_and_pad = (converter.crop_to_aspect_ratio, converter.pad_to_aspect_ratio)
    return {
        "fit": _FITS.get(crop_and_pad, fit),
        "pad_value": 0,
        "scale": 1.0,
        "mean": [0.0 - shift / factor for shift, factor in zip(offset, scale, strict=True)],
        "std": [1 / factor for factor in scale],
        "resize": _resize(converter),
    }


def _has_converter(preprocessor: Any) -> bool:
    return getattr(preprocessor, "image_converter", None) is not None


def _per_channel(value: Any, default: float) -> list[float]:
    """Return one number per color channel."""
    if value is None:
        return [default] * 3
    if hasattr(value, "__len__"):
        return [float(number) for number in value]
    return [float(value)] * 3


def _resize(converter: Any) -> str:
    interpolation = (str(converter.interpolation), bool(converter.antialias))
    if interpolation not in _INTERPOLATIONS:
        message = (
            f"KerasHub resizes images for this model with {interpolation[0]} interpolation; "
            "detbench uses linear instead, or what resize= says"
        )
        warnings.warn(message, DetbenchWarning, stacklevel=5)
    return _INTERPOLATIONS.get(interpolation, "linear")
