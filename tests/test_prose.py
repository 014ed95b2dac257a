"""The words of the product: terms that were retired do not come back, in code, pages or docs.

Each row of `RETIRED` is a pattern and what to write instead. `make lint` runs this file.
"""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

RETIRED = {
    r"told apart|tells? .{1,20} apart|cannot be told|more than chance": "(not) significant",
    r"[\d}] %": "95%, without a space",
    r"how far (it|they) moves?": "95% CI",
    r"names the draws|draws of (the )?images|drawn anew|bootstrap draws": "resamples, random seed",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\bpictures?\b|\bpictured\b": "image",
    r"telling images?|why it fails|taken for what|scores are worth|this comes from|\bsuspects\b": (
        "example images, error analysis, confusion matrix, calibration, provenance, label errors"
    ),
    r"how far .{1,20} is open": "sensitivity of mAP to ties, limits and thresholds",
    r"\bleaves with \d": "exits with",
    r"goe?s? on over": "skip",
    r", at most\b\.?$": "maximum number of",
    r"(format|way|kind|what) .{0,20}does not show": "cannot infer",
    r"\bsurer\b": "more confident, higher-scoring",
    r"\bdeaf to\b": "robust to",
    r"\bfor ever\b|\ball one\b|\bmade one\b|\bmade anew\b": "forever, the same, joined, rewritten",
    r"\bmade dataset|made on the spot": "synthetic dataset",
    r"how requests come": "load pattern",
    r"what runs came to": "track results across commits",
    r"colour|\bgrey|\bcentre|behaviour|neighbour|\blabelled\b|\bmodell": "American spelling",
    r"\b(re)?(normal|recogn|local|optim|initial|summar|visual|quant|serial|minim|maxim|organ|regular"
    r"|random|general|vector|raster|util|penal|real|standard|binar|categor|emphas)is(e|ed|es|ing|"
    r"ation|ations|er)\b|\banalys(ed|ing)\b": "American spelling",
}
PATTERN = {re.compile(words, re.IGNORECASE | re.MULTILINE): use for words, use in RETIRED.items()}

RETIRED_NAMES = {"found", "known", "asked", "told", "given", "drawn", "twins", "suspects"}
"""A variable is named after what it holds, never after how it came."""
RETIRED_PARTS = {"picture", "pictures", "mend", "mends", "mended", "colour", "colours", "telling"}

OLD_FILES = {
    "detbench/bench/schema_upgrades.py": "words of schema version 1",
    "tests/bench/test_schema_upgrades.py": "words of schema version 1",
    "docs/schema.md": "words of schema version 1",
    "detbench/adapters/onnx/metadata.py": "words of version 1 of a model's metadata",
    "tests/adapters/onnx/test_metadata.py": "words of version 1 of a model's metadata",
    "detbench/data/schema_version.py": "words of version 1 of preprocessing settings",
    "tests/adapters/yolo/test_model.py": "words of older model files",
    "tests/adapters/yolo/test_model_file.py": "words of older model files",
}
"""Files that must name retired words, and why."""

PYTHON = sorted(
    path for room in ("detbench", "tests", "examples") for path in (ROOT / room).rglob("*.py")
)
TEXTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "detbench").rglob("*.html"),
        *(path for path in (ROOT / "detbench").rglob("*.js") if "vendor" not in path.parts),
        *(ROOT / "detbench").rglob("*.toml"),
        ROOT / "action.yml",
    ]
)


def ours(paths):
    return [
        path
        for path in paths
        if path.name != Path(__file__).name and str(path.relative_to(ROOT)) not in OLD_FILES
    ]


def prose_of(path):
    """Return (line, text) of the comments and strings of a Python file."""
    source = path.read_text(encoding="utf-8")
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    return [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type in kinds
    ]


def retired_in(text):
    """Return what is retired in a text as (line in it, words, what to write instead)."""
    return [
        (text.count("\n", 0, match.start()), match.group(), use)
        for pattern, use in PATTERN.items()
        for match in pattern.finditer(text)
    ]


def complaints(path, prose):
    name = path.relative_to(ROOT)
    return [
        f"{name}:{first + line}: {words!r}; write: {use}"
        for first, text in prose
        for line, words, use in retired_in(text)
    ]


@pytest.mark.parametrize("room", ["detbench", "tests", "examples"])
def test_retired_words_are_not_in_comments_and_strings(room):
    paths = [path for path in ours(PYTHON) if path.relative_to(ROOT).parts[0] == room]
    assert [line for path in paths for line in complaints(path, prose_of(path))] == []


def text_of(path):
    """Return the text of a page without the tags and expressions of its template."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", text) if path.suffix == ".html" else text


def test_retired_words_are_not_in_pages_and_docs():
    texts = [(path, [(1, text_of(path))]) for path in ours(TEXTS)]
    assert [line for path, prose in texts for line in complaints(path, prose)] == []


def names_in(tree):
    """Return (line, name) of everything that a module names."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name


@pytest.mark.parametrize("room", ["detbench", "tests", "examples"])
def test_variables_are_named_after_what_they_hold(room):
    retired = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in ours(PYTHON)
        if path.relative_to(ROOT).parts[0] == room
        for line, name in names_in(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_") in RETIRED_NAMES
        or RETIRED_PARTS & set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))
    ]
    assert retired == []


def test_retired_words_are_recognized():
    assert [
        words for _, words, _ in retired_in("They are told apart in 95 % of\nthe pictures.")
    ] == [
        "told apart",
        "5 %",
        "pictures",
    ]
    assert retired_in("The difference is significant in 95% of the images.") == []
