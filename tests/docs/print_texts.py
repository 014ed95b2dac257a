"""Print what the product says, to be read in one go: the help of every command, or all messages.

python tests/docs/print_texts.py help
python tests/docs/print_texts.py messages
"""

import ast
import contextlib
import sys
from pathlib import Path
from typing import Any

import typer

PACKAGE = Path(__file__).parents[2] / "detbench"
MESSAGES = ("Error", "Warning", "warn", "say", "fail", "note")
"""Ends of the names of functions and classes whose text arguments a user reads."""


def print_help() -> None:
    """Print the help of every command as a terminal shows it."""
    from detbench import cli

    cli.load_commands()

    def visit(command: Any, *path: str) -> None:
        print(f"\n===== {' '.join(path)} =====", flush=True)
        with contextlib.suppress(SystemExit):
            cli.app([*path[1:], "--help"])
        for name, child in getattr(command, "commands", {}).items():
            visit(child, *path, name)

    visit(typer.main.get_command(cli.app), "detbench")


def text_of(node: ast.expr) -> str:
    """Return a text as it is written, with the values of an f-string as {expression}."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(text_of(part) for part in parts)
        case ast.FormattedValue(value=value):
            return "{" + ast.unparse(value) + "}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return text_of(left) + text_of(right)
        case ast.IfExp(body=body, orelse=other):
            return f"[{text_of(body)} | {text_of(other)}]"
    return ""


def called(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def print_messages() -> None:
    """Print all texts of errors and warnings by file and line."""
    for path in sorted(PACKAGE.rglob("*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and called(node.func).endswith(MESSAGES)
        ]
        texts = [
            (call.lineno, text)
            for call in calls
            for text in (text_of(argument) for argument in call.args)
            if " " in text
        ]
        if texts:
            print(f"\n===== {path.relative_to(PACKAGE.parent)} =====")
        for line, text in sorted(texts):
            print(f"{line:4}  {text}")


if __name__ == "__main__":
    {"help": print_help, "messages": print_messages}[sys.argv[1]]()
