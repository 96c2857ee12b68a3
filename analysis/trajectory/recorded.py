"""What was noted of a run while it trained."""

from __future__ import annotations

from collections.abc import Sequence

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.trajectory.history import History
from interp.training.arguments import as_text
from interp.training.runs.records import Record, read_records
from interp.training.runs.run import Run


def nothing_recorded(run: Run) -> str | None:
    """Why there is nothing to read."""
    if run.path is not None and read_records(run.path)[0]:
        return None
    return (
        f"expected a run that was recorded while it trained, as interp train --record does; "
        f"{run.path or 'a run in memory'} has no records; --history reads checkpoints instead"
    )


@measure("recorded", reads="run", source="this project", refuses=nothing_recorded)
def recorded(run: Run, *, measure: str = "") -> History:
    """What was noted of a run while it trained, at the steps of its recorder.

    Args:
        run: that was trained with a recorder.
        measure: of those that were recorded; the first one by default.
    """
    as_text(measure, "measure")
    assert run.path is not None
    records, of = read_records(run.path)
    known = list(of)
    label = measure or known[0]
    if label not in known:
        raise ValueError(f"recorded: expected one of {', '.join(known)}, got {label!r}")
    return history_of_records(run, records, label)


def history_of_records(run: Run, records: Sequence[Record], label: str) -> History:
    """The values of one measure in the records of a run, by its label."""
    caption = place(run.seed, None, label, f"{run.name}, recorded while training")
    return History(
        label,
        tuple(one.step for one in records),
        tuple(one.values.get(label, {}) for one in records),
        {one.step: one.problems[label] for one in records if label in one.problems},
        caption,
    )
