"""Where training happens, and how exactly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor

from interp.training.arguments import word
from interp.training.config.sections import PrecisionName
from interp.training.memory import MMAP_THRESHOLD, TRIM_THRESHOLD, set_malloc

DeviceName = Literal["auto", "cpu", "cuda"]


def check_device(name: str) -> None:
    """Refuses a name of no device, whatever this machine has.

    Raises:
        ValueError: saying which names there are.
    """
    word(name, get_args(DeviceName), "device")


def find_device(name: str) -> torch.device:
    """The device of that name; ``auto`` is a GPU where there is one.

    Raises:
        ValueError: for an unknown name, or ``cuda`` without a GPU.
    """
    check_device(name)
    present = torch.cuda.is_available()
    if name == "cuda" and not present:
        raise ValueError(
            "device: cuda was asked for, but torch finds no CUDA device; use cpu or auto"
        )
    return torch.device("cuda" if present and name != "cpu" else "cpu")


@contextmanager
def product_precision(name: PrecisionName) -> Iterator[None]:
    """Precision of float32 matrix products inside the block; it is torch's, process-wide."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(name)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Threads of torch inside the block; the setting is process-wide."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, of a GPU or of the machine."""
    # torch has a class of its own for the GPU's memory, and only words for the machine's.
    kinds = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)


def keep_freed_memory() -> None:
    """Lets the C library keep freed memory, so that a step's tensors reuse the last step's pages.

    Otherwise glibc returns large blocks to the system and every step pays for their page faults
    again, a third of a Transformer's step on two cores. A setting of the whole process.
    """
    set_malloc({TRIM_THRESHOLD: 2**30, MMAP_THRESHOLD: 2**30})


def captured(step: Callable[[], Tensor], state: Callable[[], list[Tensor]]) -> Callable[[], Tensor]:
    """A step as a CUDA graph: one launch instead of hundreds.

    Args:
        step: makes an update from tensors that stay where they are, and returns the losses.
        state: every tensor that a step changes, as far as it exists; what the first step creates
            starts at zero.

    Returns:
        A function that does the same; its result is overwritten by the next call.
    """
    before = [(tensor, tensor.clone()) for tensor in state()]
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):  # lazy initializations must not fall into the capture
            step()
    torch.cuda.current_stream().wait_stream(side)
    known = {tensor.data_ptr(): copy for tensor, copy in before}
    with torch.no_grad():
        for tensor in state():
            copy = known.get(tensor.data_ptr())
            tensor.zero_() if copy is None else tensor.copy_(copy)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        losses = step()

    def replay() -> Tensor:
        graph.replay()
        return losses

    return replay
