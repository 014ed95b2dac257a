"""`detbench eval --audit`: the differences from pycocotools, and their causes."""

from tests.cli.references import by_pycocotools, parsed


def test_files_that_pycocotools_reads_alike(command, files):
    outcome = command("eval", files.ground_truth("coco"), files.detections("coco"), "--audit")
    assert outcome.code == 0
    assert "largest absolute difference of the 12 numbers: 0\n" in outcome.out
    assert "equal bit for bit" in outcome.out
    audited = parsed(
        command(
            "eval",
            files.ground_truth("coco"),
            files.detections("coco"),
            "--audit",
            "--json",
            "-",
        )
    )["runs"][0]["audit"]
    reference = by_pycocotools(files.ground_truth("coco"), files.detections("coco"))
    assert {
        name: -1.0 if value is None else value for name, value in audited["pycocotools"].items()
    } == reference
    assert (
        audited["summary_difference"],
        audited["array_difference"],
        audited["identical"],
    ) == (0.0, 0.0, True)
    assert audited["files"] == {
        "pycocotools": audited["pycocotools"],
        "summary_difference": 0.0,
        "identical": True,
        "error": None,
        "causes": [],
    }


def test_files_that_pycocotools_reads_otherwise(command, broken):
    """Annotation ids from 0, as Roboflow writes them."""

    def number_from_0(document):
        for number, annotation in enumerate(document["annotations"]):
            annotation["id"] = number

    broken.annotations(number_from_0)
    paths = broken.ground_truth, broken.files.detections("coco")
    audited = parsed(command("eval", *paths, "--audit", "--json", "-"))["runs"][0]["audit"]
    assert audited["identical"]
    reference = by_pycocotools(*paths)
    assert {
        name: -1.0 if value is None else value
        for name, value in audited["files"]["pycocotools"].items()
    } == reference
    ours = audited["ours"]
    largest = max(abs(value - reference[name]) for name, value in ours.items() if value is not None)
    assert audited["files"]["summary_difference"] == largest > 0
    outcome = command("eval", *paths, "--audit")
    assert f"{largest:g}\n  cause: annotations[0] has ID 0, " in outcome.out
    [warning] = outcome.err.splitlines()
    assert warning.startswith(f"warning: {paths[0]}: annotations[0] has ID 0, ")
