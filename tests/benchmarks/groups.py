"""Trains networks in finite groups and prints what came of them, beside an independent prototype.

``python -m tests.benchmarks.groups [NAME …] [--seeds 3]`` takes about six minutes a seed on one
core. The table goes to ``tests/benchmarks/results/groups.md``. Nothing is checked against a bound
here: the expected values stand beside the measured ones.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import interp
from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.neurons.classify import classify, pruned_below
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.splits import Split
from tests.benchmarks.environment import environment
from tests.benchmarks.group_settings import SETTINGS

RESULT = Path(__file__).parent / "results" / "groups.md"
SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "corrected")
FILTERED = ("g", "r", "random", "lazy", "lazy_g")
WAYS = ("IPR", "norm", "invariant norm", "random")
DRAWS, LAZY = 20, 5


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.groups")
    parser.add_argument("names", nargs="*", help="settings, such as S5; all by default")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, …")
    parser.add_argument("--kept", type=Path, help="file of what was measured, gone on with")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kept = arguments.kept
    found = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}
    for name in arguments.names or SETTINGS:
        for seed in range(arguments.seeds):
            if str(seed) in found.setdefault(name, {}):
                continue
            found[name][str(seed)] = values(name, seed)
            print(name, seed, found[name][str(seed)], flush=True)
            if kept is not None:
                kept.write_text(json.dumps(found))
    text = page(found)
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def config(name: str, seed: int) -> RunConfig:
    one = SETTINGS[name]
    return parse_config(
        {
            "task": {"group": one.group},
            "data": {"fraction": one.alpha, "corruption": one.xi},
            "model": {"width": one.width},
            "optimizer": {"lr": 0.01, "weight_decay": one.decay, "betas": [0.9, 0.98]},
            "steps": one.steps,
            "schedule": {"checkpoints": 0},
            "seed": seed,
        }
    )


def values(name: str, seed: int) -> dict[str, Any]:
    """Accuracies of the whole network, and after pruning at the cut and of half the neurons."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = interp.train(config(name, seed))
        table = interp.neuron_table(run)
        cut = classify(table)
    curves = interp.pruning_curve(run, table=table, draws=DRAWS, sizes=[len(table) // 2])
    size = pruned_below(table, cut.threshold)
    scores = run.measurement().scores
    filtered = interp.measures["filtration"](run, strength=False, draws=DRAWS, lazy_draws=LAZY)
    return {
        "whole": [scores[split].accuracy for split in SHOWN],
        "phase": interp.phase(run).name,
        "mean_ipr": table.mean_ipr,
        "median_ipr": float(np.median(table.ipr[~table.dead])),
        "null": table.null.mean,
        "cut": cut.threshold,
        "dip": cut.dip_p_value,
        "size": size,
        "at_cut": _at(curves, size),
        "at_half": _at(curves, len(table) // 2),
        "filtered": {
            which: [filtered.scores[which][split].accuracy for split in SHOWN] for which in FILTERED
        },
    }


def _at(curves: PruningCurves, size: int) -> dict[str, list[float]]:
    place = int(np.abs(curves.sizes - size).argmin())
    control = curves.control
    rows = {
        "IPR": curves["IPR", "lowest"].accuracy,
        "norm": curves["weight norm", "lowest"].accuracy,
        "invariant norm": curves["invariant norm", "lowest"].accuracy,
        "random": control.mean.accuracy,
    }
    return {name: [float(row[split][place]) for split in SHOWN] for name, row in rows.items()}


def page(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    about = environment()
    lines = [
        "# Wrong labels in finite groups",
        "",
        ", ".join(f"{key} {value}" for key, value in about.items()),
        "",
        "x · y, MLP with φ = x², AdamW 0.01 (betas .9, .98), MSE, labels redrawn uniformly. IPR: "
        "share of power in each irrep, r = 2, mean over the three curves; cut: exact two-class "
        f"cut of it. Random: mean of {DRAWS} orders. Accuracies are train / test / corrupted / "
        "corrected. Filtered: each neuron keeps the irrep in which its answer curve has the most "
        f"power (the constant left out); random blocks, mean of {DRAWS} draws; R-net, the weights "
        "that the filter takes away; lazy, the filter in a network of equal width that learned no "
        f"feature, mean of {LAZY} draws. The prototype's row is of one seed with other splits.",
        "",
        "| group | α, ξ, wd, N, steps | seed | whole, phase | mean, median IPR (noise) | "
        "pruned at the cut | by IPR | by weight norm | by invariant norm | random | half pruned "
        "by IPR, norm, random: test, corrupted | filtered: test, corrupted; random blocks, R-net, "
        "lazy: test (lazy, whole: train) |",
        "|" + "---|" * 12,
    ]
    for name in SETTINGS:
        lines += list(_rows(name, found.get(name, {})))
    lines += ["", "Test, corrupted accuracy; means over the seeds:", ""]
    lines += [
        "| group | seeds | whole | pruned | by IPR | by weight norm | by invariant norm | random "
        "| filtered: G-net | random irreps | lazy network, G-net |",
        "|" + "---|" * 11,
    ]
    lines += [_means(name, found[name]) for name in SETTINGS if found.get(name)]
    return "\n".join(lines) + "\n"


def _rows(name: str, seeds: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    one = SETTINGS[name]
    setting = f"{one.alpha:g}, {one.xi:g}, {one.decay:g}, {one.width}, {one.steps}"
    for seed, row in seeds.items():
        cut, half = row["at_cut"], row["at_half"]
        cells = [name, setting, seed, f"{_told(row['whole'])}, {row['phase']}"]
        iprs = f"{row['mean_ipr']:.3f}, {row['median_ipr']:.3f} ({row['null']:.3f})"
        cells += [iprs, f"{row['size']} ({row['cut']:.2f})"]
        cells += [_told(cut[way]) for way in WAYS]
        ways = (half[way][1:3] for way in ("IPR", "norm", "random"))
        cells.append("; ".join(f"{test:.2f}, {wrong:.2f}" for test, wrong in ways))
        cells.append(_filtered(row["filtered"]))
        yield "| " + " | ".join(map(str, cells)) + " |"
    if one.whole:
        yield (
            f"| {name} | {setting} | prototype | {one.whole} | | {one.pruned} | | | | | "
            f"| {one.filtered} |"
        )


def _means(name: str, seeds: Mapping[str, Mapping[str, Any]]) -> str:
    rows = list(seeds.values())
    each = [[row["whole"] for row in rows]]
    each += [[row["at_cut"][way] for row in rows] for way in WAYS]
    each += [[row["filtered"][which] for row in rows] for which in ("g", "random", "lazy_g")]
    whole, *others = (np.mean(one, axis=0) for one in each)
    size = f"{np.mean([row['size'] for row in rows]):.0f}"
    shown = (f"{one[1]:.3f}, {one[2]:.3f}" for one in others)
    first = (name, len(rows), f"{whole[1]:.3f}, {whole[2]:.3f}", size)
    return "| " + " | ".join(map(str, (*first, *shown))) + " |"


def _filtered(row: Mapping[str, Sequence[float]]) -> str:
    test = {which: f"{row[which][1]:.3f}" for which in FILTERED}
    return (
        f"{test['g']}, {row['g'][2]:.3f}; {test['random']}, {test['r']}, {test['lazy_g']} "
        f"({row['lazy'][0]:.2f})"
    )


def _told(row: Sequence[float]) -> str:
    return "/".join(f"{one:.3f}" for one in row)


if __name__ == "__main__":
    main()
