"""Evaluations in notebooks: the numbers, and nothing of a name as markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from detbench.metrics.protocols.voc import VOC2007
from tests.metrics.scored import detections, perfect, random_pair, scored, truth

BOX = (10, 10, 60, 60)
NAMES = ["<script>alert(1)</script>", "a & b", "קטן", "🦉"]


class Texts(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found, self.tags = [], set()
        self.feed(text)

    def handle_data(self, data):
        self.found.append(data)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


@pytest.mark.parametrize("protocol", ["voc2007", "coco"])
def test_every_number_is_shown(protocol):
    ground_truth, found = random_pair(0)
    evaluation = scored(ground_truth, found, protocol)
    texts = Texts(evaluation._repr_html_()).found
    for value in [*evaluation.summary.values(), *evaluation.class_ap]:
        assert ("–" if value is None else f"{value:.4f}") in texts
    for name in (*evaluation.summary, *ground_truth.class_names, "ground_truths", "detections"):
        assert name in texts


def test_names_are_text():
    ground_truth = truth([(0, k, BOX) for k in range(4)], NAMES)
    parsed = Texts(scored(ground_truth, perfect(ground_truth, "<b>bold</b>"))._repr_html_())
    assert parsed.tags == {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(NAMES) <= set(parsed.found)
    assert parsed.found[0].startswith("<b>bold</b> on made: mAP 1.0000")


def test_in_a_line():
    ground_truth, found = random_pair(0)
    evaluation = scored(ground_truth, found, replace(VOC2007, strict_overlap=True))
    value = evaluation.summary["mAP"]
    expected = f"finder on made: mAP {value:.4f}, protocol voc2007 (changed: strict_overlap), 6 images, 3 classes"
    assert repr(evaluation) == f"<Evaluation of {expected}>"
    empty = truth([])
    assert "mAP –" in repr(scored(empty, detections(empty, [])))


def test_five_hundred_classes_are_cut_in_the_middle():
    ground_truth = truth([(0, k, BOX) for k in range(500)], [f"class {k}" for k in range(500)])
    texts = Texts(scored(ground_truth, perfect(ground_truth))._repr_html_()).found
    assert {"class 0", "class 49", "class 450", "class 499"} <= set(texts)
    assert "class 250" not in texts
