"""Fetching of VOC 2007 from a local server or from files, and what goes wrong."""

import errno
import hashlib
import http.server
import io
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from detbench.data import fetch
from detbench.data.download import download
from detbench.data.fetch import fetch_voc2007
from detbench.data.formats.voc.annotations import read_voc
from detbench.errors import DetbenchError, DetbenchWarning, InputError

XML = b"<annotation><filename>a.jpg</filename></annotation>"
MEMBERS = {
    "Annotations/a.xml": XML,
    "ImageSets/Main/test.txt": b"a\n",
    "JPEGImages/a.jpg": b"\xff" * 400_000,
}
TEST_NAME, TRAIN_NAME = fetch.ARCHIVES["test"][0], fetch.ARCHIVES["trainval"][0]


def tar_bytes(members=MEMBERS, root="VOCdevkit/VOC2007/"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(root + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Server:
    """The files of a local server, and the ranges that it was asked for."""

    def __init__(self, files):
        self.files = files
        self.bytes_before_hanging_up = None
        self.supports_ranges = True
        self.ranges = []
        self.url = ""


@contextmanager
def run_server(files):
    server = Server(files)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = server.files.get(self.path.rpartition("/")[2])
            range_header = self.headers.get("Range")
            server.ranges.append(range_header)
            if content is None:
                self.send_error(404)
                return
            start = (
                int(range_header.removeprefix("bytes=").rstrip("-"))
                if range_header and server.supports_ranges
                else 0
            )
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : server.bytes_before_hanging_up])

        def log_message(self, *args):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{httpd.server_port}/voc2007/"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


@pytest.fixture
def server(monkeypatch):
    """Serve a small VOC 2007 test and trainval with the expected checksums."""
    train = {"Annotations/b.xml": XML, "ImageSets/Main/trainval.txt": b"b\n"}
    files = {TEST_NAME: tar_bytes(), TRAIN_NAME: tar_bytes(train)}
    archives = {
        part: (name, hashlib.md5(files[name]).hexdigest())  # noqa: S324
        for part, (name, _) in fetch.ARCHIVES.items()
    }
    monkeypatch.setattr(fetch, "ARCHIVES", archives)
    with run_server(files) as running_server:
        yield running_server


def test_the_default_is_the_test_part_ready_to_read(server, tmp_path):
    year = fetch_voc2007(tmp_path / "voc", base_url=server.url)
    assert year == tmp_path / "voc/VOCdevkit/VOC2007"
    assert read_voc(year).image_ids == ("a",)
    assert (year / "JPEGImages/a.jpg").read_bytes() == MEMBERS["JPEGImages/a.jpg"]
    assert [path.name for path in tmp_path.iterdir()] == ["voc"]


def test_both_parts_make_one_devkit(server, tmp_path):
    year = fetch_voc2007(tmp_path / "voc", base_url=server.url, parts=("trainval", "test"))
    assert read_voc(year).image_ids == ("a",)
    assert read_voc(year, split="trainval").image_ids == ("b",)


def test_an_interrupted_download_is_resumed(server, tmp_path, capsys):
    server.bytes_before_hanging_up = 200_000
    with pytest.raises(
        DetbenchError,
        match=r"download failed .*kept the first 196,608 bytes; run the same command to resume",
    ):
        fetch_voc2007(tmp_path / "voc", base_url=server.url)
    assert [path.name for path in (tmp_path / "voc").rglob("*")] == [
        fetch.DOWNLOADS,
        f"{TEST_NAME}.part",
    ]
    server.bytes_before_hanging_up = None
    fetch_voc2007(tmp_path / "voc", base_url=server.url)
    assert server.ranges == [None, "bytes=196608-"]
    assert [path.name for path in tmp_path.iterdir()] == ["voc"]
    assert TEST_NAME in capsys.readouterr().err


def test_a_server_without_ranges_starts_again(server, tmp_path):
    content = server.files[TEST_NAME]
    server.supports_ranges = False
    (tmp_path / "a.part").write_bytes(b"x" * 100)
    download(server.url + TEST_NAME, tmp_path / "a", hashlib.md5(content).hexdigest())  # noqa: S324
    assert (tmp_path / "a").read_bytes() == content


def test_a_complete_part_is_only_verified(server, tmp_path):
    content = server.files[TEST_NAME]
    (tmp_path / "a.part").write_bytes(content)
    md5 = hashlib.md5(content).hexdigest()  # noqa: S324
    download(server.url + TEST_NAME, tmp_path / "a", md5)
    download(server.url + TEST_NAME, tmp_path / "a", md5)
    assert server.ranges == [f"bytes={len(content)}-"]
    assert (tmp_path / "a").read_bytes() == content


def test_a_wrong_checksum_leaves_nothing_behind(server, tmp_path):
    server.files[TEST_NAME] = server.files[TEST_NAME].replace(b"a.jpg", b"b.jpg")
    with pytest.raises(
        InputError, match=rf"{TEST_NAME}: has MD5 \w+, expected \w+; fetch it again"
    ):
        fetch_voc2007(tmp_path / "voc", base_url=server.url)
    assert not (tmp_path / "voc").exists()
    assert not any(file.is_file() for file in tmp_path.rglob("*"))


def test_a_server_that_refuses_is_an_error(server, tmp_path):
    del server.files[TEST_NAME]
    with pytest.raises(DetbenchError, match=rf"{TEST_NAME}: download failed \(HTTP 404\); run"):
        fetch_voc2007(tmp_path / "voc", base_url=server.url)
    with pytest.raises(DetbenchError, match=r"download failed \(ConnectionError\)"):
        fetch_voc2007(tmp_path / "voc", base_url="http://127.0.0.1:9/")


