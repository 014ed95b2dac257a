"""Class mapping: names, aliases, COCO's two numberings, and what is refused."""

import json

import pytest

from detbench.adapters.classes import ALIASES, COCO_80, COCO_80_IDS, COCO_91, VOC_20, canonical, fold, map_classes, names_for_outputs
from detbench.errors import DetbenchError


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
    assert map_classes(["Potted_Plant", "DINING-TABLE"], ["dining table", "pottedplant"]).indices.tolist() == [1, 0]


def test_fillers_are_dropped_unless_the_dataset_has_them():
    mapping = map_classes(COCO_91, COCO_80)
    assert [index for index, how in enumerate(mapping.how) if how == "filler"] == [0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
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
        (["dog", "fox"], ["dog"], r"1 of the model .* \(fox\): their detections would be dropped"),
        (["dog"], ["dog", "cat"], r"1 of the dataset .* \(cat\): they would score 0"),
        (["sofa", "couch"], ["Couch"], "'sofa' and 'couch' of the model are both 'Couch' of the dataset: they would be merged"),
    ],
)
def test_without_exactly_one_partner_it_is_an_error_unless_allowed(model, dataset, message):
    with pytest.raises(DetbenchError, match=f"{message}.* add --allow-unmapped"):
        map_classes(model, dataset)
    assert len(map_classes(model, dataset, allow_unmapped=True).rows) == len(model)


def test_nothing_in_common_is_an_error_even_when_allowed():
    with pytest.raises(DetbenchError, match="no class of the model is one of the dataset's: the model has fox; the dataset has dog"):
        map_classes(["fox"], ["dog"], allow_unmapped=True)


def test_long_lists_are_cut():
    with pytest.raises(DetbenchError, match=r"truck, .* and 52 more\)"):
        map_classes(COCO_80, VOC_20)


def test_models_without_names():
    assert names_for_outputs(80) == COCO_80
    assert names_for_outputs(91) == COCO_91
    assert names_for_outputs(20) is None


def test_aliases_are_folded_and_lead_to_names_that_are_none():
    for alias, name in ALIASES.items():
        assert (fold(alias), fold(name), canonical(name)) == (alias, name, name)


def test_coco_as_its_own_annotations_number_it(shared_data):
    categories = json.loads((shared_data / "coco" / "instances_val2014_100.json").read_text())["categories"]
    assert [(entry["id"], entry["name"]) for entry in categories] == list(zip(COCO_80_IDS, COCO_80, strict=True))
