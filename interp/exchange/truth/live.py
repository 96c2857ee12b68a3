"""A module that is there to be run: whether what was read of it gives the same logits."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from interp.exchange.truth.evidence import Told
from interp.training.config.kinds import INPUT_FORMS
from interp.training.models.module.inputs import Inputs, inputs_of, read_logits

_MOST = 1e-4  # of the largest logit


def _forms(p: int) -> dict[str, Inputs]:
    """What modules of this field are called with, by what it is called."""

    def one_hot(pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair 2 residue"]:
        return functional.one_hot(pairs, p).double()

    own = {
        "one-hot, summed": lambda pairs: one_hot(pairs).sum(1),
        "one-hot, a row an operand": one_hot,
    }
    return {
        **{name: inputs_of(name, p) for name in INPUT_FORMS},
        **{name: Inputs(name, make) for name, make in own.items()},
    }


@dataclass(frozen=True)
class Gap:
    """How far a module's logits are from those that were read, by the input that fits best.

    Attributes:
        form: of the input.
        difference: the largest, over all pairs and answers.
        largest: logit of the module.
    """

    form: str
    difference: float
    largest: float

    @property
    def is_none(self) -> bool:
        """Whether it is rounding: at most 1e-4 of the largest logit."""
        return self.difference <= _MOST * self.largest


class Live:
    """A module that is there to be run; a copy, in evaluation mode, of one that is not changed.

    Args:
        module: whose logits are those that count.
    """

    def __init__(self, module: nn.Module) -> None:
        self.name = type(module).__name__
        self._module = deepcopy(module).cpu().eval()
        self._known: dict[tuple[int, int], dict[str, Tensor]] = {}

    def gap(self, logits: Float[Tensor, "pair answer"], p: int) -> Gap | None:
        """How far the module is from what was read of it; None if it takes no known input.

        Args:
            logits: of what was read, for all p² pairs in the order m·p + n.
            p: the modulus.
        """
        outputs = self._outputs(p, logits.shape[1])
        gaps = [Gap(form, *_gap(theirs, logits.double())) for form, theirs in outputs.items()]
        return min(gaps, key=lambda one: one.difference / max(one.largest, 1e-30), default=None)

    def _outputs(self, p: int, answers: int) -> dict[str, Tensor]:
        """Its logits for each form of input that it takes."""
        if (p, answers) not in self._known:
            pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
            found = {
                form: _run(self._module, inputs, pairs, answers)
                for form, inputs in _forms(p).items()
            }
            self._known[p, answers] = {k: v for k, v in found.items() if v is not None}
        return self._known[p, answers]


def module_told(
    live: Live | None, logits: Float[Tensor, "pair answer"], p: int, assumed: Sequence[str]
) -> Told:
    """Compares a module with what was read of it; nothing is said where there is none.

    Args:
        live: the module, if it is there.
        logits: of what was read, for all p² pairs in the order m·p + n.
        p: the modulus.
        assumed: while reading, to be named where they differ.

    Raises:
        ValueError: if they differ by more than 1e-4 of the largest logit, with both numbers.
    """
    if live is None:
        return Told()
    gap = live.gap(logits, p)
    if gap is None:
        return Told(assumed="what was read is the module: it takes no input that is known here")
    if not gap.is_none:
        told = f"; assumed while reading: {', '.join(assumed)}" if assumed else ""
        raise ValueError(
            f"{live.name}: run on all pairs ({gap.form}) it gives other logits than what was read "
            f"of it: largest difference {gap.difference:.3g}, largest logit {gap.largest:.3g}{told}"
        )
    return Told(
        recognized=f"the module itself, run on all pairs ({gap.form}): logits differ by at most "
        f"{gap.difference:.1g}, the largest is {gap.largest:.3g}"
    )


@torch.no_grad()
def _run(
    module: nn.Module, inputs: Inputs, pairs: Int[Tensor, "pair 2"], answers: int
) -> Float[Tensor, "pair answer"] | None:
    """Logits; None where the module takes no such input or gives none such."""
    weight = next(iter(module.parameters()), torch.zeros(()))
    positional, named = inputs(pairs, weight.dtype)
    try:
        return read_logits(module(*positional, **named), len(pairs), answers).double()
    except Exception:  # whatever a foreign module raises at what it does not take
        return None


def _gap(theirs: Tensor, ours: Tensor) -> tuple[float, float]:
    """The largest difference and the largest logit, or those of their log-probabilities."""
    plain = float((theirs - ours).abs().max()), float(theirs.abs().max())
    if not torch.allclose(theirs.exp().sum(1), torch.ones(()).double(), atol=1e-3):
        return plain
    log = ours.log_softmax(1)  # a module that ends in one
    return float((theirs - log).abs().max()), plain[1]
