"""Progress of a training run: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from interp.training.runs.metadata import Measurement
    from interp.training.sweep.table.tally import Tally, Watch
    from interp.training.trainer.loop import Progress as Callback

_EVERY = 20  # steps
_BAR = 20  # characters of a sweep's bar
_LINES = 10  # plain lines a run, without a terminal
_SWEEP_LINES = 10  # plain lines a sweep, beside the first and the last


@contextmanager
def training_progress(steps: int) -> Iterator[Callback]:
    """A callback for :func:`interp.training.trainer.loop.train` that writes to standard error."""
    if not sys.stderr.isatty():
        yield _Seldom(_plain_lines(steps), frozenset(_line_steps(steps)))
        return
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[scores]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("training", total=steps, scores="")

        def show(step: int, latest: Measurement | None) -> None:
            bar.update(task, completed=step, scores=_scores(step, latest))

        yield _Seldom(show)


@dataclass(frozen=True)
class _Seldom:
    """Shows progress every few steps, so that small networks make several at once."""

    show: Callback
    due: frozenset[int] | None = None

    def wants(self, step: int) -> bool:
        """Whether a step is to be shown: one that is due, or now and then one."""
        return step % _EVERY == 0 if self.due is None else step in self.due

    def __call__(self, step: int, latest: Measurement | None) -> None:
        self.show(step, latest)


def _line_steps(steps: int) -> list[int]:
    return [round(steps * part / _LINES) for part in range(_LINES + 1)]


def _plain_lines(steps: int) -> Callback:
    due = iter(_line_steps(steps))
    next_line = next(due)

    def show(step: int, latest: Measurement | None) -> None:
        nonlocal next_line
        if step < next_line:
            return
        print(f"step {step} of {steps}  {_scores(step, latest)}", file=sys.stderr, flush=True)
        while step >= next_line:
            next_line = next(due, steps + 1)

    return show


@contextmanager
def step_progress(total: int) -> Iterator[Callable[[int], None]]:
    """A callback for each of some checkpoints that is done."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    columns = (TextColumn("checkpoints"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("checkpoints", total=total)
        yield lambda step: bar.advance(task)


@contextmanager
def sweep_progress() -> Iterator[Watch]:
    """A callback for :func:`interp.training.sweep.sweep.run_sweep`; writes to standard error.

    In a terminal it is one line, however many cells there are: it is written anew, and cut at the
    terminal's edge. Elsewhere it is a few plain lines.
    """
    if not sys.stderr.isatty():
        yield _sweep_lines()
        return
    columns = (TextColumn("sweep"), BarColumn(_BAR), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("sweep", total=1, text="")

        def show(tally: Tally) -> None:
            ended = sum(tally.status.values())
            bar.update(task, total=tally.total, completed=ended, text=_told(tally))

        yield show


def _sweep_lines() -> Watch:
    """Plain lines: the first, the last, and a few between, as many whatever the cells are."""
    last = -1

    def show(tally: Tally) -> None:
        nonlocal last
        ended = sum(tally.status.values())
        due = last + max(1, tally.total / _SWEEP_LINES)
        if ended != last and (ended >= due or ended == tally.total or last < 0):
            last = ended
            print(_told(tally), file=sys.stderr, flush=True)

    return show


def _told(tally: Tally) -> str:
    """Cells done, failed and left, rate, time left, and a count by phase."""
    failed = sum(count for status, count in tally.status.items() if status != "done")
    parts = [f"{tally.status['done']} of {tally.total} cells done"]
    if failed:
        parts.append(f"{failed} failed")
    if tally.elsewhere:
        parts.append(f"{tally.elsewhere} in another process")
    if tally.rate:
        parts.append(f"{tally.rate:.2f} runs/s")
        parts.append(f"{duration(tally.left / tally.rate)} left")
    counts = [f"{state} {n}" for state, n in tally.states.most_common() if state != "failed"]
    return " · ".join([*parts, ", ".join(counts)] if counts else parts)


def duration(seconds: float) -> str:
    """A time span as people say it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _scores(step: int, latest: Measurement | None) -> str:
    """The newest scores, with their step where it is an earlier one."""
    if latest is None:
        return ""
    shown = ((split, latest.scores[split].accuracy) for split in ("train", "test", "corrupted"))
    parts = [f"{split} {accuracy:.3f}" for split, accuracy in shown if accuracy is not None]
    return "  ".join(parts) + (f" (step {latest.step})" if latest.step != step else "")
