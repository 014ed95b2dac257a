"""Mutations: change one or a few places of a file, in its structure where that is understood."""

from __future__ import annotations

import copy
import json
import re
import tarfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq

from tests.hostile.fuzz import values

_BYTE_SHARE = 0.2
"""Share of the mutations that change bytes, whatever the file is."""
_SEPARATORS = re.compile(r"([\s,;:=\[\]{}\"']+)")


def mutate(path: Path, random: Random) -> None:
    """Change a file in its structure, or in its bytes where the structure is not understood."""
    structured = _BY_SUFFIX.get(path.suffix.lower())
    content = path.read_bytes()
    if structured is not None and random.random() >= _BYTE_SHARE:
        with suppress(ValueError, SyntaxError, LookupError, tarfile.TarError, pa.ArrowException):
            path.write_bytes(structured(content, random))
            return
    path.write_bytes(_bytes(content, random))


def _bytes(content: bytes, random: Random) -> bytes:
    """Cut, flip, insert, delete or repeat a piece."""
    if not content:
        return random.randbytes(random.randint(1, 64))
    start = random.randrange(len(content))
    flipped = bytes([content[start] ^ 1 << random.randrange(8)])
    end = min(len(content), start + random.choice((1, 1, 2, 8, 64, 1024)))
    piece = content[start:end]
    return random.choice(
        (
            lambda: content[:start],
            lambda: content[start:],
            lambda: content[:start] + content[end:],
            lambda: content[:start] + piece * random.choice((2, 50)) + content[end:],
            lambda: content[:start] + random.randbytes(len(piece)) + content[end:],
            lambda: content[:start] + flipped + content[start + 1 :],
            lambda: b"\xef\xbb\xbf" + content,
            lambda: content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\x0b", b""))),
            lambda: b"",
        )
    )()


def _json(content: bytes, random: Random) -> bytes:
    tree = [json.loads(content)]
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        _change_node(tree, random)
    text = json.dumps(tree[0], ensure_ascii=random.random() < 0.5)
    if random.random() < 0.03:
        depth = random.choice((200, 2_000, 100_000))
        text = text.replace("null", "[" * depth + "]" * depth, 1) if "null" in text else "[" * depth
    return text.encode(errors="surrogatepass")


def _json_lines(content: bytes, random: Random) -> bytes:
    lines = content.splitlines()
    place = random.randrange(len(lines))
    lines[place] = _json(lines[place], random)
    if random.random() < 0.2:
        lines.insert(random.randrange(len(lines)), random.choice((b"", b"{", lines[place], b"[]")))
    return b"\n".join(lines)


def _change_node(tree: list[Any], random: Random) -> None:
    """Replace, delete, repeat or rename one node of a JSON document, or exchange two."""
    nodes = _nodes(tree)
    parent, key = random.choice(nodes)
    kind = random.choice(("value", "value", "value", "delete", "repeat", "rename", "exchange"))
    if kind == "delete" and parent is not tree:
        del parent[key]
    elif kind == "repeat" and isinstance(parent, list):
        parent[key:key] = [copy.deepcopy(parent[key])] * random.choice((1, 3))
    elif kind == "rename" and isinstance(parent, dict):
        parent[random.choice([*map(str, values.TEXTS[:6]), *parent])] = parent.pop(key)
    elif kind == "exchange":
        other, other_key = random.choice(nodes)
        parent[key] = copy.deepcopy(other[other_key])
    else:
        parent[key] = copy.deepcopy(random.choice(values.JSON))


def _nodes(tree: Any) -> list[tuple[Any, Any]]:
    """Return (parent, key) of every node below `tree`."""
    nodes: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        parent = waiting.pop()
        keys = range(len(parent)) if isinstance(parent, list) else list(parent)
        for key in keys:
            nodes.append((parent, key))
            if isinstance(parent[key], list | dict):
                waiting.append(parent[key])
    return nodes


def _xml(content: bytes, random: Random) -> bytes:
    root = ElementTree.fromstring(content)  # noqa: S314 - our own file
    for _ in range(random.choice((1, 1, 2))):
        elements = list(root.iter())
        element = random.choice(elements)
        parents = {child: parent for parent in elements for child in parent}
        kind = random.choice(("text", "text", "attribute", "delete", "repeat", "rename"))
        if kind == "text":
            element.text = random.choice(values.NUMBERS + values.TEXTS)
        elif kind == "attribute" and element.attrib:
            element.set(
                random.choice(list(element.attrib)), random.choice(values.NUMBERS + values.TEXTS)
            )
        elif kind == "rename":
            element.tag = random.choice(elements).tag
        elif element in parents:
            parent = parents[element]
            if kind == "delete":
                parent.remove(element)
            else:
                parent.append(copy.deepcopy(element))
    text = ElementTree.tostring(root, encoding="unicode")
    if random.random() < 0.05:
        text = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>' + text
    return text.encode(errors="surrogatepass")


