"""A module that is there to be run: whether what was read of it gives the same logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from interp.exchange.truth.evidence import Told

_MOST = 1e-4  # of the largest logit

Pairs = Int[Tensor, "pair 2"]
Arguments = Callable[[Pairs, int], tuple[Any, ...]]


def _with_equals(pairs: Pairs, p: int) -> tuple[Any, ...]:
    return (torch.cat([pairs, pairs.new_full((len(pairs), 1), p)], dim=1),)


def _one_hot(pairs: Pairs, p: int) -> Float[Tensor, "pair 2 residue"]:
    return functional.one_hot(pairs, p)


# What modules of this field are called with.
_FORMS: Mapping[str, Arguments] = {
    "pairs": lambda pairs, p: (pairs,),
    "pairs and =": _with_equals,
    "two operands": lambda pairs, p: (pairs[:, 0], pairs[:, 1]),
    "one-hot, side by side": lambda pairs, p: (_one_hot(pairs, p).flatten(1),),
    "one-hot, summed": lambda pairs, p: (_one_hot(pairs, p).sum(1),),
    "one-hot, a row an operand": lambda pairs, p: (_one_hot(pairs, p),),
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
    for form, arguments in _FORMS.items():
        theirs = _run(copy, arguments(pairs, p), logits.shape)
        if theirs is not None:
            gaps[form] = _gap(theirs, logits.double())
    return gaps


@torch.no_grad()
def _run(module: nn.Module, inputs: tuple[Any, ...], shape: torch.Size) -> Tensor | None:
    """Logits, (pair, answer); None where the module takes no such input or gives none such."""
    found: Any = None
    for one in (inputs, tuple(_like(module, value) for value in inputs)):
        try:
            found = module(*one)
            break
        except Exception:  # whatever a foreign module raises at what it does not take
            continue
    if not isinstance(found, Tensor) or found.ndim not in (2, 3) or found.is_complex():
        return None
    last = found[:, -1] if found.ndim == 3 else found
    if len(last) != shape[0] or last.shape[1] < shape[1]:
        return None
    return last[:, : shape[1]].double()


def _like(module: nn.Module, value: Tensor) -> Tensor:
    """Numbers in the module's precision, for one that multiplies them."""
    weight = next(iter(module.parameters()), None)
    return value if weight is None else value.to(weight.dtype)


def _gap(theirs: Tensor, ours: Tensor) -> tuple[float, float]:
    """The largest difference and the largest logit, or those of their log-probabilities."""
    plain = float((theirs - ours).abs().max()), float(theirs.abs().max())
    if not torch.allclose(theirs.exp().sum(1), torch.ones(()).double(), atol=1e-3):
        return plain
    log = ours.log_softmax(1)  # a module that ends in one
    return float((theirs - log).abs().max()), plain[1]
