"""The two stages of training: grokking, then unlearning what was memorized."""

from __future__ import annotations

import math

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.numbers import Numbers
from interp.analysis.phases.events import Interval, first_crossing, grokking, inversion
from interp.training.data.splits import SPLITS
from interp.training.runs.run import Run


@measure("stages", reads="run", source="Doshi et al. 2024 (arXiv 2310.13061), figure 1")
def stages(run: Run) -> Numbers:
    """The two stages of training: peaks of the accuracies, and when it learned and unlearned.

    ``corrupted_peak`` and ``train_peak`` are the highest accuracies of the run; ``both_peak`` that
    of the lower of train and test accuracy; ``train_gap`` is the distance of the last train
    accuracy from 1 − ξ; ``steps_between`` the least number of steps between grokking and inversion
    that the two intervals allow.
    """
    accuracies = {s: [m.scores[s].accuracy for m in run.measurements] for s in SPLITS}
    known = {split: [a for a in rows if a is not None] for split, rows in accuracies.items()}
    both = zip(accuracies["train"], accuracies["test"], strict=True)
    last = known["train"][-1]
    grokked, inverted = grokking(run), inversion(run)
    never = grokked is None or inverted is None
    values = {
        "train_peak": max(known["train"]),
        "both_peak": max(
            (min(a, b) for a, b in both if a is not None and b is not None), default=None
        ),
        "corrupted_peak": max(known["corrupted"], default=None),
        "test_peak": max(known["test"], default=None),
        "train_gap": abs(last - (1 - run.config.data.corruption)),
        "train_drop": max(known["train"]) - last,
        "steps_between": math.inf if never else inverted.after - grokked.by,  # type: ignore[union-attr]
        **_dated("learned", first_crossing(run, "train", 0.9, rising=True)),
        **_dated("grokked", grokked),
        **_dated("inverted", inverted),
    }
    return Numbers(values, place(run.seed, run.measurement().step, run.name))


def _dated(name: str, interval: Interval | None) -> dict[str, float]:
    if interval is None:
        return {f"{name}_after": math.inf, f"{name}_by": math.inf}
    return {f"{name}_after": float(interval.after), f"{name}_by": float(interval.by)}
