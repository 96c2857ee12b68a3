"""Arguments of public functions: one way to refuse what does not fit."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

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
    kind, text = type(value).__name__, _written(value)
    return f"{kind} {text}" if _fits(text, 40) else kind


def shown(value: object) -> str:
    """A value as code writes it, in one line; of one that is long what kind of thing it is."""
    text = _written(value)
    if isinstance(value, str | Integral) and len(text) > _LONGEST:
        return f"{text[:_LONGEST]}…"
    return text if _fits(text, _LONGEST) else f"a {type(value).__name__}"


_LONGEST = 200  # characters of a value in a message


def _written(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # of somebody's own class
        return f"a {type(value).__name__}"


def _fits(text: str, most: int) -> bool:
    return len(text) <= most and "\n" not in text


def some(value: object, kind: type[Kind], what: str) -> Kind | None:
    """As :func:`of_kind`; None stays None."""
    return None if value is None else of_kind(value, kind, what)


def as_text(value: object, what: str) -> str:
    """A text, such as a name; which it is, is the caller's.

    Raises:
        TypeError: saying what was expected and what came.
    """
    return of_kind(value, str, f"{what} as text")


def truth(value: object, what: str) -> bool:
    """True or False, of Python or numpy; no other value stands for one.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ValueError(f"{what}: expected True or False, got {shown(value)}")


def as_function(value: Any, what: str) -> Any:
    """Something that can be called, or None.

    Raises:
        TypeError: saying what was expected and what came.
    """
    if value is None or callable(value):
        return value
    raise TypeError(f"expected {what} as a function, got {told(value)}")


def detached(value: Any) -> Any:
    """A tensor as an array, wherever it lies; anything else as it is."""
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def as_given(values: Any) -> np.ndarray:
    """What somebody gave as an array; of no axis where the rows have several lengths."""
    try:
        return np.asarray(detached(values))
    except ValueError:
        return np.asarray(None)


def listed(values: object, what: str) -> list[Any]:
    """The members of a list, a tuple, a range, a set or an array of one axis.

    Raises:
        TypeError: saying what was expected and what came.
    """
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return list(values)
    if isinstance(values, list | tuple | range | set | frozenset):
        return list(values)
    raise TypeError(f"expected {what} as a list, got {told(values)}")


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


def whole(value: Any, what: str, least: int = 0, most: float = math.inf) -> int:
    """A whole number from ``least`` on, of Python or numpy; True is none, and neither is 3.0.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if is_whole(value) and least <= value <= most:
        return int(value)
    if is_whole(value) and value > most:
        raise ValueError(f"{what}: expected at most {most}, got {value}")
    raise ValueError(f"{what}: expected a whole number of at least {least}, got {shown(value)}")


def some_whole(value: Any, what: str, least: int = 0, most: float = math.inf) -> int | None:
    """As :func:`whole`; None stays None."""
    return None if value is None else whole(value, what, least, most)


MOST_DRAWS = 10**7  # of a control or a null: beyond, the next digit takes days


def number(value: Any, what: str) -> float:
    """A finite number, of Python or numpy; True is none.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if is_number(value) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{what}: expected a finite number, got {shown(value)}")


def share(value: Any, what: str) -> float:
    """A number between 0 and 1; True is none.

    Raises:
        ValueError: saying what was expected and what came.
    """
    if is_number(value) and 0 <= value <= 1:
        return float(value)
    raise ValueError(f"{what}: expected a number between 0 and 1, got {shown(value)}")


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
    asked = got if isinstance(got, str) else ""
    near = difflib.get_close_matches(asked.casefold(), folded, n=1, cutoff=0.6)
    hint = f"; nearest is {folded[near[0]]}" if near and folded[near[0]] != got else ""
    return f"expected {listed}, got {shown(got)}{hint}"
