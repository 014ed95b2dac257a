"""Options and paths that cannot be: one error that says what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.broken_files import check_refused

CASES = {
    "no ground truth": (
        lambda b: setattr(b, "ground_truth", b.folder / "nowhere"),
        r"nowhere: no such file or folder",
    ),
    "no detections": (
        lambda b: setattr(b, "detections", b.folder / "nowhere"),
        r"nowhere: no such file or folder",
    ),
    "a folder of nothing as ground truth": (
        lambda b: setattr(b, "ground_truth", b.folder),
        r": this folder is not recognized as ground truth",
    ),
    "a folder of nothing as detections": (
        lambda b: [(b.folder / "empty").mkdir(), setattr(b, "detections", b.folder / "empty")],
        r"empty: this folder is not recognized as detections",
    ),
    "a text file as detections": (
        lambda b: setattr(b, "detections", Path(__file__)),
        r"test_bad_options\.py: this file is not recognized",
    ),
    "unknown protocol": (
        lambda b: b.options.extend(["--protocol", "pascal"]),
        r"no protocol 'pascal'; choose one of coco, voc2007, voc2012",
    ),
    "too many names": (
        lambda b: b.options.extend(["--name", "a", "--name", "b"]),
        r"2 names for 1 detection files",
    ),
    "a name that leads elsewhere": (
        lambda b: b.options.extend(["--name", "../x"]),
        r"'\.\./x' cannot be the name of a run folder",
    ),
    "a name that is no name": (
        lambda b: b.options.extend(["--name", ""]),
        r"--name is empty; give the detector a name",
    ),
    "iou word": (
        lambda b: b.options.extend(["--iou", "half"]),
        r"--iou takes numbers separated by commas, got 'half'",
    ),
    "iou nothing": (
        lambda b: b.options.extend(["--iou", ""]),
        r"--iou takes numbers separated by commas, got ''",
    ),
    "iou 0": (lambda b: b.options.extend(["--iou", "0"]), r"IoU thresholds must lie in \(0, 1\]"),
    "iou 50": (lambda b: b.options.extend(["--iou", "50"]), r"IoU thresholds must lie in \(0, 1\]"),
    "iou nan": (
        lambda b: b.options.extend(["--iou", "nan"]),
        r"IoU thresholds must lie in \(0, 1\]",
    ),
    "iou twice": (
        lambda b: b.options.extend(["--iou", ".5,.5"]),
        r"IoU thresholds must rise|twice",
    ),
    "iou too many": (
        lambda b: b.options.extend(["--iou", ",".join(str(n / 100) for n in range(1, 40))]),
        r"1 to 32 IoU thresholds, got 39",
    ),
    "max detections word": (
        lambda b: b.options.extend(["--max-detections", "many"]),
        r"--max-detections takes .*got 'many'",
    ),
    "max detections fraction": (
        lambda b: b.options.extend(["--max-detections", "1.5"]),
        r"--max-detections takes .*got '1\.5'",
    ),
    "max detections 0": (
        lambda b: b.options.extend(["--max-detections", "0"]),
        r"max_detections must rise within 1",
    ),
    "max detections -1": (
        lambda b: b.options.extend(["--max-detections", "-1"]),
        r"max_detections must rise within 1",
    ),
    "max detections huge": (
        lambda b: b.options.extend(["--max-detections", "9" * 30]),
        r"max_detections must rise within 1 to",
    ),
    "split of a file": (
        lambda b: [b.annotations(lambda doc: None), b.options.extend(["--split", "test"])],
        r"annotations\.json: has no splits to choose 'test' from",
    ),
    "no image folder": (
        lambda b: b.options.extend(["--images", str(b.folder / "p")]),
        r"p: is not a folder",
    ),
    "only present without image folder": (
        lambda b: [b.annotations(lambda doc: None), b.options.extend(["--only-present"])],
        r"the folder of its images is unknown; give it with --images",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_options_are_refused_and_nothing_is_written(command, broken, tmp_path, case):
    break_file, message = CASES[case]
    break_file(broken)
    check_refused(command, broken, tmp_path, message)


def test_two_detectors_of_one_name_are_refused_until_named(command, files):
    twice = ("eval", files.ground_truth("voc"), files.detections("voc"), files.detections("voc"))
    outcome = command(*twice)
    assert (outcome.code, outcome.out) == (2, "")
    problem = "detectors need different names, got comp4, comp4"
    assert outcome.err == f"error: {problem}; give --name once for each file\n"
    assert command(*twice, "--name", "one", "--name", "one").code == 2
    named = command(*twice, "--name", "one", "--name", "two")
    assert named.code == 0
    assert "one" in named.out
