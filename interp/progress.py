"""Progress of a training run: a live bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from training.folder import Measurement
    from training.loop import Progress as Callback

_LINES = 10  # plain lines a run, without a terminal


@contextmanager
def training_progress(steps: int) -> Iterator[Callback]:
    """A callback for :func:`training.loop.train` that writes to standard error."""
    if not sys.stderr.isatty():
        yield _plain_lines(steps)
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
            bar.update(task, completed=step, scores=_scores(latest))

        yield show


def _plain_lines(steps: int) -> Callback:
    due = iter([round(steps * part / _LINES) for part in range(_LINES + 1)])
    next_line = next(due)

    def show(step: int, latest: Measurement | None) -> None:
        nonlocal next_line
        if step < next_line:
            return
        print(f"step {step} of {steps}  {_scores(latest)}", file=sys.stderr, flush=True)  # noqa: T201
        while step >= next_line:
            next_line = next(due, steps + 1)

    return show


def _scores(latest: Measurement | None) -> str:
    if latest is None:
        return ""
    shown = ((split, latest.scores[split].accuracy) for split in ("train", "test", "corrupted"))
    parts = [f"{split} {accuracy:.3f}" for split, accuracy in shown if accuracy is not None]
    return f"{'  '.join(parts)} (step {latest.step})"
