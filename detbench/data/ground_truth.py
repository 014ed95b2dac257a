"""GroundTruth: what is really in the images, as frozen columns grouped by image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from detbench.data.columns import (
    Flags,
    Floats,
    Indices,
    Ints,
    check_groups,
    check_rows,
    digest,
    frozen,
    offsets_from_groups,
    owned,
    rows_of_groups,
)
from detbench.errors import DetbenchError


@dataclass(frozen=True, eq=False, kw_only=True)
class GroundTruth:
    """The annotated objects of I images in K classes, N in all. Objects of image i are rows `offsets[i]:offsets[i + 1]`.

    Within an image, objects keep the order of their source. Build one from rows in any order with `GroundTruth.from_rows`.
    """

    image_ids: tuple[str, ...]
    """I identifiers, as the files write them, in the order in which images are scored."""
    class_names: tuple[str, ...]
    """K names, in the order of the class index."""
    offsets: Ints
    """(I + 1,) first row of each image."""
    class_index: Indices
    """(N,) in 0..K−1."""
    boxes: Floats
    """(N, 4) x1, y1, x2, y2 in pixels, continuous edges."""
    box_areas: Floats
    """(N,) width · height in square pixels, multiplied as the source states them: IoU's denominator, bit for bit."""
    areas: Floats
    """(N,) the area that decides between small, medium and large: COCO's `area` field, else `box_areas`."""
    iscrowd: Flags
    """(N,) COCO's crowd regions."""
    difficult: Flags
    """(N,) VOC's difficult objects."""
    truncated: Flags
    """(N,) VOC's truncated objects."""
    category_ids: Ints
    """(K,) the ids under which COCO files know the classes; 1..K where the source has none."""
    image_sizes: Floats
    """(I, 2) width and height in pixels, NaN where the source does not say."""
    image_files: tuple[str, ...]
    """I file names below `image_folder`; empty where the source does not say."""
    groups: Ints | None = None
    """(I,) the number of each image's group, such as its video: images of one group are no evidence independent of each other."""
    image_folder: Path | None = None
    """Where pictures lie, when known."""
    name: str = ""
    """What people call the dataset, for tables and titles."""
    protocol: str = "coco"
    """The name of the protocol this dataset is scored by unless another is asked for."""
    source: str = ""
    """Where it came from and in which format, for the record."""
    _index: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        images, classes, rows = len(self.image_ids), len(self.class_names), len(self.class_index)
        for column, dtype, shape in (
            ("offsets", np.int64, (images + 1,)),
            ("class_index", np.int32, (rows,)),
            ("boxes", np.float64, (rows, 4)),
            ("box_areas", np.float64, (rows,)),
            ("areas", np.float64, (rows,)),
            ("iscrowd", np.bool_, (rows,)),
            ("difficult", np.bool_, (rows,)),
            ("truncated", np.bool_, (rows,)),
            ("category_ids", np.int64, (classes,)),
            ("image_sizes", np.float64, (images, 2)),
        ):
            object.__setattr__(self, column, frozen(getattr(self, column), dtype, shape))
        if self.groups is not None:
            groups = np.asarray(self.groups)
            if groups.ndim != 1 or (groups.size and groups.dtype.kind not in "iu"):
                raise DetbenchError("groups must be whole numbers, one for each image")
            if len(groups) != images:
                raise DetbenchError(
                    f"groups must name one group for each of the {images:,} images, got {len(groups):,}"
                )
            object.__setattr__(self, "groups", frozen(groups, np.int64, (images,)))
        object.__setattr__(
            self, "_index", {image_id: index for index, image_id in enumerate(self.image_ids)}
        )
        self._check()

    def _check(self) -> None:
        if len(self._index) != len(self.image_ids):
            raise DetbenchError(f"{self.name or 'ground truth'}: image ids must be unique")
        if len(set(self.class_names)) != len(self.class_names):
            raise DetbenchError(f"{self.name or 'ground truth'}: class names must be unique")
        if len(self.image_files) != len(self.image_ids):
            raise DetbenchError("image_files needs one entry per image, empty where unknown")
        check_groups(self.offsets, self.class_index, len(self.class_names))
        if not np.isfinite(self.boxes).all():
            raise DetbenchError("boxes of the ground truth must be finite")

    @classmethod
    def from_rows(
        cls,
        *,
        image_ids: Iterable[str],
        class_names: Iterable[str],
        image_index: ArrayLike,
        class_index: ArrayLike,
        boxes: ArrayLike,
        box_areas: ArrayLike | None = None,
        areas: ArrayLike | None = None,
        iscrowd: ArrayLike | None = None,
        difficult: ArrayLike | None = None,
        truncated: ArrayLike | None = None,
        category_ids: ArrayLike | None = None,
        image_sizes: ArrayLike | None = None,
        image_files: Iterable[str] | None = None,
        groups: ArrayLike | None = None,
        image_folder: Path | None = None,
        name: str = "",
        protocol: str = "coco",
        source: str = "",
    ) -> GroundTruth:
        """Group rows by image, keeping their order within an image. Boxes are xyxy; absent columns get their defaults."""
        ids, names = tuple(image_ids), tuple(class_names)
        image = np.asarray(image_index, np.int64).reshape(-1)
        order = np.argsort(image, kind="stable")
        xyxy = np.asarray(boxes, np.float64).reshape(-1, 4)
        measured = (
            (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
            if box_areas is None
            else np.asarray(box_areas, np.float64)
        )
        check_rows(
            image,
            len(ids),
            class_index=np.asarray(class_index).reshape(-1),
            boxes=xyxy,
            box_areas=measured,
        )
        none = np.zeros(len(image), np.bool_)
        return cls(
            image_ids=ids,
            class_names=names,
            offsets=offsets_from_groups(image, len(ids)),
            class_index=np.asarray(class_index, np.int32).reshape(-1)[order],
            boxes=xyxy[order],
            box_areas=measured[order],
            areas=(measured if areas is None else np.asarray(areas, np.float64))[order],
            iscrowd=(none if iscrowd is None else np.asarray(iscrowd, np.bool_))[order],
            difficult=(none if difficult is None else np.asarray(difficult, np.bool_))[order],
            truncated=(none if truncated is None else np.asarray(truncated, np.bool_))[order],
            category_ids=np.arange(1, len(names) + 1)
            if category_ids is None
            else np.asarray(category_ids, np.int64),
            image_sizes=np.full((len(ids), 2), np.nan)
            if image_sizes is None
            else np.asarray(image_sizes, np.float64),
            image_files=("",) * len(ids) if image_files is None else tuple(image_files),
            groups=None if groups is None else np.asarray(groups),
            image_folder=image_folder,
            name=name,
            protocol=protocol,
            source=source,
        )

    def __len__(self) -> int:
        return len(self.class_index)

    def image_position(self, image_id: str) -> int | None:
        """Return where an image stands in `image_ids`, or None."""
        return self._index.get(image_id)

    @cached_property
    def picture_names(self) -> tuple[str, ...]:
        """What the picture of each image is called below `image_folder`: its file name, else the image's id."""
        return tuple(
            name or image_id
            for name, image_id in zip(self.image_files, self.image_ids, strict=True)
        )

    @cached_property
    def units(self) -> Ints:
        """(I,) what each image is drawn with where scores are asked how they vary: its group, else the image itself.

        Numbered from 0 in the order of the images, whatever the groups are called.
        """
        if self.groups is None:
            return owned(np.arange(len(self.image_ids)))
        _, first, of_group = np.unique(self.groups, return_index=True, return_inverse=True)
        return owned(np.argsort(np.argsort(first))[of_group].astype(np.int64))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is scored: ids, names, sizes and objects. Paths, groups, name and source do not count."""
        columns = (
            self.class_index,
            self.boxes,
            self.box_areas,
            self.areas,
            self.iscrowd,
            self.difficult,
        )
        return digest(
            (*self.image_ids, *self.class_names),
            (self.offsets, self.category_ids, self.image_sizes, *columns),
        )

    def present_images(self) -> Ints:
        """Return the positions of the images whose picture lies in `image_folder`; none at all is a DetbenchError."""
        if self.image_folder is None:
            raise DetbenchError(
                f"{self.name}: it is not known where the pictures are; give their folder (--images)"
            )
        there = np.flatnonzero(
            [bool(name) and (self.image_folder / name).is_file() for name in self.image_files]
        )
        if not len(there):
            fix = "give their folder (--images)"
            raise DetbenchError(
                f"{self.name}: none of its {len(self.image_ids):,} pictures is in {self.image_folder}; {fix}"
            )
        return there

    def select_images(self, positions: Ints) -> GroundTruth:
        """Return the ground truth of the images at `positions` only, in that order."""
        rows = rows_of_groups(self.offsets, positions)
        return replace(
            self,
            image_ids=tuple(self.image_ids[i] for i in positions),
            offsets=np.concatenate([[0], np.cumsum(np.diff(self.offsets)[positions])]),
            class_index=self.class_index[rows],
            boxes=self.boxes[rows],
            box_areas=self.box_areas[rows],
            areas=self.areas[rows],
            iscrowd=self.iscrowd[rows],
            difficult=self.difficult[rows],
            truncated=self.truncated[rows],
            image_sizes=self.image_sizes[positions],
            image_files=tuple(self.image_files[i] for i in positions),
            groups=None if self.groups is None else self.groups[positions],
        )
