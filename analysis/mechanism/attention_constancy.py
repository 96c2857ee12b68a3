"""Attention constancy: how far attention is the same whatever the operands."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from interp.analysis.ablation.heads import Head, no_heads
from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.numbers import Numbers
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint


@measure(
    "attention_constancy",
    source="constant attention: Zhong et al. 2023 (arXiv 2306.17844), the pizza",
    refuses=no_heads,
)
def attention_constancy(checkpoint: Checkpoint, *, seed: int = 0) -> Numbers:
    """How near the attention patterns are to constant ones, by head and on average: 1 if they are.

    1 − mean over all pairs of the total variation distance ½ Σ_s |A[s] − Ā[s]| between a pair's
    pattern A at the last position and the mean pattern Ā of the head. An untrained network, beside
    it, is near 1 too: constant attention alone shows nothing.

    Args:
        checkpoint: of a Transformer.
        seed: of the untrained network.
    """
    network = checkpoint.exact
    fresh, words = untrained_beside(network, seed)
    caption = place(checkpoint.seed, checkpoint.step, "attention at the last position", words)
    return Numbers(_by_head(network), caption, {} if fresh is None else _by_head(fresh))


def _by_head(network: Network) -> dict[str, float | None]:
    found = constancies(network)
    named = {f"head {block}.{head}": value for (block, head), value in found.items()}
    return {"attention_constancy": sum(found.values()) / len(found), **named}


@torch.no_grad()
def constancies(network: Network) -> dict[Head, float]:
    """Of each head as (block, head), see :func:`attention_constancy`."""
    _, cache = network.run_with_cache(
        torch.as_tensor(network.task.pairs), names_filter=lambda name: "hook_pattern" in name
    )
    return {
        (block, head): constancy(cache[f"blocks.{block}.attn.hook_pattern"][:, head, -1])
        for block, head in network.heads
    }


def constancy(patterns: Float[Tensor, "pair source"]) -> float:
    """1 − mean total variation distance of the patterns from their mean, in [0, 1]."""
    away = (patterns - patterns.mean(dim=0)).abs().sum(dim=-1) / 2
    return 1 - float(away.mean())
