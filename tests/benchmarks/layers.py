"""What each layer tells of held-out pairs, and blocks of random labels, beside the prototypes'.

``python -m tests.benchmarks.layers`` trains sixty networks of one to three seconds (p 47, N 200),
prints the tables and writes them to ``tests/benchmarks/results/layers.md``.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import interp
from interp.analysis.memorization.decode import METHODS
from interp.training.config.run_config import RunConfig, parse_config
from tests.benchmarks.detection import config
from tests.benchmarks.environment import told_environment

RESULT = Path(__file__).parent / "results" / "layers.md"
SEEDS = (0, 1, 2)
POINTS = ("pre.0", "post.0", "logits", "one_hot")
# α, ξ, weight decay.
CELLS: Mapping[str, tuple[float, float, float]] = {
    "coexistence": (0.65, 0.2, 0),
    "border": (0.65, 0.35, 0),
    "partial inversion": (0.65, 0.2, 5),
    "memorization": (0.3, 0.2, 0),
}
# MASC, given/true labels, of seed 0.
EXPECTED: Mapping[tuple[str, str], str] = {
    ("coexistence", "pre.0"): ".00/.00",
    ("coexistence", "post.0"): ".53/.68",
    ("coexistence", "logits"): ".94/.75",
    **{("memorization", point): "≤ .02" for point in POINTS[:3]},
}
THREE = {"width": 200, "depth": 3, "activation": "relu", "init": "he"}
BLOCKS = (1, 2, 4, 8, 16, 47)
# Nearest neighbours with true labels on post, by weight decay, of seeds 0 and 1.
EXPECTED_BLOCKS: Mapping[int, Sequence[str]] = {
    0: (".00", ".00", ".01", ".13", ".83", ".99"),
    3: (".01", ".02", ".26", ".75", ".86", ".89"),
}
Rows = list[dict[str, Any]]


def main() -> None:
    cells = {
        name: [measured(config(*cell, seed)) for seed in SEEDS] for name, cell in CELLS.items()
    }
    deep = [measured(three_layers(seed)) for seed in SEEDS]
    blocks = {
        (decay, block): [measured(in_blocks(block, decay, seed)) for seed in SEEDS]
        for decay in EXPECTED_BLOCKS
        for block in BLOCKS
    }
    text = page(cells, deep, blocks)
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def three_layers(seed: int) -> RunConfig:
    """Of a few trainings tried, one that fits all its labels."""
    return parse_config(
        {
            "task": {"p": 47},
            "data": {"fraction": 0.8, "corruption": 0.2},
            "model": THREE,
            "loss": "cross_entropy",
            "optimizer": {"lr": 0.01, "weight_decay": 1},
            "steps": 600,
            "schedule": {"checkpoints": 0},
            "seed": seed,
        }
    )


def in_blocks(block: int, decay: float, seed: int) -> RunConfig:
    return parse_config(
        {
            "task": {"p": 47},
            "data": {"fraction": 0.8, "corruption": 1, "kind": "blocks", "block": block},
            "model": {"width": 200},
            "optimizer": {"lr": 0.01, "weight_decay": decay},
            "steps": 400,
            "schedule": {"checkpoints": 0},
            "seed": seed,
        }
    )


def measured(config: RunConfig) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = interp.train(config)
        started = time.perf_counter()
        found: dict[str, Any] = interp.measures["layers"](run).values()
    seconds = time.perf_counter() - started
    fitted = run.measurement().scores["train"].accuracy
    return {**found, "train_accuracy": fitted, "seconds": seconds}


def page(cells: Mapping[str, Rows], deep: Rows, blocks: Mapping[tuple[int, int], Rows]) -> str:
    every = [row for rows in (*cells.values(), *blocks.values()) for row in rows]
    seconds = np.median([row["seconds"] for row in every])
    lines = [
        "# What each layer tells of held-out pairs",
        "",
        told_environment(),
        "",
        "x + y mod 47, N 200, x², MSE, AdamW 0.01, 500 steps, seeds 0–2: accuracy on held-out "
        "pairs by decoders that learned from given / true labels of the training pairs, means "
        "over the seeds; untrained networks behind them. In brackets what an independent prototype "
        f"found with MASC (seed 0). Chance .021. The measure takes {seconds:.1f} s.",
        "",
        *table_of(cells, POINTS),
        "",
        "Three layers, ReLU, N 200, cross-entropy, He initialization, AdamW 0.01, weight decay 1, "
        "α .8, ξ .2, 600 steps:",
        "",
        *table_of({"three layers": deep}, ("pre.0", "post.0", "pre.1", "post.1", "logits")),
        "",
        "# Benign memorization",
        "",
        "All labels random, one a block of b consecutive pairs of one sum; α .8, 400 steps: "
        "held-out pairs that the 5 nearest neighbours on post answer rightly, told the true sums; "
        "means over the seeds. In brackets what an independent prototype found (seeds 0 and 1).",
        "",
        *benign(blocks),
    ]
    return "\n".join(lines) + "\n"


def table_of(cells: Mapping[str, Rows], points: Sequence[str]) -> list[str]:
    head = ["| cell | where |", *(f" {method} | untrained |" for method in METHODS)]
    lines = ["".join(head), "|---" * (2 + 2 * len(METHODS)) + "|"]
    for name, rows in cells.items():
        own = (f"{mean(rows, key):.2f}" for key in ("train_accuracy", "test_accuracy"))
        told = "{}: train {}, test {}".format(name, *own)
        for point in points:
            parts = []
            for method in METHODS:
                key = f"{point}.{method}"
                parts += [both(rows, key), both(rows, key, "_untrained")]
            if (name, point) in EXPECTED:
                parts[0] += f" ({EXPECTED[name, point]})"
            lines.append(f"| {told} | {point} | " + " | ".join(parts) + " |")
            told = ""
    return lines


def benign(blocks: Mapping[tuple[int, int], Rows]) -> list[str]:
    lines = [
        "| weight decay | " + " | ".join(f"b {block}" for block in BLOCKS) + " |",
        "|---" * (1 + len(BLOCKS)) + "|",
    ]
    for decay, told in EXPECTED_BLOCKS.items():
        rows = [blocks[decay, block] for block in BLOCKS]
        found = [
            f"{mean(one, 'post.0.knn_true'):.2f} ({expected})"
            for one, expected in zip(rows, told, strict=True)
        ]
        lines.append(f"| {decay} | " + " | ".join(found) + " |")
        for words, key in (
            ("untrained", "post.0.knn_true_untrained"),
            ("labels fitted", "train_accuracy"),
        ):
            lines.append(
                f"| {decay}, {words} | "
                + " | ".join(f"{mean(one, key):.2f}" for one in rows)
                + " |"
            )
    return lines


def both(rows: Rows, key: str, beside: str = "") -> str:
    if rows[0][f"{key}_given{beside}"] is None:
        return "–"
    return "/".join(f"{mean(rows, f'{key}_{labels}{beside}'):.2f}" for labels in ("given", "true"))


def mean(rows: Rows, name: str) -> float:
    return float(np.mean([one[name] for one in rows]))


if __name__ == "__main__":
    main()
