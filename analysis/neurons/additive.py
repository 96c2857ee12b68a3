"""Curves of an adapted module's neurons, from what it computes on all pairs.

The curves over the operands are the additive part of the pre-activation h(m, n): its means over
one operand, less the mean over all p² pairs (the two-way analysis of variance without
interaction). Of a first layer they are the whole of it. What the operands add on average cannot be
told apart from h alone; where the linear layer before the neurons sees the operands apart, side by
side, each curve is what that layer makes of one operand, with its average. A caption says which:
"around the mean", or "operands apart".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.neurons.curves import together
from interp.analysis.neurons.origin import ReadCurves
from interp.training.models.adapted import Adapted
from interp.training.models.module.apart import operands_apart
from interp.training.randomness import stream

# Of (first operand, second operand, neuron).
Grid = Float[Tensor, "p p neuron"]

ABLATION_PAIRS = 512


def adapted_curves(network: Adapted, layer: int) -> ReadCurves:
    """The curves of a layer's neurons; one pass over all pairs gives those over the operands.

    Those over the answers are the readout where the logits are a sum over the neurons. Elsewhere
    they are measured by ablation: the change of the logits when the neuron's activation is set to
    zero, per unit of activation (least squares over the pairs; the readout, if there were one).
    That is a pass for each neuron over at most 512 pairs, drawn once and for all.

    Args:
        network: in the precision to compute in.
        layer: which of its layers.
    """
    pre = pre_activations(network, layer)
    keep = network.layers[layer].keep
    first, second, share = additive_part(pre)
    apart = operands_apart(network, layer, pre)
    if apart is not None:
        first, second = apart
    answer, how = network.readout(layer), "readout"
    if answer is None:
        answer, how = ablation_effects(network, layer), "ablation"
    values = [(one * keep[:, None]).double().numpy() for one in (first.T, second.T, answer)]
    shares = share.masked_fill(~keep, float("nan"))
    found = ReadCurves(together(values), shares.double().numpy())
    kind = "around the mean" if apart is None else "operands apart"
    mean = found.mean_additive
    told = "no neuron varies" if mean is None else f"additive share {mean:.3f} ({kind})"
    return replace(found, told=f"{told}, answers by {how}")


@torch.no_grad()
def pre_activations(network: Adapted, layer: int) -> Grid:
    """Pre-activations on all p² pairs, by one pass; at the position that matters, else the last."""
    p = network.task.p
    pairs = torch.cartesian_prod(torch.arange(p), torch.arange(p))
    at = f"blocks.{layer}.mlp.hook_pre"
    _, cache = network.run_with_cache(pairs, names_filter=at)
    pre: Tensor = cache[at]
    if pre.ndim == 3:
        position = network.layers[layer].place.position
        pre = pre[:, -1 if position is None else position]
    return pre.reshape(p, p, -1)


def additive_part(
    pre: Grid,
) -> tuple[Float[Tensor, "p neuron"], Float[Tensor, "p neuron"], Float[Tensor, " neuron"]]:
    """Means over each operand less the grand mean, and the share of the variance they explain.

    Returns:
        first(m) and second(n), both with mean zero, and Σ (first + second)² / Σ (h − mean)² over
        all pairs; NaN for a neuron that does not vary beyond rounding.
    """
    p = len(pre)
    mean = pre.mean(dim=(0, 1))
    first, second = pre.mean(dim=1) - mean, pre.mean(dim=0) - mean
    total = (pre - mean).square().sum(dim=(0, 1))
    explained = p * (first.square().sum(dim=0) + second.square().sum(dim=0))
    rounding = p * p * (torch.finfo(pre.dtype).eps * pre.abs().amax(dim=(0, 1))) ** 2
    share = torch.where(total > 100 * rounding, explained / total, torch.nan)
    return first, second, share.clamp(max=1)


@torch.no_grad()
def ablation_effects(network: Adapted, layer: int) -> Float[Tensor, "neuron answer"]:
    """Change of the logits by a neuron, per unit of its activation; 0 where it is never active."""
    pairs = torch.as_tensor(network.task.pairs[_drawn(len(network.task.pairs))])
    post, finish = network.tail(pairs, layer)
    logits = finish(post)
    effects = []
    for neuron in range(post.shape[-1]):
        without = post.clone()
        without[..., neuron] = 0
        active = post[..., neuron].reshape(len(pairs), -1)[:, -1]
        effect = active @ (logits - finish(without))
        effects.append(effect / active.square().sum().clamp(min=torch.finfo(post.dtype).tiny))
    return torch.stack(effects)


def _drawn(count: int) -> Int[np.ndarray, " pair"]:
    return np.sort(stream(0, "ablation").permutation(count)[:ABLATION_PAIRS])
