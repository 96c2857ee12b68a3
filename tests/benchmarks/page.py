"""The results as a page of markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from tests.benchmarks.row import Row
from tests.benchmarks.tables import Table
from tests.benchmarks.timing import REST, Spread


def page(about: Mapping[str, str], found: Sequence[Row], tables: Sequence[Table]) -> str:
    """Environment, rows and tables in markdown."""
    lines = [
        f"# Benchmark on the {'GPU' if 'gpu' in about else 'CPU'}",
        "",
        " · ".join(f"{name} {value}" for name, value in about.items()),
        "",
        "Modulus 97, 500 neurons, α 0.5, ξ 0.35, float32, unless a line says otherwise. Sides take "
        f"turns, each after {1e3 * REST:g} ms of rest; medians over the rounds, range in "
        "brackets; the ratio is the median of the ratios within rounds. Both sides are checked to "
        "compute the same before they are timed: weights after 5 training steps agree to 1e-5 in "
        "float32 (two layers) or to 1e-10 in float64.",
        "",
        "| what | ours | other side | ratio | target | met |",
        "|---|---|---|---|---|---|",
        *(_line(row) for row in found),
    ]
    for table in tables:
        lines += ["", f"## {table.title}", "", *_table(table)]
    return "\n".join(lines) + "\n"


def as_json(about: Mapping[str, str], found: Sequence[Row], tables: Sequence[Table]) -> str:
    """The same, with every number."""
    rows = [{**asdict(row), "met": row.met} for row in found]
    values = {"environment": about, "rows": rows, "tables": [asdict(table) for table in tables]}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _table(table: Table) -> list[str]:
    cells = [[_cell(value) for value in line] for line in table.lines]
    rows = [table.columns, ["---"] * len(table.columns), *cells]
    return ["| " + " | ".join(row) + " |" for row in rows]


def _cell(value: float | Spread) -> str:
    return _spread(value) if isinstance(value, Spread) else str(value)


def _line(row: Row) -> str:
    other = "" if row.other is None else f"{row.other_name}: {_spread(row.other, row.unit)}"
    ratio = "" if row.ratio is None else _ratio(row.ratio)
    met = {None: "", True: "yes", False: "no"}[row.met]
    cells = (row.what, _spread(row.ours, row.unit), other, ratio, row.target, met)
    return "| " + " | ".join(cells) + " |"


def _spread(spread: Spread, unit: str = "") -> str:
    median = f"{_number(spread.median)} {unit}".rstrip()
    return f"{median} ({_number(spread.low)}–{_number(spread.high)})"


def _number(value: float) -> str:
    """Three digits, and no exponent for thousands."""
    return f"{value:.0f}" if 1000 <= value < 1e6 else f"{value:.3g}"


def _ratio(spread: Spread) -> str:
    if spread.median < 0.1:
        return f"1/{1 / spread.median:.0f} (1/{1 / spread.low:.0f}–1/{1 / spread.high:.0f})"
    return f"{spread.median:.2f} ({spread.low:.2f}–{spread.high:.2f})"
