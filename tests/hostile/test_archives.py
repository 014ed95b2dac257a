"""Archives made to write outside their folder are refused before anything is written."""

import io
import tarfile

import pytest

from detbench.data.fetch import fetch_voc2007
from detbench.errors import InputError

ROOT = "VOCdevkit/VOC2007/"


def member(name, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.filterwarnings("ignore:.*none of the official archives")
@pytest.mark.parametrize(
    "hostile",
    [
        member(ROOT + "inside", tarfile.SYMTYPE, "Annotations"),
        member(ROOT + "inside", tarfile.LNKTYPE, ROOT + "a.txt"),
        member(ROOT + "pipe", tarfile.FIFOTYPE),
        member(ROOT + "device", tarfile.CHRTYPE),
        member("/absolute.txt"),
        member("C:/drive.txt"),
        member("C:drive.txt"),
        member("a/../../up.txt"),
        member("a\\..\\..\\up.txt"),
    ],
    ids=lambda info: f"{info.name}-{info.type.decode()}",
)
def test_a_hostile_member_is_refused_before_anything_is_written(hostile, tmp_path, monkeypatch):
    path = tmp_path / "mine.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(member(ROOT + "a.txt"), io.BytesIO())
        tar.addfile(hostile)
    monkeypatch.setattr(tarfile.TarFile, "extractall", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(InputError, match=r"mine\.tar: refused: "):
        fetch_voc2007(tmp_path / "voc", from_files=[path])
    assert list(tmp_path.iterdir()) == [path]
