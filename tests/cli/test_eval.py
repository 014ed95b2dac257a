"""`detbench eval`: its JSON document, its run folders and its other outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.references import SHAPES, by_devkit, by_pycocotools, parsed
from tests.references.voc_devkit import area_under_curve, eleven_point


class TestJson:
    def test_one_document_with_sorted_keys_and_nothing_else(self, command, files):
        first, second = (
            command("eval", files.ground_truth("voc"), files.detections("voc"), "--json", "-")
            for _ in range(2)
        )
        assert first.code == 0
        assert first.err == ""
        assert first.out == second.out
        document = json.loads(first.out)
        assert (
            first.out == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        )

    def test_shape_and_values(self, command, files):
        document = parsed(
            command("eval", files.ground_truth("voc"), files.detections("voc"), "--json", "-")
        )
        expected = by_devkit(files)
        assert set(document) == {"schema_version", "protocol", "changed_switches", "runs"}
        assert (document["schema_version"], document["protocol"], document["changed_switches"]) == (
            2,
            "voc2007",
            {},
        )
        [run] = document["runs"]
        assert run["name"] == "comp4"
        assert run["summary"] == {"mAP": pytest.approx(sum(expected.values()) / 4, abs=1e-12)}
        assert set(run["classes"]) == set(SHAPES)
        for name, values in run["classes"].items():
            assert set(values) == {"AP", "ground_truths", "detections", "recall"}
            assert values["AP"] == pytest.approx(expected[name], abs=1e-12)
            assert values["detections"] == len(
                (files.detections("voc") / f"comp4_det_test_{name}.txt").read_text().splitlines()
            )
        assert (run["classes_without_ground_truth"], run["suspicions"]) == ([], [])

    def test_a_file_is_written_beside_the_table(self, command, files, tmp_path):
        output = tmp_path / "new" / "out.json"
        outcome = command(
            "eval", files.ground_truth("voc"), files.detections("voc"), "--json", output
        )
        assert outcome.code == 0
        assert outcome.err == f"results: {output}\n"
        assert "circle" in outcome.out
        assert (
            output.read_text()
            == command(
                "eval", files.ground_truth("voc"), files.detections("voc"), "--json", "-"
            ).out
        )
        assert [path.name for path in output.parent.iterdir()] == ["out.json"]
        command(
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--json",
            output,
            "--protocol",
            "coco",
        )
        assert json.loads(output.read_text())["protocol"] == "coco"

    def test_several_detectors_keep_their_order_and_names(self, command, files):
        three = [files.detections("parquet"), files.detections("voc"), files.detections("yolo")]
        names = [option for name in ("z", "a", "m") for option in ("--name", name)]
        document = parsed(command("eval", files.ground_truth("voc"), *three, *names, "--json", "-"))
        assert [run["name"] for run in document["runs"]] == ["z", "a", "m"]
        assert document["runs"][0]["classes"] == document["runs"][1]["classes"]

    def test_equal_detectors_do_not_differ_significantly(self, command, files):
        arguments = (
            files.ground_truth("voc"),
            files.detections("voc"),
            files.detections("yolo"),
            "--name",
            "a",
            "--name",
            "b",
        )
        document = parsed(command("eval", *arguments, "--json", "-"))
        [pair] = document["pairs"]
        assert (
            pair["difference"],
            pair["low"],
            pair["high"],
            pair["p_value"],
            pair["significant"],
        ) == (
            0,
            0,
            0,
            1,
            False,
        )
        assert document["ranks"] == {"a": [1, 2], "b": [1, 2]}
        assert "not significant" in command("eval", *arguments).out
        assert "pairs" not in parsed(command("eval", *arguments, "--json", "-", "--no-intervals"))

    def test_the_document_has_the_keys_of_the_readme(self, command, files):
        text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
        shown, _ = json.JSONDecoder().raw_decode(text, text.index('{"schema_version"'))
        document = parsed(
            command(
                "eval",
                files.ground_truth("voc"),
                files.detections("voc"),
                files.detections("yolo"),
                "--json",
                "-",
            )
        )
        assert shown.keys() == document.keys()
        for one, other in (
            (shown["runs"][0], document["runs"][0]),
            (shown["pairs"][0], document["pairs"][0]),
        ):
            assert one.keys() == other.keys()
        assert shown["runs"][0]["intervals"].keys() == document["runs"][0]["intervals"].keys()

    def test_threads_do_not_change_the_result(self, command, files):
        one, two = (
            command(
                "eval",
                files.ground_truth("coco"),
                files.detections("coco"),
                "--json",
                "-",
                "--threads",
                n,
            ).out
            for n in (1, 2)
        )
        assert one == two


def test_classes_without_ground_truth_are_named_and_null(command, files, tmp_path):
    document = json.loads(files.ground_truth("coco").read_text())
    document["categories"] += [{"id": 50, "name": "hexagon"}, {"id": 51, "name": "arrow"}]
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    rows = json.loads(files.detections("coco").read_text())
    rows.append({**rows[0], "category_id": 51})
    (tmp_path / "results.json").write_text(json.dumps(rows))
    arguments = ("eval", tmp_path / "annotations.json", tmp_path / "results.json")
    assert (
        "2 classes without ground truth are left out of every mean: hexagon, arrow"
        in command(*arguments).out.splitlines()
    )
    [run] = parsed(command(*arguments, "--json", "-"))["runs"]
    assert run["classes_without_ground_truth"] == ["hexagon", "arrow"]
    for name, n_detections in (("hexagon", 0), ("arrow", 1)):
        assert run["classes"][name] == {
            "AP": None,
            "AP50": None,
            "AP75": None,
            "recall": None,
            "ground_truths": 0,
            "detections": n_detections,
        }
    before = parsed(
        command("eval", files.ground_truth("coco"), files.detections("coco"), "--json", "-")
    )["runs"][0]
    assert run["summary"] == before["summary"]


class TestExtras:
    def test_conventions(self, command, files):
        arguments = ("eval", files.ground_truth("voc"), files.detections("voc"), "--conventions")
        [run] = parsed(command(*arguments, "--json", "-"))["runs"]
        values = {
            (row["interpolation"], row["difficult"], row["plus_one"], row["strict_overlap"]): row[
                "value"
            ]
            for row in run["conventions"]
        }
        assert len(run["conventions"]) == len(values) == 36
        for (interpolation, difficult, plus_one, strict), value in values.items():
            if interpolation == "101-point":
                continue
            average = eleven_point if interpolation == "11-point" else area_under_curve
            switches = {
                "count": difficult == "count",
                "drop": difficult == "drop",
                "plus_one": plus_one,
                "strict": strict,
            }
            assert value == pytest.approx(
                sum(by_devkit(files, average, **switches).values()) / 4, abs=1e-12
            )
        assert (
            run["coco"]["AP50"]
            == by_pycocotools(files.ground_truth("coco"), files.detections("coco"))["AP50"]
        )
        shown = command(*arguments).out
        assert f"{values['11-point', 'count', True, False]:.5f}" in shown
        assert f"{values['area', 'ignore', True, False]:.5f}" in shown

    @pytest.mark.slow
    def test_plots(self, command, files, tmp_path):
        outcome = command(
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--plots",
            tmp_path / "plots",
        )
        assert outcome.code == 0
        assert outcome.err == f"plots: 10 files in {tmp_path / 'plots'}\n"
        plots = sorted(path.name for path in (tmp_path / "plots").iterdir())
        others = ("all-classes", "class-ap", "f1", "iou-ap", "scores", "size-ap")
        assert plots == sorted(
            f"{name}.png" for name in (*others, *(f"pr-{name}" for name in SHAPES))
        )
        assert all(
            path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "plots").iterdir()
        )

    def test_run_folders_are_complete(self, command, files, tmp_path):
        """They are scored again without the dataset, with the same numbers."""
        arguments = (
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            files.detections("coco"),
            "--difficult",
            "count",
        )
        first = parsed(command(*arguments, "--json", "-"))
        assert command(*arguments, "-o", tmp_path / "runs").code == 0
        assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
            "comp4",
            "detections",
        ]
        for name, run in zip(("comp4", "detections"), first["runs"], strict=True):
            folder = tmp_path / "runs" / name
            assert sorted(path.name for path in folder.iterdir()) == [
                "detections.parquet",
                "ground_truth.parquet",
                "record.json",
            ]
            record = json.loads((folder / "record.json").read_text())
            assert record["options"]["passed"]["difficult"] == "count"
            assert record["options"]["effective"]["protocol"]["difficult"] == "count"
            assert record["evaluations"] == [{"protocol": "voc2007", **run}]
            again = parsed(command("eval", folder, folder, "--difficult", "count", "--json", "-"))
            assert again["runs"][0] == run


class TestOutputPaths:
    def test_two_options_cannot_have_the_same_output(self, command, files, tmp_path):
        outcome = command(
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--plots",
            tmp_path / "out",
            "-o",
            tmp_path / "out",
        )
        assert outcome.code == 2
        assert "is the output of two options" in outcome.err
        assert list(tmp_path.iterdir()) == []

    def test_an_input_is_never_replaced(self, command, files, tmp_path):
        results = tmp_path / "results.json"
        results.write_bytes(files.detections("coco").read_bytes())
        outcome = command("eval", files.ground_truth("coco"), results, "--json", results)
        assert outcome.code == 2
        assert "is an input and would be replaced" in outcome.err
        assert results.read_bytes() == files.detections("coco").read_bytes()

    @pytest.mark.parametrize("name", ["..", ".", "a/b"])
    def test_a_run_folder_stays_below_its_folder(self, command, files, tmp_path, name):
        outcome = command(
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--name",
            name,
            "-o",
            tmp_path / "runs",
        )
        assert outcome.code == 2
        assert "cannot be the name of a run folder" in outcome.err

    def test_files_are_written_even_if_nobody_reads_the_table(self, files, tmp_path):
        """The pipe is closed before the table is printed."""
        reader, writer = os.pipe()
        os.close(reader)
        arguments = [
            "eval",
            files.ground_truth("voc"),
            files.detections("voc"),
            "--json",
            tmp_path / "out.json",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "detbench", *map(str, arguments)],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        os.close(writer)
        assert "Traceback" not in done.stderr
        assert json.loads((tmp_path / "out.json").read_text())["schema_version"] == 2
