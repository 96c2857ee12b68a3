"""Scores of a network after every number of removed neurons, in one pass over each example."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from numba import njit

from interp.analysis.ablation.kernel_accuracy import cumulative_right
from interp.analysis.ablation.kernel_losses import SQUARES, added_up, scores_of_base
from interp.analysis.ablation.logit_sum import LabelledPairs, LogitSum

_LANES = 32  # examples that advance together, so that every operation is a vector operation
_LOWEST = -1.7e308


# fastmath may reorder sums and assumes finite numbers, which the caller checks. Four answers are
# taken at once because stores of the running maximum and square would otherwise be the bottleneck.
@njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz", "nnan", "ninf"})
@no_type_check  # a checker's wrapper cannot be compiled
def _walk(hidden, readout, order, base, labels, part, twin, span, with_mse, right, loss):
    """Adds neurons from the last to the first of ``order``; scores the pairs of ``span`` each time.

    hidden (neuron, pair), readout (neuron, answer), base (answer, pair) or empty for zeros; right
    and loss (2, part, size) are added to.
    """
    neurons, answers = readout.shape
    whole = answers - answers % 4
    logits = np.empty((answers, _LANES))
    best = np.empty(_LANES)
    square = np.empty(_LANES)
    post = np.zeros(_LANES)
    for start in range(span[0], span[1], _LANES):
        lanes = min(_LANES, span[1] - start)
        logits[:] = 0.0
        if len(base):
            for answer in range(answers):
                for lane in range(lanes):
                    logits[answer, lane] = base[answer, start + lane]
        for size in range(neurons - 1, -1, -1):
            neuron = order[size]
            for lane in range(lanes):
                post[lane] = hidden[neuron, start + lane]
            for lane in range(_LANES):
                best[lane] = _LOWEST
                square[lane] = 0.0
            for first in range(0, whole, 4):
                w0, w1 = readout[neuron, first], readout[neuron, first + 1]
                w2, w3 = readout[neuron, first + 2], readout[neuron, first + 3]
                for lane in range(_LANES):
                    v0 = logits[first, lane] + post[lane] * w0
                    v1 = logits[first + 1, lane] + post[lane] * w1
                    v2 = logits[first + 2, lane] + post[lane] * w2
                    v3 = logits[first + 3, lane] + post[lane] * w3
                    logits[first, lane] = v0
                    logits[first + 1, lane] = v1
                    logits[first + 2, lane] = v2
                    logits[first + 3, lane] = v3
                    best[lane] = max(best[lane], max(max(v0, v1), max(v2, v3)))
                    square[lane] += (v0 * v0 + v1 * v1) + (v2 * v2 + v3 * v3)
            for answer in range(whole, answers):
                w0 = readout[neuron, answer]
                for lane in range(_LANES):
                    v0 = logits[answer, lane] + post[lane] * w0
                    logits[answer, lane] = v0
                    best[lane] = max(best[lane], v0)
                    square[lane] += v0 * v0
            for lane in range(lanes):
                pair = start + lane
                normalizer = 0.0
                if not with_mse:
                    for answer in range(answers):
                        normalizer += np.exp(logits[answer, lane] - best[lane])
                    normalizer = np.log(normalizer) + best[lane]
                for which in range(2):
                    label = labels[which, pair]
                    value = logits[label, lane]
                    # Right means strictly greatest: not when all are zero, nor beside a twin.
                    if value == best[lane] and square[lane] > 0 and not twin[label]:
                        right[which, part[pair], size] += 1
                    if with_mse:
                        loss[which, part[pair], size] += square[lane] - 2 * value + 1
                    else:
                        loss[which, part[pair], size] += normalizer - value


def cumulative_sums(
    logits: LogitSum, orders: Int[np.ndarray, "order neuron"], pairs: LabelledPairs, loss: str
) -> tuple[Float[np.ndarray, "order 2 part size"], Float[np.ndarray, "order 2 part size"]]:
    """Numbers of right answers and sums of losses for every size of every removal order.

    The logits are a sum over neurons, so all sizes of an order cost about one forward pass
    instead of one each. Sums run from the empty network upwards, in float64.

    Args:
        logits: on every pair.
        orders: neurons in the order of their removal.
        pairs: their labels and parts.
        loss: one whose ``kernel`` is not None.

    Returns:
        Right answers and losses; size s has the first s neurons of the order removed.

    Raises:
        ValueError: if the loss has no such pass.
    """
    added, hidden, readout = added_up(loss), logits.hidden, logits.readout
    neurons, answers = readout.shape
    shape = (len(orders), 2, pairs.parts, neurons + 1)
    right, losses = np.zeros(shape), np.zeros(shape)
    threads = torch.get_num_threads()
    bounds = np.linspace(0, hidden.shape[1], threads + 1).astype(np.int64)
    # Without a base, answers with the same weights tie, and the network without neurons is silent.
    start, twin, labels, part = logits.start(), logits.twins(), pairs.labels, pairs.part

    def work(job: tuple[int, np.ndarray]) -> tuple[int, np.ndarray, np.ndarray]:
        index, span = job
        found = np.zeros(shape[1:]), np.zeros(shape[1:])
        order = orders[index]
        _walk(hidden, readout, order, start, labels, part, twin, span, added.squares, *found)
        return index, *found

    spans = np.stack([bounds[:-1], bounds[1:]], axis=1)
    with ThreadPoolExecutor(threads) as pool:
        for index, found_right, found_loss in pool.map(work, product(range(len(orders)), spans)):
            right[index] += found_right
            losses[index] += found_loss
    if added.squares:
        losses /= answers
    if len(start):
        right[..., -1], losses[..., -1] = scores_of_base(start, pairs, added)
        return right, losses
    # With no neuron left, all logits are zero: nothing is right.
    count = np.bincount(part, minlength=pairs.parts)
    losses[..., neurons] = count * added.silent(answers)
    return right, losses


def cumulative_counts(
    logits: LogitSum,
    orders: Int[np.ndarray, "order neuron"],
    pairs: LabelledPairs,
    sizes: Int[np.ndarray, " size"] | None = None,
) -> Int[np.ndarray, "order 2 part size"]:
    """The right answers of :func:`cumulative_sums` alone, summed in float32.

    Half the time, less where only some numbers of removed neurons are asked for in ``sizes``,
    rising. A pair whose two greatest logits differ by less than rounding may be counted otherwise
    than in float64.
    """
    neurons = len(logits.readout)
    sizes = np.arange(neurons + 1) if sizes is None else np.asarray(sizes)
    right = cumulative_right(logits.in_float32(), orders, pairs, sizes)
    start = logits.start()
    if len(start) and sizes[-1] == neurons:
        right[..., -1], _ = scores_of_base(start, pairs, SQUARES)
    return right
