"""Tables, frames and plots of a study against the study, and their files."""

from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from detbench.bench.analyze import analyze
from detbench.reports.analysis_frames import TABLES, analysis_frames, save_analysis_csv
from detbench.reports.plots.analysis import (
    confusion_matrix,
    lrp_parts,
    recall_bars,
    reliability_diagram,
    save_analysis_plots,
    tide_bars,
)
from detbench.reports.terminal.analysis import study_tables
from tests.metrics.scored import detections, random_pair, scored, truth

BOX = (10, 10, 60, 60)


@pytest.fixture(scope="module")
def study():
    data, first = random_pair(0, names=["[red]", "_b", "ghost"])
    _, second = random_pair(0, found=40, detector="other", names=["[red]", "_b", "ghost"])
    return analyze([scored(data, first), scored(data, second)], replicates=30)


@pytest.fixture(scope="module")
def empty():
    data = truth([])
    return analyze([scored(data, detections(data, []))])


def shown(study) -> str:
    console = Console(width=200, file=io.StringIO())
    for each in study_tables(study):
        console.print(each, markup=False)
    return console.file.getvalue()


def test_the_terminal_shows_the_costs(study):
    text = shown(study)
    for each in study.analyses:
        assert each.name in text
        for cost in each.tide.costs.values():
            assert f"{100 * cost:.2f} (" in text
    assert "[red]" in text


def test_the_terminal_states_the_base_and_the_range_of_label_errors(study):
    text = shown(study)
    for each in study.analyses:
        assert f"Base: {each.tide.rule}" in text
        ends = [f"{each.corrected[name]:.4f}" for name in ("as annotated", "all")]
        assert f"{each.name} from {ends[0]} to {ends[1]}" in text


def test_the_terminal_says_what_it_leaves_out():
    few = study_of(label_errors=10, slices=40)
    assert "all in --json" not in shown(few)
    many = shown(study_of(label_errors=57, slices=45))
    assert "10 of 57 suspects; all in --json" in many
    assert "40 of 45 slices; all in --json" in many


def study_of(label_errors, slices):
    """Return a study with so many label errors and slices, the first of it repeated."""
    data = truth([(image, 0, BOX) for image in range(9)], images=9)
    made = analyze([scored(data, detections(data, [(image, 0, 0.9, BOX) for image in range(8)]))])
    [one] = made.analyses
    return replace(
        made,
        label_errors=made.label_errors[:1] * label_errors,
        analyses=(replace(one, slices=one.slices[:1] * slices),),
    )


def test_plots_say_how_many_classes_they_leave_out():
    names = [f"c{k:02d}" for k in range(60)]
    data = truth([(k % 4, k, BOX) for k in range(60)], names)
    figure = confusion_matrix(
        analyze([scored(data, detections(data, [(0, 0, 0.9, BOX)]))]).analyses[0]
    )
    assert "40 of 60 classes" in figure.get_suptitle()
    assert len(figure.axes[0].get_yticklabels()) == 41


def test_the_plot_of_costs_states_the_base_and_its_whiskers_stand_out(study):
    figure = tide_bars(study)
    assert study.analyses[0].tide.rule in figure.get_suptitle()
    whiskers = {line.get_color() for line in figure.axes[0].get_lines()}
    assert len(whiskers) == 2
    assert not whiskers & {"#555555"}


