"""What neurons can be ranked by, as one table, and the order in which they are removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.neurons.curves import of_each
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import as_text, word
from interp.training.models.layers.activation import ACTIVATIONS
from interp.training.registry import Registry, origin_of

Direction = Literal["lowest", "highest"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
Order = tuple[str, Direction]

# How much each neuron of a table has of something; a dead neuron's value is not looked at.
Ranking = Callable[[NeuronTable], Float[np.ndarray, " neuron"]]
_Ranking = TypeVar("_Ranking", bound=Ranking)

MAIN, INVARIANT, STRENGTH = "IPR", "invariant norm", "strength"
# Rankings that curves and tables show where they are asked for by name, and not by default.
ON_REQUEST = ("answer IPR", STRENGTH)


def _ipr(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    return table.ipr


def _weight_norm(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    return table.norm


def _invariant_norm(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    return table.invariant_norm


def _answer_ipr(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    """IPR of the answer curve alone, as Liu and Lu 2026 (arXiv 2605.18022) rank by."""
    return table.curve_ipr[2]


def _strength(table: NeuronTable) -> Float[np.ndarray, " neuron"]:
    """‖w‖∞ · φ(‖u‖∞ + ‖v‖∞) (Liu and Lu 2026, arXiv 2605.18022)."""
    if table.activation is None:
        raise ValueError("expected a layer whose activation φ is known, got one of unknown φ")
    u, v, w = of_each(lambda curves: np.abs(curves).max(axis=-1), table.curves)
    return np.asarray(w * ACTIVATIONS[table.activation].on(u + v))


RANKINGS: Registry[Ranking] = Registry(
    "ranking",
    {
        MAIN: _ipr,
        "weight norm": _weight_norm,
        INVARIANT: _invariant_norm,
        "answer IPR": _answer_ipr,
        STRENGTH: _strength,
    },
    group="interp.rankings",
)


def ranking(name: str) -> Callable[[_Ranking], _Ranking]:
    """Adds a ranking: wherever neurons are pruned by weight norm by default, they are by it too.

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


def by_default() -> tuple[str, ...]:
    """Every ranking but those on request."""
    return tuple(name for name in RANKINGS if name not in ON_REQUEST)


def competing() -> tuple[str, ...]:
    """The rankings beside the IPR that are shown by default."""
    return tuple(name for name in by_default() if name != MAIN)


def every_order() -> tuple[Order, ...]:
    """Every ranking that is shown by default, in both directions."""
    return tuple((name, direction) for name in by_default() for direction in DIRECTIONS)


def known_of(table: NeuronTable) -> tuple[str, ...]:
    """Every ranking that a table has values of: the strength only where φ is known."""
    return tuple(name for name in RANKINGS if name != STRENGTH or table.activation is not None)


def order_by(table: NeuronTable, name: str, direction: Direction) -> Int[np.ndarray, " neuron"]:
    """The neurons of a table in the order of their removal by a ranking.

    Raises:
        ValueError: for an unknown ranking or direction, or a ranking whose values are no order.
    """
    return removal_order(values_of(table, name), table.dead, direction, f"ranking {name!r}")


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


def random_orders(
    dead: Bool[np.ndarray, " neuron"], draws: int, random: np.random.Generator
) -> Int[np.ndarray, "draw neuron"]:
    """Removals in random order: the control of every ranking, which dead neurons lead as well.

    Were they drawn among the living, a control would take away fewer neurons than the ranking.

    Args:
        dead: which neurons are.
        draws: orders, one after the other from the generator.
        random: where they are drawn from; it gives the same whichever neurons are dead.
    """
    return dead_first(np.stack([random.permutation(len(dead)) for _ in range(draws)]), dead)


def dead_first(
    orders: Int[np.ndarray, "order neuron"], dead: Bool[np.ndarray, " neuron"]
) -> Int[np.ndarray, "order neuron"]:
    """Orders of removal in which the dead go first, and all else stays in its place."""
    alive = np.take(~dead, orders)
    return np.take_along_axis(orders, np.argsort(alive, axis=1, kind="stable"), axis=1)


def values_of(table: NeuronTable, name: str) -> Float[np.ndarray, " neuron"]:
    """What a ranking says of each neuron.

    Raises:
        ValueError: for an unknown ranking, or one that is not defined on the table.
    """
    value_of = RANKINGS[name]
    try:
        return np.asarray(value_of(table), dtype=np.float64)
    except ValueError as error:
        raise ValueError(f"ranking {name!r}: {error}") from error


def alike_by(table: NeuronTable, other: NeuronTable, name: str, by: str) -> float | None:
    """Spearman's rank correlation of a ranking of a table with one of another, or the same.

    Over the neurons that live in both; None where one of the two has no order.
    """
    alive = ~table.dead & ~other.dead
    first, second = values_of(table, name)[alive], values_of(other, by)[alive]
    if alive.sum() < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    from scipy.stats import spearmanr  # takes as long to load as torch, and few ask

    return float(spearmanr(first, second).statistic)
