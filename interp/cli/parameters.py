"""Parameters that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="print one JSON object only")]
Figure = Annotated[
    Path | None, Parameter(help="write the figure to this .html, .png, .svg or .pdf file")
]
Look = Literal["screen", "paper", "paper-wide"]
Template = Annotated[
    Look | None,
    Parameter(
        help="look of the figure; screen, unless paper: one column, 86 mm, or paper-wide: "
        "two, 178 mm"
    ),
]
Measures = Annotated[
    list[str] | None,
    Parameter(
        consume_multiple=True, help="measures to show besides, by name; interp measure lists them"
    ),
]

Device = Annotated[
    str, Parameter(metavar="auto|cpu|cuda", help="where it trains; auto: a GPU where there is one")
]
Step = Annotated[int | None, Parameter(help="which checkpoint; the newest by default")]
Threshold = Annotated[str, Parameter(help="auto, null, or an IPR between 0 and 1")]
Cut = Annotated[
    str | None,
    Parameter(help="auto, null, or an IPR between 0 and 1; auto unless --count or --share"),
]
Count = Annotated[
    int | None, Parameter(help="in place of a threshold: how many neurons go, of lowest IPR")
]
Share = Annotated[
    float | None, Parameter(help="in place of a threshold: which share of all neurons goes")
]
Draws = Annotated[
    int | None,
    Parameter(
        help="random prunings as control; 50 by default, 20 in reports, 10 for curves that are slow"
    ),
]
Layer = Annotated[int, Parameter(help="which hidden layer, counted from 0")]
RunFolder = Annotated[Path, Parameter(help="run folder")]


def check_places(figure: Path | None, template: str | None, table: Path | None = None) -> Look:
    """Refuses names before any work is done, so that nothing is half written.

    Returns:
        The look of the figure.
    """
    from interp.training.runs.files import check_place

    look: Any = template or "screen"
    if figure is not None:
        from interp.figures.export import check_figure

        check_figure(figure, look)
    else:
        only_beside("--template", template, "--figure")
    if table is not None:
        check_place("table", table, ".parquet", ".csv")
    return cast(Look, look)


def only_beside(option: str, given: object, other: str) -> None:
    """Refuses an option that would be ignored, because another one was not given.

    Raises:
        ValueError: naming both.
    """
    if given is not None and given is not False:
        got = option if given is True else f"{option} {given}"
        raise ValueError(f"{option}: expected beside {other}, got {got} alone")


def check_one(**options: object) -> None:
    """Refuses options that each say the same thing in another way, if several are given.

    Args:
        options: by name, None where it is not given.

    Raises:
        ValueError: naming all, and what came.
    """
    given = [f"--{name} {value}" for name, value in options.items() if value is not None]
    if len(given) > 1:
        names = [f"--{name}" for name in options]
        known = f"{', '.join(names[:-1])} and {names[-1]}"
        raise ValueError(f"expected one of {known}, got {' and '.join(given)}")


def write_table(frame: Any, path: Path) -> None:
    """Writes a DataFrame as .parquet or .csv, whole or not at all."""
    import io

    from interp.training.runs.files import write_bytes

    if path.suffix.lower() == ".csv":
        write_bytes(path, frame.to_csv().encode())
        return
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    write_bytes(path, buffer.getvalue())


def threshold_of(text: str) -> Any:
    """A rule's name, or the number that the text is."""
    if text in ("auto", "null"):
        return text
    try:
        return float(text)
    except ValueError:
        return text  # the classifier says what it expected


def say_written(*paths: Path | None) -> None:
    """Tells which files were written."""
    from interp.cli.print_runs import say

    for path in paths:
        if path is not None:
            say(f"written: {path}")
