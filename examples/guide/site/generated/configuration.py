"""A page of every field of a configuration, made of the classes that check it."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from generated import words
from interp.training.config.fields import fields_of, kinds_of
from interp.training.config.run_config import RunConfig

PLACE = "reference/configuration.md"
HEAD = Path(__file__).parents[1] / "configuration.md"
BOUNDS = {Ge: ("ge", "≥"), Gt: ("gt", ">"), Le: ("le", "≤"), Lt: ("lt", "<")}


def pages() -> dict[str, str]:
    """The one page."""
    kinds = kinds_of(RunConfig)
    lines = [HEAD.read_text("utf-8"), "## The run", "", words.text(_doc(RunConfig)), ""]
    section = ""
    told = sorted(fields_of(RunConfig), key=lambda field: "." in field[0])  # the run's own first
    for path, says, default in told:
        top = path.partition(".")[0] if "." in path else ""
        if top != section:
            section = top
            lines += [f"## {top}", "", words.text(_doc(_info(top).annotation)), ""]
        kind = f'<span class="kind">{escape(kinds[path])}{_bounds(_info(path))}</span>'
        lines += [f'<span id="{path}">`{path}`</span> {kind}', f":   {_said(says, default)}", ""]
    return {PLACE: "\n".join(lines)}


def _info(path: str) -> Any:
    top, _, name = path.partition(".")
    found = RunConfig.model_fields[top]
    return found.annotation.model_fields[name] if name else found


def _doc(kind: type[BaseModel]) -> str:
    """What a class says of itself, or the class that it is made of."""
    own = kind.__doc__ or next(c.__doc__ for c in kind.__mro__ if c.__doc__)
    return " ".join(own.split("\n\n    Attributes")[0].split())


def _bounds(info: Any) -> str:
    found = [
        f"{sign} {getattr(mark, name)}"
        for mark in info.metadata
        for kind, (name, sign) in BOUNDS.items()
        if isinstance(mark, kind)
    ]
    return escape(f", {', '.join(found)}") if found else ""


def _said(says: str, default: Any) -> str:
    none = default is None or default is PydanticUndefined or default == ()
    value = (
        "none" if none else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    )
    return f"{words.text(says)}. Default: {value}."
