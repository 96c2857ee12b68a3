"""Threads that compute a step together, each its share of the examples and of the weights."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, no_type_check

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from interp.training.trainer.compiled.neurons import inner

_SPINS = 2000  # some microseconds, before the core is offered to others


@intrinsic
@no_type_check
def _arrive(typing, address):
    """Adds one to the number at an address, as one act; what was written before is seen after."""

    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "seq_cst")
        return context.get_dummy_value()

    return types.void(types.uintp), generate


@intrinsic
@no_type_check
def _arrived(typing, address):
    """The number at an address, read anew each time."""

    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(place, "acquire", 8)

    return types.int64(types.uintp), generate


@intrinsic
@no_type_check
def _offer_core(typing):
    """The C library's ``sched_yield``."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.IntType(32), [])
        name = "sched_yield"
        found = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        builder.call(found, [])
        return context.get_dummy_value()

    return types.void(), generate


@inner()
@no_type_check  # a checker's wrapper cannot be compiled
def meet(team, turn):
    """Waits until every thread has come here; ``turn`` counts the meetings, from 1."""
    if team.parts == 1:
        return
    place = team.arrived.ctypes.data
    _arrive(place)
    spins = 0
    while _arrived(place) < turn * team.parts:
        spins += 1
        if spins % _SPINS == 0:
            _offer_core()


def together(task: Callable[[int], np.ndarray], parts: int) -> list[np.ndarray]:
    """What a task gives for each part, all of them done at the same time in threads.

    Args:
        task: of the number of a part; may wait for the others.
        parts: how many there are.
    """
    if parts == 1:
        return [task(0)]
    complete, go = Event(), Event()

    def wait(part: int) -> Any:
        go.wait()  # no part may begin before it is sure that all can
        return task(part) if complete.is_set() else None

    with ThreadPoolExecutor(parts - 1) as pool:
        try:
            others = [pool.submit(wait, part) for part in range(1, parts)]
            complete.set()
        finally:
            go.set()
        return [task(0), *(one.result() for one in others)]
