"""Logits as a function that can be differentiated twice, and by relaxed one-hot operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.mlp import MLP
from interp.training.models.network import Network, undefined
from interp.training.models.transformer import Transformer


@dataclass(frozen=True, eq=False)
class Entry:
    """What one-hot operands become by their first matrices, and what follows.

    Attributes:
        values: of each pair: the sum of two rows of an MLP, two embeddings of a Transformer.
        rest: from these to the logits.
        tables: a matrix for each entry of the axis ``way``, with a row a residue; where the values
            have no such axis, the tables stand below one another.
    """

    values: Float[Tensor, "pair *way feature"]
    rest: Callable[[Tensor], Tensor]
    tables: Float[Tensor, "*way residue feature"]


@singledispatch
def entry_of(network: Network, pairs: Int[Tensor, "pair 2"]) -> Entry:
    """Where one-hot operands enter a network.

    Raises:
        ValueError: for a network whose first matrices are not known.
    """
    del pairs
    raise undefined("relaxed operands", network)


@entry_of.register(MLP)
def _of_mlp(network: MLP, pairs: Int[Tensor, "pair 2"]) -> Entry:
    first, *deeper = network.layers

    def rest(values: Tensor) -> Tensor:
        values = first(values)
        for one in deeper:
            values = one(values @ one.W_in)
        logits: Tensor = network.unembed(values)
        return logits

    table = first.W_in
    return Entry(table[pairs[:, 0]] + table[network.task.p + pairs[:, 1]], rest, table)


@entry_of.register(Transformer)
def _of_transformer(network: Transformer, pairs: Int[Tensor, "pair 2"]) -> Entry:
    tables = torch.stack([network.operand_rows(0), network.operand_rows(1)])
    values = torch.stack([tables[i][pairs[:, i]] for i in (0, 1)], dim=1)

    def rest(own: Tensor) -> Tensor:
        def replaced(embedded: Tensor, hook: object) -> Tensor:
            del hook
            return torch.cat([own, embedded[:, 2:]], dim=1)

        logits: Tensor = network.run_with_hooks(pairs, fwd_hooks=[("hook_embed", replaced)])
        return logits

    return Entry(values, rest, tables)


@singledispatch
def smooth_logits(network: Network, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
    """Logits by plain operations, of which autograd knows the second derivatives too."""
    logits: Tensor = network(pairs)
    return logits


@smooth_logits.register(MLP)
def _by_plain_rows(network: MLP, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
    entry = entry_of(network, pairs)
    return entry.rest(entry.values)
