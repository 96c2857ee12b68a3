"""Who finds the wrong labels: every score in ten cells, beside what independent prototypes found.

``python -m tests.benchmarks.detection`` trains thirty networks of one to three seconds (p 47,
N 200), each of them twelve times again on other examples, prints the table and writes it to
``tests/benchmarks/results/detection.md``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import interp
from interp.training.config.run_config import RunConfig, parse_config
from tests.benchmarks.environment import told_environment

RESULT = Path(__file__).parent / "results" / "detection.md"
SEEDS = (0, 1, 2)
# By name: α, ξ, weight decay.
CELLS: Mapping[str, tuple[float, float, float]] = {
    "coexistence .1": (0.65, 0.1, 0),
    "coexistence .2": (0.65, 0.2, 0),
    "coexistence .35": (0.65, 0.35, 5),
    "partial .1": (0.65, 0.1, 3),
    "partial .2": (0.65, 0.2, 5),
    "partial .35": (0.65, 0.35, 10),
    "memorization .1": (0.3, 0.1, 0),
    "memorization .2": (0.3, 0.2, 0),
    "memorization .35": (0.3, 0.35, 0),
    "border": (0.65, 0.35, 0),
}
# AUROC and precision at k by cell, in their order; the memorization cells share a range.
EXPECTED: Mapping[str, Sequence[str]] = {
    "early_loss": (".31/.03", ".35/.10", ".38/.24", ".30/.02", ".34/.10", ".39/.26", ".37–.43"),
    "final_loss": ("1/.96", ".99/.94", "1/.97", "1/1", "1/1", "1/1", ".47–.50"),
    "margin_over_training": ("1/1", "1/.98", "1/.98", "1/1", "1/1", "1/1", ".44–.48"),
    "own_gradient": ("1/1", "1/.98", "1/.99", "1/1", "1/1", "1/.97", ".47–.48"),
    "pruned_margin": ("1/1", "1/1", "1/.98", "1/1", "1/1", "1/1", ".49–.51"),
    "pruned_disagrees": ("1/.99", "1/1", ".97/.93", "1/1", ".99/.98", ".98/.95", ".48–.50"),
    "random_margin": (".73/.45", ".73/.47", ".83/.67", "1/.98", "1/.99", "1/.99", ".49–.52"),
    "low_margin": (".04", ".08", ".27", ".08", ".24", ".54", ".47–.51"),
    "filtered_margin": ("1/1", "1/1", "1/1", "1/1", "1/1", "1/1", ".99–1"),
    "second_split": (".99/.97", ".99/.98", ".98/.95", "1/1", "1/1", ".99/.98", ".47–.53"),
    "second_split_margin": ("1/1", "1/1", "1/1", "1/1", "1/1", "1/1", ".48–.51"),
    "halved_split": (".53", ".45", ".56", "1/1", "1/.99", ".65", ".47–.49"),
    "out_of_fold": ("1/.99", ".97/.80", ".99/.95", "1/1", "1/1", ".99/.92", ".47–.48"),
    "turnover": (".50", ".49", ".50", ".56", ".61", ".49", ".48–.49"),
}
BORDER = {
    "early_loss": ".39/.25",
    "final_loss": ".87/.72",
    "margin_over_training": ".81/.62",
    "own_gradient": ".84/.68",
    "pruned_margin": ".91/.77",
    "pruned_disagrees": ".80/.60",
    "random_margin": ".58",
    "low_margin": ".31",
    "filtered_margin": "1/1",
    "second_split": ".95/.88",
    "second_split_margin": ".96/.85",
    "halved_split": ".47",
    "out_of_fold": ".54",
    "turnover": ".48",
}


def main() -> None:
    found = {name: [values(cell, seed) for seed in SEEDS] for name, cell in CELLS.items()}
    text = page(found)
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def config(alpha: float, xi: float, decay: float, seed: int) -> RunConfig:
    """Setting S, with a checkpoint every ten steps."""
    return parse_config(
        {
            "task": {"p": 47},
            "data": {"fraction": alpha, "corruption": xi},
            "model": {"width": 200},
            "optimizer": {"lr": 0.01, "weight_decay": decay, "betas": [0.9, 0.98]},
            "steps": 500,
            "schedule": {"checkpoints": 0, "checkpoint_steps": list(range(0, 500, 10))},
            "seed": seed,
        }
    )


def values(cell: tuple[float, float, float], seed: int) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = interp.train(config(*cell, seed))
        found: dict[str, Any] = interp.measures["detection"](run, retrain="all").values()
    return {**found, "test_accuracy": run.measurement().scores["test"].accuracy}


def page(found: Mapping[str, list[dict[str, Any]]]) -> str:
    lines = [
        "# Who finds the wrong labels",
        "",
        told_environment(),
        "",
        "x + y mod 47, N 200, x², MSE, AdamW 0.01, 500 steps, a checkpoint every 10, seeds 0–2. "
        "AUROC / precision at k, means over the seeds; below each score, in brackets, what "
        "independent prototypes found. Chance: AUROC .5, precision the share of wrong labels.",
        "",
        "| score | " + " | ".join(found) + " |",
        "|---" * (len(found) + 1) + "|",
    ]
    lines.append(
        "| test accuracy | " + " | ".join(accuracy(rows) for rows in found.values()) + " |"
    )
    for way in ("folds", "halves", "turnover"):
        cells = [f"{mean(rows, f'{way}.test_accuracy'):.2f}" for rows in found.values()]
        lines.append(f"| *retrained ({way}): test accuracy* | " + " | ".join(cells) + " |")
    lines.append(
        "| *chance* | " + " | ".join(f"{mean(r, 'chance'):.2f}" for r in found.values()) + " |"
    )
    names = [key.removesuffix(".auroc") for key in found["border"][0] if key.endswith(".auroc")]
    for name in names:
        cells = [
            f"{mean(rows, f'{name}.auroc'):.2f}/{mean(rows, f'{name}.precision'):.2f}"
            for rows in found.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        if name in EXPECTED:
            told = [*EXPECTED[name], EXPECTED[name][-1], EXPECTED[name][-1], BORDER[name]]
            lines.append("| | " + " | ".join(f"({one})" for one in told) + " |")
    return "\n".join(lines) + "\n"


def accuracy(rows: list[dict[str, Any]]) -> str:
    found = [one["test_accuracy"] for one in rows]
    return f"{min(found):.2f}–{max(found):.2f}"


def mean(rows: list[dict[str, Any]], name: str) -> float:
    return float(np.mean([one[name] for one in rows]))


if __name__ == "__main__":
    main()
