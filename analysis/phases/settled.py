"""Whether a run trained for long enough that its phase is its own, and the state that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from interp.analysis.phases.phase import PhaseName, PhaseThresholds, has_phase, phase, phase_name
from interp.training.data.splits import Split

if TYPE_CHECKING:
    from interp.training.runs.metadata import Measurement
    from interp.training.runs.run import Run

State = PhaseName | Literal["budget too short", "no test set", "failed"]
STATES: tuple[State, ...] = (*get_args(PhaseName), "budget too short", "no test set", "failed")


def settled(run: Run, share: float = 0.25, thresholds: PhaseThresholds | None = None) -> bool:
    """Whether the phase of a run would stay if it went on as it did in its last part.

    From the last evaluation at or before (1 − share) · steps to the end, train and test accuracy
    have each changed by some amount. The run is settled if the same change once more, clipped to
    [0, 1], leaves it in its phase. A run without an evaluation in its first part has shown no
    direction; nothing says that it is settled, so it is not.

    Args:
        run: a finished run.
        share: the last part, as a share of the steps.
        thresholds: of the phases.

    Raises:
        ValueError: if the share lies outside (0, 1), or the run has no test examples or no scores.
    """
    if not 0 < share < 1:
        raise ValueError(f"settled: expected a share between 0 and 1, got {share}")
    limits = thresholds or PhaseThresholds()
    now = phase(run, thresholds=limits)
    before = run.measurements[:-1]
    earlier = [row for row in before if row.step <= (1 - share) * now.step]
    if not earlier:
        return False
    train = _continued(earlier[-1], "train", now.train)
    test = _continued(earlier[-1], "test", now.test)
    best = max(_accuracy(row, "test") for row in run.measurements)
    return phase_name(train, test, run.config.data.corruption, best, limits) == now.name


def state(run: Run) -> State:
    """The phase of a finished run, or why it has none: its budget was too short, or no test set.

    The state "failed" belongs to cells of which no run came.
    """
    if not has_phase(run):
        return "no test set"
    return phase(run).name if settled(run) else "budget too short"


def _continued(earlier: Measurement, split: Split, accuracy: float) -> float:
    """Where an accuracy ends after as much change again as since an earlier evaluation."""
    return min(1.0, max(0.0, accuracy + (accuracy - _accuracy(earlier, split))))


def _accuracy(row: Measurement, split: Split) -> float:
    accuracy = row.scores[split].accuracy
    assert accuracy is not None  # phase() has refused runs without test examples
    return accuracy
