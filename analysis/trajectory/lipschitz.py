"""How strongly the logits follow the operands near the data: norms of a Jacobian."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.numbers import Numbers
from interp.analysis.trajectory.smooth import entry_of
from interp.training.arguments import whole
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

_AT_ONCE = 64  # pairs, whose gradients by all answers lie in memory together


def no_relaxed_operands(checkpoint: Checkpoint) -> str | None:
    """Why a network has no Jacobian by its one-hot operands; None if it has."""
    try:
        entry_of(checkpoint.network, torch.as_tensor(checkpoint.task.pairs[:1]))
    except ValueError as error:
        return str(error)
    return None


def jacobian_norms(
    network: Network, pairs: Int[Tensor, "pair 2"]
) -> dict[str, Float[np.ndarray, " pair"]]:
    """Norms of Jacobians at each pair: ``spectral``, ``frobenius`` and ``entry``.

    The operands enter linearly, so that J = ∂ logits ∕ ∂ one-hot operands, (answer, 2p), is G·Eᵀ:
    G are the gradients by what the first matrices E make of them. ``spectral`` is the largest
    singular value of J, ``frobenius`` √Σ J², and ``entry`` √Σ G².
    """
    found: dict[str, list[Tensor]] = {"spectral": [], "frobenius": [], "entry": []}
    for some in torch.split(pairs, _AT_ONCE):
        gradients, tables = _gradients(network, some)
        inner = tables.mT @ tables  # way, feature, feature
        moved = torch.einsum("pawf,wfg->pawg", gradients, inner).flatten(2)
        gram = moved @ gradients.flatten(2).mT  # J Jᵀ
        found["spectral"].append(torch.linalg.eigvalsh(gram)[:, -1].clamp(min=0).sqrt())
        found["frobenius"].append(gram.diagonal(dim1=1, dim2=2).sum(dim=1).clamp(min=0).sqrt())
        found["entry"].append(gradients.flatten(1).norm(dim=1))
    return {name: torch.cat(values).cpu().numpy() for name, values in found.items()}


def _gradients(
    network: Network, pairs: Int[Tensor, "pair 2"]
) -> tuple[Float[Tensor, "pair answer way feature"], Float[Tensor, "way residue feature"]]:
    """G and E, with an axis of ways in; an MLP has one, of both operands."""
    with torch.enable_grad():
        entry = entry_of(network, pairs)
        values = entry.values.detach().requires_grad_()
        logits = entry.rest(values)
        # A pair's logits depend on its own values alone, so a sum over pairs mixes nothing.
        rows = [
            torch.autograd.grad(one.sum(), values, retain_graph=True)[0] for one in logits.unbind(1)
        ]
    gradients, tables = torch.stack(rows, dim=1), entry.tables.detach()
    if tables.ndim == 2:
        return gradients.unsqueeze(2), tables.unsqueeze(0)
    return gradients, tables


def _summary(network: Network, pairs: Int[Tensor, "pair 2"]) -> dict[str, float]:
    return {
        f"{name}_{word}": float(of(norms))
        for name, norms in jacobian_norms(network, pairs).items()
        for word, of in (("mean", np.mean), ("max", np.max))
    }


@measure(
    "lipschitz",
    source="Loukas et al. 2021 (arXiv 2106.04186), Lipschitz constant close to the data",
    refuses=no_relaxed_operands,
)
def lipschitz(checkpoint: Checkpoint, *, pairs: int = 500, seed: int = 0) -> Numbers:
    """How strongly the logits follow the operands near the data: mean and largest Jacobian norm.

    J is the derivative of the logits by the entries of both operands as one-hot vectors, (answer,
    2p), taken at pairs. ``spectral``: its largest singular value, the Lipschitz constant close to
    a pair; ``frobenius``: √Σ J²; ``entry``: the same of the derivative by what the first matrices
    make of the operands, an MLP's first pre-activations or a Transformer's embeddings. Beside them
    those of the untrained network. Rescaling neurons changes ``entry``, not the other two.

    Args:
        checkpoint: of an MLP or a Transformer.
        pairs: how many are drawn of all, without return; all where there are fewer.
        seed: of the draw and of the untrained network.
    """
    whole(pairs, "pairs", least=1)
    network, task = checkpoint.exact, checkpoint.task
    fresh, words = untrained_beside(network, seed)
    some = np.sort(stream(seed, "gradients").permutation(len(task.pairs))[:pairs])
    chosen = torch.as_tensor(task.pairs[some])
    own = _summary(network, chosen)
    control = dict.fromkeys(own) if fresh is None else _summary(fresh, chosen)
    caption = place(checkpoint.seed, checkpoint.step, f"Jacobian at {len(some)} pairs", words)
    return Numbers(dict(own), caption, dict(control))