def test_frames_hold_the_numbers(study):
    frames = analysis_frames(study)
    for each in study.analyses:
        own = frames.tide[frames.tide["detector"] == each.name].set_index("kind")
        assert own["cost"].to_dict() == {"base": each.tide.base, **each.tide.costs}
        assert (own["low"] <= own["high"]).all()
        cells = frames.confusion[frames.confusion["detector"] == each.name]
        assert cells["times"].sum() == each.confusion.counts.sum()
        assert set(cells["object"]) <= {*each.evaluation.ground_truth.class_names, "background"}
        lrp = frames.lrp[frames.lrp["detector"] == each.name]
        assert lrp["error"].mean() == pytest.approx(each.lrp.means["error"])
        recall = frames.recall[
            (frames.recall["detector"] == each.name) & (frames.recall["trait"] == "size")
        ]
        assert recall["objects"].sum() == len(each.evaluation.ground_truth)
        ends = (
            frames.thresholds[frames.thresholds["detector"] == each.name]
            .set_index("class")
            .loc["", ["low", "high"]]
        )
        assert ends.tolist() == [each.pooled_interval.low, each.pooled_interval.high]
        assert lrp["error_low"].tolist() == pytest.approx(
            [one.low for one in each.lrp_class_intervals["error"]], nan_ok=True
        )
    assert len(frames.label_errors) == len(study.label_errors)
    first = study.analyses[0].evaluation.ground_truth
    for error, row in zip(study.label_errors, frames.label_errors.itertuples(), strict=True):
        assert (error.object is None) == pd.isna(row.object_in_image)
        if error.object is not None:
            assert (
                first.offsets[first.image_ids.index(row.image_id)] + row.object_in_image
                == error.object
            )
    assert len(frames.slices) == sum(len(each.slices) for each in study.analyses)


def test_csv_files_are_the_frames(study, tmp_path):
    paths = save_analysis_csv(study, tmp_path / "csv")
    assert {path.stem for path in paths} <= set(TABLES)
    again = pd.read_csv(tmp_path / "csv" / "tide.csv")
    pd.testing.assert_frame_equal(
        again, analysis_frames(study).tide, check_exact=True, check_dtype=False
    )


def test_counts_are_whole_numbers_in_csv_files(study, tmp_path):
    save_analysis_csv(study, tmp_path)
    for table, column in (("tide", "errors"), ("label_errors", "object_in_image")):
        texts = pd.read_csv(tmp_path / f"{table}.csv", dtype=str, keep_default_na=False)[column]
        assert {text.isdigit() for text in texts if text} == {True}
    counts = [each.tide.counts[kind] for each in study.analyses for kind in each.tide.counts]
    assert pd.read_csv(tmp_path / "tide.csv")["errors"].dropna().tolist() == counts


def test_where_no_score_finds_anything_no_threshold_is_named():
    data = truth([(n, 0, BOX) for n in range(4)])
    text = shown(analyze([scored(data, detections(data, [(0, 0, 0.9, (70, 70, 80, 80))]))]))
    assert (
        "finder: no score of one half of the images has an F1 above 0, so that there is none to try on the other"
        in text
    )
    assert "finder: what is taken for what most often, where no score finds anything" in text
    assert "score ≥ –" not in text


def test_tide_bars_are_as_high_as_the_costs(study):
    left, right = tide_bars(study).axes
    for d, each in enumerate(study.analyses):
        heights = [bar.get_height() for axes in (left, right) for bar in axes.containers[d]]
        assert heights == pytest.approx([100 * cost for cost in each.tide.costs.values()])
    assert [label.get_text() for label in left.get_xticklabels()] == [
        "Cls",
        "Loc",
        "Both",
        "Dupe",
        "Bkg",
        "Miss",
    ]


def test_reliability_points_are_the_bins(study):
    lines = reliability_diagram(study).axes[0].get_lines()[1:]
    for line, each in zip(lines, study.analyses, strict=True):
        diagram = each.calibration.diagram
        used = diagram.counts > 0
        assert line.get_xdata().tolist() == diagram.score[used].tolist()
        assert line.get_ydata().tolist() == diagram.precision[used].tolist()


def test_confusion_numbers_are_the_counts(study):
    first = study.analyses[0]
    axes = confusion_matrix(first).axes[0]
    assert sum(int(text.get_text()) for text in axes.texts) == first.confusion.counts.sum()
    assert axes.get_xticklabels()[-1].get_text() == "background"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_files(study, tmp_path, theme):
    paths = save_analysis_plots(study, tmp_path, theme=theme)
    assert {path.name for path in paths} == {
        "tide.png", "lrp.png", "recall.png", "reliability.png", "confusion_finder.png", "confusion_other.png",
    }  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_nothing_to_show(empty, tmp_path):
    assert "protocol voc2007" in shown(empty)
    assert all(
        isinstance(draw(empty), Figure)
        for draw in (tide_bars, lrp_parts, recall_bars, reliability_diagram)
    )
    save_analysis_plots(empty, tmp_path / "plots")
    save_analysis_csv(empty, tmp_path / "csv")
