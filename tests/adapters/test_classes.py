"""Class mapping: names, aliases, COCO's two numberings, and what is refused."""

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
    assert mapping.doubled == {}
    assert len(mapping.unmapped) == 60
    assert mapping.indices[COCO_80.index("dining table")] == VOC_20.index("diningtable")
    assert mapping.indices[COCO_80.index("truck")] == -1


def test_equal_names_map_to_themselves():
    assert map_classes(VOC_20, VOC_20).indices.tolist() == list(range(20))
    assert set(map_classes(COCO_80, COCO_80).how) == {"same"}


def test_case_and_separators_do_not_matter():
    assert map_classes(
        ["Potted_Plant", "DINING-TABLE"], ["dining table", "pottedplant"]
    ).indices.tolist() == [1, 0]


def test_fillers_are_dropped_unless_the_dataset_has_them():
    mapping = map_classes(COCO_91, COCO_80)
    assert [index for index, how in enumerate(mapping.how) if how == "filler"] == [
        0,
        12,
        26,
        29,
        30,
        45,
        66,
        68,
        69,
        71,
        83,
    ]
    assert mapping.unmapped == ()
    assert map_classes(["__background__", "dog"], ["dog"]).indices.tolist() == [-1, 0]
    assert map_classes(["background", "dog"], ["dog", "background"]).indices.tolist() == [1, 0]


def test_an_exact_name_goes_before_an_alias():
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
            r"1 class of the model is not in the dataset \(fox\): its detections would be dropped",
        ),
        (
            ["dog"],
            ["dog", "cat"],
            r"1 class of the dataset is not in the model \(cat\): it would score 0",
        ),
        (
            ["sofa", "couch"],
            ["Couch"],
            "'sofa' and 'couch' of the model are both 'Couch' of the dataset: they would be merged",
        ),
    ],
)
def test_without_exactly_one_partner_it_is_an_error_unless_allowed(model, dataset, message):
    with pytest.raises(DetbenchError, match=f"{message}.* add --allow-unmapped"):
        map_classes(model, dataset)


def test_what_changes_the_score_is_warned_of_when_allowed_and_all_of_it_can_be_recorded():
    mapping = map_classes(["dog", "fox"], ["Dog"], allow_unmapped=True)
    assert mapping.as_dict() == {"dog": "Dog", "fox": None}
    with pytest.warns(
        DetbenchWarning,
        match=r"2 classes of the dataset are not in the model \(cat, cow\): they score 0",
    ):
        map_classes(["dog"], ["dog", "cat", "cow"], allow_unmapped=True)
    with pytest.warns(
        DetbenchWarning,
        match="'sofa' and 'couch' of the model are both 'Couch' of the dataset: they are merged",
    ):
        mapping = map_classes(["sofa", "couch"], ["Couch"], allow_unmapped=True)
    assert mapping.as_dict() == {"sofa": "Couch", "couch": "Couch"}


def test_a_name_the_dataset_has_twice_shifts_no_other():
    with pytest.warns(DetbenchWarning, match=r"\(a, a\): they score 0"):
        mapping = map_classes(["b"], ["a", "a", "b"], allow_unmapped=True)
    assert mapping.indices.tolist() == [2]


def test_accents_are_the_same_however_they_are_written():
    assert map_classes(["caf\u0065\u0301"], ["CAF\u00c9"]).indices.tolist() == [0]


def test_nothing_in_common_is_an_error_even_when_allowed():
    with pytest.raises(
        DetbenchError,
        match="no class of the model is one of the dataset's: the model has fox; the dataset has dog",
    ):
        map_classes(["fox"], ["dog"], allow_unmapped=True)


def test_long_lists_are_cut():
    with pytest.raises(DetbenchError, match=r"truck, .* and 52 more\)"):
        map_classes(COCO_80, VOC_20)


def test_aliases_are_folded_and_lead_to_names_that_are_none():
    for alias, name in ALIASES.items():
        assert (fold(alias), fold(name), canonical(name)) == (alias, name, name)


def test_coco_as_its_own_annotations_number_it(shared_data):
    categories = json.loads((shared_data / "coco" / "instances_val2014_100.json").read_text())[
        "categories"
    ]
    assert [(entry["id"], entry["name"]) for entry in categories] == [
        (number, name) for number, name in enumerate(COCO_91) if name != "N/A"
    ]
