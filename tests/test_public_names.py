"""The public face: `dir(detbench)`, lazy imports, and the two tables that must agree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import detbench


def typed_names() -> dict[str, str]:
    """Return name → module of the imports that only type checkers see."""
    tree = ast.parse(Path(detbench.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname: node.module for node in imports for alias in node.names}


def test_dir_lists_every_public_name() -> None:
    assert dir(detbench) == sorted([*detbench._HOMES, "__version__"])
    assert {"GroundTruth", "Detections", "evaluate", "load_ground_truth"} <= set(dir(detbench))


def test_every_listed_name_can_be_imported() -> None:
    for name in dir(detbench):
        assert getattr(detbench, name) is not None


def test_type_checkers_see_the_same_names() -> None:
    assert typed_names() == detbench._HOMES
    assert set(detbench.__all__) == set(detbench._HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'detbench' has no attribute 'nothing'"):
        _ = detbench.nothing


def test_importing_the_package_imports_nothing_else() -> None:
    program = "import sys, detbench; dir(detbench); print(*sorted(sys.modules))"
    loaded = subprocess.check_output([sys.executable, "-c", program], text=True).split()
    assert [name for name in loaded if name.startswith("detbench")] == ["detbench"]
    assert "numpy" not in loaded
