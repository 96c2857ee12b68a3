"""Foreign files: tensors and plain values only; nothing in them is ever run."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

Tensors = dict[str, Tensor]

SUFFIXES = (".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".npz")
_STATES = ("model", "state_dict", "model_state_dict", "network")
_HISTORIES = ("checkpoints", "state_dicts", "model_checkpoints")
_STEPS = ("checkpoint_epochs", "checkpoint_steps", "steps", "epochs")
# Pickled beside the weights by the grokking demo; it is filled with plain values and never run.
_CONFIGS = (
    "transformer_lens.HookedTransformerConfig.HookedTransformerConfig",
    "transformer_lens.config.HookedTransformerConfig.HookedTransformerConfig",
    "transformer_lens.config.hooked_transformer_config.HookedTransformerConfig",
)


class ConfigValues:
    """What a pickled configuration held, as attributes."""

    def get(self, name: str) -> Any:
        """A value; None if it held none of that name."""
        return vars(self).get(name)


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
        ValueError: if it is damaged or holds code.
    """
    try:
        match path.suffix.lower():
            case ".safetensors":
                found: Any = safetensors.torch.load_file(path)
            case ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    found = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
            case _:
                found = _unpickled(path)
    except (SafetensorError, zipfile.BadZipFile, EOFError, OSError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: cannot be read as {path.suffix} ({_line(error)})") from None
    except ValueError as error:
        if path.suffix.lower() == ".npz":
            raise ValueError(f"{path}: holds Python objects, or is damaged; refused") from None
        raise error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path}: expected tensors by name, got {type(found).__name__}")
    return {str(name): value for name, value in found.items()}


def _unpickled(path: Path) -> Any:
    """Tensors and plain values of a pickle; anything that would run is refused."""
    known: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (ConfigValues, name) for name in _CONFIGS
    ]
    try:
        with torch.serialization.safe_globals(known), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of other versions of the format
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path}: expected tensors and plain values, got a pickle with code in it or a damaged "
            f"one; refused ({_line(error)})"
        ) from None
    except RuntimeError as error:
        raise ValueError(f"{path}: cannot be read as a checkpoint ({_line(error)})") from None


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if "GLOBAL" in line or "Unsupported" in line), None)
    return (told or (lines[0] if lines else type(error).__name__))[:160]


def foreign_of(content: Mapping[str, Any], where: str) -> Foreign:
    """Finds the state dict, or the state dicts over training, among what a file holds.

    Raises:
        ValueError: if there is none.
    """
    config = _config(content)
    rest = {k: v for k, v in content.items() if k not in (*_STATES, *_HISTORIES, "config", "cfg")}
    states = _history(content)
    single = next((content[k] for k in _STATES if isinstance(content.get(k), Mapping)), None)
    if not states and single is None:
        single = {name: v for name, v in content.items() if isinstance(v, Tensor)}
        rest = {name: v for name, v in rest.items() if name not in single}
    if not states and single is not None:
        states = [(_step(content), _tensors(single))]
    states = [(step, tensors) for step, tensors in states if tensors]
    if not states:
        raise ValueError(f"{where}: expected tensors by name, found none")
    return Foreign(states, rest, config)


def _history(content: Mapping[str, Any]) -> list[tuple[int | None, Tensors]]:
    """State dicts over training with their steps, where a file has both."""
    for name in _HISTORIES:
        found = content.get(name)
        steps = next((content[key] for key in _STEPS if key in content), None)
        if isinstance(found, Sequence) and steps is not None and len(steps) == len(found):
            pairs = zip((int(step) for step in steps), found, strict=True)
            return [(step, _tensors(state)) for step, state in sorted(pairs, key=lambda p: p[0])]
    return []


def _tensors(state: Mapping[str, Any]) -> Tensors:
    return {str(k): v.detach() for k, v in state.items() if isinstance(v, Tensor)}


def _config(content: Mapping[str, Any]) -> dict[str, Any]:
    found = content.get("config", content.get("cfg"))
    if isinstance(found, ConfigValues):
        return dict(vars(found))
    return dict(found) if isinstance(found, Mapping) else {}


def _step(content: Mapping[str, Any]) -> int | None:
    for name in ("step", "epoch", "global_step"):
        value = content.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
