"""What comes first: when each signal of a run has made half of its way, beside when it grokked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.phases.events import Interval, check_level
from interp.analysis.phases.grok import grok_steps
from interp.analysis.trajectory.history import History, history
from interp.analysis.trajectory.recorded import history_of_records
from interp.analysis.trajectory.signals import WORDS
from interp.training.display import Result
from interp.training.runs.records import Record, read_records
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

ANCHOR = "test_accuracy"
CONTROLS = (ANCHOR, "synergy_random")
_LEAST = 4  # points: of fewer no half of a way can be told


@dataclass(frozen=True)
class Onset:
    """When a signal has made half of its way.

    Attributes:
        steps, values: the points at which it is known.
        interval: the first point at which it is half of its greatest change or more from its first
            value, and the one before; None if it never changes.
        change: its greatest change, with its sign.
    """

    steps: Int[np.ndarray, " point"]
    values: Float[np.ndarray, " point"]
    interval: Interval | None
    change: float

    @property
    def by(self) -> int | None:
        """End of the interval."""
        return None if self.interval is None else self.interval.by

    @property
    def share(self) -> Float[np.ndarray, " point"]:
        """Of the greatest change, at each point: from 0 to 1, or below where it turns back."""
        away: np.ndarray = self.values - self.values[0]
        return away / self.change if self.change else away


@dataclass(frozen=True, repr=False)
class Onsets(Result):
    """Onsets of the signals of a run, by their names.

    Attributes:
        onsets: see :data:`interp.analysis.trajectory.signals.WORDS`.
        grok: between which evaluations the test accuracy reached the level; None if never.
        level: of the test accuracy.
        caption: points, level, seed.
        name: of the run.
    """

    onsets: Mapping[str, Onset]
    grok: Interval | None
    level: float
    caption: str
    name: str

    MAIN: ClassVar[tuple[str, ...]] = ("grok_by", "held_out_lead", "ipr_lead", "test_accuracy_lead")
    COLUMNS: ClassVar[tuple[str, ...]] = ("what", "after", "by", "lead", "change")

    @property
    def note(self) -> str:
        """How leads are to be read."""
        return (
            "onset: half of a signal's greatest change; lead: steps from there to the grok "
            "interval's end; control: the test accuracy's own lead, half-way to its end, which a "
            "signal has to exceed, and the same signals with random labels, which change too"
        )

    def lead(self, name: str) -> float | None:
        """Steps from a signal's onset to the end of the grok interval; None if one is missing."""
        by = self.onsets[name].by
        return None if by is None or self.grok is None else float(self.grok.by - by)

    def values(self) -> dict[str, float | None]:
        """``grok_by``; for each signal ``<name>_by``, ``<name>_lead`` and ``<name>_change``."""
        found: dict[str, float | None] = {
            "grok_by": None if self.grok is None else float(self.grok.by)
        }
        for name, one in self.onsets.items():
            found[f"{name}_by"] = None if one.by is None else float(one.by)
            found[f"{name}_lead"] = self.lead(name)
            found[f"{name}_change"] = one.change
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a signal."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            name: {
                "what": WORDS[name],
                "control": name in CONTROLS,
                "after": math.nan if one.interval is None else one.interval.after,
                "by": math.nan if one.interval is None else one.interval.by,
                "lead": self.lead(name),
                "change": one.change,
            }
            for name, one in self.onsets.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="signal")


def onset_of(steps: Sequence[int], values: Sequence[float]) -> Onset:
    """The onset of a signal.

    Args:
        steps: rising.
        values: at each of them, finite.
    """
    x, y = np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64)
    away = np.abs(y - y[0])
    change = float((y - y[0])[away.argmax()])
    if not change:
        return Onset(x, y, None, 0.0)
    first = int(np.flatnonzero(away >= abs(change) / 2)[0])
    return Onset(x, y, Interval(int(x[first - 1]), int(x[first])), change)


def _records(run: Run) -> Sequence[Record]:
    return () if run.path is None else read_records(run.path)[0]


def no_onsets(run: Run) -> str | None:
    """Why nothing can be said of what comes first."""
    if run.dataset.is_train.all():
        return "expected test pairs, on which it is seen when a run groks, found none"
    points = max(len(run.steps), len(_records(run)))
    if points >= _LEAST:
        return None
    return f"expected at least {_LEAST} checkpoints, or records of signals, found {points}"


@measure(
    "onsets",
    reads="run",
    source="progress measures of six papers, side by side: this project",
    refuses=no_onsets,
)
def onsets(run: Run, *, level: float = 0.9) -> Onsets:
    """What comes first: when each signal of learning has made half of its way, and its lead.

    Of the run's records where it was recorded with ``signals``, else of its checkpoints, which
    must be dense enough around the grok interval for leads to mean something.

    Args:
        run: with records or several checkpoints.
        level: of the test accuracy that counts as grokked.
    """
    check_level(level, "level")
    found, words = _signals(run)
    known: dict[str, tuple[list[int], list[float]]] = {name: ([], []) for name in WORDS}
    for step, row in zip(found.steps, found.rows, strict=True):
        for name, (steps, values) in known.items():
            value = row.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                steps.append(step)
                values.append(float(value))
    every = {name: onset_of(*points) for name, points in known.items() if len(points[0]) >= _LEAST}
    grok = grok_steps(run, level)["first"]
    caption = place(run.seed, run.last_step, words, f"grokked: test accuracy ≥ {level:g}")
    return Onsets(every, grok, level, caption, run.name)


def _signals(run: Run) -> tuple[History, str]:
    recorded = history_of_records(run, _records(run), "signals")
    if sum(map(bool, recorded.rows)) >= _LEAST:
        return recorded, f"signals recorded at {len(recorded.steps)} steps"
    found = history(run, "signals")
    return found, f"signals at {len(found.steps)} checkpoints"
