"""What a reader looks at, as the query of an address: a link opens the same view."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

from interp.training.untrusted import parse_json

MOST_RUNS = 6  # side by side


@dataclass(frozen=True)
class RunView:
    """A run that is open, and where its sliders stand; None where the default is meant.

    Attributes:
        name: path below the explored folder.
        step: of the checkpoint.
        threshold: an IPR.
        neuron: its index.
    """

    name: str
    step: int | None = None
    threshold: float | None = None
    neuron: int | None = None


@dataclass(frozen=True)
class View:
    """Everything that the address holds.

    Attributes:
        runs: the open runs, side by side.
        sweep: name of the sweep whose diagram is shown.
        x, y, panel: its axes.
        cell: values of panel, x and y of the chosen cell.
        filter: of the table, as the table gives it.
    """

    runs: tuple[RunView, ...] = ()
    sweep: str | None = None
    x: str | None = None
    y: str | None = None
    panel: str | None = None
    cell: tuple[Any, ...] | None = None
    filter: dict[str, Any] = field(default_factory=dict)


def from_query(query: str | None) -> tuple[View, list[str]]:
    """The view of a query string, and what in it could not be read, in words.

    ``step``, ``threshold`` and ``neuron`` belong to the run that stands before them.
    """
    problems: list[str] = []
    plain: dict[str, Any] = {}
    runs: list[dict[str, Any]] = []
    for name, text in parse_qsl((query or "").removeprefix("?")):
        if name == "run":
            runs.append({"name": text})
        elif name in ("sweep", "x", "y", "panel"):
            plain[name] = text
        elif name in ("cell", "filter"):
            _put(plain, name, _plain_data(name, text), text, problems)
        elif name in ("step", "threshold", "neuron") and runs:
            _put(runs[-1], name, _number(name, text), text, problems)
        else:
            problems.append(f"{name}={text!r} in the address means nothing here")
    if len(runs) > MOST_RUNS:
        problems.append(f"expected at most {MOST_RUNS} runs side by side, got {len(runs)}")
    return View(runs=tuple(RunView(**run) for run in runs[:MOST_RUNS]), **plain), problems


def _put(into: dict[str, Any], name: str, value: Any, text: str, problems: list[str]) -> None:
    if value is None:
        problems.append(f"{name}: {text!r} in the address is not as expected")
    else:
        into[name] = value


def _number(name: str, text: str) -> int | float | None:
    try:
        value = float(text) if name == "threshold" else int(text)
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None


def _plain_data(name: str, text: str) -> Any:
    try:
        value = parse_json(text)
    except ValueError:
        return None
    if name == "filter":
        return value if isinstance(value, dict) else None
    return tuple(value) if isinstance(value, list) and len(value) == 3 else None
