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
# How a product is made, added together.
TURNED_A, TURNED_B, ADDED = 1, 2, 4


def new_gemm(dtype: np.dtype) -> Gemm:
    """The matrix product of a precision; its address is another one in every process."""
    name = {"float32": "sgemm", "float64": "dgemm"}[dtype.name]
    address = get_cython_function_address("scipy.linalg.cython_blas", name)
    reals = np.array([0, 1], dtype)
    return Gemm(int(address), np.zeros(2, np.uint8), np.zeros(6, np.int32), reals)


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
def multiply(gemm, how, shape, a, b, out):
    """A product of matrices into ``out``, each given as a flat array and the length of its rows.

    ``shape`` is (rows, terms, columns) of the product; ``how`` says which sides are turned, and
    whether it is added to what is there. The BLAS is Fortran's, which sees every matrix turned: it
    computes outᵀ = bᵀ · aᵀ. Nothing is done where there is nothing to multiply.
    """
    address, letters, numbers, reals = gemm
    address = np.uintp(address)
    rows, inner, columns = shape
    if rows <= 0 or inner <= 0 or columns <= 0:
        return
    letters[0] = _T if how & TURNED_B else _N
    letters[1] = _T if how & TURNED_A else _N
    numbers[0], numbers[1], numbers[2] = columns, rows, inner
    numbers[3], numbers[4], numbers[5] = b[1], a[1], out[1]
    letter, number, real = letters.ctypes.data, numbers.ctypes.data, reals.ctypes.data
    beta = real + (reals.itemsize if how & ADDED else 0)
    _call(
        address,
        (
            *(letter, letter + 1, number, number + 4, number + 8),
            *(real + reals.itemsize, b[0].ctypes.data, number + 12, a[0].ctypes.data, number + 16),
            *(beta, out[0].ctypes.data, number + 20),
        ),
    )


@njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
@no_type_check
def product(gemm, turned, shape, a, b, out):
    """A product of whole matrices: a · b; with ``turned`` 1 aᵀ · b, added; with 2 a · bᵀ.

    ``shape`` is (rows, terms, columns), arrays are flat.
    """
    rows, inner, columns = shape
    if turned == 1:
        multiply(gemm, TURNED_A | ADDED, shape, (a, rows), (b, columns), (out, columns))
    elif turned == 2:
        multiply(gemm, TURNED_B, shape, (a, inner), (b, inner), (out, columns))
    else:
        multiply(gemm, 0, shape, (a, inner), (b, columns), (out, columns))


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
