"""AdamW, compiled: each parameter in one pass over it."""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from interp.training.trainer.compiled.neurons import SUMS, inner


@inner(fastmath=SUMS)
@no_type_check  # a checker's wrapper cannot be compiled
def _update(flat, start, end, c):
    """AdamW of one parameter; its gradient is zero afterwards."""
    keep, first, rest1, second, rest2, eps, root, rate = c
    # From 0 on, or numba takes the index for one that may be negative, and makes no vectors.
    w, g = flat.weight[start:end], flat.grad[start:end]
    mean, square = flat.mean[start:end], flat.square[start:end]
    for i in range(end - start):
        one = g[i]
        m = first * mean[i] + rest1 * one
        s = second * square[i] + rest2 * one * one
        mean[i], square[i] = m, s
        w[i] = keep * w[i] - rate * m / (np.sqrt(s) * root + eps)
        g[i] = 0


@inner()
@no_type_check
def update_all(flat, adam, factor, step, team):
    """AdamW's step of that number, counted from 1: this thread's share of the weights."""
    beta1, beta2, eps = adam.settings[0], adam.settings[1], adam.settings[2]
    real, size = flat.weight.dtype.type, len(flat.weight)
    low, high = size * team.part // team.parts, size * (team.part + 1) // team.parts
    _add_up(flat.grad, low, high, size, team.parts)
    root, bias = 1 / np.sqrt(1 - beta2**step), 1 - beta1**step
    averages = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    start = 0
    for at in range(len(adam.ends)):
        rate = factor * adam.rates[at]
        keep = real(1 - rate * adam.decays[at])
        first, last = max(start, low), min(adam.ends[at], high)
        if first < last:
            rest = real(eps), real(root), real(rate / bias)
            _update(flat, first, last, (keep, *averages, *rest))
        start = adam.ends[at]


@inner(fastmath=SUMS)
@no_type_check
def _add_up(grad, low, high, size, parts):
    """Adds the other threads' gradients to the first's, in the order of the threads."""
    total = grad[low:high]
    for part in range(1, parts):
        one = grad[part * size + low : part * size + high]
        for i in range(high - low):
            total[i] += one[i]
            one[i] = 0
