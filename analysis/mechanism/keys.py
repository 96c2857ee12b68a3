"""Which blocks a network is said to use: key frequencies, or key irreps, by a named rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from interp.analysis.mechanism.blocks import powers
from interp.analysis.mechanism.rule import RuleLogits
from interp.analysis.neurons.embedding import embedding_table, no_embeddings
from interp.training.arguments import number, word
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint

KeyRule = Literal["logits", "unembedding", "embedding", "cosine", "all"]
KEY_RULES: tuple[KeyRule, ...] = get_args(KeyRule)

_SHARE = 0.25  # of the greatest power, from which a block is a key
_COSINE = 0.005  # of Chughtai et al. 2023


@dataclass(frozen=True)
class Keys:
    """The key blocks.

    Attributes:
        blocks: their numbers; none is the constant's.
        names: of each.
        words: the rule, its level and the count, as captions say it.
    """

    blocks: tuple[int, ...]
    names: tuple[str, ...]
    words: str


def find_keys(
    checkpoint: Checkpoint, logits: RuleLogits, rule: KeyRule, level: float | None = None
) -> Keys:
    """The key blocks of a network.

    Args:
        checkpoint: of the network.
        logits: its own.
        rule: ``logits``: by the power of the logits; ``unembedding``: of the map from the last
            hidden layer to the logits; ``embedding``: of the embeddings (each at least ``level``
            times the greatest); ``cosine``: by the cosine with the block's character, above
            ``level``; ``all`` of them.
        level: 0.25 by default, and 0.005 of a cosine.

    Raises:
        ValueError: for an unknown rule or level, or weights that the network does not have.
    """
    word(rule, KEY_RULES, "keys")
    every = tuple(logits.rule.blocks)
    names = logits.rule.basis.names
    if rule == "all":
        return Keys(every, tuple(names[k] for k in every), f"keys: all {len(every)} blocks")
    level = (_COSINE if rule == "cosine" else _SHARE) if level is None else number(level, "level")
    if not 0 <= level < 1:
        raise ValueError(f"level: expected a number from 0 to below 1, got {level}")
    if rule == "cosine":
        found = [k for k in every if logits.cosines[k] > level]
        words = f"cosine with the character > {level:g}"
    else:
        power = _POWER[rule](checkpoint, logits)
        found = [k for k in every if power[k] > 0 and power[k] >= level * power[1:].max()]
        words = f"power of the {rule} at least {level:g} of the greatest"
    told = f"keys: {words}, {len(found)} of {len(every)} blocks"
    return Keys(tuple(found), tuple(names[k] for k in found), told)


def _of_logits(checkpoint: Checkpoint, logits: RuleLogits) -> Float[np.ndarray, " block"]:
    del checkpoint
    return logits.power


def _of_unembedding(checkpoint: Checkpoint, logits: RuleLogits) -> Float[np.ndarray, " block"]:
    del logits
    network = checkpoint.network
    return powers(neuron_to_logit(network), network.task.group).sum(axis=0)


def neuron_to_logit(network: Network) -> Float[np.ndarray, "neuron answer"]:
    """W_L: from the neurons of the last hidden layer, or what is read last, to the logits."""
    found = network.readout(len(network.layers) - 1) if network.layers else None
    matrix = network.read_out if found is None else found
    if matrix is None:
        raise ValueError(
            "keys: expected a network whose logits are a sum over its last neurons, or keys by "
            f"the logits; got {network.model.row.noun}"
        )
    rows: np.ndarray = matrix.detach().double().cpu().numpy()
    return rows


def _of_embedding(checkpoint: Checkpoint, logits: RuleLogits) -> Float[np.ndarray, " block"]:
    del logits
    reason = no_embeddings(checkpoint)
    if reason is not None:
        raise ValueError(f"keys: {reason}")
    table = embedding_table(checkpoint)
    # The last matrix in the table, where there are several, is read by answers.
    rows = [curves for name, curves in table.curves.items() if "operand" in name or "W_E" in name]
    return np.sum([powers(one, table.group).sum(axis=0) for one in rows], axis=0)


_POWER: dict[str, Callable[[Checkpoint, RuleLogits], Float[np.ndarray, " block"]]] = {
    "logits": _of_logits,
    "unembedding": _of_unembedding,
    "embedding": _of_embedding,
}
