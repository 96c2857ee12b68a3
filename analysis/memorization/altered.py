"""What a network answers without some of its neurons, or without most of its frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.ranking import random_orders
from interp.analysis.mechanism.filtered import filtered, no_filter
from interp.analysis.memorization.logits import answers_of, logits_of
from interp.analysis.neurons.classify import Classes, classify
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.analysis.neurons.weights import check_layer
from interp.training.evaluation import in_float64
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint

Answers = Int[np.ndarray, " pair"]


@dataclass(frozen=True)
class Altered:
    """Answers of copies of a network, by pair; −1 where two logits tie for the greatest.

    Attributes:
        pruned: without the neurons below the two-class cut of the IPR and the dead; None where
            there is no cut.
        random: without as many neurons that are drawn at random.
        filtered: of the G-net, see ``mechanism.filtered``; None where there is none.
        gone: how many neurons ``pruned`` and ``random`` are without.
        notes: why some of these are not there.
    """

    pruned: Answers | None
    random: Answers | None
    filtered: Answers | None
    gone: int | None
    notes: tuple[str, ...]


def altered(checkpoint: Checkpoint, layer: int, seed: int) -> Altered:
    """The answers of the pruned network, of one pruned at random, and of the G-net, in float64.

    Args:
        checkpoint: with a dataset.
        layer: whose neurons are pruned.
        seed: of the random pruning, the first draw of ``interp prune``.

    Raises:
        ValueError: if the network has no such layer.
    """
    classes, reason = _classes(checkpoint, layer)
    notes = [] if reason is None else [f"pruned: none ({reason})"]
    pruned = random = gone = None
    if classes is not None:
        keep = classes.generalizing
        gone = int((~keep).sum())
        (order,) = random_orders(classes.dead, 1, stream(seed, "control"))
        pruned = _answers(checkpoint, prune(checkpoint.exact, keep, layer))
        random = _answers(checkpoint, prune(checkpoint.exact, order[gone:], layer))
    reason = no_filter(checkpoint.network)
    if reason is not None:
        notes.append(f"filtered: none ({reason})")
    g_net = None if reason is not None else _answers(checkpoint, filtered(checkpoint.exact))
    return Altered(pruned, random, g_net, gone, tuple(notes))


def _classes(checkpoint: Checkpoint, layer: int) -> tuple[Classes | None, str | None]:
    """The neurons' classes, or why there are no two of them."""
    reason = no_neurons(checkpoint)
    if reason is not None:
        return None, reason
    check_layer(checkpoint.network, layer)
    try:
        return classify(neuron_table(checkpoint, layer=layer)), None
    except ValueError as error:  # no two different IPRs, or curves that cannot be read
        return None, str(error)


def _answers(checkpoint: Checkpoint, network: Network) -> Answers:
    return answers_of(logits_of(in_float64(network), checkpoint.evaluation.pairs))
