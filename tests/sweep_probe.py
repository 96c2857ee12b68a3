"""What the executors' tests let a sweep measure; imported by workers, so it knows no pytest."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import torch

from interp.training.runs.run import Run


def probe(run: Run) -> dict[str, Any]:
    """The last scores and the threads; before that, what the run's order says, if there is one.

    Orders lie beside the run folders: ``<hash>.order`` with ``raise``, ``die once``,
    ``die always`` or ``wait`` (until ``<hash>.go`` is there). Each try leaves a line with the
    process in ``<hash>.tries``.
    """
    assert run.path is not None
    beside = run.path.parent
    with (beside / f"{run.path.name}.tries").open("a") as file:
        file.write(f"{os.getpid()}\n")
    order = beside / f"{run.path.name}.order"
    if order.exists():
        _obey(order)
    last = run.measurement()
    return {
        "step": last.step,
        "loss": last.scores["train"].loss,
        "norm": last.weight_norm,
        "threads": torch.get_num_threads(),
    }


def _obey(order: Path) -> None:
    text = order.read_text()
    if text == "raise":
        raise RuntimeError("nothing can be\nmeasured here")
    if text == "die once":
        order.unlink()
    if text.startswith("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    until = time.monotonic() + 60
    while text == "wait" and not order.with_suffix(".go").exists() and time.monotonic() < until:
        time.sleep(0.05)
