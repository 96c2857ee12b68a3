"""Weighted sums of a table's rows on a CPU, compiled: imported only where there are many.

Both ways are one pass over each example's rows, four at a time, and threads share the examples.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Float, Int
from numba import njit

# Sums may be reordered, which is what makes vectors of them; NaN and infinity keep their sense.
# The tests know compiled functions by a decorator that begins with njit.
njit_sums: Any = partial(
    njit,
    nogil=True,
    cache=True,
    error_model="numpy",
    fastmath={"contract", "reassoc", "nsz"},
)

Table = Float[np.ndarray, "row column"]
Rows = Float[np.ndarray, "example column"]
Index = Int[np.ndarray, "example term"]
Weights = Float[np.ndarray, "example term"]


def sums(table: Table, index: Index, weights: Weights, threads: int) -> Rows:
    """For each example the sum of its rows of the table, each times its weight."""
    out = np.empty((len(index), table.shape[1]), table.dtype)

    def share(part: int, first: int, last: int) -> None:
        _sums(table, index, weights, out, first, last)

    _shared(share, len(index), threads)
    return out


def gradients(
    gradient: Rows, table: Table, index: Index, weights: Weights, threads: int
) -> tuple[Table, Weights]:
    """From the gradient of the sums that of the table and that of the weights."""
    of_weights = np.empty_like(weights)
    of_table = np.zeros((threads, *table.shape), table.dtype)  # a copy a thread, added in order

    def share(part: int, first: int, last: int) -> None:
        outs = of_table[part], of_weights
        _gradients(gradient, table, (index, weights), outs, (first, last))

    _shared(share, len(index), threads)
    for one in of_table[1:]:
        of_table[0] += one
    return of_table[0], of_weights


def _shared(share: Callable[[int, int, int], None], count: int, threads: int) -> None:
    """Calls ``share`` with the number of each part and its first and last example, at once."""
    ends = [count * part // threads for part in range(threads + 1)]
    if threads == 1:
        share(0, 0, count)
        return
    pool = _pool(threads - 1, os.getpid())
    others = [pool.submit(share, at, ends[at], ends[at + 1]) for at in range(1, threads)]
    try:
        share(0, 0, ends[1])
    finally:
        for one in others:
            one.result()


@cache
def _pool(workers: int, process: int) -> ThreadPoolExecutor:
    """Threads that stay; those of a process are not there in one that it forks."""
    return ThreadPoolExecutor(workers, thread_name_prefix="row_sums")


@njit_sums()
@no_type_check  # a checker's wrapper cannot be compiled
def _sums(table, index, weights, out, first, last):
    terms, columns = index.shape[1], table.shape[1]
    for e in range(first, last):
        total = out[e]
        for c in range(columns):
            total[c] = 0
        at = 0
        while at + 4 <= terms:
            i, j, k, n = index[e, at], index[e, at + 1], index[e, at + 2], index[e, at + 3]
            a, b, d, f = table[i], table[j], table[k], table[n]
            p, q = weights[e, at], weights[e, at + 1]
            r, s = weights[e, at + 2], weights[e, at + 3]
            for c in range(columns):
                total[c] += (p * a[c] + q * b[c]) + (r * d[c] + s * f[c])
            at += 4
        while at < terms:
            a, p = table[index[e, at]], weights[e, at]
            for c in range(columns):
                total[c] += p * a[c]
            at += 1


@njit_sums()
@no_type_check
def _gradients(gradient, table, summed, outs, examples):
    index, weights = summed
    of_table, of_weights = outs
    terms, columns = index.shape[1], table.shape[1]
    for e in range(examples[0], examples[1]):
        upstream = gradient[e]
        at = 0
        while at + 4 <= terms:
            i, j, k, n = index[e, at], index[e, at + 1], index[e, at + 2], index[e, at + 3]
            a, b, d, f = table[i], table[j], table[k], table[n]
            zero = upstream.dtype.type(0)
            p, q, r, s = zero, zero, zero, zero
            for c in range(columns):
                one = upstream[c]
                p += one * a[c]
                q += one * b[c]
                r += one * d[c]
                s += one * f[c]
            of_weights[e, at], of_weights[e, at + 1] = p, q
            of_weights[e, at + 2], of_weights[e, at + 3] = r, s
            for term in range(4):  # in turn: the same row may be there twice
                row, weight = of_table[index[e, at + term]], weights[e, at + term]
                for c in range(columns):
                    row[c] += weight * upstream[c]
            at += 4
        while at < terms:
            a, row, weight = table[index[e, at]], of_table[index[e, at]], weights[e, at]
            p = upstream.dtype.type(0)
            for c in range(columns):
                p += upstream[c] * a[c]
                row[c] += weight * upstream[c]
            of_weights[e, at] = p
            at += 1
