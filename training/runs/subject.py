"""What a public function is called with: the one door from a run, a path or a network."""

from __future__ import annotations

import sys
from pathlib import Path

from interp.training.arguments import some_whole, told
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.models.network import Network
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run, load

# What can be read as a checkpoint.
Source = Checkpoint | Run | Network | Path | str


def as_run(source: Run | Path | str) -> Run:
    """The run itself, or the one in a folder.

    Raises:
        TypeError: if it is something else.
        ValueError: if the folder holds no run.
    """
    if isinstance(source, Run):
        return source
    if isinstance(source, Path | str):
        return load(source)
    raise TypeError(f"expected a run or its folder, got {told(source)}")


def as_checkpoint(
    source: Source,
    step: int | None = None,
    dataset: Dataset | None = None,
    loss: LossName | None = None,
) -> Checkpoint:
    """A network at a step, with all that it is scored on.

    Args:
        source: a run or its folder, a checkpoint, or a bare network.
        step: which checkpoint of a run; the newest by default.
        dataset: to score on; a run brings its own.
        loss: to score by; a run brings its own, and a network of a run knows it. Another network
            has ``mse``.

    Raises:
        TypeError: if the source is something else.
        ValueError: if the run has no checkpoint at that step, or it is none.
    """
    step = some_whole(step, "step")
    if isinstance(source, Checkpoint):
        if step is not None and step != source.step:
            raise ValueError(f"step: expected that of the checkpoint, {source.step}, got {step}")
        return source.beside(dataset, loss)
    if isinstance(source, Run | Path | str):
        return as_run(source).checkpoint(step).beside(dataset, loss)
    if _is_module(source) and hasattr(source, "task") and hasattr(source, "layers"):
        from interp.training.evaluation import loss_of

        return Checkpoint(source, None, loss_of(source), step).beside(dataset, loss)
    raise TypeError(f"expected a run, its folder, a checkpoint or a network, got {told(source)}")


def _is_module(source: object) -> bool:
    """Whether it is a module of torch, which is there if anybody has one."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)
