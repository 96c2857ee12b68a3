"""Results in words and table cells, the same in the shell and in the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from interp.analysis.ablation.band import band_words
from interp.analysis.caption import percent
from interp.analysis.phases.events import GROK_ACCURACY
from interp.training.data.splits import SPLITS
from interp.training.losses.loss import LOSSES

if TYPE_CHECKING:
    from interp.analysis.ablation.at_threshold import ThresholdScores
    from interp.analysis.ablation.by_class import Pruning
    from interp.analysis.neurons.class_words import ClassWords
    from interp.analysis.neurons.classify import Classes
    from interp.analysis.phases.events import Interval
    from interp.analysis.phases.phase import Phase, PhaseName
    from interp.training.config.run_config import RunConfig
    from interp.training.data.splits import Split

PAPERS = (
    "D. Doshi, A. Das, T. He, A. Gromov (2024): To grok or not to grok: Disentangling "
    "generalization and memorization on corrupted algorithmic datasets. ICLR 2024, "
    "arXiv 2310.13061.",
    "A. Gromov (2023): Grokking modular arithmetic. arXiv 2301.02679.",
    "A. Power, Y. Burda, H. Edwards, I. Babuschkin, V. Misra (2022): Grokking: Generalization "
    "beyond overfitting on small algorithmic datasets. arXiv 2201.02177.",
)

PHASE_MEANING: Mapping[PhaseName, str] = {
    "coexistence": "it learned the rule and memorized the wrong labels as well",
    "partial inversion": "it learned the rule and has let go of part of the wrong labels",
    "full inversion": "it learned the rule and answers against the wrong labels it was given",
    "memorization": "it memorized the labels it was given and did not learn the rule",
    "forgetting": "it had learned the rule and lost it again",
    "confusion": "it neither learned the rule nor memorized the labels",
}

BEFORE_AFTER = ("accuracy", "before", "after", "random control", "5–95 %")  # heads of its table
_TOLD: tuple[Split, ...] = ("corrupted", "test")


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table cell; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def before_after_rows(pruning: Pruning) -> list[list[str]]:
    """Accuracy of every split before and after pruning and under the controls, header first."""
    header = (*BEFORE_AFTER[:-1], band_words(pruning.draws))
    rows = [[*header, *(f"by {name}" for name in pruning.rankings)]]
    for split, score in pruning.before.items():
        control = pruning.control[split]["accuracy"]
        band = (control["low"], control["mean"], control["high"])
        cells = before_after_cells(score.accuracy, pruning.after[split].accuracy, band)
        others = (number(other[split].accuracy) for other in pruning.rankings.values())
        rows.append([split, *cells, *others])
    return rows


def threshold_rows(found: ThresholdScores) -> dict[Split, list[str]]:
    """As :func:`before_after_rows`, from pruning curves: the cells of each split."""
    rows = {}
    for split in SPLITS:
        low, mean, high = (
            None if part is None else part[split] for part in (found.low, found.mean, found.high)
        )
        rows[split] = before_after_cells(found.before[split], found.after[split], (low, mean, high))
    return rows


def before_after_cells(
    before: float | None,
    after: float | None,
    control: tuple[float | None, float | None, float | None],
) -> list[str]:
    """Cells of one split under :data:`BEFORE_AFTER`, its name aside.

    Args:
        before: accuracy before pruning; None for a split without examples.
        after: the same after it.
        control: the random prunings' low end, mean and high end; None while there are none.
    """
    low, mean, high = control
    band = "–" if mean is None else f"{number(low)} – {number(high)}"
    return [number(before), number(after), number(mean), band]


def class_mark(words: ClassWords) -> str:
    """Why the classes have no stronger names, in as few words as stand beside a slider."""
    if words.reason is None:
        return ""
    return "plain names" if words.distinct else "no two classes"


def setting(config: RunConfig) -> str:
    """What was trained on what, in a sentence."""
    task, data, optimizer = config.task, config.data, config.optimizer
    wrong = (
        f", {percent(data.corruption)} of them with a redrawn label (ξ)" if data.corruption else ""
    )
    return (
        f"A network ({config.model.summary}) was trained for {config.steps:,} steps on "
        f"{task.title}, with {percent(data.fraction)} of all pairs as training "
        f"examples (α){wrong}, by {optimizer.name} with learning rate {optimizer.lr:g} and weight "
        f"decay {optimizer.weight_decay:g}; loss: {LOSSES[config.loss].words}, seed {config.seed}."
    )


def outcome(found: Phase) -> str:
    """The phase a run is in, what that means, and why."""
    return f"It is in the phase {found.name}: {PHASE_MEANING[found.name]} ({found.reason})."


def events(grokked: Interval | None, unlearned: Interval | None) -> str:
    """When it grokked, and when it let go of the wrong labels, in a sentence or two."""
    words = [
        f"It grokked (test accuracy first ≥ {GROK_ACCURACY:.2f}) {grokked}."
        if grokked
        else f"Test accuracy crossed {GROK_ACCURACY:.2f} between no two evaluations."
    ]
    if unlearned:
        words.append(f"Inversion: accuracy on corrupted labels fell below one half {unlearned}.")
    return " ".join(words)


def sentence(pruning: Pruning | None, phase: Phase | None, classes: Classes) -> str:
    """What happened, in a sentence or two."""
    start = f"Phase: {phase.name} ({phase.reason}). " if phase else ""
    threshold = f"{classes.threshold:.3f} ({classes.rule})"
    if pruning is None:
        side = "above" if classes.generalizing.any() else "below"
        return f"{start}No pruning: every neuron's IPR is {side} the threshold {threshold}."
    total = pruning.kept + pruning.pruned
    moves = [
        f"{split} accuracy from {number(before)} to {number(pruning.after[split].accuracy)}"
        for split in _TOLD
        if (before := pruning.before[split].accuracy) is not None
    ]
    return (
        f"{start}Pruning the {pruning.pruned} of {total} neurons with IPR below "
        f"{threshold} moves {' and '.join(moves)}."
    )
