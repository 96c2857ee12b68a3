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
from pathlib import Path

import numpy as np

from interp.analysis.phases.phase import has_phase, phase
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.runs.run import Run
from interp.training.trainer.loop import train_many
from tests.benchmarks.environment import environment

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.diagram")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--alphas", type=int, default=17)
    parser.add_argument("--xis", type=int, default=19)
    parser.add_argument("--decays", type=float, nargs="+", default=[0, 5, 15, 20])
    parser.add_argument("--p", type=int, default=97)
    parser.add_argument("--width", type=int, default=500)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="write the results file")
    arguments = parser.parse_args()
    configs = list(_grid(arguments))
    started = time.perf_counter()
    outcomes = train_many(configs, device=arguments.device)
    seconds = time.perf_counter() - started
    found = {
        **environment(),
        "runs": len(configs),
        "steps": arguments.steps,
        "seconds": round(seconds, 1),
        "runs_times_steps_per_second": round(len(configs) * arguments.steps / seconds, 1),
        "phases": dict(Counter(_phase(outcome) for outcome in outcomes)),
    }
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.save:
        (RESULTS / "diagram.json").write_text(text + "\n", encoding="utf-8")


def _grid(arguments: argparse.Namespace) -> list[RunConfig]:
    return [
        parse_config(
            {
                "task": {"p": arguments.p},
                "data": {"fraction": round(alpha, 4), "corruption": round(xi, 4)},
                "model": {"width": arguments.width},
                "optimizer": {"weight_decay": decay},
                "steps": arguments.steps,
                "seed": arguments.seed,
                # Grokking and forgetting must be seen; each score is one pass over all pairs.
                "schedule": {"evaluations": 20, "checkpoints": 0},
            }
        )
        for alpha in np.linspace(0.1, 0.9, arguments.alphas).tolist()
        for xi in np.linspace(0, 0.9, arguments.xis).tolist()
        for decay in arguments.decays
    ]


def _phase(outcome: Run | Exception) -> str:
    if isinstance(outcome, Exception):
        return f"failed: {type(outcome).__name__}"
    return phase(outcome).name if has_phase(outcome) else "no test set"


if __name__ == "__main__":
    main()
