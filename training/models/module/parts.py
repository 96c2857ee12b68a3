"""A module, its inputs and the places of its neurons, all tried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from interp.training.lines import one_line, with_kind
from interp.training.models.module.find import check_order, find_place, near, randomized
from interp.training.models.module.inputs import Inputs, inputs_of, read_logits, told_of
from interp.training.models.module.source import Source, check_finite, made_module
from interp.training.models.module.watched import Place, Tap, watched
from interp.training.tasks.task import Task

_TRIED = 7  # pairs: no number of positions


@dataclass(frozen=True)
class Parts:
    """What an adapted network is made of.

    Attributes:
        module: a copy, in evaluation mode.
        inputs: from pairs to its arguments.
        places: of each hidden layer's neurons.
        told: what to know of it, in a few words each.
    """

    module: nn.Module
    inputs: Inputs
    places: tuple[Place, ...]
    told: tuple[str, ...]


def parts_of(
    task: Task,
    source: Source,
    paths: Sequence[str],
    inputs: str | Callable[[Tensor], Any],
    arguments: Mapping[str, Any],
    state: Mapping[str, Tensor] | None = None,
) -> Parts:
    """Makes the module, runs it on a few pairs and finds its neurons.

    Raises:
        ValueError: if its weights are no finite numbers, it cannot be run, its logits are not those
            of a network on pairs, or the neurons are not found or not in order.
    """
    module, how = made_module(source, arguments), inputs_of(inputs, task.p)
    if state is not None:
        _load_state(module, state)
    check_finite(module, "module" if state is None else "state")
    some = np.linspace(0, len(task.pairs) - 1, _TRIED).round().astype(np.int64)
    pairs = torch.as_tensor(task.pairs[some])
    with torch.no_grad():
        output = _tried(module, how, pairs)
        logits = read_logits(output, len(pairs), task.n_answers)
        if not torch.isfinite(logits).all():
            raise ValueError("module: expected finite logits, got NaN or infinity")
        again = _run(module, how, pairs.flip(0))(())
        if not near(read_logits(again, len(pairs), task.n_answers).flip(0), logits):
            raise ValueError(
                "module: expected the same logits for a pair whatever it is run with, got others; "
                "dropout that stays on, or statistics of the batch?"
            )
    strange = randomized(module)
    if not paths:
        raise ValueError("neurons: expected the name of a submodule, got none")
    run, count = _run(strange, how, pairs), task.n_answers

    def answered(taps: Sequence[Tap]) -> Tensor:
        return read_logits(run(taps), len(pairs), count)

    places = tuple(find_place(strange, path, answered) for path in paths)
    check_order(places, answered)
    return Parts(module, how, places, (*told_of(output, task.n_answers), *_told(places)))


def _tried(module: nn.Module, how: Inputs, pairs: Int[Tensor, "pair 2"]) -> Any:
    try:
        return _run(module, how, pairs)(())
    except Exception as error:  # of code that is not ours
        raise ValueError(
            f"module: cannot be run on inputs {how.name!r}: {with_kind(error, 200)}"
        ) from None


def _run(
    module: nn.Module, how: Inputs, pairs: Int[Tensor, "pair 2"]
) -> Callable[[Sequence[Tap]], Any]:
    dtype = next(module.parameters()).dtype

    def run(taps: Sequence[Tap]) -> Any:
        args, named = how(pairs, dtype)
        with watched(module, taps):
            return module(*args, **named)

    return run


def _told(places: Sequence[Place]) -> list[str]:
    told = []
    for place in places:
        if place.value == 0:
            told.append(f"no activation found after {place.path}: it is pruned itself")
        if place.positions and place.position is None:
            told.append(f"neurons of {place.path} matter at several positions; read at the last")
        elif place.positions > 1:
            told.append(f"neurons of {place.path} read at position {place.position}")
    return told


def _load_state(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Gives a module the weights of a state dict; refuses other names, shapes or kinds."""
    try:
        for name, tensor in dict(state).items():
            if isinstance(tensor, Tensor) and tensor.is_complex():
                raise ValueError(f"state: {name}: expected real numbers, got {tensor.dtype}")
        module.load_state_dict(dict(state), strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"state: {one_line(error)[:300]}") from None
