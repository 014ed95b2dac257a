"""No fix writes a file without what it should hold: advice takes its place."""

from __future__ import annotations

import pytest

from detbench.doctor.doctor import plan_fix
from detbench.errors import DetbenchError
from tests.doctor.planting import ids, read_pair, write_pair


@pytest.mark.parametrize(
    ("spoil", "finding_id"),
    [
        (lambda row: row["bbox"].__setitem__(2, 0), "zero-area"),
        (lambda row: row.update(score="high"), "not-a-number"),
        (lambda row: row.update(score=float("nan")), "not-finite"),
    ],
)
def test_nothing_is_fixed_by_leaving_everything_out(dataset, tmp_path, command, spoil, finding_id):
    ground_truth, rows = read_pair(dataset)
    for row in rows[: int(0.98 * len(rows))]:
        spoil(row)
    files = write_pair(tmp_path, ground_truth, rows)
    [finding] = [finding for finding in files.findings if finding.id == finding_id]
    assert finding.fix.startswith("write the file again")
    assert not any(finding.is_command for finding in files.findings)
    target = tmp_path / "fixed.json"
    outcome = command(
        "doctor", files.ground_truth, files.detections, "--fix", finding_id, "-o", target
    )
    assert outcome.code == 2
    assert f"no finding {finding_id} can be fixed here" in outcome.err
    assert not target.exists()


@pytest.mark.parametrize(
    ("spoil", "finding_id"),
    [
        (lambda row: row.update(score=float("nan")), "not-finite"),
        (lambda row: row.update(category_id=400), "class-ids-80-91"),
    ],
    ids=["NaN", "unknown classes"],
)
def test_nothing_is_fixed_in_detections_of_other_images(dataset, tmp_path, spoil, finding_id):
    """What would be written could not be scored."""
    ground_truth, rows = read_pair(dataset)
    for row in rows:
        row["image_id"] = 7 * row["image_id"] + 10_000_000
    for row in rows[::7]:
        spoil(row)
    files = write_pair(tmp_path, ground_truth, rows)
    assert set(ids(files.faults)) == {"wrong-split", finding_id}
    assert not any(finding.is_command for finding in files.faults)
    [other] = [finding for finding in files.faults if finding.id == finding_id]
    assert other.fix == "fix wrong-split first: these are detections of other images"
    with pytest.raises(DetbenchError, match="findings with a fix: none"):
        plan_fix(files.ground_truth, files.detections, [finding_id])
