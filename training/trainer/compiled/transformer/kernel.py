"""Many steps of a Transformer of one block in one call, and its scores.

Tables by row come first (see ``parts``), then the examples, some at a time, then the gradients of
the weights and AdamW. Threads share each of these and wait for one another in between.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, no_type_check
from zlib import crc32

import numpy as np
from numba import njit

from interp.training.trainer.compiled.adamw import update_all
from interp.training.trainer.compiled.answers import exponentials, score, squares
from interp.training.trainer.compiled.blas import ADDED, TURNED_A, TURNED_B, multiply
from interp.training.trainer.compiled.neurons import inner
from interp.training.trainer.compiled.threads import meet
from interp.training.trainer.compiled.transformer.backward import (
    add_up,
    asking_backward,
    products_backward,
    seen_backward,
)
from interp.training.trainer.compiled.transformer.examples import (
    fill_patterns,
    rows_backward,
    sum_rows,
)
from interp.training.trainer.compiled.transformer.parts import Parameters, Tables
from interp.training.trainer.compiled.transformer.tables import (
    fill_asking,
    fill_heads,
    fill_seen,
    fill_stream,
    share,
)

# How often threads meet in a step.
_MEETINGS = 7


@inner()
@no_type_check  # a checker's wrapper cannot be compiled
def _parted(flat, ends):
    """A flat array as its parameters."""
    return Parameters(
        flat[: ends[0]],
        flat[ends[0] : ends[1]],
        flat[ends[1] : ends[2]],
        flat[ends[2] : ends[3]],
        flat[ends[3] : ends[4]],
        flat[ends[4] : ends[5]],
        flat[ends[5] : ends[6]],
        flat[ends[6] : ends[7]],
        flat[ends[7] : ends[8]],
        flat[ends[8] : ends[9]],
        flat[ends[9] : ends[10]],
        flat[ends[10] : ends[11]],
        flat[ends[11] : ends[12]],
        flat[ends[12] : ends[13]],
        flat[ends[13] : ends[14]],
        flat[ends[14] : ends[15]],
    )


@inner()
@no_type_check
def _own(copies, team):
    """A thread's copy, filled with zeros."""
    size = len(copies) // team.parts
    mine = copies[team.part * size : (team.part + 1) * size]
    _clear(mine)
    return mine


@inner()
@no_type_check
def _clear(values):
    for i in range(len(values)):
        values[i] = 0


@inner()
@no_type_check
def _own_slopes(slopes, team):
    """The gradients of tables with a thread's own copy where there are several."""
    return Tables(
        slopes.stream,
        slopes.start,
        slopes.query,
        slopes.key,
        slopes.value,
        _own(slopes.score, team),
        slopes.onward,
        slopes.into,
        _own(slopes.read, team),
        _own(slopes.seen, team),
        _own(slopes.own, team),
    )


@inner()
@no_type_check
def _fill(weights, given, work, team, turn):
    """All tables; the threads meet three times."""
    rules, shown, tables = given
    fill_stream(weights, rules, shown, tables, team)
    meet(team, turn + 1)
    fill_seen(weights, rules, tables, work, team)
    fill_asking(weights, rules, tables, work, team)
    meet(team, turn + 2)
    fill_heads(rules, tables, work, team)
    meet(team, turn + 3)


@inner()
@no_type_check
def _forward(given, start, count, work):
    """Logits of some examples, their activations and the slopes of these."""
    rules, shown, tables = given
    n, q, columns = rules.neurons, rules.answers, rules.columns
    fill_patterns(tables, rules, shown, start, count, work.pattern)
    sum_rows(tables, rules, shown, start, count, work)
    post, logits = (work.post, columns), (work.logits, q)
    multiply(work.gemm, ADDED, (count, n, q), post, (tables.read, q), logits)


