"""`detbench fetch`, and archives whose members would leave the folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.cli.broken_files import error_lines


@pytest.mark.parametrize(
    "member",
    [
        {"name": "../outside.txt"},
        {"name": "/detbench-outside.txt"},
        {"name": "VOCdevkit/link", "type": tarfile.SYMTYPE, "linkname": "../../../outside"},
        {"name": "VOCdevkit/link", "type": tarfile.LNKTYPE, "linkname": "../../outside"},
        {"name": "VOCdevkit/device", "type": tarfile.CHRTYPE},
    ],
    ids=lambda member: f"{member['name']} {member.get('linkname', '')}".strip(),
)
def test_tar_members_cannot_leave_the_target(command, broken, tmp_path, member):
    archive = broken.tar()
    with tarfile.open(archive, "a") as tar:
        info = tarfile.TarInfo(member["name"])
        for key, value in member.items():
            setattr(info, key, value)
        tar.addfile(info)
    before = sorted(tmp_path.rglob("*"))
    outcome = command("fetch", "voc2007", tmp_path / "target", "--from", archive)
    if member["name"].startswith(
        "/"
    ):  # an absolute name becomes one beside the year's folder, which alone is kept
        assert outcome.code == 0
        assert not Path(member["name"]).exists()
        assert [path.name for path in (tmp_path / "target").iterdir()] == ["VOCdevkit"]
        return
    assert (outcome.code, outcome.out) == (2, "")
    assert error_lines(outcome.err)[0].startswith(f"error: {archive}: refused: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tar_that_is_scored_is_never_unpacked(command, broken, files, tmp_path):
    archive = broken.tar()
    with tarfile.open(archive, "a") as tar:
        tar.addfile(tarfile.TarInfo("../outside.txt"))
    before = sorted(tmp_path.rglob("*"))
    assert command("eval", archive, files.detections("voc"), "--split", "test").code == 0
    assert sorted(tmp_path.rglob("*")) == before
