"""A network as a run keeps it: its weights, of which the network is made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np

from interp.training.config.run_config import RunConfig
from interp.training.models.arrays import MLPArrays
from interp.training.models.network import Network
from interp.training.runs.folder import Weights
from interp.training.runs.tensor_file import Place, check_arrays
from interp.training.tasks.task import Task


class Stored:
    """A network that is not made yet.

    Args:
        arrays: its weights, checked.
        make: makes it.
    """

    def __init__(self, arrays: MLPArrays, make: Callable[[], Network]) -> None:
        self.arrays, self.make = arrays, make


class MadeWhenAsked:
    """A dataclass field ``network``: given as a network, or as a :class:`Stored` one."""

    def __get__(self, owner: Any, kind: type) -> Network:
        if owner is None:
            raise AttributeError("network")  # a field without default
        found: Network | Stored = owner.__dict__["network"]
        if isinstance(found, Stored):
            found = owner.__dict__["network"] = found.make()
        return found

    def __set__(self, owner: Any, value: Network | Stored) -> None:
        owner.__dict__["network"] = value


def weight_arrays(config: RunConfig, task: Task, weights: Weights, path: Path) -> MLPArrays | None:
    """Weights of a kind of network that can be read as arrays alone; None for another kind.

    Raises:
        ValueError: as :func:`~interp.training.runs.tensor_file.load_weights`.
    """
    home = config.model.row.arrays
    if home is None:
        return None
    kind: type[MLPArrays] = resolve_name(home)
    size = np.dtype(config.dtype).itemsize
    shapes = kind.shapes(task, config.model)
    expected = {name: Place(shape, config.dtype, size) for name, shape in shapes.items()}
    check_arrays(expected, weights, path)
    return kind(task, config.model, weights)
