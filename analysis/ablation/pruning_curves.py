"""Pruning curves: what is left of a network after each number of removed neurons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from interp.analysis.ablation.band import ends
from interp.analysis.ablation.curves import ControlBand, Curve, PruningCurve, PruningCurves
from interp.analysis.ablation.passes import CumulativePasses, ForwardPasses, Grid
from interp.analysis.ablation.ranking import INVARIANT, Order, every_order, order_by, random_orders
from interp.analysis.ablation.tail import Tail
from interp.analysis.measure import measure
from interp.analysis.neurons.belonging import check_network
from interp.analysis.neurons.classify import has_cut, pruned_below, two_class_cut
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.table import NeuronTable
from interp.training.arguments import MOST_DRAWS, listed, shown, some, some_whole, truth, whole
from interp.training.data.dataset import Dataset
from interp.training.data.splits import SPLITS, Split
from interp.training.losses.loss import LOSSES
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint


def pruning_curve(
    source: Source,
    dataset: Dataset | None = None,
    *,
    step: int | None = None,
    layer: int = 0,
    table: NeuronTable | None = None,
    draws: int | None = None,
    seed: int = 0,
    orders: Sequence[Order] | None = None,
    losses: bool = True,
    sizes: Sequence[int] = (),
    grid: Grid | None = None,
) -> PruningCurves:
    """Accuracy and loss of every split after pruning numbers of neurons of a hidden layer.

    From the lowest and from the highest of every ranking, with random removals as control. Where
    the logits are a sum over the neurons (no norm or layer follows), each order is one cumulative
    pass in float64 over every number 0 … N. Elsewhere each number is a forward pass of
    what follows, in the network's precision, over a grid of about 50 numbers.

    Args:
        source: a run or its folder, a checkpoint, or a network together with ``dataset``.
        dataset: what to score on; a run brings its own.
        step: which checkpoint of a run; a table brings its own.
        layer: which hidden layer; a table brings its own.
        table: the neuron table, if it has been made already; its IPR convention is then used.
        draws: random removal orders for the control; 0 for none. By default 50, or 10 where each
            number is a forward pass.
        seed: of the control's draws.
        orders: rankings and directions; by default IPR, weight norm, invariant norm and those that
            users added, in both directions. ``answer IPR`` and ``strength`` are had by name.
        losses: without them, sums over neurons are in float32 and take half the time.
        sizes: numbers of pruned neurons to have on the grid; the two-class cut's is there anyway.
        grid: without losses, about how many numbers are scored where an order is one pass.

    Raises:
        ValueError: if a network comes without a dataset, draws is negative, an order is unknown, or
            a grid is given with losses.
    """
    draws = some_whole(draws, "draws", most=MOST_DRAWS)
    some(table, NeuronTable, "a neuron table, such as interp.neuron_table(run)")
    losses, seed = truth(losses, "losses"), whole(seed, "seed")
    origin = as_checkpoint(source, step if table is None else table.step, dataset)
    if table is None:
        table = neuron_table(origin, layer=layer)
    check_network(table, origin.network)
    asked = [_size(one, len(table)) for one in listed(sizes, "sizes")]
    if losses and grid is not None:
        raise ValueError("grid: expected without losses, which are summed at every number")
    walk = _passes(origin, table.layer, losses, [*asked, *_cut_sizes(table)], grid)
    orders = every_order() if orders is None else _orders(orders)
    ranked = [order_by(table, *order) for order in orders]
    curves = dict(zip(orders, walk(np.stack(ranked)), strict=True))
    draws = walk.default_draws if draws is None else draws
    return PruningCurves(
        curves,
        _control(walk, table, draws, seed) if draws else None,
        len(table),
        walk.sizes,
        walk.method,
        table.caption,
        origin.loss,
        table.key,
        table.note if any(name == INVARIANT for name, _ in orders) else "",
    )


def _orders(orders: object) -> list[Order]:
    """Rankings with their directions, each as two words."""
    found = [
        tuple(one) if isinstance(one, list | tuple) else one for one in listed(orders, "orders")
    ]
    wrong = [one for one in found if not isinstance(one, tuple) or len(one) != 2]
    if wrong or not found:
        got = shown(wrong[0]) if wrong else "none"
        raise ValueError(f"orders: expected some such as ('IPR', 'lowest'), got {got}")
    return [cast(Order, one) for one in found]


def _size(size: int, neurons: int) -> int:
    if whole(size, "sizes") > neurons:
        raise ValueError(f"sizes: expected 0 to {neurons} pruned neurons, got {size}")
    return int(size)


def _cut_sizes(table: NeuronTable) -> list[int]:
    """How many neurons the two-class cut prunes, and the noise's; none where there is no cut."""
    if not has_cut(table):
        return []
    return [pruned_below(table, two_class_cut(table.ipr[~table.dead]))]


def _passes(
    origin: Checkpoint, layer: int, losses: bool, sizes: Sequence[int], grid: Grid | None
) -> CumulativePasses | ForwardPasses:
    """How the sizes of an order are computed, for the network from a layer on."""
    evaluation = origin.evaluation
    exact = losses and origin.network.readout(layer) is not None
    tail = Tail(origin.exact if exact else origin.network, evaluation.pairs, layer)
    adds_up = not losses or LOSSES[origin.loss].kernel is not None
    loss = origin.loss if losses else None
    if tail.readout is not None and adds_up:
        return CumulativePasses(tail, evaluation, loss, sizes, grid)
    return ForwardPasses(tail, evaluation, loss, sizes)


def _control(
    walk: CumulativePasses | ForwardPasses, table: NeuronTable, draws: int, seed: int
) -> ControlBand:
    """Random removals, drawn one after the other from the seed."""
    drawn = random_orders(table.dead, draws, stream(seed, "control"))
    return _band(walk.control(drawn), draws, seed, walk.controls_loss)


@measure(
    "pruning_curves",
    source="Doshi et al. 2024 (arXiv 2310.13061), figures 6 and 17",
    refuses=no_neurons,
    version=3,
)
def curves(
    checkpoint: Checkpoint,
    *,
    draws: int | None = None,
    layer: int = 0,
    losses: bool = True,
    seed: int = 0,
) -> PruningCurves:
    """Scores after pruning every number of neurons, by each ranking, beside random removals.

    Args:
        checkpoint: of any network with neurons.
        draws: random removal orders of the control; 50, or 10 where each number is a pass.
        layer: which hidden layer.
        losses: whether losses are measured too.
        seed: of the control's draws.
    """
    return pruning_curve(checkpoint, layer=layer, draws=draws, losses=losses, seed=seed)


def _band(drawn: list[PruningCurve], draws: int, seed: int, keep_loss: bool) -> ControlBand:
    def over(reduce: Callable[[np.ndarray], np.ndarray]) -> PruningCurve:
        def each(kind: str) -> dict[Split, Curve | None]:
            rows = {split: [getattr(one, kind)[split] for one in drawn] for split in SPLITS}
            return {s: None if r[0] is None else reduce(np.stack(r)) for s, r in rows.items()}

        nothing: dict[Split, Curve | None] = dict.fromkeys(SPLITS)
        loss = each("loss") if keep_loss else nothing
        return PruningCurve(each("accuracy"), loss, drawn[0].sizes)

    return ControlBand(
        over(lambda rows: rows.mean(axis=0)),
        over(lambda rows: ends(rows, axis=0)[0]),
        over(lambda rows: ends(rows, axis=0)[1]),
        draws,
        seed,
    )
