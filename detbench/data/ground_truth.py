"""GroundTruth: the annotated objects of a dataset, as frozen columns grouped by image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detbench.data.columns import (
    Flags,
    Floats,
    Indices,
    Ints,
    check_groups,
    check_rows,
    digest,
    freeze,
    frozen,
    offsets_from_groups,
    offsets_of_groups,
    rows_of_groups,
)
from detbench.errors import DetbenchError
from detbench.wording import plural


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GroundTruth:
    """N annotated objects on I images in K classes.

    The objects of image i are rows `offsets[i]:offsets[i + 1]`, in the order of their source.
    `GroundTruth.from_rows` builds one from rows in any order.
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
    """(N,) width · height in square pixels, multiplied as the source states them.

    IoU divides by these, so that its values are the reference implementation's, bit for bit.
    """
    areas: Floats
    """(N,) the area that decides between small, medium and large, in square pixels.

    It is COCO's `area` field, else `box_areas`.
    """
    iscrowd: Flags
    """(N,) COCO's crowd regions."""
    difficult: Flags
    """(N,) VOC's difficult objects."""
    truncated: Flags
    """(N,) VOC's truncated objects."""
    category_ids: Ints
    """(K,) the ids of the classes in COCO files; 1..K if the source has none."""
    image_sizes: Floats
    """(I, 2) width and height in pixels; NaN if unknown."""
    image_files: tuple[str, ...]
    """I file names relative to `image_folder`; empty if unknown."""
    groups: Ints | None = None
    """(I,) the number of each image's group, such as its video; None without groups.

    Images of one group are not independent, so they are resampled together.
    """
    image_folder: Path | None = None
    """The folder of the image files, if known."""
    name: str = ""
    """The name of the dataset in tables and titles."""
    protocol: str = "coco"
    """The name of the default protocol for this dataset."""
    source: str = ""
    """Where it came from and in which format, for the record."""
    voc_offsets: tuple[int, int] = (1, 0)
    """Pixels by which first and last corners exceed continuous edges in the dataset's VOC files.

    VOC's corners are 1-based and inclusive: (1, 0). Annotations in VOC's layout that count pixels
    from 0 have (0, 0), or (0, −1) if they are inclusive. VOC results count as the annotations do.
    """
    _positions: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        images, classes, rows = len(self.image_ids), len(self.class_names), len(self.class_index)
        # A frozen dataclass allows no plain assignment, not even here.
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
            object.__setattr__(self, "groups", _checked_groups(self.groups, images))
        positions = {image_id: position for position, image_id in enumerate(self.image_ids)}
        object.__setattr__(self, "_positions", positions)
        self._check()

    def _check(self) -> None:
        name = self.name or "ground truth"
        if len(self._positions) != len(self.image_ids):
            raise DetbenchError(f"{name}: image ids must be unique")
        if len(set(self.class_names)) != len(self.class_names):
            raise DetbenchError(f"{name}: class names must be unique")
        if len(self.image_files) != len(self.image_ids):
            raise DetbenchError("image_files needs one entry per image; use '' for unknown files")
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
        voc_offsets: tuple[int, int] = (1, 0),
    ) -> GroundTruth:
        """Group rows by image, keeping their order within an image.

        `image_index` (N,) and `class_index` (N,) point into `image_ids` and `class_names`; `boxes`
        (N, 4) are x1, y1, x2, y2. Every other column has the default that its attribute documents:
        flags are False, areas are width · height, and sizes and files are unknown.

        Raises:
            DetbenchError: Columns differ in length, point at no image or class, or are not finite.
        """
        ids, names = tuple(image_ids), tuple(class_names)
        images = np.asarray(image_index, np.int64).reshape(-1)
        classes = np.asarray(class_index, np.int32).reshape(-1)
        xyxy = np.asarray(boxes, np.float64).reshape(-1, 4)
        if box_areas is None:
            with np.errstate(over="ignore", invalid="ignore"):  # checked below
                products = (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])
        else:
            products = np.asarray(box_areas, np.float64)
        check_rows(images, len(ids), class_index=classes, boxes=xyxy, box_areas=products)

        # A stable sort keeps the order of the source within each image.
        order = np.argsort(images, kind="stable")

        def flags(values: ArrayLike | None) -> Flags:
            if values is None:
                return np.zeros(len(images), np.bool_)
            return np.asarray(values, np.bool_)[order]

        return cls(
            image_ids=ids,
            class_names=names,
            offsets=offsets_from_groups(images, len(ids)),
            class_index=classes[order],
            boxes=xyxy[order],
            box_areas=products[order],
            areas=(products if areas is None else np.asarray(areas, np.float64))[order],
            iscrowd=flags(iscrowd),
            difficult=flags(difficult),
            truncated=flags(truncated),
            category_ids=_default(category_ids, np.arange(1, len(names) + 1)),
            image_sizes=_default(image_sizes, np.full((len(ids), 2), np.nan)),
            image_files=("",) * len(ids) if image_files is None else tuple(image_files),
            groups=None if groups is None else np.asarray(groups),
            image_folder=image_folder,
            name=name,
            protocol=protocol,
            source=source,
            voc_offsets=voc_offsets,
        )

    def __len__(self) -> int:
        return len(self.class_index)

    def __repr__(self) -> str:
        contents = (
            plural(len(self.image_ids), "image"),
            plural(len(self), "object"),
            plural(len(self.class_names), "class"),
        )
        name = f" {self.name!r}" if self.name else ""
        return f"<GroundTruth{name}: {', '.join(contents)}>"

    def image_position(self, image_id: str) -> int | None:
        """Return the position of an image in `image_ids`, or None."""
        return self._positions.get(image_id)

    @property
    def has_category_ids(self) -> bool:
        """Whether its files state `category_ids`; other formats have 1..K for want of any."""
        return not self.source or self.source.startswith("coco ")

    @cached_property
    def image_names(self) -> tuple[str, ...]:
        """I paths relative to `image_folder`: the file name, or the image id if it is unknown."""
        return tuple(
            file or image_id
            for file, image_id in zip(self.image_files, self.image_ids, strict=True)
        )

    @cached_property
    def clusters(self) -> Ints:
        """(I,) the cluster of each image: what intervals resample, and keep together.

        It is the image's group, or the image itself without groups. Clusters are numbered from 0
        in the order of the images, whatever the groups are called.
        """
        if self.groups is None:
            return freeze(np.arange(len(self.image_ids)))
        # Groups sorted by their first image: the rank of that image is the number of the cluster.
        _, first, inverse = np.unique(self.groups, return_index=True, return_inverse=True)
        return freeze(np.argsort(np.argsort(first))[inverse].astype(np.int64))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is scored: ids, names, sizes and objects, in their order.

        Files, groups, name and source are not part of it.
        """
        columns = (
            self.offsets,
            self.category_ids,
            self.image_sizes,
            self.class_index,
            self.boxes,
            self.box_areas,
            self.areas,
            self.iscrowd,
            self.difficult,
        )
        return digest((*self.image_ids, *self.class_names), columns)

    def require_image_folder(self) -> Path:
        """Return the folder of the image files.

        Raises:
            DetbenchError: It is unknown.
        """
        if self.image_folder is None:
            raise DetbenchError(
                f"{self.name}: the folder of its images is unknown; give it with --images"
            )
        return self.image_folder

    def images_with_files(self) -> Ints:
        """Return the positions of the images whose file exists in `image_folder`.

        Raises:
            DetbenchError: The folder is unknown, or has none of the files.
        """
        folder = self.require_image_folder()
        exists = [bool(file) and (folder / file).is_file() for file in self.image_files]
        if not any(exists):
            raise DetbenchError(
                f"{self.name}: none of its {len(self.image_ids):,} images is in {folder}; "
                "give their folder with --images"
            )
        return np.flatnonzero(exists)

    def select_images(self, positions: Ints) -> GroundTruth:
        """Return the ground truth of the images at `positions` only, in that order."""
        rows = rows_of_groups(self.offsets, positions)
        return replace(
            self,
            image_ids=tuple(self.image_ids[i] for i in positions),
            offsets=offsets_of_groups(self.offsets, positions),
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


def _default(values: ArrayLike | None, default: NDArray[Any]) -> NDArray[Any]:
    return default if values is None else np.asarray(values)


def _checked_groups(values: ArrayLike, n_images: int) -> Ints:
    groups = np.asarray(values)
    if groups.ndim != 1 or (groups.size and groups.dtype.kind not in "iu"):
        raise DetbenchError("groups must be integers, one per image")
    if len(groups) != n_images:
        raise DetbenchError(
            f"groups must have one entry for each of the {n_images:,} images, got {len(groups):,}"
        )
    return frozen(groups, np.int64, (n_images,))
