"""VOC devkits in folders and tars: years, cut-off archives, and members that cannot be read."""

import builtins
import errno
import io
import shutil
import tarfile
from pathlib import Path

import pytest

from detbench.data.formats.voc.annotations import read_voc
from detbench.data.formats.voc.devkit import is_devkit
from detbench.errors import InputError
from tests.data.formats.voc.devkits import DOG, annotation, devkit, pack


@pytest.mark.slow
def test_a_folder_holds_the_same_as_the_tar(shared_data, voc2007, tmp_path):
    with tarfile.open(shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    year = tmp_path / "VOCdevkit" / "VOC2007"
    for path in (tmp_path, tmp_path / "VOCdevkit", year):
        read = read_voc(path, split="test")
        assert read.digest == voc2007.digest
        assert read.image_folder == year / "JPEGImages"
        assert is_devkit(path)


def test_several_years_must_be_chosen_from(tmp_path):
    for year in ("VOC2007", "VOC2012"):
        devkit(tmp_path / "VOCdevkit" / year, {"a": annotation()})
    with pytest.raises(
        InputError, match=r"contains several VOC devkits: .*VOC2007/, .*VOC2012/; give one"
    ):
        read_voc(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "."])
def test_no_devkit_is_refused(tmp_path, name):
    with pytest.raises(
        InputError, match=r"no such file or folder|there is no ImageSets/Main in it"
    ):
        read_voc(tmp_path / name)


@pytest.mark.parametrize(("name", "mode"), [("a.tar", "w"), ("a.tgz", "w:gz")])
def test_a_truncated_tar_is_refused_wherever_it_is_cut(tmp_path, name, mode):
    images = {f"{i:06d}": annotation(DOG) for i in range(5)}
    complete = pack(tmp_path / name, devkit(tmp_path / "devkit", images), mode).read_bytes()
    assert len(read_voc(tmp_path / name)) == 5
    cut = tmp_path / f"cut_{name}"
    # A tar is padded with 10 kB of zeros, a compressed one ends with 8 bytes of checksum.
    last, step = (len(complete) - 10_240, 256) if mode == "w" else (len(complete) - 8, 40)
    for end in range(0, last, step):
        cut.write_bytes(complete[:end])
        with pytest.raises(
            InputError,
            match=r"cut_a\.\w+: (is not a complete tar archive .*fetch|contains no VOC devkit)",
        ):
            read_voc(cut)


def test_a_tar_that_is_not_one_is_refused(tmp_path):
    (tmp_path / "a.tar").write_text("hello" * 1000)
    with pytest.raises(InputError, match=r"a\.tar: is not a complete tar archive"):
        read_voc(tmp_path / "a.tar")


def test_a_mistake_inside_a_tar_is_located(tmp_path):
    root = devkit(tmp_path / "devkit", {"a": annotation(DOG.replace("195", "wide"))})
    with pytest.raises(
        InputError,
        match=r"a\.tar:VOCdevkit/VOC2007/Annotations/a\.xml, object 1 \(dog\): <xmax> is 'wide'",
    ):
        read_voc(pack(tmp_path / "a.tar", root, "w"))


def test_links_in_a_tar_are_not_followed(tmp_path):
    shutil.copy(
        pack(
            tmp_path / "a.tar", devkit(tmp_path / "devkit", {"a": annotation()}, test="a\nb"), "w"
        ),
        tmp_path / "b.tar",
    )
    with tarfile.open(tmp_path / "b.tar", "a") as tar:
        link = tarfile.TarInfo("VOCdevkit/VOC2007/Annotations/b.xml")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link, io.BytesIO())
    with pytest.raises(InputError, match=r"Annotations/b\.xml: is missing"):
        read_voc(tmp_path / "b.tar")


@pytest.mark.parametrize("member", ["Annotations/a.xml", "ImageSets/Main/test.txt"])
@pytest.mark.parametrize("kind", ["folder", "loop", "forbidden"])
def test_unreadable_members_are_refused(tmp_path, monkeypatch, member, kind):
    path = devkit(tmp_path, {"a": annotation()}) / member
    if kind == "forbidden":
        refuse_to_open(monkeypatch, path)
    else:
        path.unlink()
        path.mkdir() if kind == "folder" else path.symlink_to(path.name)
    reason = {
        "folder": "Is a directory",
        "loop": "Too many levels of symbolic links",
        "forbidden": "Permission denied; grant permission to read it",
    }
    with pytest.raises(InputError, match=rf"{member}: cannot be read: {reason[kind]}"):
        read_voc(tmp_path)


def test_a_tar_without_permission_is_not_called_damaged(tmp_path, monkeypatch):
    (tmp_path / "voc.tar").write_bytes(b"")
    refuse_to_open(monkeypatch, tmp_path / "voc.tar")
    with pytest.raises(InputError, match=r"voc\.tar: cannot be read: Permission denied"):
        read_voc(tmp_path / "voc.tar")


def refuse_to_open(monkeypatch, path: Path) -> None:
    """Make `open` refuse a file, even to a user who may read everything."""
    real = builtins.open

    def guarded(file, *args, **kwargs):
        if str(file) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", guarded)


@pytest.mark.parametrize("name", ["a" * 400, "a\0b", "loop"])
def test_an_impossible_path_is_no_such_file(tmp_path, name):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InputError, match="no such file or folder"):
        read_voc(tmp_path / name)
