"""Logits as functions of the right answer: what of them follows the rule, block by block.

Over all pairs every answer is right equally often, so the functions of the right answer in the
blocks of its group (frequencies cos, sin(ω(a ± b)); irreps) are orthogonal, and the part of the
logits in a block is a projection of their means over the pairs with one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Score, Scores
from interp.training.evaluation import Evaluation
from interp.training.models.network import Network
from interp.training.tasks.groups import GROUPS
from interp.training.tasks.task import Task

Blocks = Sequence[int]
Means = Float[np.ndarray, "element answer"]


def answer_elements(task: Task) -> Int[np.ndarray, " element"]:
    """The answers that are elements of the task's group, in the order of its basis."""
    return GROUPS[task.group].elements(task.n_answers)


def no_rule(task: Task) -> str | None:
    """Why logits have no part that follows the rule in orthogonal blocks; None where they have."""
    elements = answer_elements(task)
    counts = np.bincount(task.answers, minlength=task.n_answers)[elements]
    if len(np.unique(counts)) > 1:
        return (
            "expected a rule whose answers are equally frequent, as a group's are; "
            f"got {task.name}, whose answers have {counts.min()} to {counts.max()} pairs each"
        )
    return None


class Rule:
    """The right answers of a dataset, as elements of its group.

    Pairs whose answer is no element (a zero operand of × and ÷) are left out of every score.

    Args:
        dataset: of a task without a :func:`no_rule`.
        loss: to score by.

    Attributes:
        dataset: its pairs whose answer is an element.
        inside: which of the pairs that was given these are.
        basis: the functions on the elements, in blocks; block 0 is the constant.
        element: the right answer of each pair, as a place among the elements.
    """

    def __init__(self, dataset: Dataset, loss: LossName) -> None:
        order = answer_elements(dataset.task)
        place = np.full(dataset.task.n_answers, -1)
        place[order] = np.arange(len(order))
        self.inside: Bool[np.ndarray, " pair"] = place[dataset.true_label] >= 0
        self.dataset = _subset(dataset, self.inside)
        self.element: Int[np.ndarray, " pair"] = place[self.dataset.true_label]
        self.order, self.basis = order, GROUPS[dataset.task.group].basis(dataset.task.n_answers)
        self._evaluation = Evaluation(self.dataset, loss)
        self._rows = torch.as_tensor(self.element)

    @property
    def blocks(self) -> range:
        """Every block but the constant."""
        return range(1, len(self.basis.names))

    def projector(self, block: int) -> Float[np.ndarray, "element element"]:
        """Onto the functions of a block: tr ρ(z c⁻¹) up to a factor, (2/n) cos(ω(z − c))."""
        part = self.basis.matrix[:, self.basis.block == block]
        return part @ part.T

    def of_blocks(self, blocks: Blocks) -> Float[np.ndarray, "element element"]:
        """Onto the functions of several blocks."""
        part = self.basis.matrix[:, np.isin(self.basis.block, list(blocks))]
        return part @ part.T

    def score(self, logits: Float[Tensor, "pair answer"]) -> Scores:
        """Of logits on the pairs inside."""
        return self._evaluation(logits)

    def by_answer(self, means: Means) -> Float[Tensor, "pair answer"]:
        """Logits that are a function of the right answer, on the pairs inside."""
        return torch.from_numpy(np.ascontiguousarray(means))[self._rows]


