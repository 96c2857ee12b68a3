"""The command that lists measures and runs one; its options are those of the measure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError

from interp.cli.parameters import (
    Figure,
    Json,
    Step,
    Template,
    check_places,
    say_written,
    write_table,
)
from interp.cli.print_runs import print_json, print_values, say
from interp.cli.progress import step_progress
from interp.cli.refusals import converted, told
from interp.cli.terminal import show

if TYPE_CHECKING:
    from interp.analysis.measure import Measure
    from interp.training.display import Result

measure_app = App(
    name="measure",
    help="List the measures, or run one: interp measure NAME RUN, with the measure's own options.",
    help_flags=[],
    version_flags=[],
)
_HELP = ("--help", "-h")
_COMMON: Sequence[tuple[str, Any, Any]] = (
    ("table", Annotated[Path | None, Parameter(help="write the table, .parquet or .csv")], None),
    ("figure", Figure, None),
    ("template", Template, None),
    ("json_", Json, False),
)
_HISTORY = Annotated[bool, Parameter(negative="", help="at every checkpoint instead of one")]
_PLACE = {
    "checkpoint": "run folder",
    "run": "run folder",
    "sweep": "folder of a sweep, or an fsspec URL",
}


@measure_app.default
def measure(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
) -> None:
    """List the measures, or run one."""
    if not tokens or tokens[0] in (*_HELP, "--json"):
        _list(tokens)
        return
    from interp.analysis.measures import MEASURES

    name, *rest = tokens
    found = MEASURES[name]
    app = App(
        name=f"interp measure {name}",
        help_format="markdown",
        version_flags=[],
        default_parameter=Parameter(converter=converted),
    )
    app.default(_command_of(found))
    try:
        app(rest, exit_on_error=False, print_error=False, result_action="return_none")
    except CycloptsError as error:
        error.command_chain = ["measure", name]
        words = told(error)
        if isinstance(error, UnknownOptionError):
            own = ", ".join(f"--{option.replace('_', '-')}" for option in found.options) or "none"
            words += f"; its own options: {own}"
        raise ValueError(words) from None


def _list(tokens: Sequence[str]) -> None:
    from interp.analysis.measures import MEASURES
    from interp.training.registry import load_plugins

    if tokens and tokens[0] in _HELP:
        say("Usage: interp measure [NAME RUN [OPTIONS]]    --json")
        say("Without a name: every measure, what it reads and where it comes from.")
        say("interp measure NAME --help tells the options of one; --json prints one JSON object.")
        return
    rows = []
    for name in MEASURES:
        try:
            rows.append(MEASURES[name])
        except ValueError as error:  # a plug-in that cannot be imported; the others can
            say(f"left out: {error}")
    problems = {**load_plugins(), **MEASURES.problems}
    if "--json" in tokens:
        print_json({"measures": [_told(one) for one in rows], "problems": problems})
        return
    from rich.table import Table

    table = Table("measure", "reads", "what", "source")
    for one in rows:
        table.add_row(one.name, one.reads, one.title, one.source)
    show(table)
    for name, reason in problems.items():
        say(f"left out: {name}: {reason}")
    say("interp measure NAME RUN runs one; interp measure NAME --help tells its options")


def _told(one: Measure) -> dict[str, Any]:
    options = {name: _plain(option.default) for name, option in one.options.items()}
    told = {"name": one.name, "reads": one.reads, "what": one.title, "source": one.source}
    return {**told, "options": options}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def _command_of(found: Measure) -> Callable[..., None]:
    """A function with the measure's options as parameters, for the command line to read."""
    place: Any = Annotated[
        str if found.reads == "sweep" else Path, Parameter(help=_PLACE[found.reads])
    ]
    keyword: list[tuple[str, Any, Any]] = [
        (name, Annotated[option.kind, Parameter(help=_help(found, name))], option.default)
        for name, option in found.options.items()
    ]
    if found.reads == "checkpoint":
        keyword += [("step", Step, None), ("history", _HISTORY, False)]
    keyword += _COMMON

    defaults = {name: default for name, _, default in keyword}

    def call(run: Any, /, **given: Any) -> None:
        whole = {**defaults, **given}  # the parser hands on what was typed only
        for name, option in found.options.items():
            whole[name] = as_typed(whole[name], option.kind)
        common = {name: whole.pop(name) for name, _, _ in _COMMON}
        _run(found, run, whole, common)

    parameters = [inspect.Parameter("run", inspect.Parameter.POSITIONAL_ONLY, annotation=place)]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, kind, default in keyword
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {one.name: one.annotation for one in parameters}
    call.__doc__ = f"{found.title}\n\n{found.source}"
    return call


def as_typed(value: Any, kind: Any) -> Any:
    """Text that was typed as the number that it is, where an option takes text or numbers."""
    kinds = {float, str}
    if not isinstance(value, str) or not kinds <= set(get_args(kind)):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _help(found: Measure, option: str) -> str:
    from docstring_parser import parse

    told = {
        one.arg_name: one.description for one in parse(inspect.getdoc(found.compute) or "").params
    }
    return " ".join((told.get(option) or "").split())


def _run(found: Measure, place: Any, given: dict[str, Any], common: dict[str, Any]) -> None:
    from interp.training.runs.files import together

    look = check_places(common["figure"], common["template"], common["table"])
    step, over_steps = given.pop("step", None), given.pop("history", False)
    if over_steps and step is not None:
        raise ValueError(f"--step: expected without --history, which takes all of them, got {step}")
    result, about = _result(found, place, step, over_steps, given)
    with together():
        if common["figure"] is not None:
            from interp import figures

            figures.save(result.plot(), common["figure"], template=look)
        if common["table"] is not None:
            write_table(result.to_pandas(), common["table"])
    if common["json_"]:
        print_json({**about, **result.to_dict()})
        return
    print_values(found.label(given), result)
    say_written(common["figure"], common["table"])


def _result(
    found: Measure, place: Any, step: int | None, over_steps: bool, options: dict[str, Any]
) -> tuple[Result, dict[str, Any]]:
    """The result, and where it comes from as plain data."""
    kind = "sweep" if found.reads == "sweep" else "run"
    about: dict[str, Any] = {"measure": found.label(options), kind: str(place)}
    if found.reads == "sweep":
        from interp.analysis.sweeps.sweep import read

        return found(read(place), **options), about
    if over_steps:
        from interp.analysis.trajectory.history import history
        from interp.training.runs.run import load

        run = load(place)
        with step_progress(len(run.steps)) as watch:
            return history(run, found, watch=watch, **options), about
    if found.reads == "run":
        return found(place, **options), about
    subject = found.subject(place, step)
    about = {"measure": about["measure"], "run": str(place), "step": subject.step}
    return found.of(subject, options), {**about, "seed": subject.seed}
