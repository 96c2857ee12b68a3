"""Our training step, with nothing else of a run around it."""

from __future__ import annotations

import torch

from interp.training.config.run_config import RunConfig
from interp.training.trainer.cohort import Cohort
from interp.training.trainer.loop import dataset_of


class Trainer:
    """A run of a cohort of one, a step at a time."""

    def __init__(self, config: RunConfig, device: torch.device) -> None:
        self.config = config
        self.dataset = dataset_of(config)
        self.cohort = Cohort([config], [self.dataset], device)
        self.network = self.cohort.networks[0]

    def step(self) -> float:
        """One step; returns the loss before it."""
        return float(self.cohort.advance())

    def steps(self, count: int) -> None:
        """Some steps, in as few calls as a run makes of them."""
        while count > 0:
            some = min(count, self.cohort.at_once)
            self.cohort.advance_by(some)
            count -= some
