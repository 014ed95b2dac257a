"""Class mapping: names, aliases, COCO's two numberings, and mappings that are refused."""

import json

import pytest

from detbench.adapters.classes import (
    ALIASES,
    COCO_80,
    COCO_91,
    VOC_20,
    canonical,
    fold,
    map_classes,
)
from detbench.errors import DetbenchError, DetbenchWarning


def test_a_coco_detector_on_voc():
    mapping = map_classes(COCO_80, VOC_20, allow_unmapped=True)
    assert [row for row in mapping.rows if row[2] == "alias"] == [
        ("motorcycle", "motorbike", "alias"),
        ("airplane", "aeroplane", "alias"),
        ("couch", "sofa", "alias"),
        ("tv", "tvmonitor", "alias"),
    ]
    assert mapping.missing == ()
    assert mapping.merged == {}
    assert len(mapping.unmapped) == 60
    assert mapping.indices[COCO_80.index("dining table")] == VOC_20.index("diningtable")
    assert mapping.indices[COCO_80.index("truck")] == -1


def test_equal_names_map_to_themselves():
    assert map_classes(VOC_20, VOC_20).indices.tolist() == list(range(20))
    assert set(map_classes(COCO_80, COCO_80).kinds) == {"same"}


def test_case_and_separators_do_not_matter():
    mapping = map_classes(["Potted_Plant", "DINING-TABLE"], ["dining table", "pottedplant"])
    assert mapping.indices.tolist() == [1, 0]


def test_fillers_are_dropped_unless_the_dataset_has_them():
    mapping = map_classes(COCO_91, COCO_80)
    fillers = [index for index, kind in enumerate(mapping.kinds) if kind == "filler"]
    assert fillers == [0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    assert mapping.unmapped == ()
    assert map_classes(["__background__", "dog"], ["dog"]).indices.tolist() == [-1, 0]
    assert map_classes(["background", "dog"], ["dog", "background"]).indices.tolist() == [1, 0]


def test_an_exact_name_takes_precedence_over_an_alias():
    assert map_classes(["sofa", "couch"], ["couch", "sofa"]).indices.tolist() == [1, 0]


def test_an_alias_of_two_dataset_classes_means_neither():
    with pytest.raises(DetbenchError, match="television"):
        map_classes(["television", "dog"], ["tv", "tvmonitor", "dog"])


@pytest.mark.parametrize(
    ("model", "dataset", "message"),
    [
        (
            ["dog", "fox"],
            ["dog"],
            "1 model class not in the dataset, dropped: fox",
        ),
        (
            ["dog"],
            ["dog", "cat"],
            "1 dataset class not in the model, scored 0: cat",
        ),
        (
            ["sofa", "couch"],
            ["Couch"],
            "model classes 'sofa' and 'couch' merged into 'Couch'",
        ),
    ],
)
def test_classes_without_exactly_one_counterpart_are_an_error_unless_allowed(
    model, dataset, message
):
    with pytest.raises(
        DetbenchError, match=f"do not match one to one: {message}. .* add --allow-unmapped"
    ):
        map_classes(model, dataset)


def test_allowed_differences_are_recorded_and_warned_of_if_they_change_the_score():
    mapping = map_classes(["dog", "fox"], ["Dog"], allow_unmapped=True)
    assert mapping.as_dict() == {"dog": "Dog", "fox": None}
    with pytest.warns(
        DetbenchWarning,
        match="changes the score: 2 dataset classes not in the model, scored 0: cat, cow",
    ):
        map_classes(["dog"], ["dog", "cat", "cow"], allow_unmapped=True)
    with pytest.warns(
        DetbenchWarning,
        match="changes the score: model classes 'sofa' and 'couch' merged into 'Couch'",
    ):
        mapping = map_classes(["sofa", "couch"], ["Couch"], allow_unmapped=True)
    assert mapping.as_dict() == {"sofa": "Couch", "couch": "Couch"}


def test_a_repeated_dataset_class_shifts_no_other():
    with pytest.warns(DetbenchWarning, match="scored 0: a, a"):
        mapping = map_classes(["b"], ["a", "a", "b"], allow_unmapped=True)
    assert mapping.indices.tolist() == [2]


def test_accents_are_the_same_however_they_are_written():
    assert map_classes(["caf\u0065\u0301"], ["CAF\u00c9"]).indices.tolist() == [0]


def test_no_common_class_is_an_error_even_if_allowed():
    with pytest.raises(
        DetbenchError,
        match="no model class is in the dataset: the model has fox; the dataset has dog",
    ):
        map_classes(["fox"], ["dog"], allow_unmapped=True)


def test_long_lists_are_shortened():
    with pytest.raises(DetbenchError, match=r"truck, .* and 52 more"):
        map_classes(COCO_80, VOC_20)


def test_aliases_are_folded_and_no_alias_leads_to_another():
    for alias, name in ALIASES.items():
        assert (fold(alias), fold(name), canonical(name)) == (alias, name, name)


def test_coco_91_equals_the_categories_of_cocos_annotations(shared_data):
    annotations = json.loads((shared_data / "coco" / "instances_val2014_100.json").read_text())
    names = {entry["id"]: entry["name"] for entry in annotations["categories"]}
    assert names == {number: name for number, name in enumerate(COCO_91) if name != "N/A"}
