"""Squared length of the gradient of each example's own loss (TracIn's self-influence)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from interp.analysis.measure import NotDefined
from interp.analysis.memorization.case import Case
from interp.training.losses.loss import LOSSES
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.network import Network


def own_gradients(case: Case, network: Network) -> Float[np.ndarray, " example"]:
    """‖∂ loss of the example ∕ ∂ all weights‖², in closed form between two matrices.

    With activations a, gradients g at the logits and δ at the pre-activations, the last matrix has
    the gradient a ⊗ g, and each operand's row δ: ‖a‖² ‖g‖² + 2 ‖δ‖². Source: Pruthi et al. 2020
    (arXiv 2002.08484).

    Raises:
        NotDefined: for a network that is more than φ between two matrices.
    """
    if not network.model.row.by_hand(network.model):
        raise NotDefined("expected φ between two matrices, whose gradient has a closed form")
    one: Any = network
    w_in = one.layers[0].W_in.detach()
    first, second = case.pairs.T
    pre = (w_in[first] + w_in[network.task.p + second]).requires_grad_(True)
    post = ACTIVATIONS[network.model.phi].value(pre)
    logits = (post @ one.read_out.detach()).requires_grad_(True)
    labels = torch.as_tensor(case.given)[None]
    loss = LOSSES[case.newest.loss].each(logits, labels, logits.gather(1, labels.T).T).sum()
    # Each example's loss depends on its own rows alone, so the sum's gradient holds them all.
    at_logits, at_pre = torch.autograd.grad(loss, (logits, pre))
    scale = network.model.logit_scale**2
    last = scale * post.detach().square().sum(dim=1) * at_logits.square().sum(dim=1)
    found: np.ndarray = (last + 2 * at_pre.square().sum(dim=1)).double().numpy()
    return found