@dataclass(frozen=True, eq=False)
class RuleLogits:
    """Logits on the pairs inside a rule.

    Attributes:
        rule: whose.
        logits: in float64.
    """

    rule: Rule
    logits: Float[Tensor, "pair answer"]

    @cached_property
    def means(self) -> Means:
        """Mean logits over all pairs with one right answer."""
        return self._means_over(np.ones(len(self.rule.dataset), dtype=bool))

    def _means_over(self, pairs: Bool[np.ndarray, " pair"]) -> Means:
        elements = len(self.rule.order)
        rows = torch.as_tensor(self.rule.element[pairs])
        total = torch.zeros(elements, self.logits.shape[1], dtype=torch.float64)
        total.index_add_(0, rows, self.logits[torch.as_tensor(pairs)])
        count = torch.bincount(rows, minlength=elements).clamp(min=1)
        found: Means = (total / count[:, None]).numpy()
        return found

    def restricted(self, keys: Blocks) -> Scores:
        """Of the constant and the parts in the key blocks alone; the answers' axis untouched."""
        return self.rule.score(self.rule.by_answer(self.rule.of_blocks([0, *keys]) @ self.means))

    def excluded(self, keys: Blocks) -> Scores:
        """Of all but the parts in the key blocks; the constant is kept."""
        part = self.rule.by_answer(self.rule.of_blocks(keys) @ self.means)
        return self.rule.score(self.logits - part)

    @cached_property
    def coefficients(self) -> Float[np.ndarray, " block"]:
        """How much of each block's projector the logits have: one number a block, 0 at constant.

        Along cos(ω(a + b − c)), or tr ρ(x) ρ(y) ρ(z⁻¹), over pairs and answers together.
        """
        square = self.means[:, self.rule.order]
        sizes = self.rule.basis.sizes
        found = [np.vdot(self.rule.projector(k), square) / sizes[k] for k in self.rule.blocks]
        return np.array([0.0, *found])

    def restricted_3d(self, keys: Blocks) -> Scores:
        """As :meth:`restricted`, with one number a block in place of all functions of it."""
        means = np.repeat(self.means.mean(axis=0)[None], len(self.rule.order), axis=0)
        return self.rule.score(self.rule.by_answer(means + self._along(keys)))

    def excluded_3d(self, keys: Blocks) -> Scores:
        """As :meth:`excluded`, likewise."""
        return self.rule.score(self.logits - self.rule.by_answer(self._along(keys)))

    def _along(self, keys: Blocks) -> Means:
        found = np.zeros_like(self.means)
        for key in keys:
            found[:, self.rule.order] += self.coefficients[key] * self.rule.projector(key)
        return found

    def held_out(self, keys: Blocks) -> Scores | None:
        """As :meth:`restricted`, with coefficients fitted to the test pairs, on which it is scored.

        A least-squares fit of the constant and the functions of the key blocks to the logits of
        test pairs alone: training pairs, whose labels the logits may know by heart, have no vote.
        None where there is no test pair.
        """
        test = ~self.rule.dataset.is_train
        if not test.any():
            return None
        chosen = np.isin(self.rule.basis.block, [0, *keys])
        functions = self.rule.basis.matrix[:, chosen]
        count = np.bincount(self.rule.element[test], minlength=len(functions))
        weight = np.sqrt(count)[:, None]
        # Pairs with one answer have the same row: their mean stands for them, by its weight.
        fit, *_ = np.linalg.lstsq(weight * functions, weight * self._means_over(test), rcond=None)
        scores = self.rule.score(self.rule.by_answer(functions @ fit))
        nothing = Score(None, None)
        only = {split: one if split == "test" else nothing for split, one in scores.items()}
        return replace(scores, by_split=only)

    @cached_property
    def power(self) -> Float[np.ndarray, " block"]:
        """Squared length of the mean logits in each block; the constant left out."""
        rows = (self.rule.basis.matrix.T @ self.means) ** 2
        found = np.bincount(self.rule.basis.block, weights=rows.sum(axis=1))
        found[0] = 0
        return found

    @cached_property
    def cosines(self) -> Float[np.ndarray, " block"]:
        """Cosine between the logits, their mean over pairs taken away, and each projector."""
        centred = self.logits - self.logits.mean(dim=0)
        length = float(centred.norm())
        per_answer = len(self.rule.dataset) / len(self.rule.order)
        # ‖P_ρ‖² over pairs and answers is its size times the pairs with one answer.
        own = np.sqrt(self.rule.basis.sizes * per_answer)
        return self.coefficients * own / length if length else np.zeros(len(own))


def rule_logits(rule: Rule, network: Network, dataset: Dataset) -> RuleLogits:
    """The logits of a network in float64 on the pairs inside a rule."""
    with torch.no_grad():
        logits: Tensor = network.logits(torch.as_tensor(dataset.pairs[rule.inside]))
    return RuleLogits(rule, logits.double())


def _subset(dataset: Dataset, pairs: Bool[np.ndarray, " pair"]) -> Dataset:
    fields = ("pairs", "true_label", "given_label", "is_train", "is_redrawn")
    return replace(dataset, **{name: getattr(dataset, name)[pairs] for name in fields})
