"""What leaving an example out changes: the truth that scores of influence are to be judged by."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from interp.analysis.caption import place
from interp.analysis.measure import NotDefined, measure
from interp.analysis.memorization.case import Case, PerExample
from interp.analysis.memorization.detection import Detection, judged, no_wrong_labels, suspicion_of
from interp.analysis.memorization.detectors import DETECTORS, losses
from interp.analysis.memorization.influence_table import WAYS, Influence
from interp.analysis.memorization.logits import answers_of
from interp.analysis.memorization.margins import correlation
from interp.analysis.memorization.retraining.derived import left_out, not_retrained
from interp.analysis.memorization.retraining.kinds import REPEATS
from interp.analysis.memorization.retraining.retrain import Retrained, retrain, ways_of
from interp.analysis.memorization.retraining.scores import memorized, right_and_out
from interp.analysis.memorization.retraining.trainers import Trainer, in_memory
from interp.analysis.memorization.suspicion import auroc
from interp.training.arguments import whole
from interp.training.display import Value
from interp.training.optional import PartError
from interp.training.runs.run import Run

# Networks whose estimates of memorization are compared with one another, in equal parts.
_PARTS = {"groups_out": REPEATS, "subsets": 2}


def not_influenced(run: Run) -> str | None:
    """Why examples of a run cannot be left out and judged; None if they can."""
    return no_wrong_labels(run) or not_retrained(run)


@measure(
    "influence",
    reads="run",
    source="leave-one-out; memorization: Feldman 2020 (arXiv 1906.05271), Feldman and Zhang 2020 "
    "(arXiv 2008.03703)",
    refuses=not_influenced,
    version=2,
)
def influence(run: Run, *, seed: int = 0) -> Influence:
    """What leaving examples out changes, one by one and in groups; 112 networks are trained.

    It takes 112 times as long as the run, in this process; ``interp retrain`` does the same as a
    sweep, which can be cut off.

    Args:
        run: a finished one with some wrong labels; a small one.
        seed: of what is left out.
    """
    return influenced(run, retrain(run, WAYS, in_memory, whole(seed, "seed")), seed)


def judged_anew(
    run: Run, ways: str, trainer: Trainer, seed: int = 0
) -> tuple[Detection, Influence | None]:
    """Trains a run again, and judges what finds its wrong labels.

    Args:
        run: as for :func:`influence`.
        ways: of training it again, separated by commas; ``all`` or ``influence``.
        trainer: who trains.
        seed: of what is left out.

    Returns:
        Every score of suspicion; and the truth about influence, if that was asked for.

    Raises:
        NotDefined: if the run has no wrong labels, or cannot be trained again.
        ValueError: for an unknown way, or if a network could not be trained.
    """
    asked = ways_of(ways)
    reason = not_influenced(run)
    if reason is not None:
        raise NotDefined(f"retrain: {reason}")
    again = retrain(run, asked, trainer, whole(seed, "seed"))
    truth = influenced(run, again, seed) if {*WAYS} & {*again.runs} else None
    return judged(run, again, seed=seed), truth


def influenced(run: Run, again: Retrained, seed: int = 0) -> Influence:
    """The same, of networks that have been trained.

    Args:
        run: that they were trained again from.
        again: with some of WAYS.
        seed: of random controls among the scores.
    """
    case = Case(run, seed, retrained=again)
    numbers: dict[str, Value] = {}
    places, change = np.zeros(0, dtype=np.int64), np.zeros(0)
    scores: dict[str, np.ndarray] = {}
    if "one_out" in again.runs:
        places, change, numbers = _left_out(case)
        scores = _scores(case, places)
    wrong = case.wrong[places]
    for way in _PARTS:
        if way in again.runs:
            found = _memorization(case, way)
            numbers |= {f"{way}.{name}": value for name, value in found.items()}
    for name, score in scores.items():
        numbers[f"{name}.correlation"] = correlation(score, change)
        numbers[f"{name}.within_wrong"] = correlation(score[wrong], change[wrong])
    words = f"{len(places)} examples left out one by one"
    caption = place(run.seed, run.last_step, words)
    return Influence(
        places, wrong, change, scores, numbers, caption, _note(again, seed), dataset=run.dataset
    )


def _left_out(
    case: Case,
) -> tuple[Int[np.ndarray, " left"], Float[np.ndarray, " left"], dict[str, Value]]:
    """Which examples were left out one by one, by how much their loss then grows, and numbers."""
    runs = case.retrained.of("one_out")
    places = np.array([left_out(case.run, one)[0] for one in runs])
    logits = torch.stack([case.logits(r.network())[at] for r, at in zip(runs, places, strict=True)])
    change = losses(case, logits, places) - losses(case, case.own)[places]
    as_given = answers_of(logits) == case.given[places]
    wrong = case.wrong[places]
    return (
        places,
        change,
        {
            "one_out.auroc": auroc(change, wrong),
            "one_out.wrong": float(as_given[wrong].mean()),
            "one_out.right": float(as_given[~wrong].mean()),
            "one_out.test_accuracy": case.retrained.accuracy.get("one_out"),
        },
    )


def _note(again: Retrained, seed: int) -> str:
    told = [f"{way} {accuracy:.2f}" for way, accuracy in again.accuracy.items()]
    missing = [f"not there: {way} ({why})" for way, why in again.problems.items()]
    phase = f"test accuracy of the retrained networks: {', '.join(told)}"
    return " · ".join([phase, f"what is left out, random prunings: seed {seed}", *missing])


def _scores(case: Case, places: Int[np.ndarray, " left"]) -> dict[str, np.ndarray]:
    """Every score of suspicion that is defined; of random draws the mean."""
    found: dict[str, np.ndarray] = {}
    for name in DETECTORS:
        try:
            found[name] = suspicion_of(name, case).mean(axis=0)[places]
        except (NotDefined, PartError):
            continue
    return found


def _memorization(case: Case, way: str) -> dict[str, Value]:
    """Memorization of wrong and right labels, how well it tells them, and how it repeats."""
    runs = case.retrained.of(way)
    logits = [case.logits(run.network()) for run in runs]
    right, out = right_and_out(case, runs, logits)
    loss = np.stack([losses(case, one) for one in logits])
    found = memorized(right, out)
    known = np.isfinite(found)  # an example may be left out of no network, or of all
    wrong = case.wrong
    true = case.run.dataset.true_label[case.train]
    truly = [answers_of(one) == true for one in logits]
    return {
        "wrong": float(found[known & wrong].mean()),
        "right": float(found[known & ~wrong].mean()),
        "auroc": auroc(found[known], wrong[known]),
        "loss_auroc": auroc(-memorized(loss, out)[known], wrong[known]),
        "repeats": _repeats(right, out, _PARTS[way], known),
        "repeats_wrong": _repeats(right, out, _PARTS[way], known & wrong),
        "held_out_true": float(np.mean([one[o].mean() for one, o in zip(truly, out, strict=True)])),
        "test_accuracy": case.retrained.accuracy.get(way),
    }


def _repeats(
    right: Bool[np.ndarray, "run example"],
    out: Bool[np.ndarray, "run example"],
    parts: int,
    among: Bool[np.ndarray, " example"],
) -> float | None:
    """Mean correlation of the estimates of equal parts of the networks, two and two."""
    each = [
        memorized(one, other)
        for one, other in zip(np.split(right, parts), np.split(out, parts), strict=True)
    ]
    pairs = [(i, j) for i in range(parts) for j in range(i)]
    found = [_where_known(each[i], each[j], among) for i, j in pairs]
    told = [one for one in found if one is not None]
    return float(np.mean(told)) if told else None


def _where_known(a: PerExample, b: PerExample, among: Bool[np.ndarray, " example"]) -> float | None:
    known = among & np.isfinite(a) & np.isfinite(b)
    return correlation(a[known], b[known])
