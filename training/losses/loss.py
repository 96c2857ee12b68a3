"""What a loss is, and the losses by name; no torch is loaded before one is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from interp.training.registry import Registry

# What a compiled pass over the neurons can add up for logits z and the label's logit y: the
# squares of (Σ z² − 2 y + 1) / answers, or the exponentials of log Σ exp z − y.
Kernel = Literal["squares", "exponentials"]


@dataclass(frozen=True)
class Loss:
    """What training makes small; a mean over examples.

    Attributes:
        name: what configurations call it.
        label: what people call it: ``MSE``.
        into_gradient: ``(logits, label_at)``: turns logits, (*run, example, answer), into the
            gradient with respect to them, up to :meth:`scale`, and returns the sum of the losses,
            (*run,). ``label_at`` has the places of the labels in the flattened logits.
        each: ``(logits, labels, labelled)``: from logits (*run, pair, answer), labels (*run,
            label, pair) and the logits at these labels the loss of each pair against each of its
            labels, (*run, label, pair), in float64.
        unit: of its values, if they have one: ``nats``.
        factor: what ``into_gradient`` leaves out, beside the number of terms.
        over_answers: whether it is a mean over the answers too.
        kernel: the compiled pass that computes it along a pruning curve; None: there is none, and
            each number of neurons takes a forward pass.
    """

    name: str
    label: str
    into_gradient: Callable[[Any, Any], Any]
    each: Callable[[Any, Any, Any], Any]
    unit: str = ""
    factor: int = 1
    over_answers: bool = False
    kernel: Kernel | None = None

    @property
    def title(self) -> str:
        """For the axis of a figure: ``loss (cross-entropy, nats)``."""
        return f"loss ({self.label}, {self.unit})" if self.unit else f"loss ({self.label})"

    @property
    def words(self) -> str:
        """For a sentence: ``cross-entropy (nats)``."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    def terms(self, examples: int, answers: int) -> int:
        """Number of terms in the mean that the loss is."""
        return examples * answers if self.over_answers else examples

    def scale(self, examples: int, answers: int) -> float:
        """d(mean loss) / d(logits) is this times what ``into_gradient`` writes."""
        return self.factor / self.terms(examples, answers)


LOSSES: Registry[Loss] = Registry(
    "loss",
    {
        "mse": "interp.training.losses.mse:MSE",
        "cross_entropy": "interp.training.losses.cross_entropy:CROSS_ENTROPY",
    },
    "interp.losses",
)
