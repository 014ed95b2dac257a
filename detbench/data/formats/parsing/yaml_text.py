"""YAML read as text: a class `off`, `012` or `1.50` is the text that the file has."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from detbench.data.formats.parsing.plain_text import read_text
from detbench.errors import InputError

if TYPE_CHECKING:
    import yaml

YamlText: TypeAlias = "str | list[YamlText] | dict[str, YamlText]"

_MAX_CHARACTERS = 10_000_000
_MAX_DEPTH = 20
_STANDARD_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "seq", "map")
)


def read_yaml_text(path: Path) -> YamlText:
    """Return the document of a YAML file; its scalars are texts, an empty file is an empty text.

    Nothing is constructed. An alias (`*name`) may stand for a text only, so that a small file
    cannot become a large document.

    Raises:
        FileNotFoundError: The file is missing. Callers know what that means.
        InputError: The file is no YAML, repeats a key, has more than one document, or is deeper
            than 20 levels or longer than 10 million characters.
    """
    import yaml

    text = read_text(path)
    if len(text) > _MAX_CHARACTERS:
        raise InputError(path, f"has {len(text):,} characters, the limit is {_MAX_CHARACTERS:,}")
    builder = _Builder(path)
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            builder.take(event)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else ""
        problem = f"is not YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}"
        raise InputError(path, problem, where=where) from error
    return builder.document


@dataclass
class _Builder:
    """Builds a document from the events of a parser."""

    path: Path
    document: YamlText = ""
    _is_complete: bool = False
    _open: list[list[YamlText] | dict[str, YamlText]] = field(default_factory=list)
    _keys: list[str | None] = field(default_factory=list)
    """The key of each open mapping that waits for its value."""
    _texts: dict[str, str] = field(default_factory=dict)
    """Texts by their anchors."""

    def take(self, event: yaml.Event) -> None:
        """Add what an event stands for."""
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            self._check_tag(event)
            if event.anchor:
                self._texts[event.anchor] = event.value
            self._add(event.value, event)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._texts:
                raise self._error(event, f"*{event.anchor} must name a text", "write it out")
            self._add(self._texts[event.anchor], event)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._check_tag(event)
            if len(self._open) == _MAX_DEPTH:
                raise self._error(event, f"is deeper than {_MAX_DEPTH} levels")
            value: list[YamlText] | dict[str, YamlText]
            value = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            self._add(value, event)
            self._open.append(value)
            self._keys.append(None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._keys.pop()

    def _add(self, value: YamlText, event: yaml.Event) -> None:
        """Put a value into the open collection, or make it the next key."""
        if not self._open:
            if self._is_complete:
                raise self._error(event, "begins another document", "keep one")
            self.document, self._is_complete = value, True
            return
        parent = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
            return
        key = self._keys[-1]
        if key is not None:
            parent[key] = value
            self._keys[-1] = None
        elif not isinstance(value, str):
            raise self._error(event, "a key must be a text")
        elif value in parent:
            raise self._error(event, f"repeats the key {value!r}", "keep one")
        else:
            self._keys[-1] = value

    def _check_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"} and tag not in _STANDARD_TAGS:
            raise self._error(event, f"has the tag {tag!r}", "remove the tag")

    def _error(self, event: yaml.Event, problem: str, fix: str = "") -> InputError:
        mark = event.start_mark
        where = f"line {mark.line + 1}" if mark else ""
        return InputError(self.path, problem, where=where, fix=fix)
