"""Docstrings as text of a page."""

from __future__ import annotations

import inspect
import re
from typing import Any

SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Yields|Example|Examples):$")
ROLE = re.compile(r":(?:\w+):`~?([^`]+)`")


def body(thing: Any) -> str:
    """What a docstring says before its sections, its first line apart."""
    lines = (inspect.getdoc(thing) or "").splitlines()[1:]
    end = next((i for i, line in enumerate(lines) if SECTION.match(line)), len(lines))
    return text("\n".join(lines[:end]).strip())


def arguments(thing: Any) -> dict[str, str]:
    """What a docstring says of each argument, in one line."""
    found: dict[str, str] = {}
    name, inside = "", False
    for line in (inspect.getdoc(thing) or "").splitlines():
        if SECTION.match(line):
            inside = line == "Args:"
        elif inside and (start := re.match(r"^    (\w[\w, ]*): (.*)$", line)):
            name = start[1]
            found[name] = start[2]
        elif inside and name and line.strip():
            found[name] += f" {line.strip()}"
    return {one: text(said) for name, said in found.items() for one in name.split(", ")}


def text(said: str) -> str:
    """A docstring's marks of code as markdown's, and its letters so that markdown leaves them."""
    parts = re.split(r"(``[^`]+``|:\w+:`[^`]+`)", said)
    return "".join(_code(part) if i % 2 else _plain(part) for i, part in enumerate(parts))


def cell(said: str) -> str:
    """Text for a cell of a table."""
    return said.replace("|", "\\|").replace("\n", " ")


def _code(part: str) -> str:
    role = ROLE.fullmatch(part)
    return f"`{role[1]}`" if role else f"`{part.strip('`')}`"


def _plain(part: str) -> str:
    return re.sub(r"([*_<\[\]])", r"\\\1", part)
