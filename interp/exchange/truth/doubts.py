"""What does not fit together in an imported run, as questions to whoever imports it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool

from interp.exchange.rules import RULES, Rule, draw
from interp.exchange.truth.evidence import NONE, Answers, Evidence, percent
from interp.training.data.dataset import Dataset
from interp.training.data.splits import Split

_LOW = 0.5  # an operation that is answered less often than this is questioned
_GENERAL = 0.95  # a network that is right this often elsewhere need not stand out in training


@dataclass(frozen=True)
class Findings:
    """What is looked at.

    Attributes:
        answers: of the network, to all p² pairs in the order m·p + n; ``NONE`` for a tie.
        dataset: what it is scored on.
        has_data: whether the dataset is known, rather than a stand-in.
        evidence: all operations, and the labels that were given.
        rule: by which the dataset was drawn, if it was.
    """

    answers: Answers
    dataset: Dataset
    has_data: bool
    evidence: Evidence
    rule: Rule | None = None

    @cached_property
    def own(self) -> Answers:
        """The network's answers to the dataset's pairs."""
        return self.of(self.dataset)

    def of(self, dataset: Dataset) -> Answers:
        """The network's answers to the pairs of a dataset of the same task."""
        return self.answers[dataset.pairs[:, 0] * dataset.task.p + dataset.pairs[:, 1]]

    def accuracy(self, split: Split, dataset: Dataset | None = None) -> float | None:
        """Of a split of the dataset, or of another one of the same task; None if it is empty."""
        data = dataset or self.dataset
        members = data.members(split)
        right: Bool[np.ndarray, " pair"] = self.of(data) == data.labels(split)
        return float(right[members].mean()) if members.any() else None


def doubts(about: Findings) -> tuple[str, ...]:
    """Every question, in a line each."""
    tied = float((about.own == NONE).mean())
    if tied == 1:
        return ("all pairs are ties: no answer has the greatest logit alone",)
    found = [_label_doubt(about), _operation_doubt(about), _rule_doubt(about)]
    if tied > 0.01:
        found.append(f"{percent(tied)} of all pairs are ties, where no answer is the greatest")
    return tuple(one for one in found if one is not None)


def _label_doubt(about: Findings) -> str | None:
    """Labels that are mostly of another operation."""
    data, fit = about.dataset, about.evidence.label_fit
    if fit is None:
        return None
    share = float((data.given_label == data.true_label)[data.is_train].mean())
    if share >= _LOW:
        return None
    clear = fit.share > share + about.evidence.clear
    best = f"they are {fit.words}" if clear else "no known operation fits better"
    name = data.task.operation.name
    return f"{percent(share)} of the given labels are {name}: is the operation right? ({best})"


def _operation_doubt(about: Findings) -> str | None:
    """A network that answers the operation neither on its training pairs nor elsewhere."""
    known = about.accuracy("clean") if about.has_data else None
    everywhere = about.accuracy("all") or 0.0
    if max(known or 0.0, everywhere) >= _LOW:
        return None
    places = about.evidence.pairs @ np.array([about.dataset.task.p, 1])
    fit = about.evidence.fit(about.answers[places])
    clear = fit.share > everywhere + about.evidence.clear
    best = f"best is {fit.words}" if clear else "no known operation fits better"
    told = f"answers {about.dataset.task.operation.name} at {percent(everywhere)} of all pairs"
    if known is not None:
        told += f" and {percent(known)} of the clean training pairs"
    return f"{told}: is the operation right? ({best})"


def _rule_doubt(about: Findings) -> str | None:
    """A rule whose training pairs the network does not know from others."""
    if about.rule is None:
        return None
    reason = _unknown_pairs(about, about.dataset)
    if reason is None:
        return None
    others = list(_other_rules(about, about.rule))
    better = max(others, key=lambda one: _known_pairs(about, one), default=None)
    hint = "no other known rule or seed fits" if better is None else f"{better.words} fits"
    return f"{about.rule.words}: {reason}; are rule and seed right? ({hint})"


def _unknown_pairs(about: Findings, dataset: Dataset) -> str | None:
    """How the network answers as if a dataset were not its own; None if it does not."""
    chance = 1 / dataset.task.n_answers
    corrupted = about.accuracy("corrupted", dataset)
    if corrupted is not None:
        count = int(dataset.is_redrawn.sum())
        if corrupted > chance + 4 * (chance * (1 - chance) / count) ** 0.5:
            return None
        return f"redrawn labels are answered at {percent(corrupted)}, chance is {percent(chance)}"
    clean, test = about.accuracy("clean", dataset), about.accuracy("test", dataset)
    if clean is None or test is None or test >= _GENERAL or clean - test >= 0.05:
        return None
    return f"training pairs are answered at {percent(clean)}, the others at {percent(test)}"


def _other_rules(about: Findings, rule: Rule) -> Iterator[Rule]:
    """Rules of the same α and ξ, with the seeds that other code has, that would fit."""
    seeds = sorted({0, 1, 42, *(row.seed for row in RULES.values())})
    for name, row in RULES.items():
        if rule.corruption and not row.corrupts:
            continue
        for seed in seeds:
            other = replace(rule, name=name, seed=seed)
            dataset = draw(about.dataset.task, other)
            if _unknown_pairs(about, dataset) is None:
                yield other


def _known_pairs(about: Findings, rule: Rule) -> float:
    """How far a network stands out on the redrawn, or else the training pairs of a rule."""
    dataset = draw(about.dataset.task, rule)
    corrupted = about.accuracy("corrupted", dataset)
    if corrupted is not None:
        return corrupted
    return (about.accuracy("clean", dataset) or 0.0) - (about.accuracy("test", dataset) or 0.0)
