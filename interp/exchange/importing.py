"""Other people's checkpoints in: a foreign file as a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from interp.exchange.card import model_card
from interp.exchange.foreign_data import Found, by_rule, from_arrays, from_file, without
from interp.exchange.foreign_file import Foreign, foreign_of, read_foreign
from interp.exchange.layouts.known import find_layout
from interp.exchange.layouts.layout import Hints, Recognized
from interp.exchange.rules import Rule
from interp.training.arguments import as_path
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.models.kinds import empty_network
from interp.training.models.network import Network
from interp.training.runs.files import is_vacant, write_bytes
from interp.training.runs.origin import write_origin
from interp.training.runs.run import Run, made_run
from interp.training.runs.tensor_file import load_weights
from interp.training.tasks.task import make_task


@dataclass(frozen=True)
class Known:
    """What is known of a foreign network that its tensors do not tell.

    Attributes:
        p: the modulus, if it is to be checked; the tensors tell it.
        model: fields of ``model``, such as ``activation``, ``attention``, ``n_heads``.
        loss: that it was trained with.
        step: of a single checkpoint that does not tell it.
        ignore: patterns of the names of tensors that are none of the network's weights.
        choices: what a layout asks beyond fields of ``model``, such as ``orientation``.
    """

    p: int | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    loss: LossName = "mse"
    step: int | None = None
    ignore: tuple[str, ...] = ()
    choices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Imported:
    """A foreign checkpoint as a run.

    Attributes:
        run: fit for every analysis; in memory where no folder was named.
        layout: that was recognized.
        recognized, assumed, dropped: what to know of it, in a few words each.
    """

    run: Run
    layout: str
    recognized: tuple[str, ...]
    assumed: tuple[str, ...]
    dropped: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "layout": self.layout,
            "recognized": list(self.recognized),
            "assumed": list(self.assumed),
            "dropped": list(self.dropped),
        }


def import_checkpoint(
    source: Path | str | Mapping[str, Any] | torch.nn.Module,
    out: Path | str | None = None,
    layout: str = "auto",
    operation: str | None = None,
    data: Mapping[str, Any] | Path | str | Rule | None = None,
    known: Known | None = None,
) -> Imported:
    """Reads a checkpoint of other code and makes a run of it.

    Its network is fit for every analysis, and with a dataset also for those that score.

    Args:
        source: a file (.pth, .safetensors, .npz), a state dict, or a module such as a
            HookedTransformer or a TransformerBridge. A pickle with code in it is refused.
        out: run folder to write; in memory if left out.
        layout: how to read the tensors; ``auto`` finds it.
        operation: what was learned; ``x + y`` if left out.
        data: arrays or a file of them (``train_indices``, ``labels``, ``redrawn_indices``), or
            the rule that drew the dataset. Arrays that the checkpoint itself holds are found.
        known: what else is known of the network and its training.

    Returns:
        The run, and what was recognized, assumed and dropped.

    Raises:
        ValueError: in one line, for a file that holds code or is damaged, an unknown layout,
            shapes that contradict one another or p, or data of another task.
    """
    target = None if out is None else Path(out)
    if target is not None and not is_vacant(target):
        raise ValueError(f"{target}: expected a new or empty folder, it has contents")
    known = known or Known()
    foreign, where = _foreign(source)
    kind, read = _networks(foreign, layout, known)
    learned, newest = operation or "x + y", read[-1]
    dataset = _dataset(data, foreign, make_task(learned, newest.p), where)
    steps, told = _steps(foreign, known.step)
    last = foreign.states[-1][1]
    config = _config(newest, learned, dataset.dataset, known, last, steps[-1])
    networks = {step: _network(config, one, where) for step, one in zip(steps, read, strict=True)}
    chosen = [one.told(one.candidates[0]) for one in newest.choices]
    assumed = [*newest.assumed, *chosen, *dataset.assumed, *told]
    about = Imported(
        made_run(config, dataset.dataset, networks, target),
        kind,
        (f"{Path(where).name}: {kind}", *newest.recognized, f"dataset: {dataset.told}"),
        tuple(assumed if operation else [*assumed, "operation x + y"]),
        newest.dropped,
    )
    if target is not None:
        write_origin(target, about.to_dict())
        write_bytes(target / "README.md", model_card(about.run, target.name, {}).encode())
    return about


def _networks(foreign: Foreign, name: str, known: Known) -> tuple[str, list[Recognized]]:
    """The layout, which the newest checkpoint decides, and the network of every checkpoint."""
    layout = find_layout(name, foreign.states[-1][1], known.ignore)
    choices = {**known.choices, **({"p": known.p} if known.p else {})}
    hints = Hints(known.model, foreign.config, choices, known.ignore)
    read = [layout.read(tensors, hints) for _, tensors in foreign.states]
    if known.p is not None and read[-1].p != known.p:
        raise ValueError(f"p: expected {known.p}, but the tensors are of p = {read[-1].p}")
    return layout.name, read


def _foreign(source: Any) -> tuple[Foreign, str]:
    if isinstance(source, torch.nn.Module):
        tensors = {k: v.detach().cpu().clone() for k, v in source.state_dict().items()}
        config = getattr(source, "cfg", None)
        values = dict(vars(config)) if config is not None else {}
        return Foreign([(None, tensors)], {}, values), type(source).__name__
    if isinstance(source, Mapping):
        content = {str(k): _as_tensor(v) for k, v in source.items()}
        return foreign_of(content, "state dict"), "state dict"
    return read_foreign(as_path(source, "a file, a state dict or a module")), str(source)


def _as_tensor(value: Any) -> Any:
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value


def _dataset(data: Any, foreign: Foreign, task: Any, where: str) -> Found:
    if isinstance(data, Rule):
        return by_rule(task, data)
    if isinstance(data, Mapping):
        return from_arrays(task, data, "data")
    if data is not None:
        return from_file(task, data)
    if "train_indices" in foreign.values:
        return from_arrays(task, foreign.values, Path(where).name)
    return without(task)


def _steps(foreign: Foreign, step: int | None) -> tuple[list[int], list[str]]:
    steps = [found for found, _ in foreign.states]
    if len(steps) > 1:
        return [int(found or 0) for found in steps], []
    if steps[0] is not None or step is not None:
        return [int(step if step is not None else steps[0] or 0)], []
    return [1], ["step 1, as the file does not tell how long it was trained"]


def _config(
    found: Recognized,
    operation: str,
    dataset: Dataset,
    known: Known,
    tensors: Mapping[str, Tensor],
    last: int,
) -> RunConfig:
    train = int(dataset.is_train.sum())
    wide = any(one.dtype == torch.float64 for one in tensors.values())
    return RunConfig(
        task={"operation": operation, "p": found.p},
        data={
            "fraction": train / len(dataset),
            "corruption": int(dataset.is_redrawn.sum()) / max(train, 1),
        },
        model={**found.model, **known.model},
        loss=known.loss,
        dtype="float64" if wide else "float32",
        steps=max(last, 1),
    )


def _network(config: RunConfig, found: Recognized, where: str) -> Network:
    network = empty_network(config, config.make_task())
    arrays = {name: one.detach().cpu().numpy() for name, one in found.weights.items()}
    load_weights(network, arrays, Path(where))
    return network
