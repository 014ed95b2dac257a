"""History entries: what they keep of a run, and which dates they accept."""

import numpy as np
import pytest

from detbench.bench.history.entry import history_entry
from detbench.bench.runs import read_run, write_run
from detbench.errors import InputError
from detbench.metrics.scoring.evaluate import evaluate
from tests.bench.gate.simulated_runs import latency_of, random_images, run_of
from tests.bench.history.histories import entry_of


def test_an_entry_has_the_values_of_the_run(history, folder):
    entry = entry_of(history, folder)
    assert (entry.name, entry.commit, entry.branch) == ("finder", "c1", "main")
    assert (entry.verdict, entry.protocol) == ("passed", "voc2007")
    assert (history.parent / entry.run).resolve() == folder.resolve()
    accuracy = entry.measures["mAP"]
    assert accuracy.value == read_run(folder).evaluation().summary["mAP"]
    assert accuracy.low < accuracy.value
    p50 = entry.measures["infer p50 ms, batch 1, single_stream"]
    medians = [np.median(process.samples_ns) / 1e6 for process in latency_of().processes]
    assert p50.value == pytest.approx(np.exp(np.mean(np.log(medians))), rel=1e-12)
    assert p50.low < p50.value < p50.high


def test_invalid_times_are_left_out(history, folder):
    measures = entry_of(history, folder).measures
    assert not [measure for measure in measures if measure.startswith("end_to_end")]


@pytest.mark.parametrize(
    ("date", "problem"),
    [
        ("2026-11-21T10:00:00", "the date '2026-11-21T10:00:00' has no time zone"),
        ("2026-W47-6", "has no time zone"),
        ("2026-11-21", "has no time zone"),
        ("0001-01-01T00:00:00+10:00", "is out of range"),
        ("", "Invalid isoformat"),
    ],
)
def test_a_run_without_a_valid_date_is_refused(history, folder, date, problem):
    message = f"record.json: has no valid date in 'created': .*{problem}"
    with pytest.raises(InputError, match=message):
        entry_of(history, folder, date=date)


def test_a_single_image_has_values_without_intervals(tmp_path):
    image = random_images(1)
    evaluation = evaluate(image, run_of(image, 0.99).detections, "voc2007")
    run = read_run(write_run(tmp_path / "run", evaluation, options={}))
    entry = history_entry(run, tmp_path / "h.jsonl", commit=None, branch=None, verdict=None)
    assert (entry.measures["mAP"].low, entry.measures["mAP"].high) == (None, None)


def test_quick_looks_at_one_process_are_left_out(history, tmp_path):
    evaluation = run_of(random_images(10)).evaluation()
    times = [latency_of(processes=1), latency_of(stage="end_to_end")]
    folder = write_run(tmp_path / "quick", evaluation, options={}, latency=times)
    measures = entry_of(history, folder).measures
    assert not [measure for measure in measures if measure.startswith("infer")]
    assert [measure for measure in measures if measure.startswith("end_to_end p50")]
