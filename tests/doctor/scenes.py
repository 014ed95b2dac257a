"""Scenes of many kinds: what cameras, shelves, jigs, grids and documents look like to a detector.

Objects of many of them lie at the same places in every image. Boxes of other images then fit as
well as those of the own one, and regular patterns fit other readings of the boxes in part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from detbench.data.columns import Floats, Ints
from detbench.data.ground_truth import GroundTruth

Objects = tuple[Floats, Ints]
"""Boxes x1, y1, x2, y2 (N, 4) in pixels and classes (N,) of the objects of an image."""
Scene = Callable[[np.random.Generator], GroundTruth]


def annotated_images(
    sizes: Sequence[tuple[int, int]], objects: Sequence[Objects], n_classes: int
) -> GroundTruth:
    """Return images with their objects, numbered from 1.

    Args:
        sizes: Width and height of each of I images.
        objects: The objects of each.
        n_classes: Number of classes.
    """
    counts = [len(classes) for _, classes in objects]
    return GroundTruth.from_rows(
        image_ids=[str(n + 1) for n in range(len(sizes))],
        class_names=[f"class{k:03d}" for k in range(n_classes)],
        image_index=np.repeat(np.arange(len(sizes)), counts),
        class_index=np.concatenate([classes for _, classes in objects]),
        boxes=np.concatenate([boxes for boxes, _ in objects]).reshape(-1, 4),
        image_sizes=np.array(sizes, float),
    )


def scattered(rng, n, size, sides, n_classes=1, shares=None) -> Objects:
    """Return objects at uniform positions, with log-uniform sides."""
    extent = np.minimum(np.exp(rng.uniform(*np.log(sides), (n, 2))), np.array(size) - 1)
    corner = rng.uniform(0, np.array(size) - extent)
    return np.hstack([corner, corner + extent]), rng.choice(n_classes, n, p=shares)


def cells(size, columns, rows, fill=0.8) -> Floats:
    """Return boxes in a regular grid over an image, each filling a share of its cell's sides."""
    width, height = size[0] / columns, size[1] / rows
    x, y = np.meshgrid(np.arange(columns) * width, np.arange(rows) * height)
    corner = np.column_stack([x.ravel(), y.ravel()]) + np.array([width, height]) * (1 - fill) / 2
    return np.hstack([corner, corner + np.array([width, height]) * fill])


def jittered(rng, boxes, pixels, size) -> Floats:
    """Return boxes whose edges are moved by a normal distance, within the image."""
    moved = boxes + rng.normal(0, pixels, boxes.shape)
    first = np.clip(moved[:, :2], 0, np.array(size) - 2)
    return np.hstack([first, np.clip(moved[:, 2:], first + 1, np.array(size))])


def street(rng) -> GroundTruth:
    """One camera: twelve parked cars that stay, and some people who pass."""
    size = (1280, 720)
    parked, _ = scattered(rng, 12, size, (80, 200))
    objects = []
    for _ in range(80):
        people, _ = scattered(rng, rng.poisson(2), size, (30, 90))
        boxes = np.vstack([jittered(rng, parked, 0.5, size), people])
        objects.append((boxes, np.repeat([0, 1], [len(parked), len(people)])))
    return annotated_images([size] * len(objects), objects, 2)


def traffic_lights(rng) -> GroundTruth:
    """One camera: the same three lights in every image, in exactly the same boxes."""
    size = (1920, 1080)
    lights = np.array([[300, 200, 340, 300], [900, 180, 940, 280], [1500, 210, 1540, 310]], float)
    objects = [(lights, rng.integers(3, size=3)) for _ in range(80)]
    return annotated_images([size] * len(objects), objects, 3)


def parking_lot(rng) -> GroundTruth:
    """The same sixty slots in every image, each free or occupied."""
    size = (1280, 960)
    slots = cells(size, 10, 6, 0.85)
    objects = [(slots, rng.integers(2, size=len(slots))) for _ in range(60)]
    return annotated_images([size] * len(objects), objects, 2)


def parked_cars(rng) -> GroundTruth:
    """Cars in slots that are always the same; three quarters of them are occupied, others empty."""
    size = (1280, 960)
    slots = cells(size, 10, 6, 0.85)
    objects = []
    for _ in range(60):
        occupied = slots[rng.random(len(slots)) < 0.75]
        objects.append((jittered(rng, occupied, 3, size), np.zeros(len(occupied), np.int64)))
    return annotated_images([size] * len(objects), objects, 1)


def jig(rng) -> GroundTruth:
    """A part on a jig: the same four features of it at the same places, a pixel more or less."""
    size = (1024, 768)
    features = np.array(
        [[100, 100, 300, 250], [600, 120, 760, 240], [420, 420, 600, 700], [800, 500, 960, 640]],
        float,
    )
    objects = [(jittered(rng, features, 1, size), np.arange(4)) for _ in range(80)]
    return annotated_images([size] * len(objects), objects, 4)


