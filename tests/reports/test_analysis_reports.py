"""Tables, frames and plots of a study against the study, and their files."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from rich.console import Console

from detbench.bench.analysis.analyze import analyze
from detbench.metrics.errors.tide import MAIN_ERRORS, tide
from detbench.metrics.uncertainty.intervals import WHY_NO_INTERVAL
from detbench.reports.analysis_frames import FRAMES, analysis_frames, save_analysis_csv
from detbench.reports.plots.analysis import (
    confusion_matrix,
    lrp_components,
    recall_bars,
    reliability_diagram,
    save_analysis_plots,
    tide_bars,
)
from detbench.reports.terminal.analysis import study_tables
from tests.metrics.scored import detections, random_pair, scored, truth

BOX = (10, 10, 60, 60)
NAMES = ["[red]", "_b", "ghost"]


@pytest.fixture(scope="module")
def study():
    many = {"images": 24, "objects": 60, "names": NAMES}
    ground_truth, first = random_pair(0, boxes=180, **many)
    _, second = random_pair(0, boxes=120, detector="other", **many)
    return analyze([scored(ground_truth, first), scored(ground_truth, second)], resamples=200)


@pytest.fixture(scope="module")
def empty():
    return study_of(truth([]), [])


def study_of(ground_truth, rows):
    return analyze([scored(ground_truth, detections(ground_truth, rows))])


def shown(study) -> str:
    console = Console(width=200, file=io.StringIO())
    for table in study_tables(study):
        console.print(table, markup=False)
    return console.file.getvalue()


def test_the_terminal_shows_the_costs(study):
    text = shown(study)
    for analysis in study.analyses:
        assert analysis.name in text
        for row in analysis.tide:
            assert f"{100 * row.cost.estimate:.2f} (" in text or row.cost.is_missing
    assert "[red]" in text


def test_the_terminal_says_why_numbers_have_no_interval():
    ground_truth = truth([(image, 0, BOX) for image in range(9)], images=9)
    rows = [(image, 0, 0.9, BOX) for image in range(9)]
    evaluation = scored(ground_truth, detections(ground_truth, rows))
    text = shown(analyze([evaluation], resamples=200))
    assert text.count(WHY_NO_INTERVAL) == 1
    assert WHY_NO_INTERVAL not in shown(analyze([evaluation]))


def test_the_terminal_states_the_base_and_the_range_of_label_errors(study):
    text = shown(study)
    for analysis in study.analyses:
        assert f"Base: {analysis.base_rule}" in text
        first, last = analysis.corrected[0].value, analysis.corrected[-1].value
        assert f"{analysis.name} from {first:.4f} to {last:.4f}" in text


def test_the_terminal_says_what_it_leaves_out():
    assert "use --json to get all" not in shown(long_study(label_errors=10, slices=40))
    text = shown(long_study(label_errors=57, slices=45))
    assert "10 of 57 likely label errors; use --json to get all" in text
    assert "40 of 45 slices; use --json to get all" in text


def long_study(label_errors, slices):
    """Return a study with this many label errors and slices, copies of its first."""
    ground_truth = truth([(image, 0, BOX) for image in range(9)], images=9)
    study = study_of(ground_truth, [(image, 0, 0.9, BOX) for image in range(8)])
    [analysis] = study.analyses
    return replace(
        study,
        label_errors=study.label_errors[:1] * label_errors,
        analyses=(replace(analysis, slices=analysis.slices[:1] * slices),),
    )


def test_without_hits_no_threshold_is_shown():
    ground_truth = truth([(n, 0, BOX) for n in range(4)])
    text = shown(study_of(ground_truth, [(0, 0, 0.9, (70, 70, 80, 80))]))
    assert "finder: no threshold, since half of the images have no F1 above 0" in text
    assert "finder: most frequent confusions without any hit" in text
    assert "score ≥ –" not in text


def test_frames_have_the_numbers(study):
    frames = analysis_frames(study)
    assert tuple(frames) == FRAMES
    for analysis in study.analyses:
        own = {
            name: frame[frame["detector"] == analysis.name]
            for name, frame in frames.items()
            if name != "label_errors"
        }
        costs, expected = own["tide"].set_index("kind"), tide(analysis.evaluation)
        assert costs["cost"].to_dict() == {"base": expected.base, **expected.costs}
        for row in analysis.tide:
            ends = costs.loc[row.kind, ["cost_low", "cost_high"]].tolist()
            assert ends == pytest.approx([row.cost.low, row.cost.high], nan_ok=True)
        assert (costs["cost_low"] <= costs["cost_high"]).sum() > 3
        counts = analysis.confusion_matrix.counts
        assert own["confusion"]["count"].sum() == counts.sum()
        assert set(own["confusion"]["object"].dropna()) <= set(NAMES)
        background = own["confusion"]["object"].isna()
        assert own["confusion"]["count"][background].sum() == counts[-1].sum()
        mean, classes = own["lrp"].iloc[0], own["lrp"].iloc[1:]
        assert mean["error"] == pytest.approx(classes["error"].mean())
        assert classes["error_low"].tolist() == pytest.approx(
            [row.error.low for row in analysis.lrp[1:]], nan_ok=True
        )
        objects = own["recall"][own["recall"]["trait"] == "size"]["objects"]
        assert objects.sum() == len(study.ground_truth)
        together = own["thresholds"][own["thresholds"]["class"].isna()].iloc[0]
        interval = analysis.thresholds[0].f_held_out
        ends = together["f_held_out_low"], together["f_held_out_high"]
        assert ends == (interval.low, interval.high)
        assert len(own["slices"]) == len(analysis.slices)


def test_the_frame_of_label_errors_points_to_objects(study):
    frame, ground_truth = analysis_frames(study)["label_errors"], study.ground_truth
    assert len(frame) == len(study.label_errors)
    for error, row in zip(study.label_errors, frame.itertuples(), strict=True):
        assert (error.object is None) == pd.isna(row.object_in_image) == pd.isna(row.object_row)
        if error.object is not None:
            first = ground_truth.offsets[ground_truth.image_ids.index(row.image_id)]
            assert first + row.object_in_image == row.object_row == error.object


def test_csv_files_are_the_frames(study, tmp_path):
    paths = save_analysis_csv(study, tmp_path / "csv")
    assert {path.stem for path in paths} <= set(FRAMES)
    again = pd.read_csv(tmp_path / "csv" / "tide.csv")
    expected = analysis_frames(study)["tide"]
    pd.testing.assert_frame_equal(again, expected, check_exact=True, check_dtype=False)


def test_counts_are_whole_numbers_in_csv_files(study, tmp_path):
    save_analysis_csv(study, tmp_path)
    for table, column in (("tide", "errors"), ("label_errors", "object_in_image")):
        texts = pd.read_csv(tmp_path / f"{table}.csv", dtype=str, keep_default_na=False)[column]
        assert {text.isdigit() for text in texts if text} == {True}
    counts = [count for each in study.analyses for count in tide(each.evaluation).counts.values()]
    assert pd.read_csv(tmp_path / "tide.csv")["errors"].dropna().tolist() == counts


def test_tide_bars_are_as_high_as_the_costs(study):
    left, right = tide_bars(study).axes
    for d, analysis in enumerate(study.analyses):
        heights = [bar.get_height() for axes in (left, right) for bar in axes.containers[d]]
        costs = [100 * cost for cost in tide(analysis.evaluation).costs.values()]
        assert heights == pytest.approx(costs)
    assert tuple(label.get_text() for label in left.get_xticklabels()) == MAIN_ERRORS


def test_the_plot_of_costs_states_the_base_and_its_whiskers_stand_out(study):
    figure = tide_bars(study)
    assert study.analyses[0].base_rule in figure.get_suptitle()
    whiskers = {line.get_color() for line in figure.axes[0].get_lines()}
    assert len(whiskers) == 2
    assert not whiskers & {"#555555"}


def test_reliability_points_are_the_bins(study):
    lines = reliability_diagram(study).axes[0].get_lines()[1:]
    for line, analysis in zip(lines, study.analyses, strict=True):
        used = [row for row in analysis.reliability if row.detections]
        assert list(line.get_xdata()) == [row.score for row in used]
        assert list(line.get_ydata()) == [row.precision for row in used]


def test_lrp_shows_the_classes_with_objects_worst_last(study):
    panel = lrp_components(study).axes[0]
    labels = [label.get_text() for label in panel.get_yticklabels()]
    means = [np.mean([line.get_xdata()[n] for line in panel.get_lines()]) for n in range(3)]
    assert set(labels) == set(NAMES)
    assert means == sorted(means, reverse=True)


def test_confusion_numbers_are_the_counts(study):
    first = study.analyses[0]
    axes = confusion_matrix(first).axes[0]
    total = sum(int(text.get_text()) for text in axes.texts)
    assert total == first.confusion_matrix.counts.sum()
    assert axes.get_xticklabels()[-1].get_text() == "background"


def test_the_confusion_matrix_says_how_many_classes_it_leaves_out():
    ground_truth = truth([(k % 4, k, BOX) for k in range(60)], [f"c{k:02d}" for k in range(60)])
    figure = confusion_matrix(study_of(ground_truth, [(0, 0, 0.9, BOX)]).analyses[0])
    assert "40 of 60 classes" in figure.get_suptitle()
    assert len(figure.axes[0].get_yticklabels()) == 41


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_files(study, tmp_path, theme):
    paths = save_analysis_plots(study, tmp_path, theme=theme)
    stems = {"tide", "lrp", "recall", "reliability", "confusion_finder", "confusion_other"}
    assert {path.name for path in paths} == {f"{stem}.png" for stem in stems}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_empty_datasets(empty, tmp_path):
    assert "protocol voc2007" in shown(empty)
    figures = tide_bars, lrp_components, recall_bars, reliability_diagram
    assert all(isinstance(draw(empty), Figure) for draw in figures)
    save_analysis_plots(empty, tmp_path / "plots")
    save_analysis_csv(empty, tmp_path / "csv")
