"""What happens to single values in a compiled step: activations, norms and dropout, in place.

Matrices are flat arrays, row after row, and everything is a plain loop: numba's compilation of
slices, sums and messages of numpy would take ten times as long. Every constant is taken in the
type of the arrays, since a Python float beside a float32 makes numba compute in float64.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, no_type_check

import numpy as np
from numba import njit
from numpy.polynomial.chebyshev import cheb2poly, chebinterpolate
from scipy.special import erfcx

from interp.training.models.layers.dropout_bits import fill_factor, hashed

# Of functions that are called from compiled ones only, which need no way in from Python.
# Division by zero gives infinity: to raise an error there, loops could not be made of vectors.
inner: Any = partial(
    njit, nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
)
# The sums may be reordered, which is what makes vectors of them; NaN and infinity keep their sense.
SUMS = {"contract", "reassoc", "nsz"}
SQUARE, RELU, GELU = range(3)

# erfc(z) = exp(−z²) g((z − k) / (z + k)) / (1 + 2z) with a smooth g on [−1, 1) (Shepherd and
# Laframboise 1981); a polynomial of degree 24 leaves 5e-15 of it.
_K = 3.75
_SERIES = cheb2poly(
    chebinterpolate(lambda y: (1 + 2 * _K * (1 + y) / (1 - y)) * erfcx(_K * (1 + y) / (1 - y)), 24)
)[::-1].copy()
_TAYLOR = np.array([1 / math.factorial(k) for k in range(12, -1, -1)])
_ROOT_HALF, _DENSITY = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
# ln 2 in two parts, the first with zeros at its end, so that a multiple of it is exact.
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42feep-1"), 1.90821492927058770002e-10
_PER_LN2 = 1 / math.log(2)
_LEAST = -708.0  # exp of less is no normal number


@inner(fastmath={"contract"}, inline="always")
@no_type_check  # a checker's wrapper cannot be compiled
def exp(x):
    """The exponential of a float64 that is not above zero, without a call: it is vectorized."""
    x = _LEAST if x < _LEAST else x
    whole = math.floor(x * _PER_LN2 + 0.5)
    rest = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    value = _TAYLOR[0]
    for term in range(1, 13):
        value = value * rest + _TAYLOR[term]
    return value * np.int64((np.int64(whole) + 1023) << 52).view(np.float64)


@inner(fastmath={"contract"})
@no_type_check
def _gelu(pre, post, size):
    """GELU, x Φ(x), and Φ(x) + x Φ'(x) in place of x; in float64 inside."""
    for i in range(size):
        x = np.float64(pre[i])
        z = abs(x) * _ROOT_HALF
        place = (z - _K) / (z + _K)
        series = _SERIES[0]
        for term in range(1, 25):
            series = series * place + _SERIES[term]
        bell = exp(-z * z)
        tail = 0.5 * bell * series / (1 + 2 * z)
        below = tail if x < 0 else 1 - tail
        post[i] = x * below
        pre[i] = below + x * bell * _DENSITY


@inner(fastmath=SUMS)
@no_type_check
def activate(kind, pre, post, size):
    """φ of what is in ``pre`` into ``post``; ``pre`` then holds φ'."""
    zero, one = pre.dtype.type(0), pre.dtype.type(1)
    if kind == SQUARE:
        for i in range(size):
            post[i] = pre[i] * pre[i]
            pre[i] = pre[i] + pre[i]
    elif kind == RELU:
        for i in range(size):
            post[i] = zero if pre[i] <= zero else pre[i]  # NaN stays NaN
            pre[i] = one if pre[i] > zero else zero
    else:
        _gelu(pre, post, size)


@inner(fastmath=SUMS)
@no_type_check
def times(values, factor, size):
    """Multiplies values by factors, in place."""
    for i in range(size):
        values[i] *= factor[i]


@inner(fastmath=SUMS)
@no_type_check
def batch_moments(values, rows, width, stats, running):
    """Means and 1 / sqrt(var + ε) of the columns into ``stats``; ``running`` follows them.

    ``stats`` (4, width) has rows for the mean, this spread, and two sums of the way back.
    ``running`` (2, width + 1) ends with ε and with the rate at which it follows.
    """
    mean, spread = stats[:width], stats[width : 2 * width]
    real = values.dtype.type
    eps, rate = running[width], running[2 * width + 1]
    share, one = real(1 / rows), real(1)
    unbiased = real(rows / (rows - 1))
    for i in range(width):
        mean[i], spread[i] = 0, 0
    for r in range(rows):
        row = values[r * width : (r + 1) * width]
        for i in range(width):
            mean[i] += row[i]
    for i in range(width):
        mean[i] *= share
    for r in range(rows):
        row = values[r * width : (r + 1) * width]
        for i in range(width):
            spread[i] += (row[i] - mean[i]) * (row[i] - mean[i])
    for i in range(width):
        var = spread[i] * share
        running[i] += rate * (mean[i] - running[i])
        running[width + 1 + i] += rate * (var * unbiased - running[width + 1 + i])
        spread[i] = one / np.sqrt(var + eps)


@inner()
@no_type_check
def running_moments(width, stats, running):
    """What follows the batches, in place of what :func:`batch_moments` finds in one."""
    eps, one = running[width], running.dtype.type(1)
    for i in range(width):
        stats[i] = running[i]
        stats[width + i] = one / np.sqrt(running[width + 1 + i] + eps)


@inner(fastmath=SUMS)
@no_type_check
def normalize(values, hat, gain, shift, rows, stats):
    """(x − mean) · spread of the columns into ``hat``, and that times w plus b in its place."""
    width = len(gain)
    mean, spread = stats[:width], stats[width : 2 * width]
    for r in range(rows):
        row, one = values[r * width : (r + 1) * width], hat[r * width : (r + 1) * width]
        for i in range(width):
            one[i] = (row[i] - mean[i]) * spread[i]
            row[i] = one[i] * gain[i] + shift[i]


@inner(fastmath=SUMS)
@no_type_check
def sums_of_columns(grad, hat, rows, width, stats):
    """Of the gradient, and of it times ``hat``: the last two rows of ``stats``."""
    plain, along = stats[2 * width : 3 * width], stats[3 * width : 4 * width]
    for i in range(width):
        plain[i], along[i] = 0, 0
    for r in range(rows):
        row, one = grad[r * width : (r + 1) * width], hat[r * width : (r + 1) * width]
        for i in range(width):
            plain[i] += row[i]
            along[i] += row[i] * one[i]


@inner(fastmath=SUMS)
@no_type_check
def normalize_backward(grad, hat, gain, rows, stats):
    """The gradient behind :func:`normalize` to that before it, after the sums of columns."""
    width = len(gain)
    spread = stats[width : 2 * width]
    plain, along = stats[2 * width : 3 * width], stats[3 * width : 4 * width]
    share = grad.dtype.type(1 / rows)
    for r in range(rows):
        row, one = grad[r * width : (r + 1) * width], hat[r * width : (r + 1) * width]
        for i in range(width):
            mean = (plain[i] + one[i] * along[i]) * share
            row[i] = gain[i] * spread[i] * (row[i] - mean)


@inner()
@no_type_check
def fill_dropout(factor, start, size, step, rules):
    """0 or ``kept`` for every neuron from place ``start`` on: ``noise``'s bits, first layer."""
    salt = hashed(np.uint32(hashed(np.uint32(step)) ^ np.uint32(rules.key)))
    fill_factor(factor[:size], np.uint32(start), salt, np.uint32(rules.least), rules.kept)