def part_in_the_middle(rng) -> GroundTruth:
    """One part in the middle of every image, good or defective."""
    size = (800, 800)
    part = np.array([[200, 200, 600, 600]], float)
    objects = [(jittered(rng, part, 2, size), rng.integers(2, size=1)) for _ in range(120)]
    return annotated_images([size] * len(objects), objects, 2)


def plate(rng) -> GroundTruth:
    """A plate of 8 × 12 wells that fills the image, each well of one of four classes."""
    size = (1200, 800)
    wells = cells(size, 12, 8)
    objects = [(jittered(rng, wells, 1, size), rng.integers(4, size=len(wells))) for _ in range(40)]
    return annotated_images([size] * len(objects), objects, 4)


def chessboard(rng) -> GroundTruth:
    """Pieces of twelve classes on some of the 64 squares of a board that fills the image."""
    size = (640, 640)
    squares = cells(size, 8, 8, 0.7)
    objects = []
    for _ in range(60):
        pieces = squares[rng.permutation(64)[: rng.integers(6, 33)]]
        objects.append((jittered(rng, pieces, 2, size), rng.integers(12, size=len(pieces))))
    return annotated_images([size] * len(objects), objects, 12)


def meter(rng) -> GroundTruth:
    """Six digits of a meter, side by side."""
    size = (400, 120)
    digits = cells((360, 90), 6, 1, 0.9) + 15
    objects = [(jittered(rng, digits, 1, size), rng.integers(10, size=6)) for _ in range(80)]
    return annotated_images([size] * len(objects), objects, 10)


def shelf(rng) -> GroundTruth:
    """A shelf of a shop: about 300 products of one class, side by side."""
    return _shelf(rng, n_classes=1)


def shelf_of_brands(rng) -> GroundTruth:
    """A shelf with about 300 products of fifty classes, which stand together."""
    return _shelf(rng, n_classes=50)


def _shelf(rng, n_classes: int) -> GroundTruth:
    size = (2448, 3264)
    objects = []
    for _ in range(15):
        boards = np.linspace(100, size[1] - 100, int(rng.integers(10, 14)))
        rows = []
        for top, bottom in pairwise(boards):
            n = int(rng.integers(20, 34))
            edges = np.linspace(20, size[0] - 20, n + 1)
            height = (bottom - top) * rng.uniform(0.6, 0.95, n)
            rows.append(np.column_stack([edges[:-1], bottom - height, edges[1:], [bottom] * n]))
        products = jittered(rng, np.vstack(rows), 3, size)
        brands = np.sort(rng.integers(n_classes, size=len(products)))
        objects.append((products, brands))
    return annotated_images([size] * len(objects), objects, n_classes)


def crowd(rng) -> GroundTruth:
    """Two hundred people an image, who cover each other."""
    size = (1920, 1080)
    objects = [scattered(rng, rng.poisson(200), size, (15, 60)) for _ in range(15)]
    return annotated_images([size] * len(objects), objects, 1)


def video(rng) -> GroundTruth:
    """Five objects that move slowly, so that each frame looks like the one before."""
    size = (960, 540)
    boxes, classes = scattered(rng, 5, size, (40, 160), 3)
    speed = rng.normal(0, 2, (5, 2))
    objects = []
    for frame in range(100):
        moved = boxes + np.tile(speed, 2) * frame
        inside = (moved[:, :2] > 0).all(axis=1) & (moved[:, 2:] < np.array(size)).all(axis=1)
        objects.append((moved[inside], classes[inside]))
    return annotated_images([size] * len(objects), objects, 3)


def conveyor(rng) -> GroundTruth:
    """One object an image, on a belt, always at the same height."""
    size = (1000, 400)
    objects = []
    for _ in range(100):
        left = rng.uniform(0, 800)
        objects.append((np.array([[left, 120, left + 200, 280]]), rng.integers(3, size=1)))
    return annotated_images([size] * len(objects), objects, 3)


def whole_image(rng) -> GroundTruth:
    """One object that fills the whole image, as in sets made from a classification."""
    sizes = [tuple(rng.integers(200, 500, 2).tolist()) for _ in range(100)]
    objects = [(np.array([[0, 0, *size]], float), rng.integers(10, size=1)) for size in sizes]
    return annotated_images(sizes, objects, 10)


def product_photos(rng) -> GroundTruth:
    """One object in the middle of a square image, which it fills for the most part."""
    size = (600, 600)
    objects = []
    for _ in range(100):
        margin = rng.uniform(30, 150, 2)
        objects.append((np.array([[*margin, *(600 - margin)]]), rng.integers(5, size=1)))
    return annotated_images([size] * len(objects), objects, 5)


