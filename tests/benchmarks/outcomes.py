"""Trains the recorded settings with three seeds and prints what came of them.

``python -m tests.benchmarks.outcomes --out FOLDER [NAME …]`` resumes and repeats nothing that is
finished; all of it takes a few hours on two cores. The table goes to
``tests/benchmarks/results/outcomes.md``. Nothing is checked against a bound here: the expected
values stand beside the measured ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from interp.analysis.ablation.by_class import Pruning, prune_by_class
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.norm_weights import norm_correlation
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.analysis.phases.phase import phase
from interp.training.data.splits import Split
from interp.training.runs.run import Run, load
from interp.training.trainer.loop import train
from tests.benchmarks.environment import environment
from tests.benchmarks.recipes import EXPECTED, RECIPES, SEEDS, recipe

RESULT = Path(__file__).parent / "results" / "outcomes.md"
SHOWN: tuple[Split, ...] = ("train", "test", "corrupted", "corrected")
DRAWS = 20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.outcomes")
    parser.add_argument("names", nargs="*", help="parts of names; all by default")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run folders")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--read", action="store_true", help="train nothing, read what is there")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    chosen = [
        name
        for name in RECIPES
        if not arguments.names or any(part in name for part in arguments.names)
    ]
    if not arguments.read:
        for seed in SEEDS:
            for name in chosen:
                _train(name, seed, arguments.out)
    runs = {name: _read(name, arguments.out) for name in chosen}
    text = _page({name: found for name, found in runs.items() if found})
    RESULT.write_text(text, encoding="utf-8")
    print(text)


def folder(name: str, seed: int, out: Path) -> Path:
    """Where a recipe's run with a seed is kept."""
    return out / (name.replace(" ", "_").replace(",", "") + f"-s{seed}")


def _train(name: str, seed: int, out: Path) -> None:
    run = train(recipe(name, seed), folder(name, seed, out))
    scores = run.measurement().scores
    found = ", ".join(f"{split} {scores[split].accuracy:.3f}" for split in SHOWN)
    print(f"{name}, seed {seed}: {found}", flush=True)


def _read(name: str, out: Path) -> list[Run]:
    runs = [load(place) for seed in SEEDS if (place := folder(name, seed, out)).exists()]
    return [run for run in runs if run.finished]


def _page(runs: dict[str, list[Run]]) -> str:
    about = environment()
    lines = [
        "# Outcomes of the recorded settings",
        "",
        ", ".join(f"{key} {value}" for key, value in about.items()),
        "",
        "p = 97, addition. Mean over the seeds [lowest – highest]. IPR: one-sided DFT, constant "
        "included, r = 2; of the neurons of hidden layer 0, and of the embedding's dimensions "
        "(W_E of a Transformer, U of an MLP). ρ: Spearman's rank correlation of IPR and |norm "
        "weight|, with the largest p-value.",
        "",
        "| setting | seeds | steps | train | test | corrupted | corrected | phase | neurons with "
        "IPR < 0.15 / 0.15–0.4 / > 0.4 | mean IPR | embedding IPR | ρ | expected |",
        "|" + "---|" * 13,
    ]
    for name, found in runs.items():
        lines.append("| " + " | ".join(_cells(name, found)) + " |")
    lines += ["", "## Pruning the neurons of low IPR, beside random prunings of the same size", ""]
    lines += [
        "Threshold: optimal two-class cut. Layer 0. Nothing is retrained. Control: mean of "
        f"{DRAWS} random prunings.",
        "",
        "| setting | pruned | test before | after | random | by weight norm | corrupted before "
        "| after | random | by weight norm |",
        "|" + "---|" * 10,
    ]
    for name, found in runs.items():
        lines.append("| " + " | ".join(_pruned_cells(name, found)) + " |")
    return "\n".join(lines) + "\n"


def _cells(name: str, runs: list[Run]) -> list[str]:
    tables = [neuron_table(run) for run in runs]
    bins = [np.histogram(t.ipr[~t.dead], [0, 0.15, 0.4, 1.01])[0] for t in tables]
    phases = [phase(run).name for run in runs]
    first = [next(iter(embedding_table(run).mean_ipr.values())) for run in runs]
    return [
        name,
        ", ".join(str(run.config.seed) for run in runs),
        str(runs[0].config.steps),
        *(_spread([run.measurement().scores[split].accuracy for run in runs]) for split in SHOWN),
        ", ".join(dict.fromkeys(phases)),
        " / ".join(f"{value:.0f}" for value in np.mean(bins, axis=0)),
        _spread([table.mean_ipr for table in tables]),
        _spread(first),
        _correlation(tables),
        EXPECTED.get(name, "–"),
    ]


def _correlation(tables: list[NeuronTable]) -> str:
    if tables[0].norm_weight is None:
        return "–"
    found = [norm_correlation(table) for table in tables]
    return f"{_spread([one.rho for one in found])}, p ≤ {max(one.p_value for one in found):.0e}"


def _pruned_cells(name: str, runs: list[Run]) -> list[str]:
    found: list[Pruning] = []
    for run in runs:
        table = neuron_table(run)
        classes = classify(table)
        if 0 < classes.generalizing.sum() < len(table):
            found.append(prune_by_class(run, table, classes, draws=DRAWS))
    if not found:
        return [name, *["–"] * 9]
    cells = [name, _spread([one.pruned for one in found], digits=0)]
    splits: tuple[Split, Split] = ("test", "corrupted")
    for split in splits:
        readings: tuple[Callable[[Pruning], float | None], ...] = (
            lambda one, s=split: one.before[s].accuracy,
            lambda one, s=split: one.after[s].accuracy,
            lambda one, s=split: one.control[s]["accuracy"]["mean"],
            lambda one, s=split: one.rankings["weight norm"][s].accuracy,
        )
        cells += [_spread([reading(one) for one in found]) for reading in readings]
    return cells


def _spread(values: Sequence[float | None], digits: int = 3) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    mean, low, high = np.mean(known), min(known), max(known)
    if len(known) == 1:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} [{low:.{digits}f} – {high:.{digits}f}]"


if __name__ == "__main__":
    main()
