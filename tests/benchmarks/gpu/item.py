"""What the command checks or measures one by one, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

Status = Literal["held", "did not hold", "measured", "error", "not reached"]


@dataclass(frozen=True)
class Place:
    """Where and how large.

    Attributes:
        device: ``cuda`` or ``cpu``.
        toy: tiny networks and few steps, to see that everything starts.
        seconds: that are left for the part.
    """

    device: str = "cuda"
    toy: bool = False
    seconds: float = 600.0

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)

    def wait(self) -> None:
        """Until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()


@dataclass(frozen=True)
class Found:
    """What an item found.

    Attributes:
        values: by name.
        held: whether a check held; None where something is only measured.
        note: how the check was made, or what limits it.
    """

    values: Mapping[str, Any]
    held: bool | None = None
    note: str = ""


Item = Callable[[Place], Found]
Items = Mapping[str, Item]


@dataclass(frozen=True)
class Row:
    """A line of the results.

    Attributes:
        part: of the command.
        what: the item.
        status: ``error``: it ended in an exception, or ended its process; ``not reached``: the
            time was over before.
        values: by name.
        note: as the item said; of an error, the error.
        seconds: that it took.
    """

    part: str
    what: str
    status: Status
    values: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    seconds: float = 0.0


def row_of(part: str, what: str, item: Item, place: Place) -> Row:
    """Does an item. Whatever it raises is its row."""
    started = time.perf_counter()
    try:
        found = item(place)
    except Exception as error:
        note = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
        return Row(part, what, "error", {}, note, time.perf_counter() - started)
    status: Status = "measured"
    if found.held is not None:
        status = "held" if found.held else "did not hold"
    seconds = time.perf_counter() - started
    return Row(part, what, status, dict(found.values), found.note, seconds)


def is_lost(row: Row) -> bool:
    """Whether the process can do nothing more on its card: CUDA errors stay."""
    return "CUDA error" in row.note or "cuDNN error" in row.note
