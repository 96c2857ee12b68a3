"""The results as a page of markdown and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.benchmarks.gpu.item import Place, Row

_LETTERS = {
    "coexistence": "C",
    "memorization": "M",
    "partial inversion": "P",
    "full inversion": "F",
    "forgetting": "f",
}


def page(about: Mapping[str, str], place: Place, rows: Sequence[Row]) -> str:
    """All rows, by part, and the diagram."""
    counts = Counter(row.status for row in rows)
    lines = [
        f"# {title(about, place)}",
        "",
        " · ".join(f"{name} {value}" for name, value in about.items()),
        "",
        ", ".join(f"{count} {status}" for status, count in counts.items()),
    ]
    for part in dict.fromkeys(row.part for row in rows):
        lines += ["", f"## {part}", "", "| what | | values | note | s |", "|---|---|---|---|---|"]
        lines += [_line(row) for row in rows if row.part == part]
    for row in rows:
        if row.values.get("cells"):
            lines += _diagram(row.values["cells"])
    return "\n".join(lines) + "\n"


def title(about: Mapping[str, str], place: Place) -> str:
    """What was measured; a toy or a processor is no measurement of a card."""
    where = about.get("gpu", "a processor: says nothing of a card")
    size = "toy sizes, which are no measurement" if place.toy else "one card, one command"
    return f"{where} ({size})"


def as_json(about: Mapping[str, str], place: Place, rows: Sequence[Row]) -> str:
    """The same, with every number."""
    values = {
        "title": title(about, place),
        "device": place.device,
        "toy": place.toy,
        "environment": dict(about),
        "rows": [asdict(row) for row in rows],
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _line(row: Row) -> str:
    values = (f"{n} {_shown(v)}" for n, v in row.values.items() if n != "cells" and v is not None)
    cells = (row.what, row.status, "; ".join(values), row.note, f"{row.seconds:.1f}")
    return "| " + " | ".join(cell.replace("|", "∣") for cell in cells) + " |"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items())
    return str(value)


def _diagram(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """A letter a run: α to the right, ξ upwards, a picture a weight decay."""
    names = dict.fromkeys(cell["phase"] for cell in cells)
    letters = {name: _LETTERS.get(name, "?") for name in names}
    lines = ["", "α to the right, ξ upwards; " + ", ".join(f"{v} {k}" for k, v in letters.items())]
    for decay in sorted({cell["weight_decay"] for cell in cells}):
        own = {
            (cell["corruption"], cell["fraction"]): letters[cell["phase"]]
            for cell in cells
            if cell["weight_decay"] == decay
        }
        alphas = sorted({alpha for _, alpha in own})
        lines += ["", f"weight decay {decay:g}, α {alphas[0]:g} to {alphas[-1]:g}", "", "```"]
        for xi in sorted({xi for xi, _ in own}, reverse=True):
            lines.append(f"ξ {xi:<5g} " + " ".join(own.get((xi, a), " ") for a in alphas))
        lines.append("```")
    return lines
