"""Foreign files: tensors and plain values only; nothing in them is ever run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from interp.exchange.pickled import ConfigValues, first_line, unpickled
from interp.training.arguments import told
from interp.training.data.given import LABELS, REDRAWN, TRAIN
from interp.training.untrusted import check_unpacked

Tensors = dict[str, Tensor]

SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".npz")
_STATES = ("model", "state_dict", "model_state_dict", "network", "module", "net", "params")
# What the training pairs are called, in files of several origins.
_DATA = (*TRAIN, *LABELS, *REDRAWN)
_CONFIGS = ("config", "cfg", "model_config", "args")
_HISTORIES = ("checkpoints", "state_dicts", "model_checkpoints")
_STEPS = ("checkpoint_epochs", "checkpoint_steps", "steps", "epochs")


@dataclass(frozen=True)
class Foreign:
    """A checkpoint as it was found.

    Attributes:
        states: tensors by step, ascending; the step is None where the file does not tell it.
        values: what else the file holds, such as indices of the training set.
        config: names and values of a configuration beside the weights.
    """

    states: Sequence[tuple[int | None, Tensors]]
    values: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)


def read_foreign(path: Path | str) -> Foreign:
    """Reads a foreign checkpoint.

    Raises:
        ValueError: if there is none, it is damaged, holds code, or no tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: expected a checkpoint file, found none")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(SUFFIXES)}")
    content = load_file(path)
    return foreign_of(content, str(path))


def load_file(path: Path) -> Mapping[str, Any]:
    """Tensors and values of a file by name.

    Raises:
        ValueError: if it is damaged, holds code, or values without names.
    """
    found = load_values(path)
    if not isinstance(found, Mapping):
        raise ValueError(f"{path}: expected tensors by name, got {type(found).__name__}")
    return {str(name): value for name, value in found.items()}


def load_values(path: Path) -> Any:
    """What a file holds: tensors and values, by name or not.

    Raises:
        ValueError: if it is damaged or holds code.
    """
    check_unpacked(path)
    try:
        match path.suffix.lower():
            case ".safetensors":
                found: Any = safetensors.torch.load_file(path)
            case ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    found = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
            case _:
                found = unpickled(path)
    except ValueError as error:
        if path.suffix.lower() == ".npz":
            raise ValueError(f"{path}: holds Python objects, or is damaged; refused") from None
        raise error
    except Exception as error:  # numpy's and safetensors' readers raise many kinds
        raise ValueError(f"{path}: cannot be read as {path.suffix} ({first_line(error)})") from None
    return found


def foreign_of(content: Mapping[str, Any], where: str) -> Foreign:
    """Finds the state dict, or the state dicts over training, among what a file holds.

    Raises:
        ValueError: if there is none.
    """
    config = _config(content)
    rest = {k: v for k, v in content.items() if k not in (*_STATES, *_HISTORIES, *_CONFIGS)}
    states = _history(content, where)
    single = next((content[k] for k in _STATES if isinstance(content.get(k), Mapping)), None)
    if not states and single is None:
        arrays = {k: v for k, v in content.items() if isinstance(v, Tensor | np.ndarray)}
        single = {name: v for name, v in arrays.items() if name not in _DATA}
        rest = {name: v for name, v in rest.items() if name not in single}
    if not states and single is not None:
        states = [(_step(content), _tensors(single))]
    states = [(step, tensors) for step, tensors in states if tensors]
    if not states:
        raise ValueError(
            f"{where}: expected tensors by name, or under one of {', '.join(_STATES)}; "
            f"found {', '.join(content) or 'nothing'}"
        )
    return Foreign(states, rest, config)


def _history(content: Mapping[str, Any], where: str) -> list[tuple[int | None, Tensors]]:
    """State dicts over training with their steps, where a file has both."""
    for name in _HISTORIES:
        found = content.get(name)
        key = next((key for key in _STEPS if key in content), "")
        steps = content.get(key)
        if not isinstance(found, Sequence) or not isinstance(steps, Sequence | Tensor | np.ndarray):
            continue
        if len(steps) == len(found) and all(isinstance(state, Mapping) for state in found):
            numbers = [_number(step, f"{where}: {key}") for step in steps]
            pairs = sorted(zip(numbers, found, strict=True), key=lambda pair: pair[0])
            return [(step, _tensors(state)) for step, state in pairs]
    return []


def _number(step: Any, where: str) -> int:
    try:
        if int(step) == step:
            return int(step)
    except (ValueError, TypeError, OverflowError):
        pass
    raise ValueError(f"{where}: expected whole numbers, got {told(step)}")


def _tensors(state: Mapping[str, Any]) -> Tensors:
    found = {
        str(k): torch.from_numpy(v) if isinstance(v, np.ndarray) else v for k, v in state.items()
    }
    return {name: one.detach() for name, one in found.items() if isinstance(one, Tensor)}


def _config(content: Mapping[str, Any]) -> dict[str, Any]:
    found = next((content[name] for name in _CONFIGS if name in content), None)
    if isinstance(found, ConfigValues):
        return dict(vars(found))
    return dict(found) if isinstance(found, Mapping) else {}


def _step(content: Mapping[str, Any]) -> int | None:
    for name in ("step", "epoch", "global_step"):
        value = content.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
