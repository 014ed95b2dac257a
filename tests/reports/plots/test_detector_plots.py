"""All plots of detectors as files: names, odd input, and the same bytes again."""

from __future__ import annotations

from pathlib import Path

import pytest

from detbench.errors import DetbenchError, DetbenchWarning, NotComparableError
from detbench.reports.frames import frames
from detbench.reports.plots.accuracy import class_ap, iou_ap, size_ap
from detbench.reports.plots.detector_plots import save_plots
from detbench.reports.plots.latency import speed_accuracy
from detbench.reports.plots.thresholds import f1_by_class, threshold_curves
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
OTHERS = ["class-ap.png", "size-ap.png", "iou-ap.png", "scores.png", "f1.png"]
NAMES = {
    ("a/b",): ["pr-a-b.png"],
    ("a/b", "a b", "A-B", "a\\b"): ["pr-a-b.png", "pr-a-b-2.png", "pr-A-B-3.png", "pr-a-b-4.png"],
    ("a/b", "a-b-2", "a b"): ["pr-a-b.png", "pr-a-b-2.png", "pr-a-b-3.png"],
    ("<script>",): ["pr-script.png"],
    ("../../etc/passwd",): ["pr-etc-passwd.png"],
    ("..", "."): ["pr-class.png", "pr-class-2.png"],
    ("größe",): ["pr-größe.png"],
    ("$x", "a$b$c", "$\\frac{", "x_1^2", "100%"): [
        "pr-x.png",
        "pr-a-b-c.png",
        "pr-frac.png",
        "pr-x_1-2.png",
        "pr-100.png",
    ],
    ("_hidden",): ["pr-_hidden.png"],
    ("line\nbreak",): ["pr-line-break.png"],
}


def test_files_of_a_class_and_a_detector_without_detections(tmp_path):
    ground_truth = truth([(0, 0, BOX), (1, 1, BOX)])
    only_cats = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)], "cats"))
    nothing = scored(ground_truth, detections(ground_truth, [], "nothing"))
    saved = save_plots([only_cats, nothing], tmp_path)
    assert [path.name for path in saved] == ["all-classes.png", "pr-cat.png", "pr-dog.png", *OTHERS]


def test_no_class_with_ground_truth_and_no_evaluation(tmp_path):
    ground_truth = truth([])
    empty = scored(ground_truth, detections(ground_truth, [(0, 0, 0.9, BOX)]))
    assert [path.name for path in save_plots([empty], tmp_path)] == ["all-classes.png"]
    with pytest.raises(DetbenchError, match="nothing to plot"):
        save_plots([], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("names", NAMES, ids=lambda names: " ".join(names))
def test_file_names_of_odd_class_names(tmp_path, names):
    ground_truth = truth([(0, k, BOX) for k in range(len(names))], names)
    saved = save_plots([scored(ground_truth, perfect(ground_truth))], tmp_path / "plots")
    assert [path.name for path in saved[1:]] == [*NAMES[names], *OTHERS]
    assert sorted(tmp_path.rglob("*.png")) == sorted(saved)


def test_characters_that_the_font_lacks_are_warned_of_once(tmp_path):
    names = ["\N{GRINNING FACE}", "猫"]
    ground_truth = truth([(0, k, BOX) for k in range(2)], names)
    with pytest.warns(DetbenchWarning, match="the font of the plots lacks") as warned:
        saved = save_plots([scored(ground_truth, perfect(ground_truth))], tmp_path)
    assert len(warned) == 1
    assert [path.name for path in saved[1:]] == ["pr-class.png", "pr-猫.png", *OTHERS]


def test_very_long_names(tmp_path):
    ground_truth = truth([(0, 0, BOX), (0, 1, BOX)], ["x" * 300, "x" * 299 + "y"])
    saved = save_plots([scored(ground_truth, perfect(ground_truth, "z" * 300))], tmp_path)
    assert len({path.name for path in saved}) == 3 + len(OTHERS)
    assert all(path.is_file() for path in saved)


def test_saving_again_replaces(tmp_path: Path):
    ground_truth = truth([(0, 0, BOX)], ["cat"])
    evaluation = scored(ground_truth, perfect(ground_truth))
    first = [path.read_bytes() for path in save_plots([evaluation], tmp_path)]
    assert [path.read_bytes() for path in save_plots([evaluation], tmp_path)] == first, (
        "the same bytes, too"
    )
    assert len(list(tmp_path.iterdir())) == 2 + len(OTHERS)


def test_no_plot_mixes_what_cannot_be_compared():
    ground_truth, finder = random_pair(0)
    mixed = frames([scored(ground_truth, finder), scored(ground_truth, finder, "coco")])
    for plot in (class_ap, size_ap, iou_ap, threshold_curves, f1_by_class, speed_accuracy):
        with pytest.raises(NotComparableError):
            plot(mixed)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_odd_names_and_detectors_without_detections_are_drawn(tmp_path, theme):
    names = ["<script>", "a & b", "$x_1$", "_hidden"]
    ground_truth = truth([(0, k, BOX) for k in range(4)], names)
    evaluations = [
        scored(ground_truth, perfect(ground_truth, "_one")),
        scored(ground_truth, detections(ground_truth, [], "none")),
    ]
    saved = save_plots(evaluations, tmp_path, theme=theme)
    assert len(saved) == 1 + 4 + 5
    tables = frames(evaluations)
    texts = [text.get_text() for text in class_ap(tables).legends[0].get_texts()]
    assert [text.strip() for text in texts] == ["_one", "none"]
    assert "none  no detections" in [
        text.get_text() for text in threshold_curves(tables).legends[0].get_texts()
    ]