def text_lines(rng) -> GroundTruth:
    """Forty lines of text on a page, with headings among them."""
    size = (1240, 1754)
    objects = []
    for _ in range(40):
        top = 100 + 38 * np.arange(40)
        right = rng.choice([1140, 700, 1000], 40, p=[0.7, 0.15, 0.15])
        boxes = np.column_stack([np.full(40, 100), top, right, top + 28]).astype(float)
        objects.append((jittered(rng, boxes, 1, size), (rng.random(40) < 0.1).astype(int)))
    return annotated_images([size] * len(objects), objects, 2)


def number_plates(rng) -> GroundTruth:
    """One small number plate an image, in its lower half."""
    size = (1920, 1080)
    objects = []
    for _ in range(150):
        width = rng.uniform(60, 160)
        x, y = rng.uniform(400, 1300), rng.uniform(600, 950)
        objects.append((np.array([[x, y, x + width, y + width / 4]]), np.zeros(1, np.int64)))
    return annotated_images([size] * len(objects), objects, 1)


def lesions(rng) -> GroundTruth:
    """One lesion in every third image of a scanner."""
    size = (512, 512)
    objects = [scattered(rng, int(n % 3 == 0), size, (10, 60)) for n in range(150)]
    return annotated_images([size] * len(objects), objects, 1)


def thumbnails(rng) -> GroundTruth:
    """Images of 32 × 32 pixels."""
    size = (32, 32)
    objects = [scattered(rng, rng.integers(1, 4), size, (5, 20), 3) for _ in range(150)]
    return annotated_images([size] * len(objects), objects, 3)


def aerial(rng) -> GroundTruth:
    """Ships of few pixels in large images."""
    size = (6000, 4000)
    objects = [scattered(rng, rng.poisson(60), size, (6, 30), 2) for _ in range(25)]
    return annotated_images([size] * len(objects), objects, 2)


def photographs(rng) -> GroundTruth:
    """Photographs of all sizes, with twenty classes."""
    sizes = [tuple(rng.integers(300, 700, 2).tolist()) for _ in range(120)]
    objects = [scattered(rng, rng.integers(1, 7), size, (25, 250), 20) for size in sizes]
    return annotated_images(sizes, objects, 20)


def few_photographs(rng) -> GroundTruth:
    """Six photographs, three of them upright."""
    sizes = [(640, 480), (480, 640)] * 3
    objects = [scattered(rng, rng.integers(1, 7), size, (25, 250), 3) for size in sizes]
    return annotated_images(sizes, objects, 3)


def one_class(rng) -> GroundTruth:
    """Photographs with objects of the only class."""
    size = (640, 480)
    objects = [scattered(rng, rng.integers(1, 7), size, (25, 250)) for _ in range(100)]
    return annotated_images([size] * len(objects), objects, 1)


def thousand_classes(rng) -> GroundTruth:
    """A thousand classes, most of which have an object or none."""
    size = (640, 480)
    shares = 1 / np.arange(1, 1001)
    shares /= shares.sum()
    objects = [
        scattered(rng, rng.integers(1, 12), size, (25, 250), 1000, shares) for _ in range(150)
    ]
    return annotated_images([size] * len(objects), objects, 1000)


def mostly_empty(rng) -> GroundTruth:
    """A camera in the woods: an animal in every tenth image."""
    size = (1280, 960)
    objects = [scattered(rng, int(rng.random() < 0.1), size, (100, 500), 6) for _ in range(400)]
    return annotated_images([size] * len(objects), objects, 6)


def faces(rng) -> GroundTruth:
    """One large face in many images, and a hundred small ones in a few."""
    size = (1024, 768)
    objects = [
        scattered(rng, 100, size, (10, 30)) if n % 10 == 0 else scattered(rng, 1, size, (100, 400))
        for n in range(100)
    ]
    return annotated_images([size] * len(objects), objects, 1)


SCENES: dict[str, Scene] = {
    "street": street,
    "traffic lights": traffic_lights,
    "parking lot": parking_lot,
    "parked cars": parked_cars,
    "jig": jig,
    "part in the middle": part_in_the_middle,
    "plate": plate,
    "chessboard": chessboard,
    "meter": meter,
    "shelf": shelf,
    "shelf of brands": shelf_of_brands,
    "crowd": crowd,
    "video": video,
    "conveyor": conveyor,
    "whole image": whole_image,
    "product photos": product_photos,
    "text lines": text_lines,
    "number plates": number_plates,
    "lesions": lesions,
    "thumbnails": thumbnails,
    "aerial": aerial,
    "photographs": photographs,
    "few photographs": few_photographs,
    "one class": one_class,
    "thousand classes": thousand_classes,
    "mostly empty": mostly_empty,
    "faces": faces,
}
