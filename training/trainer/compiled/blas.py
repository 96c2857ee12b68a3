"""Products of compiled steps, by the BLAS that scipy brings, and its threads."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, no_type_check

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import get_cython_function_address, intrinsic
from scipy.linalg import cython_blas

from interp.training.trainer.compiled.parts import Gemm

# As scipy's own build of OpenBLAS names them, and others'.
_PREFIXES = ("scipy_openblas", "openblas")
_ARGUMENTS = 13  # of gemm, all of them addresses
_N, _T = ord("N"), ord("T")


def new_gemm(dtype: np.dtype) -> Gemm:
    """The matrix product of a precision; its address is another one in every process."""
    name = {"float32": "sgemm", "float64": "dgemm"}[dtype.name]
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    reals = np.array([0, 1], dtype)
    return Gemm(int(address), np.zeros(2, np.uint8), np.zeros(5, np.int32), reals)


@intrinsic
@no_type_check
def _call(typing, function, addresses):
    """Calls what is at an address with addresses."""

    def generate(context, builder, signature, arguments):
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte] * _ARGUMENTS)
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        given = [builder.extract_value(arguments[1], at) for at in range(_ARGUMENTS)]
        builder.call(target, [builder.inttoptr(one, byte) for one in given])
        return context.get_dummy_value()

    addressed = types.UniTuple(types.uintp, _ARGUMENTS)
    return types.void(types.uintp, addressed), generate


@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
@no_type_check  # a checker's wrapper cannot be compiled
def product(gemm, turned, shape, a, b, out):
    """A product into ``out``: a · b; with ``turned`` 1 aᵀ · b, added to it; with 2 a · bᵀ.

    ``shape`` is (rows, terms, columns), arrays are flat. The BLAS is Fortran's, which sees every
    matrix turned: it computes outᵀ = bᵀ · aᵀ.
    """
    address, letters, numbers, reals = gemm
    address = np.uintp(address)
    rows, inner, columns = shape
    letters[0] = _T if turned == 2 else _N
    letters[1] = _T if turned == 1 else _N
    numbers[0], numbers[1], numbers[2] = columns, rows, inner
    numbers[3] = inner if turned == 2 else columns
    numbers[4] = rows if turned == 1 else inner
    letter, number, real = letters.ctypes.data, numbers.ctypes.data, reals.ctypes.data
    beta = real + (reals.itemsize if turned == 1 else 0)
    _call(
        address,
        (
            *(letter, letter + 1, number, number + 4, number + 8),
            *(real + reals.itemsize, b.ctypes.data, number + 12, a.ctypes.data, number + 16),
            *(beta, out.ctypes.data, number),
        ),
    )


@cache
def _library() -> tuple[Any, Any] | None:
    """What reads and what sets the number of threads; None for a BLAS that is not OpenBLAS."""
    library = ctypes.CDLL(cython_blas.__file__)  # finds names in what it is linked with too
    for prefix in _PREFIXES:
        try:
            read = getattr(library, f"{prefix}_get_num_threads")
            return read, getattr(library, f"{prefix}_set_num_threads")
        except AttributeError:
            continue
    return None


@contextmanager
def blas_threads(count: int) -> Iterator[None]:
    """At most so many threads for scipy's products inside the block; process-wide."""
    library = _library()
    before = count if library is None else library[0]()
    if library is None or before <= count:
        yield
        return
    library[1](count)
    try:
        yield
    finally:
        library[1](before)
