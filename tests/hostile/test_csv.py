"""CSV files with stray quotes, odd line ends and repeated columns: no row is swallowed."""

import pytest

from detbench.data.attributes import read_attributes
from detbench.data.formats.csv_files.rows import read_rows
from detbench.errors import InputError
from tests.data.formats.samples import truth


def rows(tmp_path, text):
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    return read_rows(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a.jpg,1\nb.jpg,"2\nc.jpg,3\n', 2),
        ('a.jpg,1\n\nb.jpg,"2\nc.jpg,"3"\nd.jpg,4\n', 3),
        ('"a.jpg,1\nb.jpg,2\n', 1),
        ('a.jpg,1\nb.jpg,"two\nlines"\n', 2),
        ('a.jpg,1\rb.jpg,"2\rc.jpg,3\r', 2),
    ],
)
def test_an_unclosed_quote_is_found_at_its_row(tmp_path, text, line):
    with pytest.raises(InputError, match=rf"rows\.csv, line {line}: a cell opens a quote"):
        rows(tmp_path, text)


def test_a_quote_after_a_quote_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"rows\.csv, line 2: cannot be read as CSV: ',' expected"):
        rows(tmp_path, 'a.jpg,1\n"b".jpg,2\n')


def test_quotes_that_are_closed_are_read(tmp_path):
    assert rows(tmp_path, '"a, b.jpg","say ""hi"""\nc"d.jpg, 2 \n') == [
        (1, ["a, b.jpg", 'say "hi"']),
        (2, ['c"d.jpg', "2"]),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x0b", "\x0c", "\x85", "\x1c"])
def test_only_line_ends_end_a_line(tmp_path, end, inside):
    text = f"a{inside}b.jpg,1{end}c.jpg,2{end}"
    assert rows(tmp_path, text) == [(1, [f"a{inside}b.jpg", "1"]), (2, ["c.jpg", "2"])]


def test_slices_lose_no_row(tmp_path):
    path = tmp_path / "slices.csv"
    path.write_text('image_id,light\na,"day\nb,night\n')
    with pytest.raises(InputError, match=r"slices\.csv, line 2: a cell opens a quote"):
        read_attributes(path, truth())
    path.write_text("image_id,light,light\na,day,night\n")
    with pytest.raises(InputError, match=r"slices\.csv, line 1: .*unique column names"):
        read_attributes(path, truth())
