"""Dataset frames: images, objects and classes of a dataset as pandas tables and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from detbench.data.columns import Floats, groups_from_offsets
from detbench.data.ground_truth import GroundTruth
from detbench.metrics.protocols.coco import COCO_AREAS

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
QUANTILES = {"min": 0.0, "p10": 0.1, "p50": 0.5, "p90": 0.9, "max": 1.0}
SIZES = {area.name: (area.low, area.high) for area in COCO_AREAS[1:]}
"""COCO's sizes: name → lowest and highest area in square pixels.

Both limits are included. An object exactly on a limit counts as the smaller size here.
"""


@dataclass(frozen=True, eq=False)
class DatasetFrames:
    """Tables of a dataset, with lengths in pixels, areas in square pixels, and NaN if unknown."""

    ground_truth: GroundTruth

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row for each image: `image`, `width`, `height`, `aspect` (w / h), `objects`."""
        import pandas as pd

        width, height = self.ground_truth.image_sizes.T
        return pd.DataFrame(
            {
                "image": list(self.ground_truth.image_ids),
                "width": width,
                "height": height,
                "aspect": _ratio(width, height),
                "objects": np.diff(self.ground_truth.offsets),
            }
        )

    @cached_property
    def objects(self) -> pd.DataFrame:
        """One row for each object.

        `image`, `class`, `width`, `height`, `area` (COCO's `area` field, else width · height),
        `aspect` (width / height), `share` of the image's area in 0..1, `size` (small up to 32²
        pixels, medium up to 96², else large), `difficult`, `crowd`, `truncated`.
        """
        import pandas as pd

        ground_truth = self.ground_truth
        image = groups_from_offsets(ground_truth.offsets)
        x1, y1, x2, y2 = ground_truth.boxes.T
        with np.errstate(over="ignore"):
            width, height = x2 - x1, y2 - y1
            image_areas = ground_truth.image_sizes.prod(axis=1)[image]
        limits = [high for _, high in list(SIZES.values())[:-1]]
        size = np.searchsorted(limits, ground_truth.areas, side="left")
        return pd.DataFrame(
            {
                "image": np.array(ground_truth.image_ids, object)[image],
                "class": np.array(ground_truth.class_names, object)[ground_truth.class_index],
                "width": width,
                "height": height,
                "area": ground_truth.areas,
                "aspect": _ratio(width, height),
                "share": _ratio(ground_truth.box_areas, image_areas),
                "size": np.array(list(SIZES), object)[size],
                "difficult": ground_truth.difficult,
                "crowd": ground_truth.iscrowd,
                "truncated": ground_truth.truncated,
            }
        )

    @cached_property
    def classes(self) -> pd.DataFrame:
        """One row for each class, in the order of the ground truth.

        `class`, `objects`, `images` (with at least one object), `difficult`, `crowd`, `small`,
        `medium`, `large`, `median_area`.
        """
        objects = self.objects
        names = list(self.ground_truth.class_names)
        by_class = objects.groupby("class", sort=False)
        table = by_class.agg(
            objects=("image", "size"),
            images=("image", "nunique"),
            difficult=("difficult", "sum"),
            crowd=("crowd", "sum"),
        ).reindex(names, fill_value=0)
        for size in SIZES:
            counts = (objects["size"] == size).groupby(objects["class"]).sum()
            table[size] = counts.reindex(names, fill_value=0)
        table["median_area"] = by_class["area"].median().reindex(names)
        return table.rename_axis("class").reset_index()

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics as JSON-ready values; unknown quantiles are null."""
        ground_truth = self.ground_truth
        images = self.images
        objects = self.objects
        classes = self.classes.set_index("class")
        return {
            "schema_version": SCHEMA_VERSION,
            "dataset": ground_truth.name,
            "digest": ground_truth.digest,
            "images": len(images),
            "images_without_objects": int((images["objects"] == 0).sum()),
            "objects": len(objects),
            "difficult": int(ground_truth.difficult.sum()),
            "crowd": int(ground_truth.iscrowd.sum()),
            "sizes": {size: int((objects["size"] == size).sum()) for size in SIZES},
            "objects_per_image": quantiles(images["objects"].to_numpy(np.float64)),
            "box_width": quantiles(objects["width"].to_numpy()),
            "box_height": quantiles(objects["height"].to_numpy()),
            "box_area": quantiles(objects["area"].to_numpy()),
            "box_share_of_image": quantiles(objects["share"].to_numpy()),
            "box_aspect": quantiles(objects["aspect"].to_numpy()),
            "image_width": quantiles(images["width"].to_numpy()),
            "image_height": quantiles(images["height"].to_numpy()),
            "image_aspect": quantiles(images["aspect"].to_numpy()),
            "classes": {
                name: {column: _null_if_nan(value) for column, value in row.items()}
                for name, row in classes.to_dict(orient="index").items()
            },
        }


def quantiles(values: Floats) -> dict[str, float | None]:
    """Return minimum, 10%, median, 90%, maximum and mean of the finite values.

    All are None if there is no finite value.
    """
    finite = values[np.isfinite(values)]
    if not len(finite):
        return dict.fromkeys((*QUANTILES, "mean"))
    result: dict[str, float | None] = {
        name: float(np.quantile(finite, q)) for name, q in QUANTILES.items()
    }
    return result | {"mean": float(finite.mean())}


def _ratio(a: Floats, b: Floats) -> Floats:
    """Return a / b, NaN where b is not positive or both are infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        ratio: Floats = np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)
    return ratio


def _null_if_nan(value: Any) -> Any:
    return None if isinstance(value, float) and np.isnan(value) else value
