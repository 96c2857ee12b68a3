"""Gradient symmetricity: whether a logit depends on both operands' embeddings alike."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.numbers import Numbers
from interp.training.arguments import whole
from interp.training.models.mlp import MLP
from interp.training.models.network import Network, undefined
from interp.training.models.transformer import Transformer
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint


@singledispatch
def _why_not(network: Network) -> str | None:
    return str(undefined("gradient symmetricity", network))


@_why_not.register(MLP)
def _sees_the_sum(network: MLP) -> str:
    return (
        "expected a Transformer; the symmetricity of any MLP is 1, because it reads nothing but "
        "the sum of its operands' embeddings"
    )


@_why_not.register(Transformer)
def _has_embeddings(network: Transformer) -> None:
    return None


def no_gradients(checkpoint: Checkpoint) -> str | None:
    """Why gradient symmetricity is not defined on a network."""
    return _why_not(checkpoint.network)


@measure(
    "gradient_symmetricity",
    source="Zhong et al. 2023 (arXiv 2306.17844), gradient symmetricity",
    refuses=no_gradients,
)
def gradient_symmetricity(
    checkpoint: Checkpoint, *, pairs: int = 1000, classes: int = 16, seed: int = 0
) -> Numbers:
    """Whether logits depend on the embeddings of both operands alike: 1 if they always do.

    The mean over pairs (a, b) and answers c of the cosine between ∂Q_c/∂E_a and ∂Q_c/∂E_b, the
    gradients of a logit by the embedding at the first and at the second position (for a = b these
    are two positions too, though one row). The paper has .99 for a pizza and .33 for a clock.

    Args:
        checkpoint: of a Transformer.
        pairs: how many pairs are drawn, without return; all of them where there are fewer.
        classes: how many answers are drawn likewise for each pair: each of its own, since answers
            differ more than pairs do.
        seed: of the draws and of the untrained network.
    """
    whole(pairs, "pairs", least=1)
    whole(classes, "classes", least=1)
    network, task = checkpoint.exact, checkpoint.task
    fresh, words = untrained_beside(network, seed)
    random = stream(seed, "gradients")
    some = np.sort(random.permutation(len(task.pairs))[:pairs])
    every = np.tile(np.arange(task.n_answers), (len(some), 1))
    answers = random.permuted(every, axis=1)[:, :classes]
    found = {
        name: _mean_cosine(one, torch.as_tensor(task.pairs[some]), answers)
        for name, one in (("own", network), ("fresh", fresh))
        if one is not None
    }
    caption = place(
        checkpoint.seed, checkpoint.step, f"{len(some)} pairs × {answers.shape[1]} answers", words
    )
    name = "gradient_symmetricity"
    return Numbers({name: found["own"]}, caption, {name: found.get("fresh")})


def _mean_cosine(
    network: Network, pairs: Int[Tensor, "pair 2"], answers: Int[np.ndarray, "pair answer"]
) -> float | None:
    """Mean over pairs and answers; None where no gradient has both of its parts."""
    cosines = gradient_cosines(network, pairs, answers)
    known = cosines[np.isfinite(cosines)]
    return float(known.mean()) if len(known) else None


def gradient_cosines(
    network: Network, pairs: Int[Tensor, "pair 2"], answers: Int[np.ndarray, "pair answer"]
) -> Float[np.ndarray, "pair answer"]:
    """Cosine of the gradients of a logit by the embeddings of both operands, by position.

    NaN where one of them is zero.

    Args:
        network: with ``hook_embed``, (pair, position, feature), the operands first.
        pairs: of operands.
        answers: of each pair, whose logits are meant.
    """
    seen: list[Tensor] = []

    def own_leaf(values: Tensor, hook: object) -> Tensor:
        seen.append(values.detach().requires_grad_())
        return seen[-1]

    with torch.enable_grad():
        logits = network.run_with_hooks(pairs, fwd_hooks=[("hook_embed", own_leaf)])
        # A pair's logits depend on its own embeddings alone, so a sum over pairs mixes nothing.
        gradients = [
            torch.autograd.grad(one.sum(), seen[0], retain_graph=True)[0]
            for one in logits.gather(1, torch.as_tensor(answers, device=logits.device)).T
        ]
    first, second = (torch.stack([one[:, i] for one in gradients], dim=1) for i in (0, 1))
    sizes = first.norm(dim=-1) * second.norm(dim=-1)
    cosines: np.ndarray = ((first * second).sum(dim=-1) / sizes).cpu().numpy()
    return cosines
