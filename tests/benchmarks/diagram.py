"""The paper's weight-decay diagram in one command: α × ξ × weight decay as cohorts.

``python -m tests.benchmarks.diagram --device cuda`` trains 17 α × 19 ξ × 4 weight decays, 1,292
runs of 2000 steps, and prints runs·steps per second and how many runs ended in which phase. Each α
is a cohort. Smaller grids and networks (``--alphas 3 --xis 3 --p 23 --width 64 --steps 300``) run
on a CPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from interp.analysis.phases.phase import has_phase, phase
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.runs.run import Run
from interp.training.trainer.loop import train_many
from tests.benchmarks.environment import environment

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Diagram:
    """The runs of a diagram: as many α from 0.1 to 0.9, ξ from 0 to 0.9, and weight decays.

    The defaults are the paper's of figure 3.
    """

    alphas: int = 17
    xis: int = 19
    decays: tuple[float, ...] = (0, 5, 15, 20)
    p: int = 97
    width: int = 500
    steps: int = 2000
    seed: int = 0

    def columns(self) -> list[list[RunConfig]]:
        """The runs of each α, which have one shape."""
        return [
            [
                self._config(alpha, xi, decay)
                for xi in _from_to(0, self.xis)
                for decay in self.decays
            ]
            for alpha in _from_to(0.1, self.alphas)
        ]

    def _config(self, alpha: float, xi: float, decay: float) -> RunConfig:
        return parse_config(
            {
                "task": {"p": self.p},
                "data": {"fraction": alpha, "corruption": xi},
                "model": {"width": self.width},
                "optimizer": {"weight_decay": decay},
                "steps": self.steps,
                "seed": self.seed,
                # Grokking and forgetting must be seen; each score is one pass over all pairs.
                "schedule": {"evaluations": 20, "checkpoints": 0},
            }
        )


def _from_to(first: float, count: int) -> list[float]:
    return [round(one, 4) for one in np.linspace(first, 0.9, count).tolist()]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.diagram")
    parser.add_argument("--device", default="auto")
    for option in fields(Diagram):
        many = {"nargs": "+", "type": float} if option.name == "decays" else {"type": int}
        parser.add_argument(f"--{option.name}", default=option.default, **many)
    parser.add_argument("--save", action="store_true", help="write the results file")
    arguments = parser.parse_args()
    chosen = Diagram(**{option.name: getattr(arguments, option.name) for option in fields(Diagram)})
    configs = [config for column in chosen.columns() for config in column]
    started = time.perf_counter()
    outcomes = train_many(configs, device=arguments.device)
    seconds = time.perf_counter() - started
    found = {
        **environment(),
        "runs": len(configs),
        "steps": arguments.steps,
        "seconds": round(seconds, 1),
        "runs_times_steps_per_second": round(len(configs) * arguments.steps / seconds, 1),
        "phases": dict(Counter(phase_name(outcome) for outcome in outcomes)),
    }
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.save:
        (RESULTS / "diagram.json").write_text(text + "\n", encoding="utf-8")


def phase_name(outcome: Run | Exception) -> str:
    if isinstance(outcome, Exception):
        return f"failed: {type(outcome).__name__}"
    return phase(outcome).name if has_phase(outcome) else "no test set"


if __name__ == "__main__":
    main()
