"""Scores that suspect training examples of a wrong label, as one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int

from interp.analysis.ablation.prune import prune
from interp.analysis.measure import NotDefined
from interp.analysis.mechanism.filtered import filtered, no_filter
from interp.analysis.mechanism.vote import vote_logits
from interp.analysis.memorization.case import Case, Logits, PerExample
from interp.analysis.memorization.logits import answers_of, from_when
from interp.analysis.memorization.own_gradient import own_gradients
from interp.analysis.memorization.retraining import scores as retrained
from interp.training.arguments import as_text
from interp.training.losses.loss import LOSSES
from interp.training.randomness import stream
from interp.training.registry import Registry, origin_of

# How much each training example is suspected; several rows are draws of a random control.
Score = Callable[[Case], Float[np.ndarray, "*draw example"]]
_Score = TypeVar("_Score", bound=Score)

EARLY = 10  # the step at which the small-loss trick is tried, or the checkpoint nearest to it


@dataclass(frozen=True)
class Detector:
    """A score of suspicion.

    Attributes:
        score: of every training example; high is suspected. NotDefined where there is none.
        words: what it is.
        control: whether it is the control of another one.
    """

    score: Score
    words: str
    control: bool = False


def losses(
    case: Case, logits: Logits, places: Int[np.ndarray, " some"] | slice = slice(None)
) -> PerExample:
    """Loss of each training example, or of some, against its given label."""
    labels = torch.as_tensor(case.given[places])[None]
    labelled = logits.gather(1, labels.T).T
    found: PerExample = LOSSES[case.newest.loss].each(logits, labels, labelled)[0].numpy()
    return found


def _final_loss(case: Case) -> PerExample:
    return losses(case, case.own)


def early_step(case: Case) -> int:
    """The checkpoint nearest to step 10.

    Raises:
        NotDefined: if there is but one checkpoint.
    """
    if len(case.run.steps) < 2:
        raise NotDefined("expected a run with several checkpoints, found one")
    return min(case.run.steps[:-1], key=lambda step: (abs(step - EARLY), step))


def _early_loss(case: Case) -> PerExample:
    return losses(case, case.logits(case.run.checkpoint(early_step(case)).network))


def over_time(steps: list[int]) -> Float[np.ndarray, " step"]:
    """Weight of each checkpoint in an average over training: the steps that it stands for."""
    apart = np.diff(np.asarray(steps, dtype=float))
    halves = np.concatenate([[0.0], apart]) + np.concatenate([apart, [0.0]])
    return halves / 2 if len(steps) > 1 else np.ones(1)


def _margin_over_training(case: Case) -> PerExample:
    averaged = np.average(case.margins, axis=0, weights=over_time(case.run.steps))
    return np.asarray(-averaged)


def _learned(case: Case) -> PerExample:
    """Place of the first checkpoint from which it is right until the end."""
    return from_when(case.margins > 0)


def _own_gradient(case: Case) -> PerExample:
    weights = over_time(case.run.steps)
    found = np.zeros(len(case.train))
    for step, weight in zip(case.run.steps, weights, strict=True):
        found += weight * own_gradients(case, case.run.checkpoint(step).network)
    return found


def _pruned_margin(case: Case) -> PerExample:
    return -case.margin(case.pruned)


def _pruned_disagrees(case: Case) -> PerExample:
    return (answers_of(case.pruned) != case.given).astype(float)


def _random_margin(case: Case) -> Float[np.ndarray, "draw example"]:
    """Of as many neurons pruned at random."""
    random = stream(case.seed, "control")
    draws = [case.as_many(random) for _ in range(case.draws)]
    return np.stack([-case.margin_of(prune(case.newest.network, one)) for one in draws])


def _low_margin(case: Case) -> PerExample:
    return -case.margin(case.low)


def _low_less_high(case: Case) -> PerExample:
    label = torch.as_tensor(case.given)[:, None]
    found: PerExample = (case.low - case.pruned).gather(1, label)[:, 0].double().numpy()
    return found


def _filtered_margin(case: Case) -> PerExample:
    reason = no_filter(case.newest.network)
    if reason is not None:
        raise NotDefined(reason)
    return -case.margin_of(filtered(case.newest, "G"))


def _vote_margin(case: Case) -> PerExample:
    return -case.margin(vote_logits(case.run.dataset)[torch.as_tensor(case.train)])


def _turnover(case: Case) -> PerExample:
    own, complement = case.turnover
    return losses(case, complement) - losses(case, own)


def _turnover_margin(case: Case) -> PerExample:
    return -case.margin(case.turnover[1])


_ROWS = {
    "final_loss": Detector(_final_loss, "loss at the last step"),
    "early_loss": Detector(_early_loss, "loss at the checkpoint nearest to step 10"),
    "margin_over_training": Detector(_margin_over_training, "−margin averaged over training (AUM)"),
    "learned": Detector(_learned, "checkpoint from which it is right until the end"),
    "own_gradient": Detector(_own_gradient, "own squared gradient over training (TracIn)"),
    "low_less_high": Detector(_low_less_high, "logit of low-IPR less that of high-IPR neurons"),
    "pruned_margin": Detector(_pruned_margin, "−margin, neurons below the IPR cut pruned"),
    "pruned_disagrees": Detector(_pruned_disagrees, "answers otherwise, these neurons pruned"),
    "random_margin": Detector(_random_margin, "−margin, as many pruned at random", control=True),
    "low_margin": Detector(_low_margin, "−margin, low-IPR neurons alone", control=True),
    "filtered_margin": Detector(_filtered_margin, "−margin of the G-net, which knows the group"),
    "out_of_fold": Detector(retrained.out_of_fold_margin, "−margin without its fold, of 5"),
    "confident_learning": Detector(
        retrained.confident_learning, "cleanlab, from logits without its fold: outside baseline"
    ),
    "second_split": Detector(
        retrained.second_split, "forgotten early while a fresh split is learned (SSFT)"
    ),
    "second_split_margin": Detector(
        retrained.second_split_margin, "−margin meanwhile, at a tenth of the rate"
    ),
    "halved_split": Detector(retrained.halved_split, "SSFT, the training set halved"),
    "groups_out": Detector(retrained.groups_out, "right when trained on less when left out"),
    "turnover": Detector(
        _turnover, "loss under the complementary mask less that under the own one"
    ),
    "turnover_margin": Detector(_turnover_margin, "−margin under the complementary mask"),
    "vote_margin": Detector(_vote_margin, "−margin in the vote of the labels", control=True),
}
DETECTORS: Registry[Detector] = Registry("detector", dict(_ROWS), "interp.detectors")


def detector(name: str, words: str = "") -> Callable[[_Score], _Score]:
    """Adds a score of suspicion; it then stands in the measure ``detection``.

    Example::

        @detector("output_norm", "length of the logits")
        def output_norm(case):
            return -case.own.norm(dim=1).numpy()

    Args:
        name: what tables call it.
        words: what it is.

    Raises:
        ValueError: if another detector has the name.
    """
    as_text(name, "the name of a detector")
    as_text(words, "words")

    def add(score: _Score) -> _Score:
        DETECTORS.add(name, Detector(score, words or name), origin_of(score))
        return score

    return add
