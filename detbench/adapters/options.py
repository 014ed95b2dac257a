"""Options of a model: read from a spec, then laid over what decoder and metadata state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from detbench.adapters.classes import COCO_80, COCO_91, FILLERS, VOC_20, fold
from detbench.adapters.decoders.from_options import check_decoder_name, decoder_option_names
from detbench.adapters.option_values import flag, image_size, nms_iou, number, numbers, read_value
from detbench.errors import DetbenchError

NAME_LISTS = {"coco": COCO_80, "coco91": COCO_91, "voc": VOC_20}
"""Lists of class names by the word that `names=` gives them."""

_GENERAL = ("decoder", "names", "size")
_PREPROCESSING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "fit": ("fit", str),
    "pad": ("pad_value", int),
    "color": ("color", str),
    "scale": ("scale", number),
    "mean": ("mean", numbers),
    "std": ("std", numbers),
    "resize": ("resize", str),
    "rounding": ("rounding", str),
}
"""Field of `Preprocessing` and reader of its text, by option."""
_POSTPROCESSING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "score": ("score", float),
    "nms": ("nms_iou", nms_iou),
    "class_agnostic": ("class_agnostic", flag),
    "top_k": ("top_k", int),
}
"""Field of `Postprocessing` and reader of its text, by option."""


@dataclass(frozen=True)
class ModelOptions:
    """The options of a spec; what is None or empty is left to metadata and decoder."""

    decoder: str | None = None
    names: str | None = None
    """`coco`, `coco91`, `voc`, names with | between them, or a file with one name per line.

    A single name ends in a |: `person|`.
    """
    size: tuple[int, int] | None = None
    """Width and height of the input in pixels."""
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    """Values of fields of `Preprocessing`."""
    postprocessing: Mapping[str, Any] = field(default_factory=dict)
    """Values of fields of `Postprocessing`."""
    decoder_options: Mapping[str, str] = field(default_factory=dict)
    """The texts of the decoder's options, by name."""
    adapter_options: Mapping[str, Any] = field(default_factory=dict)
    """Values of the options that only this adapter has, by name."""

    def class_names(self) -> tuple[str, ...] | None:
        """Return the class names of `names`, None without it.

        Raises DetbenchError for a file that cannot be read, no name, or a name twice.
        """
        if self.names is None or self.names in NAME_LISTS:
            return NAME_LISTS[self.names] if self.names else None
        names = tuple(name for text in self._name_texts() if (name := text.strip()))
        if not names:
            raise DetbenchError(f"names={self.names}: holds no name")
        repeated = [
            name
            for name, count in Counter(names).items()
            if count > 1 and fold(name) not in FILLERS
        ]
        if repeated:
            raise DetbenchError(
                f"names={self.names}: {repeated[0]!r} occurs more than once; "
                "give every class its own name"
            )
        return names

    @property
    def names_file(self) -> str | None:
        """The file of `names`, None if it is none."""
        is_file = self.names and self.names not in NAME_LISTS and "|" not in self.names
        return self.names if is_file else None

    def _name_texts(self) -> list[str]:
        if not self.names:
            return []
        if "|" in self.names:
            return self.names.split("|")
        try:
            return Path(self.names).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            raise DetbenchError(
                f"names={self.names}: not a readable file of names ({reason}); "
                f"give a file, a|b|c, or one of the lists {', '.join(NAME_LISTS)}"
            ) from None


def read_options(
    texts: Mapping[str, str], model: str, adapter_readers: Mapping[str, Callable[[str], Any]]
) -> ModelOptions:
    """Read the options of a spec.

    Args:
        texts: as the spec has them, by name.
        model: the kind of model, for messages.
        adapter_readers: the readers of the options that only this adapter has, by name.

    Raises:
        DetbenchError: for an unknown option, listing all, and for a value that cannot be read.
    """
    of_decoders = decoder_option_names()
    names = [*_GENERAL, *adapter_readers, *_PREPROCESSING, *_POSTPROCESSING, *of_decoders]
    if unknown := [name for name in texts if name not in names]:
        raise DetbenchError(
            f"unknown option {unknown[0]!r} of {model}; the options are {', '.join(names)}"
        )
    if "decoder" in texts:
        check_decoder_name(texts["decoder"])
    return ModelOptions(
        decoder=texts.get("decoder"),
        names=texts.get("names"),
        size=read_value("size", texts["size"], image_size) if "size" in texts else None,
        preprocessing=_read_fields(texts, _PREPROCESSING),
        postprocessing=_read_fields(texts, _POSTPROCESSING),
        decoder_options={name: texts[name] for name in of_decoders if name in texts},
        adapter_options={
            name: read_value(name, texts[name], reader)
            for name, reader in adapter_readers.items()
            if name in texts
        },
    )


def _read_fields(
    texts: Mapping[str, str], table: Mapping[str, tuple[str, Callable[[str], Any]]]
) -> dict[str, Any]:
    return {
        field_name: read_value(option, texts[option], reader)
        for option, (field_name, reader) in table.items()
        if option in texts
    }
