"""Anybody's module made a network of, and its address for a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from interp.training.arguments import of_kind, some, told
from interp.training.config.sections import ModelConfig
from interp.training.data.dataset import A_TASK
from interp.training.models.adapted import Adapted
from interp.training.models.module.inputs import import_path
from interp.training.models.module.parts import parts_of
from interp.training.models.module.source import Source, checked_arguments, makes_modules
from interp.training.tasks.task import Task


def adapt(
    module: Source,
    task: Task,
    neurons: str | Sequence[str],
    inputs: str | Callable[[Tensor], Any] = "pairs",
    state: Mapping[str, Tensor] | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> Adapted:
    """Makes a network of anybody's module, fit for every measure that does not train.

    The logits are the module's own, in evaluation mode: ``(pair, answer)``, or of ``(pair,
    position, answer)`` the last position's; outputs beyond the answers are left out, and
    ``network.told`` says so. The module is copied and stays as it was.

    A neuron's *pre-activation* is the output of a linear layer, or the input of an activation,
    whichever was named (``nn.Identity`` counts as linear: what it passes on is the
    pre-activation). Its *activation*, which pruning sets to zero, is the last value through which
    alone it acts on the logits; a functional ``F.gelu(self.fc1(x))``, ``h ** 2`` or a norm by
    running statistics after it is found, so that φ(0) need not be 0. Where the module goes on
    with the pre-activation itself, or hides φ from torch's functions, the two are the same.

    :func:`interp.exchange.network_run` makes a run of the network, for reports and histories.

    Args:
        module: a module; a class or function that makes one; or the import path of such a one,
            ``"package.module:name"``, by which a run folder can be read again.
        task: what operands and answers mean.
        neurons: the submodule with the neurons, as ``named_modules`` calls it; several for
            several hidden layers, first to last.
        inputs: how (pair, 2) operands become the module's arguments: ``pairs`` as they are;
            ``tokens``, with p as third one for "="; ``one-hot``, (pair, 2p) side by side; ``two``
            tensors of operands; or a function from pairs to a tensor, a tuple of arguments or
            arguments by name.
        state: weights for the module, as ``state_dict`` gives them.
        arguments: plain ones by name, that the module is made with.

    Raises:
        ValueError: in one line, if the module cannot be run so, its weights are no finite real
            numbers, its logits do not fit the task or are not the same again, or the neurons are
            neither linear nor an activation, or not named in the order in which they run.
        TypeError: if the first argument is no module and makes none, the task is none, or the
            neurons are not named by text.
    """
    of_kind(task, Task, A_TASK)
    some(state, Mapping, "state as tensors by name")  # type: ignore[type-abstract]
    paths, given = _paths(neurons), checked_arguments({} if arguments is None else arguments)
    parts = parts_of(task, module, paths, inputs, given, state)
    model = ModelConfig(
        kind="adapted",
        module=_address(module),
        arguments=given,
        neurons_at=paths,
        inputs=parts.inputs.name,
        width=parts.places[0].width,
    )
    return Adapted(task, model, parts)


def _paths(neurons: Any) -> tuple[str, ...]:
    paths = (neurons,) if isinstance(neurons, str) else neurons
    if isinstance(paths, list | tuple) and all(isinstance(path, str) for path in paths):
        return tuple(paths)
    raise TypeError(f"neurons: expected the path of a submodule or several, got {told(neurons)}")


def _address(module: Any) -> str:
    """The import path that a configuration can name; empty for none."""
    path = module if isinstance(module, str) else import_path(module)
    if path is None or isinstance(module, nn.Module):
        return ""
    try:
        makes_modules(path)
    except ValueError:
        return ""
    return path
