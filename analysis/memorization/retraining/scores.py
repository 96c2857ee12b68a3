"""Scores of suspicion that read networks trained again on other examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Shaped

from interp.analysis.memorization.case import Case, Logits, PerExample
from interp.analysis.memorization.logits import answers_of, from_when
from interp.training.optional import part
from interp.training.runs.run import Run


def out_of_fold_margin(case: Case) -> PerExample:
    """−margin by the network that was trained without the example's fold."""
    return -case.margin(case.out_of_fold)


def confident_learning(case: Case) -> PerExample:
    """How unlikely cleanlab finds each label, by confident learning (arXiv 1911.00068).

    One less its quality score: normalized margin of the out-of-fold probabilities, adjusted by
    each class's mean self-confidence.

    Raises:
        PartError: if cleanlab is not installed.
    """
    rank = part("cleanlab.rank", "cleanlab", "the score of confident learning")
    given = case.given
    probabilities = case.out_of_fold.double().softmax(dim=1).numpy()
    classes, labels = np.unique(given, return_inverse=True)  # it wants an example of every class
    seen = probabilities[:, classes]
    seen /= seen.sum(axis=1, keepdims=True)
    quality = rank.get_label_quality_scores(
        labels, seen, method="normalized_margin", adjust_pred_probs=True
    )
    return np.asarray(1 - quality)


def stage_margins(case: Case, run: Run) -> Float[np.ndarray, "step example"]:
    """Margins of the given labels at every step of a second stage."""
    return np.stack([case.margin_of(run.checkpoint(step).network) for step in run.steps])


def forgotten(margins: Float[np.ndarray, "step example"]) -> PerExample:
    """−step from which each example is wrong until the end; one past the end if never."""
    return -from_when(margins <= 0)


def second_split(case: Case) -> PerExample:
    """How early each example is forgotten while the second split is learned."""
    at_rate, _ = case.retrained.of("second_split")
    return forgotten(stage_margins(case, at_rate))


def second_split_margin(case: Case) -> PerExample:
    """Mean −margin while the second split is learned at a tenth of the rate."""
    _, slower = case.retrained.of("second_split")
    return np.asarray(-stage_margins(case, slower).mean(axis=0))


def halved_split(case: Case) -> PerExample:
    """As :func:`second_split`, each half while the other one is learned."""
    first, second, after_first, after_second = case.retrained.of("halves")
    found = np.zeros(len(case.train))
    for stage_one, stage_two in ((first, after_first), (second, after_second)):
        own = stage_one.dataset.is_train[case.train]
        found[own] = forgotten(stage_margins(case, stage_two))[own]
    return found


def groups_out(case: Case) -> PerExample:
    """Memorization (arXiv 1906.05271): how often right when trained on, less when left out."""
    runs = case.retrained.of("groups_out")
    return memorized(*right_and_out(case, runs, [case.logits(run.network()) for run in runs]))


def right_and_out(
    case: Case, runs: Sequence[Run], logits: Sequence[Logits]
) -> tuple[Bool[np.ndarray, "run example"], Bool[np.ndarray, "run example"]]:
    """Whether each network answers each example as given, and whether it was trained without."""
    right = np.stack([answers_of(one) == case.given for one in logits])
    out = np.stack([~run.dataset.is_train[case.train] for run in runs])
    return right, out


def memorized(
    found: Shaped[np.ndarray, "run example"], out: Bool[np.ndarray, "run example"]
) -> PerExample:
    """Mean over the networks that were trained on an example, less that over the others.

    NaN where there are none of either.
    """
    with np.errstate(invalid="ignore"):
        inside = np.where(out, 0, found).sum(axis=0) / (~out).sum(axis=0)
        return np.asarray(inside - np.where(out, found, 0).sum(axis=0) / out.sum(axis=0))
