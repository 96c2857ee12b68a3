"""The phase a run ended in, by the reference paper's table of accuracies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from interp.analysis.measure import measure
from interp.training.arguments import number, share, some
from interp.training.display import Result

if TYPE_CHECKING:  # a listing of runs names phases, and need not wait for torch
    from interp.training.runs.run import Run

PhaseName = Literal[
    "coexistence", "partial inversion", "full inversion", "memorization", "forgetting", "confusion"
]


_BY_HISTORY: tuple[PhaseName, ...] = ("forgetting", "confusion")


@dataclass(frozen=True)
class PhaseThresholds:
    """Accuracies that bound the phases.

    Attributes:
        test: test accuracy from which a network counts as having generalized.
        train: train accuracy from which it counts as having memorized.
        margin: m in "train below m − ξ", the bound of full inversion.
    """

    test: float = 0.90
    train: float = 0.90
    margin: float = 1.05

    def __post_init__(self) -> None:
        share(self.test, "phase threshold test")
        share(self.train, "phase threshold train")
        number(self.margin, "phase threshold margin")


@dataclass(frozen=True, repr=False)
class Phase(Result):
    """A phase and the accuracies it was read from."""

    name: PhaseName
    train: float
    test: float
    step: int
    reason: str

    @property
    def caption(self) -> str:
        """The accuracies that it was read from."""
        return self.reason

    def values(self) -> dict[str, str | float]:
        """Its name, and the accuracies and step it was read from."""
        return {
            "phase": self.name,
            "train_accuracy": self.train,
            "test_accuracy": self.test,
            "step": float(self.step),
        }


def phase(
    run: Run | Path | str, step: int | None = None, thresholds: PhaseThresholds | None = None
) -> Phase:
    """Names the phase of a run at a step (default: the last one).

    | phase | test | train |
    |---|---|---|
    | coexistence | ≥ 0.90 | ≥ 0.90 |
    | partial inversion | ≥ 0.90 | from 1.05 − ξ to 0.90 |
    | full inversion | ≥ 0.90 | < 1.05 − ξ, and < 0.90 |
    | memorization | < 0.90 | ≥ 0.90 |
    | forgetting | < 0.90 | < 0.90, and test was ≥ 0.90 at an earlier evaluation |
    | confusion | < 0.90 | < 0.90, and it never was |

    Raises:
        ValueError: if the run was not scored at that step, or has no test examples, or was not
            trained here, is in one of the last two phases and has no earlier evaluation.

    Source: Doshi et al. 2024 (arXiv 2310.13061), appendix C.
    """
    some(thresholds, PhaseThresholds, "bounds, such as PhaseThresholds(test=0.9)")
    limits = PhaseThresholds() if thresholds is None else thresholds
    from interp.training.runs.subject import as_run

    run = as_run(run)
    row = run.measurement(step)
    train, test = row.scores["train"].accuracy, row.scores["test"].accuracy
    if train is None or test is None:
        raise ValueError("phase: expected a run with test examples (α < 1), found none")
    earlier = (m.scores["test"].accuracy for m in run.measurements if m.step < row.step)
    best = max((value for value in earlier if value is not None), default=None)
    name = phase_name(train, test, run.config.data.corruption, best or 0.0, limits)
    reason = f"test {test:.3f} and train {train:.3f} at step {row.step}"
    if name in _BY_HISTORY:
        if best is None and not run.origin.trained_here:
            raise ValueError(
                f"phase: expected a history, which tells forgetting from confusion, got {reason} "
                "alone"
            )
        before = "it was not scored" if best is None else f"best test accuracy was {best:.3f}"
        reason += f"; before, {before}"
    return Phase(name, train, test, row.step, reason)


@measure("phase", reads="run", source="Doshi et al. 2024 (arXiv 2310.13061), appendix C")
def phase_of(run: Run, *, at: int | None = None) -> Phase:
    """The phase of a run: what it generalized, memorized, unlearned or forgot.

    Args:
        run: any run with test examples.
        at: the step; the last one by default.
    """
    return phase(run, at)


def has_phase(run: Run) -> bool:
    """Whether the run was scored on test examples, without which there is no phase.

    Not a question of α alone: at a small modulus rounding can leave no test example below α = 1.
    """
    return bool(run.measurements) and run.measurements[-1].scores["test"].accuracy is not None


def phase_or_none(run: Run) -> Phase | None:
    """The phase a run ended in; None for one without test examples, which has none.

    None, too, for a network that was pruned or imported and whose phase is a matter of history.
    """
    if not has_phase(run) or (not run.origin.trained_here and _needs_history(run)):
        return None
    return phase(run)


def _needs_history(run: Run) -> bool:
    """Whether only earlier evaluations could tell the phase, and there are none."""
    scores = run.measurement().scores
    train, test = scores["train"].accuracy, scores["test"].accuracy
    if len(run.measurements) > 1 or train is None or test is None:
        return False
    return phase_name(train, test, run.config.data.corruption, 0.0) in _BY_HISTORY


def phase_name(
    train: float,
    test: float,
    corruption: float,
    best_test_before: float,
    limits: PhaseThresholds = PhaseThresholds(),
) -> PhaseName:
    """The phase that final accuracies and the best earlier test accuracy belong to."""
    if test >= limits.test:
        if train >= limits.train:
            return "coexistence"
        return "partial inversion" if train >= limits.margin - corruption else "full inversion"
    if train >= limits.train:
        return "memorization"
    return "forgetting" if best_test_before >= limits.test else "confusion"
