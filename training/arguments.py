"""First arguments of public functions: one way to refuse what does not fit."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TypeVar

Kind = TypeVar("Kind")


def of_kind(value: object, kind: type[Kind], what: str) -> Kind:
    """The value itself, if it is of a kind.

    Raises:
        TypeError: saying what was expected, such as "a neuron table", and what came.
    """
    if isinstance(value, kind):
        return value
    raise TypeError(f"expected {what}, got {told(value)}")


def told(value: object) -> str:
    """What something is, in a few words."""
    text = repr(value)
    kind = type(value).__name__
    return f"{kind} {text}" if len(text) <= 40 and "\n" not in text else kind


def several(values: object, kind: type[Kind], what: str) -> list[Kind]:
    """The members of a list or tuple, if all are of a kind.

    Raises:
        TypeError: saying what was expected, and what came.
    """
    if not isinstance(values, list | tuple):
        raise TypeError(f"expected {what}, got {told(values)}")
    return [of_kind(one, kind, what) for one in values]


def as_path(value: Path | str, what: str) -> Path:
    """The path that a text or path names.

    Raises:
        TypeError: saying what was expected, such as "a run folder", and what came.
    """
    if isinstance(value, str | PathLike):
        return Path(value)
    raise TypeError(f"expected {what}, got {told(value)}")
