"""Trains networks in finite groups and prints what came of them, beside an independent prototype.

``python -m tests.benchmarks.groups [NAME …] [--seeds 3]`` takes about two minutes a seed on one
core. The table goes to ``tests/benchmarks/results/groups.md``. Nothing is checked against a bound
here: the expected values stand beside the measured ones.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import interp
from interp.analysis.ablation.curves import PruningCurves
from interp.analysis.neurons.classify import classify, pruned_below
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.data.splits import Split
from tests.benchmarks.environment import environment

RESULT = Path(__file__).parent / "results" / "groups.md"
SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "corrected")
DRAWS = 20


@dataclass(frozen=True)
class Setting:
    """What is trained, and what a prototype with other splits found at seed 0."""

    alpha: float
    xi: float
    decay: float
    width: int
    steps: int
    whole: str
    pruned: str


SETTINGS: Mapping[str, Setting] = {
    "D48": Setting(
        0.5,
        0.35,
        0,
        500,
        800,
        ".990/.982/.973/.041",
        "329 (.43): IPR .655/1.000/.014/1.000, norm .658/.993/.026/.971, random test .384",
    ),
    "D30": Setting(
        0.7,
        0.3,
        1,
        500,
        600,
        "1.000/.976/1.000/.015",
        "372 (.43): IPR .708/.997/.025/.978, norm .710/.994/.032/.972, random test .295",
    ),
    "Z8×Z12": Setting(
        0.5,
        0.35,
        0,
        500,
        800,
        ".987/.978/.963/.049",
        "368: IPR .654/1.000/.012/1.000, norm .654/1.000/.012/.999, random test .223",
    ),
    "A5": Setting(
        0.8,
        0.2,
        2,
        500,
        600,
        "1.000/1.000/.998/.016",
        "250: IPR test 1.00 corrupted .43, norm 1.00/.44, random .90/.86",
    ),
    "S5": Setting(
        0.6,
        0.2,
        0,
        500,
        600,
        ".802/1.000/.010/1.000, mean IPR .88",
        "nothing to prune",
    ),
    "S4": Setting(0.8, 0.2, 0, 500, 1000, "test .217, corrupted 1.000", "fails"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.groups")
    parser.add_argument("names", nargs="*", help="groups; all by default")
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
            "task": {"group": name},
            "data": {"fraction": one.alpha, "corruption": one.xi},
            "model": {"width": one.width},
            "optimizer": {"lr": 0.01, "weight_decay": one.decay, "betas": [0.9, 0.98]},
            "steps": one.steps,
            "schedule": {"checkpoints": 0},
            "seed": seed,
        }
    )


def values(name: str, seed: int) -> dict[str, object]:
    """Accuracies of the whole network, and after pruning at the cut and of half the neurons."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = interp.train(config(name, seed))
        table = interp.neuron_table(run)
        cut = classify(table)
    curves = interp.pruning_curve(run, table=table, draws=DRAWS, sizes=[len(table) // 2])
    size = pruned_below(table, cut.threshold)
    scores = run.measurement().scores
    return {
        "whole": [scores[split].accuracy for split in SHOWN],
        "phase": interp.phase(run).name,
        "mean_ipr": table.mean_ipr,
        "null": table.null.mean,
        "cut": cut.threshold,
        "dip": cut.dip_p_value,
        "size": size,
        "at_cut": _at(curves, size),
        "at_half": _at(curves, len(table) // 2),
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


def page(found: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
    about = environment()
    lines = [
        "# Wrong labels in finite groups",
        "",
        ", ".join(f"{key} {value}" for key, value in about.items()),
        "",
        "x · y, MLP with φ = x², AdamW 0.01 (betas .9, .98), MSE, labels redrawn uniformly. IPR: "
        "share of power in each irrep, r = 2, mean over the three curves; cut: exact two-class "
        f"cut of it. Random: mean of {DRAWS} orders. Accuracies are train / test / corrupted / "
        "corrected. The prototype's row is of one seed with other splits.",
        "",
        "| group | α, ξ, wd, N, steps | seed | whole, phase | mean IPR (noise) | pruned at the "
        "cut | by IPR | by weight norm | by invariant norm | random | half pruned by IPR, norm, "
        "random: test, corrupted |",
        "|" + "---|" * 11,
    ]
    for name, seeds in found.items():
        lines += list(_rows(name, seeds))
    return "\n".join(lines) + "\n"


def _rows(name: str, seeds: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    one = SETTINGS[name]
    setting = f"{one.alpha:g}, {one.xi:g}, {one.decay:g}, {one.width}, {one.steps}"
    for seed, row in seeds.items():
        cut, half = row["at_cut"], row["at_half"]
        cells = [name, setting, seed, f"{_told(row['whole'])}, {row['phase']}"]
        cells += [f"{row['mean_ipr']:.3f} ({row['null']:.3f})", f"{row['size']} ({row['cut']:.2f})"]
        cells += [_told(cut[way]) for way in ("IPR", "norm", "invariant norm", "random")]
        ways = (half[way][1:3] for way in ("IPR", "norm", "random"))
        cells.append("; ".join(f"{test:.2f}, {wrong:.2f}" for test, wrong in ways))
        yield "| " + " | ".join(map(str, cells)) + " |"
    yield f"| {name} | {setting} | prototype | {one.whole} | | {one.pruned} | | | | | |"


def _told(row: Sequence[float]) -> str:
    return "/".join(f"{one:.3f}" for one in row)


if __name__ == "__main__":
    main()
