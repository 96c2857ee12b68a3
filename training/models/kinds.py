"""Networks as configurations describe them: empty, and with their initial weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from interp.training.config.run_config import RunConfig
from interp.training.models.network import Network
from interp.training.randomness import stream
from interp.training.runs.tensor_file import load_weights
from interp.training.tasks.task import Task


def empty_network(config: RunConfig, task: Task, module: Any = None) -> Network:
    """The network that a configuration describes, with zero matrices, in its precision.

    Args:
        config: of a run.
        task: that it names.
        module: what an adapted network is made of, if the configuration does not name it.

    Raises:
        ValueError: if a module is given for a network that needs none.
    """
    row = config.model.row
    if module is not None:
        row.check_module()
    given = () if module is None else (module,)
    import torch

    network: Any = _found(row.network)(task, config.model, *given)
    network.trained_with = config.loss  # by which it is scored, also when it is alone
    made: Network = network.to(getattr(torch, config.dtype))
    return made


def initial_network(config: RunConfig, task: Task) -> Network:
    """The network at step 0; drawn on the CPU in float64, so a seed means the same everywhere.

    Biases start at zero, norms at one and zero. A run that starts from given weights has these.

    Raises:
        ValueError: for a kind of network that is not trained here, or naming the first tensor of
            given weights that does not fit.
    """
    if not config.model.row.trains:
        raise ValueError(
            f"model.kind: expected a kind that is trained here, got {config.model.kind!r}, which "
            "brings its weights along"
        )
    network = empty_network(config, task)
    _draw(network, config.model.initialization, config.seed_of("weights"))
    if config.start.digest is not None:
        load_weights(network, config.start.weights(), Path("start"))
    return network


def fresh_network(like: Network, init: str, seed: int) -> Network:
    """A network of the same architecture, drawn as :func:`initial_network` draws; like's precision.

    Args:
        like: whose task and model it has; of a kind that is trained here.
        init: one of the initializations of its kind.
        seed: of the weights.
    """
    network: Any = _found(like.model.row.network)(like.task, like.model)
    one = next(like.parameters())
    made: Network = network.to(one.device, one.dtype)
    _draw(made, init, seed)
    return made


def _draw(network: Network, init: str, seed: int) -> None:
    import torch

    draw, random = _found(network.model.row.draw), stream(seed, "weights")
    with torch.no_grad():
        for name, values in draw(network, init, random):
            network.get_parameter(name).copy_(torch.from_numpy(values))


def _found(home: str | Callable[..., Any]) -> Callable[..., Any]:
    found: Callable[..., Any] = resolve_name(home) if isinstance(home, str) else home
    return found
