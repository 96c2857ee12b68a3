"""Any measure of a checkpoint over the checkpoints of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interp.analysis.caption import place
from interp.analysis.measure import Measure
from interp.analysis.measures import MEASURES
from interp.training.arguments import as_function, listed, whole
from interp.training.display import Result, Values, plain
from interp.training.runs.run import Run
from interp.training.runs.subject import as_run

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class History(Result):
    """The values of a measure at the checkpoints of a run.

    Attributes:
        measure: its name, with the options that are not the default.
        steps: of the checkpoints, ascending.
        rows: values by name at each step; empty where it is not defined.
        problems: why it is not defined at a step.
        caption: measure, run, seed.
        main: the values that lead where not all have room.
    """

    measure: str
    steps: tuple[int, ...]
    rows: tuple[Values, ...]
    problems: dict[int, str]
    caption: str
    main: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all values, those that lead first."""
        known = dict.fromkeys(name for row in self.rows for name in row)
        return tuple(dict.fromkeys([*(one for one in self.main if one in known), *known]))

    def values(self) -> Values:
        """The values at the last step."""
        return self.rows[-1] if self.rows else {}

    def to_pandas(self) -> pd.DataFrame:
        """A row a step, a column a value."""
        import pandas as pd

        index = pd.Index(self.steps, name="step")
        return pd.DataFrame([dict(row) for row in self.rows], index=index)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: a row of values a step, and why some steps have none."""
        rows = [{name: plain(value) for name, value in row.items()} for row in self.rows]
        return {
            "caption": self.caption,
            "measure": self.measure,
            "steps": list(self.steps),
            "rows": rows,
            "problems": {str(step): reason for step, reason in self.problems.items()},
        }


def history(
    run: Run | Path | str,
    name: str | Measure,
    steps: Iterable[int] | None = None,
    watch: Callable[[int], None] | None = None,
    **options: Any,
) -> History:
    """A measure of a checkpoint at every checkpoint of a run; each is read once.

    Args:
        run: a run or its folder.
        name: of the measure, or the measure itself.
        steps: of the checkpoints; all by default.
        watch: called with each step that is done.
        options: of the measure.

    Raises:
        ValueError: if there is no such measure, checkpoint or option, or the measure reads a
            whole run.
    """
    found: Measure = name if isinstance(name, Measure) else MEASURES[name]
    as_function(watch, "watch")
    if found.reads != "checkpoint":
        raise ValueError(f"history: measure {found.name} reads a whole {found.reads} already")
    source, label = as_run(run), found.label(options)
    wanted = tuple(source.steps if steps is None else _steps(steps))
    rows: list[Values] = []
    problems: dict[int, str] = {}
    main: tuple[str, ...] = ()
    for step in wanted:
        checkpoint = source.checkpoint(step)
        try:
            result = found.of(checkpoint, options)
            rows.append(result.values())
            main = result.leading()
        except ValueError as error:  # such as a cut between classes that are not there yet
            rows.append({})
            problems[step] = str(error)
        if watch is not None:
            watch(step)
    if len(problems) == len(wanted):
        first = next(iter(problems.values()), f"{source.path or 'run'}: no checkpoint yet")
        raise ValueError(first)
    caption = place(source.seed, None, label, source.name)
    return History(label, wanted, tuple(rows), problems, caption, main)


def _steps(steps: Iterable[int]) -> list[int]:
    found = sorted({whole(step, "steps") for step in listed(steps, "steps")})
    if not found:
        raise ValueError("steps: expected at least one checkpoint's, got none")
    return found
