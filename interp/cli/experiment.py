"""The command that runs an experiment of several stages."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from interp.cli.parameters import (
    Figure,
    Json,
    Template,
    check_places,
    say_written,
    write_table,
)
from interp.cli.print_runs import print_json, say
from interp.cli.terminal import show

if TYPE_CHECKING:
    from rich.table import Table as Rows

    from interp.experiments.outcome import Outcome


_SMALL, _LARGE = 0.001, 10.0
_WIDE = 4  # values, which stand side by side

Name = Annotated[str | None, Parameter(help="experiment or .yaml; none lists all")]
Out = Annotated[Path, Parameter(help="folder of the runs; what is there is not done again")]
Base = Annotated[Path | None, Parameter(help="configuration over the experiment's own base")]
Seeds = Annotated[int | None, Parameter(help="another number of seeds")]
Executor = Annotated[str, Parameter(help="auto, serial, processes, cohorts (GPU) or ray")]
Workers = Annotated[int | None, Parameter(help="runs at once; by default one a core")]
Table = Annotated[Path | None, Parameter(help="write every run with its scores, .parquet or .csv")]


def experiment(
    name: Name = None,
    /,
    *,
    out: Out = Path("experiment"),
    base: Base = None,
    seeds: Seeds = None,
    executor: Executor = "auto",
    workers: Workers = None,
    figure: Figure = None,
    template: Template = None,
    table: Table = None,
    json_: Json = False,
) -> None:
    """Run an experiment of stages: train, take away or exchange, train on, read it off."""
    from interp.cli.progress import sweep_progress
    from interp.experiments.plan import find_experiment
    from interp.experiments.run import experiment as run
    from interp.figures.export import save
    from interp.training.sweep.executors.machine import Machine

    if name is None:
        _list_alone(json_, base=base, seeds=seeds, workers=workers, figure=figure, table=table)
        return
    drawn = check_places(figure, template, table)
    asked = find_experiment(name)
    with sweep_progress() as watch:
        found = run(asked, out, base, seeds, Machine(executor, workers), watch)
    if table is not None:
        write_table(found.to_pandas(), table)
    if figure is not None:
        save(found.plot(), figure, template=drawn)
    if json_:
        print_json(found.to_dict())
        return
    _print(found)
    say_written(figure, table)


def _list_alone(json_: bool, **options: object) -> None:
    """The list, which options of a run would not change."""
    given = [f"--{option}" for option, value in options.items() if value is not None]
    if given:
        raise ValueError(f"experiment: expected a name beside {', '.join(given)}, got none")
    _list(json_)


def _list(json_: bool) -> None:
    from rich.table import Table as Rows

    from interp.experiments.plan import experiments

    every = experiments().values()
    if json_:
        print_json({"experiments": [one.model_dump(mode="json") for one in every]})
        return
    table = Rows("name", "of", "what")
    for one in every:
        table.add_row(one.name, one.source.partition(" (")[0], one.title)
    show(table)
    say("interp experiment NAME runs one; what is trained in --out is not trained again")


def _print(found: Outcome) -> None:
    """What was read off, then the mean scores of every stage."""
    from rich.table import Table as Rows

    from interp.experiments.outcome import label

    asked = found.experiment
    say(f"\n{asked.title}\n{asked.claim.strip()}")
    if asked.crossings:
        table = Rows("what", "condition", "mean [seeds]", "between", "how far")
        for one in found.summaries:
            mean = "–" if one.mean is None else f"{one.mean:.3f}"
            each = ", ".join(f"{value:.3f}" for value in one.each)
            words = f"{mean} [{each}]"
            between = f"{one.low:.3g} – {one.high:.3g}"
            table.add_row(one.crossing.says, label(one.condition), words, between, one.words)
        show(table)
    for stage in asked.stages:
        control = " (control)" if stage.control else ""
        say(f"\n{stage.name}{control}: {stage.says}; mean over the seeds (least – greatest)")
        show(_scores(found, stage.name))
    say(found.about)


def _scores(found: Outcome, stage: str) -> Rows:
    """The values of a stage, a row a place; of few places that have many values, a column each."""
    from rich.table import Table as Rows

    from interp.experiments.outcome import label
    from interp.words.options import short_name

    asked = found.experiment
    options, values = asked.options_of(stage), asked.values
    rows = found.spread(stage).to_dict("records")
    if len(values) <= max(len(rows), _WIDE):
        table = Rows(*map(short_name, options), *map(_heading, values))
        for row in rows:
            table.add_row(
                *(str(row[path]) for path in options), *(_range(row, name) for name in values)
            )
        return table
    places = [label({path: row[path] for path in options}) for row in rows]
    table = Rows("", *places)
    for name in values:
        table.add_row(_heading(name), *(_range(row, name) for row in rows))
    return table


def _heading(value: str) -> str:
    """A column's name, of a measure's value without the measure's."""
    return value.partition(".")[2] or value


def _range(row: dict[Hashable, Any], name: str) -> str:
    """``0.113 (0.105 – 0.121)``; the mean alone where all are alike."""
    mean, least, greatest = (float(row[f"{name}{end}"]) for end in ("", "_least", "_greatest"))
    if mean != mean:
        return "–"
    inside = "" if least == greatest else f" ({_digits(least)} – {_digits(greatest)})"
    return f"{_digits(mean)}{inside}"


def _digits(value: float) -> str:
    small = 0 < abs(value) < _SMALL
    return f"{value:.3g}" if small or abs(value) >= _LARGE else f"{value:.3f}"
