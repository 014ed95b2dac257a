"""Classes: well-known lists of class names, and the mapping of a model's classes to a dataset's.

Classes are mapped by name and well-known alias, never by position. A model class without a dataset
class, a dataset class without a model class, and a dataset class with two are errors unless
allowed, because each of them silently changes what a mAP means.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detbench.errors import DetbenchError, DetbenchWarning
from detbench.wording import first_few, plural

_COCO = """
    N/A,person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,N/A,
    stop sign,parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,N/A,
    backpack,umbrella,N/A,N/A,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,
    baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,N/A,wine glass,cup,fork,
    knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,
    couch,potted plant,bed,N/A,dining table,N/A,N/A,toilet,N/A,tv,laptop,mouse,remote,keyboard,
    cell phone,microwave,oven,toaster,sink,refrigerator,N/A,book,clock,vase,scissors,teddy bear,
    hair drier,toothbrush
"""
COCO_91 = tuple(name.strip() for name in _COCO.split(","))
"""The classes of COCO's 2014 and 2017 boxes at category ids 0 to 90; `N/A` for unused ids."""

COCO_80 = tuple(name for name in COCO_91 if name != "N/A")
"""The same without gaps, as most models number them."""

_VOC = """
    aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,
    pottedplant,sheep,sofa,train,tvmonitor
"""
VOC_20 = tuple(name.strip() for name in _VOC.split(","))
"""PASCAL VOC's classes since 2007."""

ALIASES = {
    "aeroplane": "airplane",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
    "television": "tv",
    "doughnut": "donut",
    "hairdryer": "hairdrier",
    "mobilephone": "cellphone",
    "fridge": "refrigerator",
}
"""Folded alias → folded name it is compared by.

Differences in separators and case (`dining table`, `pottedplant`) need no alias.
"""

FILLERS = frozenset({"n/a", "na", "none", "unused", "background", "noobject", "???"})
"""Folded names of model outputs that stand for no class."""

MatchKind = Literal["same", "alias", "filler", "unmapped"]
"""Why a model class has its dataset class, or none.

`same`: equal names except for case and separators; `alias`: another well-known name; `filler`: an
output that stands for no class; `unmapped`: no such class in the dataset.
"""
_MAX_LISTED = 8
"""Class names in a message."""


