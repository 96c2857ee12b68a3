"""What a step has to do: floating-point operations of its products, bytes that it reads and writes.

Counted, not measured: torch tells every operation that the step is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode


class Traffic(TorchDispatchMode):
    """Counts the bytes of all operands and results; what only looks at a tensor moves nothing.

    A cache may hold a result until it is read, so memory sees less than this. A row that is
    looked up counts as the whole table, which is small here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        found = func(*args, **(kwargs or {}))
        if not _is_view(func):
            tensors = [t for t in tree_leaves((args, kwargs, found)) if isinstance(t, Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return found


def _is_view(func: Any) -> bool:
    """Whether the result is an operand, seen otherwise."""
    aliases = [argument.alias_info for argument in func._schema.arguments]
    return any(alias is not None and not alias.is_write for alias in aliases)


def work_of(step: Callable[[], object]) -> tuple[int, int]:
    """Floating-point operations of the products, and bytes, of a step that is done twice."""
    with FlopCounterMode(display=False) as counter:
        step()
    with Traffic() as traffic:
        step()
    return counter.get_total_flops(), traffic.bytes


def empty_cache(device: torch.device) -> None:
    """Gives memory that nothing uses back to the card."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gibibytes(device: torch.device) -> float | None:
    """The most memory that tensors took since; None on a processor."""
    return torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else None
