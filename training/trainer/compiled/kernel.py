"""Many steps of a two-layer MLP in one call: gather, forward, loss, backward, AdamW.

Parameters stand one after the other in a flat array, in the order W_in, b_in, w and b of the norm,
W_U, b_U; what a network does not have is empty.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, no_type_check
from zlib import crc32

import numpy as np
from numba import njit

from interp.training.models.layers import dropout_bits
from interp.training.trainer.compiled.adamw import update_all
from interp.training.trainer.compiled.answers import (
    add_bias,
    add_rows,
    exponentials,
    score,
    squares,
)
from interp.training.trainer.compiled.blas import product
from interp.training.trainer.compiled.neurons import (
    SUMS,
    activate,
    batch_moments,
    fill_dropout,
    inner,
    normalize,
    normalize_backward,
    running_moments,
    sums_of_columns,
    times,
)
from interp.training.trainer.compiled.threads import meet


@inner(fastmath=SUMS)
@no_type_check  # a checker's wrapper cannot be compiled
def _gather(table, bias, shown, rows, pre):
    """What the first matrix gives: the sum of two of its rows, and the bias."""
    width = len(pre) // len(rows)
    for r in range(len(rows)):
        a, b = shown.first[rows[r]] * width, shown.second[rows[r]] * width
        one, other, out = table[a : a + width], table[b : b + width], pre[r * width :]
        for i in range(width):
            out[i] = one[i] + other[i]
        if len(bias):
            for i in range(width):
                out[i] += bias[i]


@inner(fastmath=SUMS)
@no_type_check
def _scatter(table, bias, shown, rows, grad):
    """The gradient of :func:`_gather`, added to that of the table and of the bias."""
    width = len(grad) // len(rows)
    for r in range(len(rows)):
        a, b = shown.first[rows[r]] * width, shown.second[rows[r]] * width
        one, other, out = table[a : a + width], table[b : b + width], grad[r * width :]
        for i in range(width):
            one[i] += out[i]
        for i in range(width):
            other[i] += out[i]
        if len(bias):
            for i in range(width):
                bias[i] += out[i]


@inner()
@no_type_check
def _forward(weights, rules, shown, place, work):
    """Fills the buffers up to the logits; ``pre`` then holds the slope of what made ``post``."""
    rows, start, step = place
    w_in, b_in, gain, shift, w_out, b_out = weights
    count, width, answers = len(rows), rules.width, rules.answers
    size = count * width
    _gather(w_in, b_in, shown, rows, work.pre[:size])
    values = work.pre
    if rules.drops:
        fill_dropout(work.factor, start * width, size, step, rules)
    for side in range(2):
        if rules.batch_norm and rules.norm_first == (side == 0):
            if rules.learns:
                batch_moments(values, count, width, work.stats, work.running)
            else:
                running_moments(width, work.stats, work.running)
            normalize(values, work.hat, gain, shift, count, work.stats)
        if rules.drops and rules.drop_first == (side == 0):
            times(values, work.factor, size)
        if side == 0:
            activate(rules.phi, work.pre, work.post, size)
            values = work.post
    if rules.drops and rules.drop_first:
        times(work.pre, work.factor, size)
    product(work.gemm, 0, (count, width, answers), work.post, w_out, work.logits)
    if len(b_out):
        add_bias(work.logits, b_out, count)
    if rules.output != 1:
        for i in range(count * answers):
            work.logits[i] *= rules.output


@inner()
@no_type_check
def _norm_backward(grad, grads, gain, count, work):
    width = len(gain)
    sums_of_columns(grad, work.hat, count, width, work.stats)
    for i in range(width):
        grads[3][i] += work.stats[2 * width + i]
        grads[2][i] += work.stats[3 * width + i]
    normalize_backward(grad, work.hat, gain, count, work.stats)


@inner()
@no_type_check
def _backward(weights, grads, rules, count, work):
    """From the gradient of the product in ``logits`` to that of what was gathered, in ``post``."""
    width, answers = rules.width, rules.answers
    grad, size = work.post, count * width
    product(work.gemm, 1, (width, count, answers), work.post, work.logits, grads[4])
    if len(grads[5]):
        add_rows(grads[5], work.logits, count)
    product(work.gemm, 2, (count, answers, width), work.logits, weights[4], grad)
    if rules.drops and not rules.drop_first:
        times(grad, work.factor, size)
    if rules.batch_norm and not rules.norm_first:
        _norm_backward(grad, grads, weights[2], count, work)
    times(grad, work.pre, size)
    if rules.batch_norm and rules.norm_first:
        _norm_backward(grad, grads, weights[2], count, work)


@inner()
@no_type_check
def _parted(flat, ends):
    """A flat array as its six parameters."""
    a, b, c, d, e, f = ends[0], ends[1], ends[2], ends[3], ends[4], ends[5]
    return flat[:a], flat[a:b], flat[b:c], flat[c:d], flat[d:e], flat[e:f]


# Put into its caller before that is compiled: everything would be optimized once more otherwise.
@inner(inline="always")
@no_type_check
def _add(weights, grads, rules, shown, place, work):
    """Adds the gradients of some rows to the others; returns the sum of their losses."""
    rows = place[0]
    count, answers = len(rows), rules.answers
    _forward(weights, rules, shown, place, work)
    if rules.cross_entropy:
        loss = exponentials(work.logits, shown.label, rows, rules.scale, answers)
    else:
        loss = squares(work.logits, shown.label, rows, rules.scale, answers)
    _backward(weights, grads, rules, count, work)
    _scatter(grads[0], grads[1], shown, rows, work.post[: count * rules.width])
    return loss


@inner(inline="always")
@no_type_check
def _run(flat, rules, shown, adam, work, team):
    """Makes as many steps as ``adam.factors`` has; returns the mean loss before each.

    After a loss that is not finite there are no more steps: it is repeated for the others.
    """
    losses, size = np.empty(len(adam.factors)), len(flat.weight)
    weights = _parted(flat.weight, adam.ends)
    grads = _parted(flat.grad[team.part * size : (team.part + 1) * size], adam.ends)
    for at in range(len(losses)):
        every, step = shown.rows[min(at, len(shown.rows) - 1)], adam.done + at
        low = len(every) * team.part // team.parts
        high = len(every) * (team.part + 1) // team.parts
        total = 0.0
        for start in range(low, high, rules.block):
            rows = every[start : min(start + rules.block, high)]
            total += _add(weights, grads, rules, shown, (rows, start, step), work)
        team.totals[team.part] = total
        meet(team, 2 * at + 1)
        total = 0.0
        for part in range(team.parts):
            total += team.totals[part]
        for later in range(at, len(losses)):
            losses[later] = total / rules.terms
        if not np.isfinite(total):
            break
        update_all(flat, adam, adam.factors[at], step + 1, team)
        meet(team, 2 * at + 2)
    return losses


@inner(inline="always")
@no_type_check
def _scores(weight, ends, rules, scored, work, team):
    """Right answers and losses of this thread's share of the pairs, as ``answers.score`` says."""
    weights = _parted(weight, ends)
    sums = np.zeros((2, 2, scored.parts))
    every = scored.shown.rows[0]
    low = len(every) * team.part // team.parts
    high = len(every) * (team.part + 1) // team.parts
    for start in range(low, high, rules.block):
        rows = every[start : min(start + rules.block, high)]
        _forward(weights, rules, scored.shown, (rows, start, np.int64(0)), work)
        logits = work.logits[: len(rows) * rules.answers]
        score(logits, scored, start, len(rows), rules.cross_entropy, sums)
    return sums


def _cached(sources: int) -> tuple[Any, Any]:
    @njit(nogil=True, cache=True)
    @no_type_check
    def run(flat, rules, shown, adam, work, team):
        # numba looks for changes in the file of a cached function alone, but tells functions with
        # other values from outside apart.
        _ = sources
        return _run(flat, rules, shown, adam, work, team)

    @njit(nogil=True, cache=True)
    @no_type_check
    def scores(weight, ends, rules, scored, work, team):
        _ = sources
        return _scores(weight, ends, rules, scored, work, team)

    return run, scores


def _sources() -> int:
    """A checksum of everything that is compiled into the steps."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(dropout_bits.__file__)]
    return crc32(b"".join(one.read_bytes() for one in files))


run, scores = _cached(_sources())