@dataclass(frozen=True, eq=False)
class ClassMapping:
    """The dataset class of each model class."""

    model_names: tuple[str, ...]
    """M names of the model's classes."""
    dataset_names: tuple[str, ...]
    """K names of the dataset's classes."""
    indices: NDArray[np.int64]
    """(M,) index into the dataset's classes; −1 for dropped classes."""
    kinds: tuple[MatchKind, ...]
    """M kinds of match."""

    @property
    def rows(self) -> list[tuple[str, str, MatchKind]]:
        """Model class, dataset class (empty for none) and kind of match, per model class."""
        names = (*self.dataset_names, "")
        return [
            (name, names[index], kind)
            for name, index, kind in zip(
                self.model_names, self.indices.tolist(), self.kinds, strict=True
            )
        ]

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Model classes whose detections are dropped, without fillers."""
        return tuple(name for name, _, kind in self.rows if kind == "unmapped")

    @property
    def missing(self) -> tuple[str, ...]:
        """Dataset classes that the model does not have; they score 0."""
        mapped = set(self.indices.tolist())
        return tuple(name for index, name in enumerate(self.dataset_names) if index not in mapped)

    @property
    def merged(self) -> dict[str, tuple[str, ...]]:
        """Dataset classes with several model classes, and these."""
        groups: dict[str, list[str]] = {}
        for name, dataset_name, _ in self.rows:
            if dataset_name:
                groups.setdefault(dataset_name, []).append(name)
        return {target: tuple(names) for target, names in groups.items() if len(names) > 1}

    def as_dict(self) -> dict[str, str | None]:
        """Return, JSON-ready, the dataset class of each model class; None for dropped classes."""
        return {name: dataset_name or None for name, dataset_name, _ in self.rows}


def map_classes(
    model_names: Sequence[str], dataset_names: Sequence[str], *, allow_unmapped: bool = False
) -> ClassMapping:
    """Map a model's classes to a dataset's by name.

    Names are compared without case, spaces, underscores and hyphens, then by alias (`ALIASES`). An
    exact match takes precedence over an alias. Fillers of 91-output COCO models (`N/A`,
    `background`, …) are dropped silently, unless the dataset has such a class.

    Args:
        model_names: M names; the index of each is the model's class index.
        dataset_names: K names.
        allow_unmapped: allow classes on either side without a counterpart, and several model
            classes for one dataset class. Of these, dataset classes that score 0 and merged model
            classes change the score and cause a DetbenchWarning.

    Raises:
        DetbenchError: no class has a counterpart, or, unless allowed, one has none or too many.
    """
    by_fold = _positions([fold(name) for name in dataset_names])
    by_alias = _positions([canonical(name) for name in dataset_names])
    matches = [_match(name, by_fold, by_alias) for name in model_names]
    mapping = ClassMapping(
        tuple(model_names),
        tuple(dataset_names),
        np.array([index for index, _ in matches], np.int64),
        tuple(kind for _, kind in matches),
    )
    _check(mapping, allow_unmapped=allow_unmapped)
    return mapping


def fold(name: str) -> str:
    """Return a name without case, spaces, underscores and hyphens.

    Accents are composed (Unicode NFC), so that é equals e followed by a combining accent.
    """
    return unicodedata.normalize("NFC", re.sub(r"[\s_\-]+", "", name).casefold())


def canonical(name: str) -> str:
    """Return the folded name that stands for a class and all its aliases."""
    folded = fold(name)
    return ALIASES.get(folded, folded)


def _positions(keys: Sequence[str]) -> dict[str, int]:
    """Return position by key; −1 for keys that occur twice, because they identify no class."""
    positions: dict[str, int] = {}
    for position, key in enumerate(keys):
        positions[key] = -1 if key in positions else position
    return positions


def _match(name: str, by_fold: dict[str, int], by_alias: dict[str, int]) -> tuple[int, MatchKind]:
    """Return dataset class (−1 for none) and kind of match of a model class."""
    # 1. The same name, except for case and separators.
    index = by_fold.get(fold(name), -1)
    if index >= 0:
        return index, "same"
    # 2. Two spellings of one class, such as sofa and couch.
    index = by_alias.get(canonical(name), -1)
    if index >= 0:
        return index, "alias"
    # 3. No dataset class: an output that stands for nothing, or a class of its own.
    return -1, "filler" if fold(name) in FILLERS else "unmapped"


def _check(mapping: ClassMapping, *, allow_unmapped: bool) -> None:
    """Raise DetbenchError for differences between the classes, or warn of those that matter."""
    if not (mapping.indices >= 0).any():
        raise DetbenchError(
            "no model class is in the dataset: "
            f"the model has {first_few(mapping.model_names, _MAX_LISTED)}; "
            f"the dataset has {first_few(mapping.dataset_names, _MAX_LISTED)}; "
            "give the model's names as the dataset spells them (names=)"
        )
    dropped, changing = [], []
    if names := mapping.unmapped:
        listed = first_few(names, _MAX_LISTED)
        dropped.append(f"{plural(len(names), 'model class')} not in the dataset, dropped: {listed}")
    if names := mapping.missing:
        listed = first_few(names, _MAX_LISTED)
        changing.append(
            f"{plural(len(names), 'dataset class')} not in the model, scored 0: {listed}"
        )
    for dataset_name, names in mapping.merged.items():
        listed = " and ".join(map(repr, names))
        changing.append(f"model classes {listed} merged into {dataset_name!r}")
    if (dropped or changing) and not allow_unmapped:
        raise DetbenchError(
            "model and dataset classes do not match one to one: "
            f"{'; '.join(dropped + changing)}. To accept this, add --allow-unmapped"
        )
    if changing:
        warnings.warn(
            "model and dataset classes do not match one to one, which changes the score: "
            + "; ".join(changing),
            DetbenchWarning,
            stacklevel=3,
        )
