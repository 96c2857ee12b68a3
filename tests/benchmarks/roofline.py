"""What a Transformer's step cannot do without, alone and in buffers: its roofline.

Products are counted in the order that takes the fewest multiplications, on tables by token where
that is fewer than by example, and made as the step makes them: threads share the rows, examples
pass in blocks that stay in the cache, the BLAS is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numba import njit

from interp.training.trainer.batches import Examples
from interp.training.trainer.compiled.blas import (
    ADDED,
    TURNED_A,
    TURNED_B,
    blas_threads,
    multiply,
    new_gemm,
)
from interp.training.trainer.compiled.parts import Gemm, Team
from interp.training.trainer.compiled.threads import together
from interp.training.trainer.compiled.transformer.bound import BlockBinding, BlockBound
from interp.training.trainer.compiled.transformer.examples import rows_backward, sum_rows
from interp.training.trainer.compiled.transformer.kernel import _own_slopes
from interp.training.trainer.compiled.transformer.parts import Rules
from interp.training.trainer.compiled.transformer.tables import share
from tests.benchmarks.row import Row
from tests.benchmarks.timing import alternate
from tests.benchmarks.trainer import Trainer

WHAT = "Transformer step: share that its matrix products"


def roofline_shares(ours: Trainer, rounds: int, runs: int) -> Iterator[Row]:
    """The products' share of the step, and with the sums of rows, which memory limits."""
    bound = _bound(Trainer(ours.config, torch.device("cpu")))
    alone = {"products": _products(bound), "rows": _sums(bound)}

    def both() -> None:
        for run in alone.values():
            run()

    contenders = {
        "ours": lambda: ours.steps(runs),
        "products": lambda: [alone["products"]() for _ in range(runs)],
        "both": lambda: [both() for _ in range(runs)],
    }
    timings = alternate(contenders, rounds)
    for name, words in (("products", ""), ("both", " and its sums of rows with activations")):
        yield Row(
            f"{WHAT}{words} take alone (scores left out)",
            "ms",
            timings[name].times(1e3 / runs),
            timings["ours"].times(1e3 / runs),
            "our step",
            timings.ratio(name, "ours"),
        )


def _bound(trainer: Trainer) -> BlockBound:
    """The arrays of a step, of a network that nobody else trains."""
    examples = Examples([trainer.dataset], [0], None, torch.device("cpu"), run_axis=False)
    binding = BlockBinding(trainer.network, examples, trainer.config)
    return binding.bind(trainer.cohort.updater.adam(0), torch.get_num_threads())


def _products(bound: BlockBound) -> Callable[[], object]:
    """All products of a step and of its gradients, each thread's share of their rows."""
    dtype, parts = bound.flat.weight.dtype, bound.parts
    shapes = _shapes(bound.rules, len(bound.shown.label), parts)
    most = shapes.max(axis=0)
    sizes = most[3] * most[1], most[1] * most[2], most[3] * most[2]

    def buffers() -> tuple[np.ndarray, ...]:
        a, b, out = (np.ones(size, dtype) for size in sizes)
        return a, b, out, a.copy(), b.copy()

    each = [(new_gemm(dtype), buffers()) for _ in range(parts)]

    def work(part: int) -> np.ndarray:
        _multiplied(each[part][0], shapes, each[part][1])
        return shapes

    def run() -> None:
        with blas_threads(1):
            together(work, parts)

    return run


def _shapes(rules: Rules, examples: int, parts: int) -> np.ndarray:
    """(rows, terms, columns) of the products, and how many rows are taken at a time."""
    width, columns = rules.heads * rules.k, rules.neurons + rules.answers
    whole = [
        *((rules.rows, rules.d, width) for _ in "KV"),
        (rules.asking, rules.d, width),
        (rules.asking, rules.d, columns),
        (width, rules.d, columns),  # what heads write, read by neurons and answers
        *((rules.rows, rules.k, columns) for _ in range(rules.heads)),
        (rules.neurons, rules.d, rules.answers),
    ]
    shared = [(-(-rows // parts), terms, across) for rows, terms, across in whole]
    blocked = -(-examples // parts), rules.neurons, rules.answers, rules.block
    return np.array([*((*shape, shape[0]) for shape in shared), blocked])


@njit(nogil=True)
def _multiplied(gemm: Gemm, shapes: np.ndarray, buffers: tuple[np.ndarray, ...]) -> None:
    a, b, out, of_a, of_b = buffers
    for i in range(len(shapes)):
        rows, terms, columns, block = shapes[i]
        for start in range(0, rows, block):
            count = min(block, rows - start)
            left, right, made = (a, terms), (b, columns), (out, columns)
            multiply(gemm, 0, (count, terms, columns), left, right, made)
            multiply(gemm, TURNED_B, (count, columns, terms), made, right, (of_a, terms))
            how = TURNED_A | ADDED
            multiply(gemm, how, (terms, count, columns), left, made, (of_b, columns))


def _sums(bound: BlockBound) -> Callable[[], object]:
    """The sums of rows of a step, and their gradients."""
    parts, sums = bound.parts, np.zeros(bound.parts)
    given = bound.rules, bound.shown, bound.tables

    def work(part: int) -> np.ndarray:
        team = Team(part, parts, sums, np.zeros(1, np.int64))
        _summed(given, bound.slopes, bound.work[part], team)
        return sums

    def run() -> None:
        together(work, parts)

    return run


@njit(nogil=True)
def _summed(given, slopes, work, team):  # type: ignore[no-untyped-def]
    rules, shown, tables = given
    filled = tables, _own_slopes(slopes, team)
    first, last = share(len(shown.label), team)
    for start in range(first, last, rules.block):
        count = min(rules.block, last - start)
        sum_rows(tables, rules, shown, start, count, work)
        rows_backward(filled, rules, shown, start, count, work)
