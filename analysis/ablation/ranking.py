"""What neurons can be ranked by, as one table, and the order in which they are removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import as_text, word
from interp.training.registry import Registry, origin_of

Direction = Literal["lowest", "highest"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
Order = tuple[str, Direction]

# How much each neuron of a table has of something; a dead neuron's value is not looked at.
Ranking = Callable[[NeuronTable], Float[np.ndarray, " neuron"]]
_Ranking = TypeVar("_Ranking", bound=Ranking)

MAIN = "IPR"


def _ipr(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    return table.ipr


def _weight_norm(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    return table.norm


RANKINGS: Registry[Ranking] = Registry(
    "ranking", {MAIN: _ipr, "weight norm": _weight_norm}, group="interp.rankings"
)


def ranking(name: str) -> Callable[[_Ranking], _Ranking]:
    """Adds a ranking: wherever neurons are pruned by weight norm, they are by this one too.

        @ranking("answer norm")
        def answer_norm(table):
            return table.norms[2]

    Args:
        name: what figures and tables call it.

    Raises:
        ValueError: if another ranking has the name.
    """
    as_text(name, "the name of a ranking")

    def add(value: _Ranking) -> _Ranking:
        RANKINGS.add(name, value, origin_of(value))
        return value

    return add


def competing() -> tuple[str, ...]:
    """Every ranking but the IPR."""
    return tuple(name for name in RANKINGS if name != MAIN)


def every_order() -> tuple[Order, ...]:
    """Every ranking, in both directions."""
    return tuple((name, direction) for name in RANKINGS for direction in DIRECTIONS)


def order_by(table: NeuronTable, name: str, direction: Direction) -> Int[np.ndarray, " neuron"]:
    """The neurons of a table in the order of their removal by a ranking.

    Raises:
        ValueError: for an unknown ranking or direction, or a ranking whose values are no order.
    """
    value_of = RANKINGS[name]
    try:
        value = np.asarray(value_of(table), dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"ranking {name!r}: {error}") from error
    return removal_order(value, table.dead, direction, f"ranking {name!r}")


def removal_order(
    value: Float[np.ndarray, " neuron"],
    dead: Bool[np.ndarray, " neuron"],
    direction: Direction,
    words: str = "ranking",
) -> Int[np.ndarray, " neuron"]:
    """Neurons in the order of their removal; dead ones, which have no rank, go first.

    Args:
        value: of each neuron.
        dead: which neurons are.
        direction: which of the living go first.
        words: what errors call the values.

    Raises:
        ValueError: for an unknown direction, another number of values than of neurons, or a
            living neuron without a finite value.
    """
    word(direction, DIRECTIONS, "direction")
    if value.shape != dead.shape:
        raise ValueError(
            f"{words}: expected one value for each of {len(dead)} neurons, got shape {value.shape}"
        )
    without = np.flatnonzero(~dead & ~np.isfinite(value))
    if len(without):
        raise ValueError(
            f"{words}: expected a finite value for every living neuron, "
            f"got {value[without[0]]} for neuron {without[0]}"
        )
    rank = np.where(dead, 0, value if direction == "lowest" else -value)
    return np.lexsort((rank, ~dead))
