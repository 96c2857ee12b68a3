"""The tangent kernel of each output: products of the gradients of a logit by all weights."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.models.network import Network

_CHUNK = 8  # pairs whose gradients are taken at once; each passes through all of them


def tangent_kernels(
    network: Network, pairs: Int[Tensor, "pair 2"], outputs: Int[Tensor, " output"]
) -> Float[Tensor, "output pair pair"]:
    """K_c(x, y) = ⟨∂f_c(x)/∂θ, ∂f_c(y)/∂θ⟩ over all weights θ, for each output c.

    In closed form for φ between two matrices, else by autograd. A norm over examples has its
    running statistics. Source: Jacot et al. 2018 (arXiv 1806.07572).

    Args:
        network: whose precision the kernels have.
        pairs: of operands.
        outputs: the answers c, whose logits are meant.
    """
    way = closed_form if network.model.row.by_hand(network.model) else by_autograd
    return way(network, pairs, outputs)


def movement(
    kernels: Float[Tensor, "output pair pair"], first: Float[Tensor, "output pair pair"]
) -> Float[Tensor, " output"]:
    """‖K − K₀‖ ∕ ‖K₀‖ of each output, Frobenius norms."""
    return (kernels - first).flatten(1).norm(dim=1) / first.flatten(1).norm(dim=1)


def weight_movement(network: Network, born: Network) -> Float[Tensor, ""]:
    """‖θ − θ₀‖ ∕ ‖θ₀‖ over all weights θ of two networks of one precision."""
    now, then = (
        torch.cat([weight.detach().flatten() for weight in one.parameters()])
        for one in (network, born)
    )
    found: Tensor = (now - then).norm() / then.norm()
    return found


def closed_form(
    network: Network, pairs: Int[Tensor, "pair 2"], outputs: Int[Tensor, " output"]
) -> Float[Tensor, "output pair pair"]:
    """The kernels of f_c(m, n) = Σ_k W_ck φ(h_k), h = U e_m + V e_n, times a constant scale s.

    K_c = s² Σ_k φ(h_k) φ(h'_k) + (δ_mm' + δ_nn') Σ_k s² W_ck² φ'(h_k) φ'(h'_k): the first matrix
    is shared by pairs that share an operand.
    """
    one: Any = network
    w_in = one.layers[0].W_in.detach()
    pre = (w_in[pairs[:, 0]] + w_in[network.task.p + pairs[:, 1]]).requires_grad_(True)
    post = ACTIVATIONS[network.model.phi].value(pre)
    (slope,) = torch.autograd.grad(post.sum(), pre)
    post = network.model.logit_scale * post.detach()
    shared = (pairs[:, None] == pairs).sum(dim=-1)
    # The read-out has the scale in it.
    first = [(slope * column) @ (slope * column).T for column in one.read_out.detach().T[outputs]]
    return post @ post.T + shared * torch.stack(first)


def by_autograd(
    network: Network, pairs: Int[Tensor, "pair 2"], outputs: Int[Tensor, " output"]
) -> Float[Tensor, "output pair pair"]:
    """The kernels of any network, from the gradients themselves; one output at a time."""
    found = []
    for output in outputs.tolist():
        chunks = [_gradients(network, chunk, output) for chunk in torch.split(pairs, _CHUNK)]
        # Weight by weight: together the gradients would take as much memory again.
        each = (torch.cat(rows) for rows in zip(*chunks, strict=True))
        found.append(torch.stack([one @ one.T for one in each]).sum(dim=0))
    return torch.stack(found)


@torch.enable_grad()
def _gradients(
    network: Network, pairs: Int[Tensor, "pair 2"], output: int
) -> list[Float[Tensor, "pair entry"]]:
    """∂f_c(x)/∂θ of each pair x, by the entries of each weight."""
    logits = network(pairs)[:, output]
    each = torch.eye(len(pairs), dtype=logits.dtype, device=logits.device)
    found = torch.autograd.grad(
        logits, list(network.parameters()), each, is_grads_batched=True, materialize_grads=True
    )
    return [one.flatten(1) for one in found]