def _text(content: bytes, random: Random) -> bytes:
    """Change fields and lines of a text whose fields have separators."""
    lines = content.decode().split("\n")
    for _ in range(random.choice((1, 1, 1, 3))):
        place = random.randrange(len(lines))
        kind = random.choice(
            ("field", "field", "field", "field", "delete", "repeat", "quote", "join")
        )
        if kind == "field":
            fields = _SEPARATORS.split(lines[place])
            fields[random.randrange(len(fields))] = random.choice(values.NUMBERS + values.TEXTS)
            lines[place] = "".join(fields)
        elif kind == "delete" and len(lines) > 1:
            del lines[place]
        elif kind == "repeat":
            lines.insert(place, lines[place])
        elif kind == "quote":
            at = random.randint(0, len(lines[place]))
            lines[place] = lines[place][:at] + random.choice("\"'&*!|>{[#%@`") + lines[place][at:]
        elif len(lines) > 1:
            lines[place - 1 : place + 1] = ["".join(lines[place - 1 : place + 1])]
    return "\n".join(lines).encode(errors="surrogatepass")


def _parquet(content: bytes, random: Random) -> bytes:
    table = pq.read_table(BytesIO(content))
    place = random.randrange(table.num_columns)
    name, column = table.column_names[place], table.column(place)
    rows = column.to_pylist()
    kind = random.choice(("value", "value", "value", "type", "delete", "repeat", "rename", "note"))
    if kind == "value" and rows:
        rows[random.randrange(len(rows))] = _other_value(column.type, random)
        table = table.set_column(place, name, pa.array(rows, column.type))
    elif kind == "type":
        table = table.set_column(place, name, pa.array([str(row) for row in rows]))
    elif kind == "delete":
        table = table.remove_column(place)
    elif kind == "repeat":
        table = table.append_column(name, column)
    elif kind == "rename":
        names = list(table.column_names)
        names[place] = random.choice([*values.TEXTS[:6], *names])
        table = table.rename_columns(names)
    else:
        notes = dict(table.schema.metadata or {b"detbench": b"{}"})
        key = random.choice(list(notes))
        notes[key] = _json(notes[key], random) if random.random() < 0.8 else b"\xff{"
        table = table.replace_schema_metadata(notes)
    sink = BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _other_value(kind: pa.DataType, random: Random) -> Any:
    if pa.types.is_floating(kind):
        return random.choice((float("nan"), float("inf"), -float("inf"), -1.0, 1e308, 0.0, None))
    if pa.types.is_integer(kind):
        bits = kind.bit_width - (not pa.types.is_unsigned_integer(kind))
        return random.choice((0, 2**bits - 1, None, 1))
    if pa.types.is_string(kind):
        return random.choice((*values.TEXTS[:8], None))
    return None


def _tar(content: bytes, random: Random) -> bytes:
    sink = BytesIO()
    with (
        tarfile.open(fileobj=BytesIO(content)) as source,
        tarfile.open(fileobj=sink, mode="w") as target,
    ):
        members = source.getmembers()
        hostile = random.choice(members)
        for member in members:
            file = source.extractfile(member) if member.isfile() else None
            if member is hostile:
                kind = random.choice(("name", "link", "size", "repeat", "content"))
                if kind == "name":
                    member.name = random.choice(values.TEXTS[2:5]) or "x"
                elif kind == "link":
                    member.type = random.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE))
                    member.linkname, member.size, file = "../../outside", 0, None
                elif kind == "repeat":
                    target.addfile(member, file)
                    file = source.extractfile(member) if member.isfile() else None
                elif file is not None:
                    changed = _bytes(file.read(), random)
                    member.size, file = len(changed), BytesIO(changed)
            target.addfile(member, file)
    return sink.getvalue()


_BY_SUFFIX: dict[str, Callable[[bytes, Random], bytes]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".xml": _xml,
    ".txt": _text,
    ".csv": _text,
    ".yaml": _text,
    ".toml": _text,
    ".data": _text,
    ".names": _text,
    ".parquet": _parquet,
    ".tar": _tar,
}
