"""The bits of dropout on a CPU, compiled: imported only by networks that drop neurons."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, inline="always")
@no_type_check  # a checker's wrapper cannot be compiled
def hashed(bits):
    """The hash of ``noise``, of one number; cast back at every step, or numba widens it."""
    bits = np.uint32(bits ^ np.uint32(bits >> np.uint32(16)))
    bits = np.uint32(bits * np.uint32(0x7FEB352D))
    bits = np.uint32(bits ^ np.uint32(bits >> np.uint32(15)))
    bits = np.uint32(bits * np.uint32(0x846CA68B))
    return np.uint32(bits ^ np.uint32(bits >> np.uint32(16)))


@njit(nogil=True, cache=True)
@no_type_check
def fill_factor(out, start, salt, least, scale):
    """The same bits as the tensor operations give, in one pass over a flat array."""
    dropped = scale - scale  # a zero of the array's type, without which this is not vectorized
    for place in range(len(out)):
        bits = hashed(np.uint32(np.uint32(place) + start))
        bits = hashed(np.uint32(bits ^ salt))
        out[place] = scale if bits >= least else dropped
