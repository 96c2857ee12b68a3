"""The command that shows a run pair by pair: labels, answers, margins, since when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from interp.cli.parameters import (
    Figure,
    Json,
    Layer,
    RunFolder,
    Step,
    Template,
    check_places,
    say_written,
    write_table,
)
from interp.cli.print_runs import print_json, print_origin, print_values, say
from interp.cli.terminal import show

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 20
# Those that 80 columns of a terminal have room for.
_COLUMNS = ("x", "y", "true", "given", "answered", "split", "margin", "learned", "pruned")

Wrong = Annotated[
    bool, Parameter(negative="", help="only training pairs whose given label is wrong")
]
Memorized = Annotated[
    bool, Parameter(negative="", help="only wrong pairs that are answered as given")
]
Flagged = Annotated[
    bool,
    Parameter(negative="", help="only training pairs that the pruned network answers otherwise"),
]


def pairs(
    run: RunFolder,
    /,
    *,
    step: Step = None,
    layer: Layer = 0,
    wrong: Wrong = False,
    memorized: Memorized = False,
    flagged: Flagged = False,
    table: Annotated[
        Path | None, Parameter(help="write these pairs, all columns, .parquet or .csv")
    ] = None,
    figure: Figure = None,
    template: Template = None,
    json_: Json = False,
) -> None:
    """Show every pair: labels, answer, margin, since when; without memorizing neurons."""
    from interp.analysis.memorization.pair_table import pair_table
    from interp.training.runs.files import together
    from interp.training.runs.run import load

    look = check_places(figure, template, table)
    asked = {"wrong": wrong, "memorized": memorized, "flagged": flagged}
    wanted = {name: True for name, given in asked.items() if given}
    found = pair_table(source := load(run), step, layer=layer)
    rows = found.where(**wanted)
    with together():
        if figure is not None:
            from interp import figures

            figures.save(found.plot(), figure, template=look)
        if table is not None:
            write_table(rows, table)
    if json_:
        told = {"run": str(run), "only": list(wanted), "matching": len(rows)}
        print_json({**told, **found.to_dict(), "rows": _plain(rows[:_ROWS])})
        return
    print_origin(source)
    print_values(source.name, found)
    _print_rows(rows, " and ".join(wanted))
    say_written(figure, table)


def _print_rows(rows: pd.DataFrame, only: str) -> None:
    """The first pairs of those that were asked for."""
    from rich.table import Column, Table

    heads = (Column(name, overflow="fold") for name in _COLUMNS)
    shown = Table(*heads, title=f"{len(rows)} pairs{f', {only}' if only else ''}")
    shown.title_justify = "left"
    for row in _plain(rows[:_ROWS]):
        shown.add_row(*(_cell(row[name]) for name in _COLUMNS))
    show(shown)
    if len(rows) > _ROWS:
        say(f"the first {_ROWS} of {len(rows)} pairs; --table writes all, with all columns")


def _plain(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain data: None for what is not known, ``never`` for an infinite step."""
    from interp.training.display import plain

    whole = rows.astype(object).where(rows.notna(), None)
    found: list[dict[str, Any]] = [
        {str(k): plain(v) for k, v in row.items()} for row in whole.to_dict("records")
    ]
    for row in found:
        if isinstance(row["learned"], float):
            row["learned"] = int(row["learned"])  # a column with "never" holds no whole numbers
    return found


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return "–" if value is None else str(value)