@inner(inline="always")
@no_type_check
def _add(given, slopes, start, count, work):
    """Adds some examples to the gradients of the tables; returns the sum of their losses."""
    rules, shown, tables = given
    n, q, gemm = rules.neurons, rules.answers, work.gemm
    _forward(given, start, count, work)
    rows = np.arange(start, start + count)
    if rules.cross_entropy:
        loss = exponentials(work.logits, shown.label, rows, rules.loss_scale, q)
    else:
        loss = squares(work.logits, shown.label, rows, rules.loss_scale, q)
    post, logits = (work.post, rules.columns), (work.logits, q)
    multiply(gemm, TURNED_A | ADDED, (n, count, q), post, logits, (slopes.read, q))
    multiply(gemm, TURNED_B, (count, q, n), logits, (tables.read, q), post)
    rows_backward((tables, slopes), rules, shown, start, count, work)
    return loss


@inner(inline="always")
@no_type_check
def _gradients(net, given, slopes, work, team, turn):
    """Adds the gradients of all weights to this thread's; the loss of its examples."""
    rules, shown, tables = given
    _fill(net[0], given, work, team, turn)
    own = _own_slopes(slopes, team)
    first, last = share(len(shown.label), team)
    loss = 0.0
    for start in range(first, last, rules.block):
        loss += _add(given, own, start, min(rules.block, last - start), work)
    meet(team, turn + 4)
    add_up(slopes, team)
    meet(team, turn + 5)
    filled = tables, slopes
    seen_backward(net, rules, shown, filled, work, team)
    asking_backward(net, rules, shown, filled, work, team)
    products_backward(net, rules, filled, work, team)
    return loss


@inner(inline="always")
@no_type_check
def _run(flat, given, slopes, adam, work, team):
    """Makes as many steps as ``adam.factors`` has; returns the mean loss before each.

    After a loss that is not finite there are no more steps: it is repeated for the others.
    """
    losses, size = np.empty(len(adam.factors)), len(flat.weight)
    mine = flat.grad[team.part * size : (team.part + 1) * size]
    net = _parted(flat.weight, adam.ends), _parted(mine, adam.ends)
    for at in range(len(losses)):
        turn = _MEETINGS * at
        team.totals[team.part] = _gradients(net, given, slopes, work, team, turn)
        meet(team, turn + 6)
        total = 0.0
        for part in range(team.parts):
            total += team.totals[part]
        for later in range(at, len(losses)):
            losses[later] = total / given[0].terms
        if not np.isfinite(total):
            break
        update_all(flat, adam, adam.factors[at], adam.done + at + 1, team)
        meet(team, turn + 7)
    return losses


@inner(inline="always")
@no_type_check
def _scores(weights, given, scored, work, team):
    """Right answers and losses of this thread's share of the pairs, as ``answers.score`` says."""
    rules, shown = given[0], given[1]
    _fill(weights, given, work, team, 0)
    sums = np.zeros((2, 2, scored.parts))
    first, last = share(len(shown.label), team)
    for start in range(first, last, rules.block):
        count = min(rules.block, last - start)
        _forward(given, start, count, work)
        logits = work.logits[: count * rules.answers]
        score(logits, scored, start, count, rules.cross_entropy, sums)
    return sums


def _cached(sources: int) -> tuple[Any, Any]:
    @njit(nogil=True, cache=True)
    @no_type_check
    def run(flat, given, slopes, adam, work, team):
        # numba looks for changes in the file of a cached function alone, but tells functions with
        # other values from outside apart.
        _ = sources
        return _run(flat, given, slopes, adam, work, team)

    @njit(nogil=True, cache=True)
    @no_type_check
    def scores(weight, ends, given, scored, work, team):
        _ = sources
        return _scores(_parted(weight, ends), given, scored, work, team)

    return run, scores


def _sources() -> int:
    """A checksum of everything that is compiled into the steps."""
    folder = Path(__file__).parent
    files = [*sorted(folder.parent.glob("*.py")), *sorted(folder.glob("*.py"))]
    return crc32(b"".join(one.read_bytes() for one in files))


run, scores = _cached(_sources())