def test_a_given_file_needs_no_server(server, tmp_path):
    (tmp_path / "mine.tar").write_bytes(server.files[TEST_NAME])
    fetch_voc2007(
        tmp_path / "voc", from_files=[tmp_path / "mine.tar"], base_url="http://127.0.0.1:9/"
    )
    assert read_voc(tmp_path / "voc").image_ids == ("a",)


@pytest.mark.slow
def test_the_annotations_alone_are_used_with_a_warning(shared_data, tmp_path):
    with pytest.warns(DetbenchWarning, match="is none of the official archives"):
        year = fetch_voc2007(
            tmp_path / "voc", from_files=[shared_data / "VOCtest_06-Nov-2007.annotations.tar.gz"]
        )
    assert len(read_voc(year)) == 14_976


@pytest.mark.filterwarnings("ignore:.*is none of the official archives")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (tar_bytes()[:200_000], r"mine\.tar: is not a complete tar archive"),
        (tar_bytes()[:1024], r"mine\.tar: is not a complete tar archive"),
        (b"text" * 1000, r"mine\.tar: is not a complete tar archive"),
        (
            tar_bytes({"../../../escaped.txt": b"x"}),
            r"mine\.tar: refused: .*escaped\.txt.* outside the destination",
        ),
        (
            tar_bytes({"a.txt": b"x"}),
            r"voc: would not contain exactly one VOC devkit after unpacking",
        ),
    ],
    ids=["cut in a member", "cut between members", "no tar", "escape", "no devkit"],
)
def test_a_bad_archive_leaves_nothing_behind(tmp_path, content, message):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "mine.tar").write_bytes(content)
    with pytest.raises(InputError, match=message):
        fetch_voc2007(tmp_path / "in" / "voc", from_files=[tmp_path / "in" / "mine.tar"])
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "mine.tar"]


@pytest.mark.filterwarnings("ignore:.*is none of the official archives")
def test_a_link_out_of_the_folder_is_refused(tmp_path):
    with tarfile.open(tmp_path / "mine.tar", "w") as tar:
        link = tarfile.TarInfo("VOCdevkit/VOC2007/Annotations")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    with pytest.raises(InputError, match=r"mine\.tar: refused: "):
        fetch_voc2007(tmp_path / "voc", from_files=[tmp_path / "mine.tar"])


def test_wrong_arguments_are_refused_before_anything_is_fetched(server, tmp_path):
    with pytest.raises(InputError, match="has no part 'tset'; choose from: trainval, test"):
        fetch_voc2007(tmp_path / "voc", base_url=server.url, parts=("tset",))
    with pytest.raises(InputError, match=r"none\.tar: no such file"):
        fetch_voc2007(tmp_path / "voc", from_files=[tmp_path / "none.tar"])
    (tmp_path / "VOCdevkit/VOC2007").mkdir(parents=True)
    with pytest.raises(
        InputError, match="VOCdevkit/VOC2007: already exists; evaluate with it, or remove it"
    ):
        fetch_voc2007(tmp_path, base_url=server.url)
    assert server.ranges == []


def test_a_path_that_cannot_be_written_is_refused(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/a\.part: cannot be written \(.+\)"):
        download(server.url + TEST_NAME, tmp_path / "file" / "a", "")


def test_the_current_folder_stays_the_current_folder(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    fetch_voc2007(Path(), base_url=server.url)
    assert Path.cwd().stat().st_ino == before
    assert [path.name for path in Path().iterdir()] == ["VOCdevkit"]
    assert read_voc(Path()).image_ids == ("a",)


def test_other_files_in_the_folder_stay(server, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "VOCdevkit/VOC2012").mkdir(parents=True)
    year = fetch_voc2007(tmp_path, base_url=server.url)
    assert read_voc(year).image_ids == ("a",)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", "VOCdevkit"}
    assert {path.name for path in (tmp_path / "VOCdevkit").iterdir()} == {"VOC2007", "VOC2012"}
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_failed_run_leaves_the_folder_as_it_was(server, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    del server.files[TEST_NAME]
    with pytest.raises(DetbenchError, match="HTTP 404"):
        fetch_voc2007(tmp_path, base_url=server.url)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.filterwarnings("ignore:.*is none of the official archives")
@pytest.mark.parametrize("root", ["", "VOC2007/", "./VOCdevkit/VOC2007/"])
def test_archives_may_start_at_any_folder(tmp_path, root):
    (tmp_path / "mine.tar").write_bytes(tar_bytes(root=root))
    year = fetch_voc2007(tmp_path / "voc", from_files=[tmp_path / "mine.tar"])
    assert {path.name for path in year.iterdir()} == {"Annotations", "ImageSets", "JPEGImages"}


@pytest.mark.filterwarnings("ignore:.*is none of the official archives")
def test_another_year_is_not_called_2007(tmp_path):
    (tmp_path / "mine.tar").write_bytes(tar_bytes(root="VOCdevkit/VOC2012/"))
    with pytest.raises(InputError, match="would contain VOC2012 instead of VOC 2007"):
        fetch_voc2007(tmp_path / "voc", from_files=[tmp_path / "mine.tar"])
    assert not (tmp_path / "voc").exists()


def test_an_archive_without_permission_is_not_called_damaged(tmp_path, monkeypatch):
    def refuse(file):
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(fetch, "file_md5", refuse)
    (tmp_path / "mine.tar").write_bytes(tar_bytes())
    with pytest.raises(
        InputError,
        match=r"mine\.tar: cannot be read: Permission denied; grant permission to read it",
    ):
        fetch_voc2007(tmp_path / "voc", from_files=[tmp_path / "mine.tar"])
    assert not (tmp_path / "voc").exists()
