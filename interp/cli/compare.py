"""The command that compares runs: a table by group of seeds, overlays, a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from interp.cli.parameters import (
    Figure,
    Json,
    Step,
    Template,
    Threshold,
    check_places,
    only_beside,
    say_written,
    threshold_of,
    write_table,
)
from interp.cli.print_runs import print_json, say
from interp.cli.terminal import show

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from interp.analysis.comparison.comparison import Comparison
    from interp.training.runs.checkpoint import Checkpoint
    from interp.training.runs.run import Run

Kind = Literal["ipr", "training", "pruning", "spectrum"]
_WITH_METRIC = ("training", "pruning")

Runs = Annotated[Path, Parameter(help="run folders; those that differ by seed are a group")]
Of = Annotated[
    Kind | None,
    Parameter(help="what the figure lays one over the other; by default the table is drawn"),
]
Metric = Annotated[
    Literal["accuracy", "loss"] | None,
    Parameter(help="of training and pruning curves; accuracy by default"),
]
Each = Annotated[
    bool, Parameter(negative="", help="a line a run, in place of a band a group of seeds")
]
Table = Annotated[Path | None, Parameter(help="write a row a group and quantity, .parquet or .csv")]
Report = Annotated[Path | None, Parameter(help="write tables and all overlays as one .html page")]
Measure = Annotated[
    list[str] | None,
    Parameter(
        name=["--measure", "--measures"],
        consume_multiple=True,
        help="measures to compare besides, by name; interp measure lists them",
    ),
]


def compare(
    *runs: Runs,
    of: Of = None,
    metric: Metric = None,
    each: Each = False,
    figure: Figure = None,
    template: Template = None,
    table: Table = None,
    report: Report = None,
    measure: Measure = None,
    threshold: Threshold = "auto",
    step: Step = None,
    json_: Json = False,
) -> None:
    """Compare runs: what differs, scores and IPR by group of seeds, the difference of two."""
    from interp.analysis.comparison.compare import compare as compared
    from interp.training.runs.files import check_place, together

    look = check_places(figure, template, table)
    _check_drawn((of, metric, each), figure, step)
    if report is not None:
        check_place("report", report, ".html")
    sources = _opened(runs, step)
    result = compared(sources, measure or (), threshold_of(threshold))
    with together():
        if figure is not None:
            from interp import figures

            drawn = result.plot() if of is None else _overlay(of, sources, metric, not each)
            figures.save(drawn, figure, template=look)
        if table is not None:
            write_table(result.to_pandas(), table)
        if report is not None:
            from interp.reporting.compared import write_comparison

            write_comparison(sources, result, report)
    if json_:
        print_json(result.to_dict())
        return
    _print(result)
    say_written(figure, table, report)


def _check_drawn(
    drawn: tuple[Kind | None, str | None, bool], figure: Path | None, step: int | None
) -> None:
    """Refuses options of the figure that would be ignored."""
    of, metric, each = drawn
    if figure is None:
        only_beside("--of", of, "--figure")
    if of is None:
        only_beside("--metric", metric, "--of")
        only_beside("--each", each, "--of")
    if metric is not None and of not in _WITH_METRIC:
        raise ValueError(f"--metric: expected beside --of training or pruning, got --of {of}")
    if step is not None and of == "training":
        raise ValueError(f"--step: expected without --of training, which has all, got {step}")


def _opened(runs: tuple[Path, ...], step: int | None) -> list[Run | Checkpoint]:
    from interp.training.runs.run import load

    opened = [load(path) for path in runs]
    return [*opened] if step is None else [run.checkpoint(step) for run in opened]


def _overlay(of: Kind, sources: list[Any], metric: Any, fold: bool) -> go.Figure:
    from interp import figures

    draw: Any = {
        "ipr": figures.ipr_histogram,
        "training": figures.training_curves,
        "pruning": figures.pruning_curves,
        "spectrum": figures.embedding_spectrum,
    }[of]
    options = {"metric": metric or "accuracy"} if of in _WITH_METRIC else {}
    return draw(sources, fold=fold, **options)


def _print(result: Comparison) -> None:
    """What is shared, what differs, every quantity; then what was read and what it cannot say."""
    from interp.words.compared import difference_rows, group_rows, setting_rows, shared_words

    say(" · ".join(shared_words(result.groups)))
    heads, rows = group_rows(result)
    _show(heads, setting_rows(result.groups), rows)
    say(" · ".join(result.read))
    if result.differences:
        heads, rows = difference_rows(result)
        _show(heads, [], rows)
        say(" · ".join(result.how))
    if result.note:
        say(result.note)


def _show(heads: list[str], first: list[list[str]], rows: list[list[str]]) -> None:
    """A table in two parts."""
    from rich.table import Column, Table

    shown = Table(Column(heads[0], no_wrap=True), *map(Column, heads[1:]))
    for row in first:
        shown.add_row(*row)
    shown.add_section()
    for row in rows:
        shown.add_row(*row)
    show(shown)
