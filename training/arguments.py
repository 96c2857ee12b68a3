"""Arguments of public functions: one way to refuse what does not fit."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

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


def is_whole(value: object) -> bool:
    """Whether it is a whole number of Python or numpy; True is none, and neither is 3.0."""
    return isinstance(value, Integral) and not _truth(value)


def is_number(value: object) -> bool:
    """Whether it is a real number of Python or numpy; True is none."""
    return isinstance(value, Real) and not _truth(value)


def _truth(value: object) -> bool:
    return isinstance(value, bool)


def whole(value: Any, what: str, least: int = 0) -> int:
    """A whole number from ``least`` on, of Python or numpy; True is none, and neither is 3.0.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if is_whole(value) and value >= least:
        return int(value)
    raise ValueError(f"{what}: expected a whole number of at least {least}, got {value!r}")


def some_whole(value: Any, what: str, least: int = 0) -> int | None:
    """As :func:`whole`; None stays None."""
    return None if value is None else whole(value, what, least)


def number(value: Any, what: str) -> float:
    """A finite number, of Python or numpy; True is none.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if is_number(value) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{what}: expected a finite number, got {value!r}")


def share(value: Any, what: str) -> float:
    """A number between 0 and 1; True is none.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if is_number(value) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{what}: expected a number between 0 and 1, got {value!r}")


def word(value: object, words: Iterable[str], what: str) -> str:
    """One of some words, written as they are.

    Raises:
        ValueError: saying which there are, what came and which of them is nearest.
    """
    known = list(words)
    if isinstance(value, str) and value in known:
        return value
    raise ValueError(f"{what}: {expected_words(known, value)}")


def expected_words(words: Sequence[str], got: object) -> str:
    """What to say of something that is none of some words: these, and the nearest."""
    listed = " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    folded = {name.casefold(): name for name in reversed(words)}
    near = difflib.get_close_matches(str(got).casefold(), folded, n=1, cutoff=0.6)
    hint = f"; nearest is {folded[near[0]]}" if near and folded[near[0]] != got else ""
    return f"expected {listed}, got {got!r}{hint}"
