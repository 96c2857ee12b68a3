"""Threads of numpy's matrix products: one, since torch has threads of its own.

Both libraries let their threads spin for a while after every product. Where products of the two
take turns, each waits for the other's spinning threads: frequency filtration of the paper's network
took four times as long on two cores. Nearly all products that numpy is given here are small.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

_VARIABLE = "OPENBLAS_NUM_THREADS"


def set_for_process() -> None:
    """Gives numpy one thread for good, unless the user chose a number or numpy is there already."""
    if "numpy" not in sys.modules:
        os.environ.setdefault(_VARIABLE, "1")


@contextmanager
def one_thread() -> Iterator[None]:
    """Gives numpy one thread inside the block, unless the user chose a number of threads."""
    if _VARIABLE in os.environ:
        yield
        return
    with _numpys().limit(limits=1):
        yield


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Gives numpy so many threads inside the block, for a product that takes a second."""
    with _numpys().limit(limits=count):
        yield


@cache
def _numpys() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(internal_api="openblas")
