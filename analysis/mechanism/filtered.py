"""Networks whose neurons keep some blocks of their curves, and networks of what is left over."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import Any, Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float

from interp.analysis.mechanism.blocks import (
    basis_over,
    kept,
    only,
    powers,
    random_blocks,
    strongest,
)
from interp.analysis.mechanism.lazy import has_last_matrix, read_out_of, set_read_out
from interp.analysis.neurons.composition import read_curves
from interp.training.arguments import whole, word
from interp.training.models.mlp import MLP
from interp.training.models.network import Network, undefined
from interp.training.models.transformer import Transformer
from interp.training.randomness import stream
from interp.training.runs.subject import Source, as_checkpoint

# Which blocks a neuron keeps: of its answer curve; of all three curves together; each curve its
# own; the one after the first; another neuron's; a random one.
By = Literal["answer", "joint", "own", "second", "permuted", "random"]
Part = Literal["G", "R"]
Keep = Bool[np.ndarray, "curve neuron block"]

# Of Liu & Lu 2026: the 20 strongest of 56 frequencies of an unembedding.
_OF_UNEMBEDDING = 20 / 56


@dataclass(frozen=True, eq=False)
class Filter:
    """The curves of a network that can be filtered, and the way back into a network.

    Attributes:
        network: not changed.
        group: whose blocks are kept.
        curves: (curve, neuron, residue): U, V and W of the neurons between two matrices; for
            other networks the rows of the last matrix alone, one a feature that it reads.
    """

    network: Network
    group: str
    curves: Float[np.ndarray, "curve neuron residue"]

    @property
    def by_neuron(self) -> bool:
        """Whether each neuron keeps blocks of its own; else the whole last matrix keeps some."""
        return len(self.curves) == 3

    @property
    def blocks(self) -> int:
        """How many blocks there are, the constant included."""
        return len(basis_over(self.group, self.curves.shape[-1]).names)

    @property
    def default_keep(self) -> int:
        """One block a neuron; 20 of 56 of a last matrix."""
        return 1 if self.by_neuron else max(1, round(_OF_UNEMBEDDING * (self.blocks - 1)))

    @cached_property
    def _power(self) -> Float[np.ndarray, "curve neuron block"]:
        return powers(self.curves, self.group)

    def choose(self, by: By = "answer", keep: int | None = None, seed: int = 0) -> Keep:
        """Which blocks every curve of every neuron keeps.

        Args:
            by: the rule, see ``By``.
            keep: how many blocks; ``default_keep`` by default.
            seed: of permutations and random blocks.
        """
        if not self.by_neuron and by in ("joint", "own", "permuted"):
            raise ValueError(
                f"by: expected answer, second or random for a last matrix, which keeps the same "
                f"blocks for all that it reads; got {by!r}"
            )
        count = self.default_keep if keep is None else keep
        power = self._power
        if not self.by_neuron:
            power = power.sum(axis=1, keepdims=True)
        if by == "joint":
            totals = power.sum(axis=-1, keepdims=True)
            power = np.divide(power, totals, out=np.zeros_like(power), where=totals > 0)
            power = power.sum(axis=0, keepdims=True)
        elif by != "own":
            power = power[-1:]
        chosen = np.stack([self._chosen(one, by, count, seed) for one in power])
        return np.broadcast_to(chosen, (len(self.curves), self.curves.shape[1], self.blocks))

    def _chosen(
        self, power: Float[np.ndarray, "neuron block"], by: By, count: int, seed: int
    ) -> Bool[np.ndarray, "neuron block"]:
        random = stream(seed, "control")
        if by == "random":
            basis = basis_over(self.group, self.curves.shape[-1])
            blocks = random_blocks(len(power), count, basis, random)
        else:
            blocks = strongest(power, 2 * count if by == "second" else count)
            blocks = blocks[:, count:] if by == "second" else blocks
        found = only(blocks, power.shape[-1])
        return random.permutation(found) if by == "permuted" else found

    def split(
        self, keep: Keep, part: Part = "G", which: Bool[np.ndarray, " neuron"] | None = None
    ) -> Network:
        """The network of the kept blocks (G), or of the rest of the weights (R).

        Args:
            keep: from :meth:`choose`.
            part: G or R.
            which: neurons that are filtered; the others stay whole in both.
        """
        found = []
        for curve, mask in zip(self.curves, keep, strict=True):
            within = kept(curve, self.group, mask)
            one = within if part == "G" else curve - within
            found.append(one if which is None else np.where(which[:, None], one, curve))
        return self._with(np.stack(found))

    def _with(self, curves: Float[np.ndarray, "curve neuron residue"]) -> Network:
        network: Any = deepcopy(self.network)
        if self.by_neuron:
            network.set_curves(curves)
        else:
            set_read_out(network, torch.from_numpy(curves[0]))
        found: Network = network
        return found


def filter_of(network: Network) -> Filter:
    """What can be filtered of a network.

    Raises:
        ValueError: where nothing can, see :func:`no_filter`.
    """
    reason = no_filter(network)
    if reason is not None:
        raise ValueError(reason)
    return Filter(network, network.task.group, _filterable(network))


@singledispatch
def _filterable(network: Network) -> Float[np.ndarray, "curve neuron residue"]:
    """The curves that are weights: of neurons between two matrices, or of the last matrix."""
    raise undefined("filter", network)


@_filterable.register(MLP)
def _of_mlp(network: MLP) -> Float[np.ndarray, "curve neuron residue"]:
    if network.model.depth == 2:
        return np.stack(list(read_curves(network).values))
    return read_out_of(network)[None]


@_filterable.register(Transformer)
def _of_transformer(network: Transformer) -> Float[np.ndarray, "curve feature residue"]:
    return read_out_of(network)[None]


def no_filter(network: Network) -> str | None:
    """Why a network cannot be filtered; None where it can."""
    if _filterable.dispatch(type(network)) is _filterable.dispatch(object):
        return (
            "expected an MLP or a Transformer, whose curves are weights; "
            f"got {network.model.row.noun}"
        )
    if not has_last_matrix(network):
        return "expected an unembedding of its own, got one that is tied to the embedding"
    if network.task.n_answers != network.task.p:
        return (
            f"expected as many answers as operands, got {network.task.n_answers} answers "
            f"to {network.task.p} operands"
        )
    return None


def filtered(
    source: Source,
    part: Part = "G",
    *,
    by: By = "answer",
    keep: int | None = None,
    step: int | None = None,
    seed: int = 0,
) -> Network:
    """A copy of a network in which only some blocks of its curves are left; nothing is retrained.

    Between two matrices, every neuron keeps the block (frequency, or irrep) in which its answer
    curve has the most power, in all three of its curves: the G-net; its weights less these are
    the R-net. A deeper network or a Transformer keeps the strongest blocks of its last matrix.
    Source: Liu and Lu 2026 (arXiv 2605.18022), frequency filtration.

    Args:
        source: a run or its folder, a checkpoint, or a network, which is not changed.
        part: ``G`` for the kept blocks, ``R`` for the rest.
        by: what chooses the block: the ``answer`` curve, all three curves together (``joint``),
            each curve its ``own``, the ``second`` of the answer curve, that of another neuron
            (``permuted``) or a ``random`` one.
        keep: how many blocks; one a neuron by default, and 20 of 56 of a last matrix.
        step: which checkpoint of a run.
        seed: of permutations and random blocks.

    Raises:
        ValueError: if the network cannot be filtered, or a word or number is none that is expected.
    """
    word(part, get_args(Part), "part")
    word(by, get_args(By), "by")
    whole(seed, "seed")
    found = filter_of(as_checkpoint(source, step).network)
    return found.split(found.choose(by, checked_keep(found, keep), seed), part)


def checked_keep(found: Filter, keep: int | None) -> int | None:
    """A number of blocks that a network can keep.

    Raises:
        ValueError: if it has not as many.
    """
    return None if keep is None else whole(keep, "keep", least=1, most=found.blocks - 1)
