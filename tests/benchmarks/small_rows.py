"""Rows of minibatches and small networks: compiled steps against the textbook's.

Our side makes as many steps a call as a run does between two evaluations; the textbook's takes its
rows of one-hot vectors from a matrix made before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch

from interp.training.config.run_config import RunConfig, parse_config
from interp.training.trainer.device import using_threads
from interp.training.trainer.loop import train
from tests.benchmarks.network_rows import config_of, other_side, require_same_weights
from tests.benchmarks.row import Row
from tests.benchmarks.timing import Spread, alternate
from tests.benchmarks.trainer import Trainer
from tests.benchmarks.transformer_textbook import TextbookMLP

CPU = torch.device("cpu")
_CALLS = 5  # a turn: of the first alone the start of a second thread would be a good part
# What the paper has for minibatches; the ratio to meet.
MINIBATCHES: dict[str, tuple[int, dict[str, Any], float]] = {
    "MLP with BatchNorm, width 500, batch 64": (64, {"norm": "batch"}, 0.35),
    "two-layer MLP, width 500, batch 64": (64, {}, 0.30),
    "two-layer MLP, width 500, batch 8": (8, {}, 0.30),
}


def minibatch_steps(rounds: int) -> Iterator[Row]:
    """A step on a minibatch against the textbook's, many a call."""
    for what, (batch, model, limit) in MINIBATCHES.items():
        settings = {"batch_size": batch, "lr": 0.005, "weight_decay": 0.0}
        made = config_of(settings, **model).replace("steps", 1000)
        yield compiled_step(what, made, rounds, limit)


def compiled_step(
    what: str, run: RunConfig, rounds: int, limit: float | None = None, steps: int = 20
) -> Row:
    """Steps of a run, some a call, against the textbook's."""
    require_same_weights(what, run, TextbookMLP, CPU)
    ours = Trainer(run, CPU)
    textbook = other_side(ours, TextbookMLP)

    def theirs() -> None:
        for _ in range(steps):
            textbook.step()

    sides = {"ours": lambda: ours.steps(steps), "textbook": theirs}
    timings = alternate(sides, rounds, runs=_CALLS)
    return Row(
        f"{what}: a training step, {steps} a call",
        "ms",
        timings["ours"].times(1e3 / steps),
        timings["textbook"].times(1e3 / steps),
        "textbook",
        timings.ratio("ours", "textbook"),
        limit=limit,
        target="" if limit is None else f"≤ {limit:.2f} of the textbook's",
    )


def small_networks(rounds: int) -> Iterator[Row]:
    """Steps of a small network by one thread, and a small run from end to end."""
    with using_threads(1):
        what = "p 23, N 64, α 0.5, full batch, one thread"
        step = compiled_step(what, _small(23, 64, 0.5, 1000), rounds, steps=200)
    yield replace(step, limit=1 / 15, target="≤ 1/15 ms, 15,000 steps a second", limits_ours=True)
    run = _small(47, 200, 0.65, 500)
    train(run)  # compiles what is compiled once a machine
    seconds = []
    for seed in range(max(3, rounds // 3)):
        started = time.perf_counter()
        train(run.replace("seed", seed))
        seconds.append(time.perf_counter() - started)
    yield Row(
        "p 47, N 200, α 0.65, 500 steps: a whole training in memory, in a warm process",
        "s",
        Spread.of(seconds),
        limit=0.5,
        target="≤ 0.5 s",
        limits_ours=True,
    )


def _small(p: int, width: int, fraction: float, steps: int) -> RunConfig:
    return parse_config(
        {
            "task": {"operation": "x + y", "p": p},
            "data": {"fraction": fraction, "corruption": 0.2},
            "model": {"width": width},
            "steps": steps,
        }
    )
