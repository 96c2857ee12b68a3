"""Other people's checkpoints in: a foreign file as a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from interp.exchange.card import card_writer
from interp.exchange.foreign_data import (
    Found,
    by_rule,
    from_arrays,
    from_file,
    named_values,
    training_name,
    without,
)
from interp.exchange.foreign_file import Foreign, foreign_of, read_foreign
from interp.exchange.reading import Known, Reading, dtype_of, read_networks
from interp.exchange.rules import Rule
from interp.exchange.truth.doubts import Findings, doubts
from interp.exchange.truth.evidence import NONE, Answers, Told
from interp.exchange.truth.live import Live, module_told
from interp.exchange.truth.loss import loss_told
from interp.exchange.truth.named import named_task
from interp.exchange.truth.operation import ASSUMED, Learned, operation_told
from interp.exchange.truth.own_group import UNKNOWN, OwnGroup
from interp.training.arguments import as_path, some, some_whole
from interp.training.runs.files import is_vacant
from interp.training.runs.made import config_of, made_run
from interp.training.runs.origin import Origin
from interp.training.runs.run import Run
from interp.training.tasks.table import make_table
from interp.training.tasks.task import Task, group_task, make_task, table_task


@dataclass(frozen=True)
class Imported:
    """A foreign checkpoint as a run.

    Attributes:
        run: fit for every analysis; in memory where no folder was named.
        layout: that was recognized.
        recognized, assumed, dropped: what to know of it, in a few words each.
        questioned: what does not fit together, such as an operation that it does not answer.
        group: that was read off its answers, with its elements' names; None where the operation
            was named, or found among the known ones.
    """

    run: Run
    layout: str
    recognized: tuple[str, ...]
    assumed: tuple[str, ...]
    dropped: tuple[str, ...]
    questioned: tuple[str, ...] = ()
    group: OwnGroup | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "layout": self.layout,
            "recognized": list(self.recognized),
            "assumed": list(self.assumed),
            "dropped": list(self.dropped),
            "questioned": list(self.questioned),
            "group": None if self.group is None else self.group.to_dict(),
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
        operation: what was learned, ``x - y`` or in a group ``x * y^-1 in S4``; if left out, the
            one that its answers or labels fit. Where none does, the group that the answers are, or
            nearly (the one that they vote for); ``unknown`` if they are those of a quasigroup (each
            once in every row and column), which takes them as the task; else ``x + y``.
        data: arrays or a file of them (``train_indices``, ``labels``, ``redrawn_indices``), or
            the rule that drew the dataset. Arrays that the checkpoint itself holds are found.
        known: what else is known of the network and its training.

    Returns:
        The run, and what was recognized, assumed, dropped and questioned. A module is run on all
        pairs, and what was read of it compared.

    Raises:
        ValueError: in one line, for a file that holds code or is damaged, an unknown layout,
            shapes that contradict one another or p, weights that are no finite real numbers, data
            of another task, or a module whose own logits are others.
    """
    target = None if out is None else as_path(out, "a run folder to write")
    if target is not None and not is_vacant(target):
        raise ValueError(f"{target}: expected a new or empty folder, it has contents")
    known = some(known, Known, "what is known, such as Known(p=97)") or Known()
    foreign, where = _foreign(source)
    steps, from_step = _steps(foreign, known.step)
    labels = partial(_labels, data, foreign, operation)
    live = Live(source) if isinstance(source, torch.nn.Module) else None
    reading = read_networks(foreign, layout, known, labels, where, live)
    compared = module_told(live, reading.logits, reading.newest.p, reading.assumed)
    learned = operation_told(operation, reading.answers, reading.evidence, reading.own_group)
    task = _task(learned, reading)
    dataset = _dataset(data, foreign, task, where)
    loss = _loss(known, reading, dataset, learned)
    networks = dict(zip(steps, reading.networks, strict=True))
    told = [compared, from_step, learned, loss]
    about = {
        "recognized": (
            *reading.recognized,
            f"dataset: {dataset.told}",
            *_lines(told, "recognized"),
        ),
        "assumed": (*reading.assumed, *dataset.assumed, *_lines(told, "assumed")),
        "dropped": reading.newest.dropped,
        "questioned": doubts(_findings(reading, dataset, data)),
    }
    named = {} if learned.group is None else learned.group.named
    origin = _origin(where, dataset, {"layout": reading.layout, **about, **named})
    model = {**reading.newest.model, **reading.known.model}
    config = config_of(dataset.dataset, model, loss.name, dtype_of(reading.newest), steps[-1])
    run = made_run(config, dataset.dataset, networks, target, origin, card_writer(target))
    return Imported(run, reading.layout, **about, group=learned.group)


def _loss(known: Known, reading: Reading, dataset: Found, learned: Learned) -> Told:
    """By the logits of the pairs that were trained on; of all, if these are not known."""
    data = dataset.dataset
    logits = reading.logits[data.pairs[data.is_train] @ [reading.newest.p, 1]]
    return loss_told(known.loss, logits, reading.is_trained or learned.group is not None)


def _task(learned: Learned, reading: Reading) -> Task:
    """The operation at the modulus; one that was read off the answers, in a group or a table."""
    p = reading.newest.p
    own = learned.group
    if own is not None and own.word is not None:
        return group_task(make_table(own.group.table, p), own.word)
    if learned.name != UNKNOWN:
        return named_task(learned.name, p)
    return table_task(make_table(reading.answers.reshape(p, p), p), UNKNOWN)


def _origin(where: str, dataset: Found, about: Mapping[str, Any]) -> Origin:
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in about.items()}
    return Origin({"file": Path(where).name, "dataset_known": dataset.known, **plain})


def _lines(told: Sequence[Told], kind: str) -> list[str]:
    found = [getattr(one, kind) for one in told]
    return [line for line in found if line is not None]


def _findings(reading: Reading, dataset: Found, data: Any) -> Findings:
    rule = data if isinstance(data, Rule) else None
    return Findings(reading.answers, dataset.dataset, dataset.known, reading.evidence, rule)


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
    if training_name(foreign.values):
        return from_arrays(task, foreign.values, Path(where).name)
    return without(task)


def _labels(
    data: Any, foreign: Foreign, operation: str | None, p: int
) -> tuple[Answers | None, bool]:
    """Labels of all p² pairs as far as they are known, and whether arrays tell them.

    What is wrong with them is told later.
    """
    task = make_task(ASSUMED, p)
    try:
        if isinstance(data, Rule):
            drawn = by_rule(named_task(operation or ASSUMED, p), data).dataset
            answers = np.full(p * p, NONE)
            answers[drawn.pairs @ [p, 1]] = np.where(drawn.is_train, drawn.given_label, NONE)
            return answers, False
        values = foreign.values if data is None else data
        if isinstance(values, Path | str):
            values = named_values(Path(values))
        name = training_name(values)
        if name is None:
            return None, True
        known = {key: values[key] for key in (name, "labels") if key in values}
        found = from_arrays(task, known, "data")
    except ValueError:
        return None, True
    if not found.labelled:
        return None, True
    return np.where(found.dataset.is_train, found.dataset.given_label, NONE), True


def _steps(foreign: Foreign, step: int | None) -> tuple[list[int], Told]:
    step = some_whole(step, "step")
    steps = [found for found, _ in foreign.states]
    if len(steps) > 1:
        return [int(found or 0) for found in steps], Told()
    if steps[0] is not None or step is not None:
        return [int(step if step is not None else steps[0] or 0)], Told()
    words = "step 1, as the file does not tell how long it was trained"
    return [1], Told(assumed=words)
