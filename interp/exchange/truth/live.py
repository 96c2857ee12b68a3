"""A module that is there to be run: whether what was read of it gives the same logits."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

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


def module_told(source: Any, logits: Float[Tensor, "pair answer"], p: int) -> Told:
    """Runs a module on all pairs and compares it with what was read of it.

    Args:
        source: run as a copy, in evaluation mode, and not changed; nothing is said of what is no
            module.
        logits: of what was read, for all p² pairs in the order m·p + n.
        p: the modulus.

    Raises:
        ValueError: if they differ by more than 1e-4 of the largest logit, with both numbers.
    """
    if not isinstance(source, nn.Module):
        return Told()
    gaps = _gaps(source, logits, p)
    if not gaps:
        return Told(assumed="what was read is the module: it takes no input that is known here")
    form = min(gaps, key=lambda one: gaps[one][0] / max(gaps[one][1], 1e-30))
    difference, largest = gaps[form]
    if not difference <= _MOST * largest:
        raise ValueError(
            f"{type(source).__name__}: run on all pairs ({form}) it gives other logits than what "
            f"was read of it: largest difference {difference:.3g}, largest logit {largest:.3g}"
        )
    return Told(
        recognized=f"the module itself, run on all pairs ({form}): logits differ by at most "
        f"{difference:.1g}, the largest is {largest:.3g}"
    )


def _gaps(
    module: nn.Module, logits: Float[Tensor, "pair answer"], p: int
) -> dict[str, tuple[float, float]]:
    """The largest difference and the largest logit, for each form of input that it takes."""
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
    copy = deepcopy(module).cpu().eval()
    gaps = {}
    for form, inputs in _forms(p).items():
        theirs = _run(copy, inputs, pairs, logits.shape[1])
        if theirs is not None:
            gaps[form] = _gap(theirs, logits.double())
    return gaps


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
