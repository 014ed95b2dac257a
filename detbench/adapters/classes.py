"""Classes: the names they are known by, and a model's brought onto a dataset's, by name and well-known alias, never by position.

A model class without a dataset class, a dataset class without a model class, and a dataset class with two are errors unless allowed:
each of them silently changes what a mAP means.
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
from detbench.wording import plural

_COCO = (
    "N/A,person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,N/A,stop sign,parking meter,bench,bird,"
    "cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,N/A,backpack,umbrella,N/A,N/A,handbag,tie,suitcase,frisbee,skis,snowboard,"
    "sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,N/A,wine glass,cup,fork,knife,spoon,bowl,"
    "banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,N/A,dining table,N/A,N/A,"
    "toilet,N/A,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,N/A,book,clock,vase,scissors,"
    "teddy bear,hair drier,toothbrush"
)
COCO_91 = tuple(_COCO.split(","))
"""The classes of COCO's 2014 and 2017 boxes at their category ids 0 to 90; `N/A` where an id was never used."""

COCO_80 = tuple(name for name in COCO_91 if name != "N/A")
"""The same without gaps, as most models number them."""

_VOC = "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,pottedplant,sheep,sofa,train,tvmonitor"
VOC_20 = tuple(_VOC.split(","))
"""PASCAL VOC's classes of 2007 and later."""

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
"""Folded spelling → the folded name it is compared by. Separators and case (`dining table`, `pottedplant`) need no alias."""

FILLERS = frozenset({"n/a", "na", "none", "unused", "background", "noobject", "???"})
"""Folded names of outputs that stand for no class."""

How = Literal["same", "alias", "filler", "unmapped"]
"""`same` up to case and separators; `alias` another well-known name; `filler` an output that stands for no class; `unmapped`."""
_LISTED = 8


@dataclass(frozen=True, eq=False)
class ClassMapping:
    """Which class of a dataset each class of a model stands for."""

    model_names: tuple[str, ...]
    """M names of the model's classes."""
    dataset_names: tuple[str, ...]
    """K names of the dataset's classes."""
    indices: NDArray[np.int64]
    """(M,) index into the dataset's classes; −1 where detections are dropped."""
    how: tuple[How, ...]
    """M words: why."""

    @property
    def rows(self) -> list[tuple[str, str, How]]:
        """The table to print: model class, dataset class (empty where there is none), and how they came together."""
        names = (*self.dataset_names, "")
        return [
            (name, names[index], how)
            for name, index, how in zip(
                self.model_names, self.indices.tolist(), self.how, strict=True
            )
        ]

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Model classes whose detections are dropped, without fillers."""
        return tuple(
            name for name, how in zip(self.model_names, self.how, strict=True) if how == "unmapped"
        )

    @property
    def missing(self) -> tuple[str, ...]:
        """Dataset classes that the model does not know; they score 0."""
        found = set(self.indices.tolist())
        return tuple(name for index, name in enumerate(self.dataset_names) if index not in found)

    @property
    def doubled(self) -> dict[str, tuple[str, ...]]:
        """Dataset classes for which the model has several classes, and these."""
        groups: dict[str, list[str]] = {}
        for name, target, _ in self.rows:
            if target:
                groups.setdefault(target, []).append(name)
        return {target: tuple(names) for target, names in groups.items() if len(names) > 1}

    def as_dict(self) -> dict[str, str | None]:
        """Return, JSON-ready, the dataset class of each model class; None where its detections are dropped."""
        return {name: target or None for name, target, _ in self.rows}


def map_classes(
    model_names: Sequence[str], dataset_names: Sequence[str], *, allow_unmapped: bool = False
) -> ClassMapping:
    """Map a model's classes to a dataset's by name.

    Names are compared without case, spaces, underscores and hyphens, then by alias (`ALIASES`). An exact match goes before an alias.
    Fillers of 91-output COCO models (`N/A`, `background`, …) are dropped without a word, unless the dataset has such a class.

    Args:
        model_names: M names; the index of each is the model's class index.
        dataset_names: K names.
        allow_unmapped: allow classes on either side without a partner, and several model classes for one of the dataset's.
            What then changes the score (dataset classes that score 0, model classes that are merged) is a DetbenchWarning.

    Raises:
        DetbenchError: no class has a partner, or, unless allowed, one has none or too many. The message names them.
    """
    exact = _index([fold(name) for name in dataset_names])
    by_alias = _index([canonical(name) for name in dataset_names])
    matches = [_match(name, exact, by_alias) for name in model_names]
    indices = np.array([index for index, _ in matches], np.int64)
    mapping = ClassMapping(
        tuple(model_names), tuple(dataset_names), indices, tuple(how for _, how in matches)
    )
    _check(mapping, allow_unmapped=allow_unmapped)
    return mapping


def fold(name: str) -> str:
    """Return a name without case, spaces, underscores and hyphens, its accents composed, so that é is é however it was written."""
    return unicodedata.normalize("NFC", re.sub(r"[\s_\-]+", "", name).casefold())


def canonical(name: str) -> str:
    """Return the folded name that stands for a class and all its aliases."""
    folded = fold(name)
    return ALIASES.get(folded, folded)


def _index(keys: Sequence[str]) -> dict[str, int]:
    """Return position by key; of two dataset classes with one key, neither can be meant by it."""
    places: dict[str, int] = {}
    for place, key in enumerate(keys):
        places[key] = -1 if key in places else place
    return places


def _match(name: str, exact: dict[str, int], by_alias: dict[str, int]) -> tuple[int, How]:
    index = exact.get(fold(name), -1)
    if index >= 0:
        return index, "same"
    index = by_alias.get(canonical(name), -1)
    if index >= 0:
        return index, "alias"
    return -1, "filler" if fold(name) in FILLERS else "unmapped"


def _check(mapping: ClassMapping, *, allow_unmapped: bool) -> None:
    if not (mapping.indices >= 0).any():
        raise DetbenchError(
            f"no class of the model is one of the dataset's: the model has {_listed(mapping.model_names)}; "
            f"the dataset has {_listed(mapping.dataset_names)}; give the model's names as the dataset spells them (names=)"
        )
    be, score = ("are", "") if allow_unmapped else ("would be", "would ")
    dropped, changing = [], []
    if names := mapping.unmapped:
        dropped.append(
            f"{_lacking(names, 'model', 'dataset')}: {'its' if len(names) == 1 else 'their'} detections {be} dropped"
        )
    if names := mapping.missing:
        who, verb = ("it", "scores") if len(names) == 1 else ("they", "score")
        changing.append(
            f"{_lacking(names, 'dataset', 'model')}: {who} {score + 'score' if score else verb} 0"
        )
    for target, names in mapping.doubled.items():
        both = "both" if len(names) == 2 else "all"
        changing.append(
            f"{' and '.join(map(repr, names))} of the model are {both} {target!r} of the dataset: they {be} merged"
        )
    if (dropped or changing) and not allow_unmapped:
        raise DetbenchError(
            f"not every class has one partner: {'; '.join(dropped + changing)}. If that is meant, add --allow-unmapped"
        )
    if changing:
        warnings.warn(
            f"the score is not that of every class by itself: {'; '.join(changing)}",
            DetbenchWarning,
            stacklevel=3,
        )


def _lacking(names: Sequence[str], side: str, other: str) -> str:
    """Return how many classes of one side the other has not, and which."""
    return f"{plural(len(names), 'class')} of the {side} {'is' if len(names) == 1 else 'are'} not in the {other} ({_listed(names)})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (
        f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    )
