"""Weights to begin with, as configurations have them: a place and a digest; no torch is loaded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from interp.training.arguments import told
from interp.training.untrusted import read_tensor_file

Weights = Mapping[str, np.ndarray]

_DIGITS = 16  # of a digest, as of a table's

# Weights that this process has been given as objects, by digest.
_KNOWN: dict[str, Weights] = {}


def digest_of(weights: Weights) -> str:
    """Tells weights of other names, shapes, precisions or values."""
    content = hashlib.sha256()
    for name in sorted(weights):
        array = weights[name]
        content.update(f"{name}:{array.dtype}:{array.shape};".encode())
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:_DIGITS]


def find_start(digest: str, place: str | None, step: int | None) -> Weights:
    """The weights of a digest: of this process, or in a run folder or tensor file.

    Raises:
        ValueError: if they are in neither, or others are there.
    """
    if digest in _KNOWN:
        return _KNOWN[digest]
    if place is None:
        raise ValueError(f"start.run: expected the run of weights {digest}, got none")
    weights, _ = _read(Path(place), step)
    return _checked(weights, digest, place)


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The section ``start`` of a configuration with what follows from the weights it names.

    ``run`` may also be a run, a checkpoint or a network.

    Raises:
        TypeError: if it is something else.
        ValueError: naming the field, if there are no such weights.
    """
    run, step, digest = values.get("run"), values.get("step"), values.get("digest")
    if isinstance(run, str | Path):
        # A copy in a run folder is one step, whatever its number was.
        weights, at = _read(Path(run), step)
        name = values.get("name") or Path(os.path.abspath(run)).name
        own = digest_of(_checked(weights, digest, run))
        return {**values, "run": os.path.abspath(run), "step": at, "digest": own, "name": name}
    if run is None:
        return dict(values)
    weights, at, name = _of_object(run, step)
    own = digest_of(weights)
    _KNOWN[own] = weights
    return {**values, "run": None, "step": at, "digest": own, "name": name}


def _checked(weights: Weights, digest: str | None, place: object) -> Weights:
    own = digest_of(weights)
    if digest not in (None, own):
        raise ValueError(f"start.digest: expected weights {digest}, but {place} holds {own}")
    return weights


def _of_object(source: Any, step: int | None) -> tuple[Weights, int | None, str | None]:
    """Weights, step and name of a run, a checkpoint or a network."""
    if hasattr(source, "weights") and hasattr(source, "last_step"):
        step = source.last_step if step is None else step
        if step not in source.weights:
            raise ValueError(f"start.step: expected one of {source.steps}, got {step}")
        return dict(source.weights[step]), step, source.name
    if hasattr(source, "network") and hasattr(source, "step"):
        return _arrays(source.network), source.step, source.name
    if hasattr(source, "state_dict"):
        return _arrays(source), step, None
    raise TypeError(f"start: expected a run, a checkpoint or a network, got {told(source)}")


def _arrays(network: Any) -> Weights:
    state = network.state_dict()
    return {name: one.detach().cpu().numpy().copy() for name, one in state.items()}


def _read(place: Path, step: int | None) -> tuple[Weights, int | None]:
    if place.suffix.lower() == ".safetensors":
        return _tensors(place), step
    found = sorted((place / "checkpoints").glob("step-*/model.safetensors"))
    steps = {int(path.parent.name[5:]): path for path in found if path.parent.name[5:].isdigit()}
    if not steps:
        raise ValueError(f"start.run: expected a run folder with checkpoints, got {place}")
    step = max(steps) if step is None else step
    if step not in steps:
        listed = ", ".join(map(str, steps))
        raise ValueError(f"start.step: {place}: expected one of {listed}, got {step}")
    return _tensors(steps[step]), step


def _tensors(path: Path) -> Weights:
    try:
        return safetensors.numpy.load(read_tensor_file(path)[0])
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except (SafetensorError, ValueError, KeyError):
        raise ValueError(f"{path}: expected a safetensors file; truncated or altered") from None
