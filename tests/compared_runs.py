"""Small runs to compare: two settings, three seeds each."""

from __future__ import annotations

from pathlib import Path

from interp.training.runs.run import Run
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

DECAYS, SEEDS = (0.0, 5.0), (0, 1, 2)


def config(decay: float, seed: int, **changes: object) -> object:
    return tiny_config(optimizer={"weight_decay": decay}, seed=seed, **changes)


def six_runs(folder: Path) -> list[Run]:
    """Three seeds without weight decay, then three with it."""
    return [
        train(config(decay, seed), folder / f"decay-{decay:g}-seed-{seed}")
        for decay in DECAYS
        for seed in SEEDS
    ]
