"""What the measures of mechanism say of networks whose truth is known, beside what was expected.

``python -m tests.benchmarks.mechanism [FOLDER]`` trains the networks into FOLDER (a temporary one
by default; those that are there are taken), measures them, prints the tables and writes them to
``tests/benchmarks/results/mechanism.md``. Nine runs of half a minute and five of ten seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import interp
from interp.training.config.plain_data import read_config, with_overrides
from interp.training.config.run_config import parse_config
from tests.benchmarks.environment import told_environment

RESULT = Path(__file__).parent / "results" / "mechanism.md"
EXAMPLE = Path(__file__).parents[2] / "examples" / "coexistence.yaml"
SETTINGS: Mapping[str, tuple[tuple[int, ...], Mapping[str, Any]]] = {
    "coexistence, ξ .35": ((0, 1, 2), {}),
    "noisy, ξ .6": ((0, 1, 2), {"data.corruption": "0.6"}),
    "noisy, ξ .8": ((0, 1, 2), {"data.corruption": "0.8"}),
    "ReLU, ξ .2": ((0, 1), {"relu": "0.2"}),
    "ReLU, ξ .6": ((0, 1), {"relu": "0.6"}),
    "cross-entropy, wd 1": ((0, 1, 2), {"entropy": "1"}),
}
LEAD = (43, 81, 152, 285)
Row = tuple[str, str, str]  # what, measured, expected


def main() -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        runs = {name: trained(folder, name) for name in SETTINGS}
        text = page(tables(runs))
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def trained(folder: Path, name: str) -> list[Any]:
    """The runs of a setting, one a seed."""
    seeds, changes = SETTINGS[name]
    found = []
    for seed in seeds:
        out = folder / f"{name} seed {seed}".replace(" ", "_").replace(",", "").replace("ξ_", "")
        found.append(interp.train(config_of(changes, seed), out))
    return found


def config_of(changes: Mapping[str, Any], seed: int) -> Any:
    """The example's configuration, or one of the settings that disagree with it."""
    if "relu" in changes:
        return parse_config(
            {
                "task": {"p": 67},
                "data": {"fraction": 0.7, "corruption": float(changes["relu"])},
                "model": {"width": 344, "activation": "relu"},
                "optimizer": {"lr": 0.01, "weight_decay": 0.0},
                "steps": 800,
                "seed": seed,
            }
        )
    if "entropy" in changes:
        return parse_config(
            {
                "task": {"p": 67},
                "data": {"fraction": 0.6, "corruption": 0.2},
                "model": {"width": 344},
                "optimizer": {"lr": 0.01, "weight_decay": 1.0},
                "loss": "cross_entropy",
                "steps": 600,
                "seed": seed,
            }
        )
    return parse_config(with_overrides(read_config(EXAMPLE), {**changes, "seed": str(seed)}))


def tables(runs: Mapping[str, list[Any]]) -> dict[str, list[Row]]:
    """Rows by heading."""
    coexisting, noisy, noisier = (runs[name] for name in list(SETTINGS)[:3])
    return {
        "Filtration, ξ .35 (p 97, N 500, α .5, wd 0, 1000 steps)": filtration(coexisting, COEX),
        "Filtration, ξ .6": filtration(noisy, NOISY),
        "Filtration, ξ .8": filtration(noisier, NOISIER),
        "Phases": coherence(coexisting, noisy, noisier),
        "x² in place of ReLU (p 67, N 344, α .7, wd 0, 800 steps)": [
            *swap(runs["ReLU, ξ .2"], ".2", ("0.494", "0.981", "1.000")),
            *swap(runs["ReLU, ξ .6"], ".6", ("0.010", "0.742", "0.999")),
        ],
        "Rankings under a change of weights that changes nothing (ξ .35)": decoys(coexisting),
        "Partition (ξ .35)": partition(coexisting),
        "IPR against norm (p 67, N 344, α .6, ξ .2, cross-entropy, wd 1, 600 steps)": against(
            runs["cross-entropy, wd 1"]
        ),
        "Progress at the end": progress(coexisting, noisy, noisier),
        "Hidden progress, seed 0, ξ .35": lead(coexisting[0]),
        "Seconds": seconds(coexisting[0]),
    }


COEX = (
    ("whole", "0.98–0.99", "0.94–0.96"),
    ("g", "1.000", "≤ 0.015"),
    ("r", "0.009–0.011", "0.889–0.912"),
    ("random", "0.03–0.05", "–"),
    ("permuted", "0.03–0.06", "–"),
    ("second", "0.47–0.65", "–"),
    ("joint", "1.000", "–"),
    ("g_low_ipr", "1.000", "0.010"),
    ("g_high_ipr", "0.997", "0.73–0.77"),
    ("lazy", "0.003", "–"),
    ("lazy_g", "1.000", "–"),
    ("random_labels_g", "0.006", "–"),
    ("vote", "1.000", "–"),
)
NOISY = (
    ("whole", "0.006–0.009", "1.000"),
    ("g", "≥ 0.99", "0.010"),
    ("r", "0.007", "0.996"),
    ("random", "0.70–0.86", "–"),
    ("second", "1.000", "–"),
    ("joint", "1.000", "–"),
    ("own", "0.07–0.14", "–"),
    ("g_low_ipr", "0.012–0.040", "–"),
    ("lazy_g", "≥ 0.95", "–"),
    ("vote", "–", "–"),
)
NOISIER = (
    ("whole", "0.006–0.008", "1.000"),
    ("g", "≥ 0.8", "–"),
    ("r", "0.007–0.011", "0.999"),
    ("random", "0.30–0.37", "–"),
    ("second", "0.89–0.97", "–"),
    ("joint", "1.000", "–"),
    ("lazy_g", "0.11–0.68", "–"),
    ("vote", "1.000", "–"),
)


def filtration(runs: Sequence[Any], expected: Sequence[tuple[str, str, str]]) -> list[Row]:
    """Test and corrupted accuracy of every net; below them neuron pruning at the cut."""
    found = [interp.measures["filtration"](run, lazy_draws=3, strength=False) for run in runs]
    rows = []
    for net, test, corrupted in expected:
        for split, words in (("test", test), ("corrupted", corrupted)):
            if words != "–" or split == "test":
                values = [one.values()[f"{net}.{split}_accuracy"] for one in found]
                rows.append((f"{found[0].words(net)}: {split}", spread(values), words))
    pruned = [interp.measures["pruning"](run, draws=10).values() for run in runs]
    for way in ("ipr", "random"):
        for split in ("test", "corrupted"):
            values = [one[f"lowest.{way}.{split}_accuracy"] for one in pruned]
            rows.append((f"pruned at the cut, {way}: {split}", spread(values), "–"))
    return rows


def coherence(coexisting: list[Any], noisy: list[Any], noisier: list[Any]) -> list[Row]:
    def of(runs: list[Any], name: str) -> str:
        return spread([interp.measures["coherence"](run).values()[name] for run in runs])

    return [
        ("mean e², high IPR, ξ .35", of(coexisting, "square_high_ipr"), "0.12–0.15"),
        ("mean e², low IPR, ξ .35", of(coexisting, "square_low_ipr"), "1.4–1.7"),
        ("one frequency in u, v, w, ξ .35", of(coexisting, "same"), "0.37–0.39"),
        ("mean e², ξ .6", of(noisy, "square"), "0.8"),
        ("one frequency in u, v, w, ξ .6", of(noisy, "same"), "0.06–0.08"),
        ("mean e², ξ .8", of(noisier, "square"), "1.7–1.9"),
        ("mean e², shuffled, ξ .35", of(coexisting, "square_shuffled"), "π²/3 = 3.29"),
        ("mean e², lazy, ξ .35", of(coexisting, "square_lazy"), "–"),
        ("coherence, ξ .35", of(coexisting, "coherence"), "–"),
        ("coherence, lazy, ξ .35", of(coexisting, "coherence_lazy"), "–"),
    ]


def swap(runs: list[Any], corruption: str, expected: tuple[str, str, str]) -> list[Row]:
    found = [interp.measures["activation_swap"](run).values() for run in runs]
    names = (("whole_swapped", "whole, x²"), ("g", "G-net"), ("g_swapped", "G-net, x²"))
    rows = [
        ("whole", "whole", "–"),
        *((n, w, e) for (n, w), e in zip(names, expected, strict=True)),
    ]
    rows += [("lazy_g", "lazy G-net", "–"), ("lazy_g_swapped", "lazy G-net, x²", "–")]
    return [
        (f"{words}: test, ξ {corruption}", spread([v[f"{n}.test_accuracy"] for v in found]), told)
        for n, words, told in rows
    ]


def decoys(runs: list[Any]) -> list[Row]:
    found = [interp.measures["decoys"](run).values() for run in runs]
    expected = {
        ("weight norm", "scaled", "test"): "≤ 0.03",
        ("weight norm", "scaled", "corrupted"): "0.32–0.42",
        ("weight norm", "spread", "test"): "0.44–0.50",
        ("weight norm", "spread", "corrupted"): "0.21–0.25",
        ("IPR", "scaled", "test"): "≥ 0.99",
        ("invariant norm", "scaled", "test"): "≥ 0.99",
        ("invariant norm", "spread", "test"): "≥ 0.99",
    }
    rows = []
    for ranking in ("IPR", "invariant norm", "weight norm", "strength"):
        for network in ("original", "scaled", "spread"):
            for split in ("test", "corrupted"):
                values = [one[f"{ranking}.{network}.{split}_accuracy"] for one in found]
                told = expected.get((ranking, network, split), "–")
                rows.append((f"{ranking}, {network}: {split}", spread(values), told))
    return rows


def partition(runs: list[Any]) -> list[Row]:
    found = [interp.measures["partition"](run).values() for run in runs]
    expected = {
        "IPR": ("0.20–0.22", "0.50–0.52"),
        "weight norm": ("0.26–0.28", "0.52"),
        "invariant norm": ("–", "–"),
        "strength": ("1.00", "0.92"),
        "random": ("1.00", "0.74–0.76"),
    }
    rows = []
    for ranking, told in expected.items():
        for gamma, words in zip(("gamma_G", "gamma_R"), told, strict=True):
            values = [one[f"{ranking}.{gamma}"] for one in found]
            rows.append((f"{ranking}: {gamma.replace('gamma_', 'γ')}", spread(values), words))
    return rows


def against(runs: list[Any]) -> list[Row]:
    found = [interp.measures["pruning"](run).values() for run in runs]
    expected = {
        "ipr": ("0.88–0.91", "0.32–0.38"),
        "norm": ("0.77–0.83", "0.65–0.71"),
        "invariant_norm": ("0.77–0.84", "0.65–0.72"),
        "random": ("0.27–0.29", "0.75–0.80"),
    }
    return [
        (
            f"pruned at the cut, {way}: {split}",
            spread([one[f"lowest.{way}.{split}_accuracy"] for one in found]),
            words,
        )
        for way, told in expected.items()
        for split, words in zip(("test", "corrupted"), told, strict=True)
    ]


def progress(coexisting: list[Any], noisy: list[Any], noisier: list[Any]) -> list[Row]:
    def of(runs: list[Any], name: str, times: float = 1) -> str:
        found = [interp.measures["progress"](run, per_key=False).values() for run in runs]
        return spread([one[name] * times for one in found])

    rows = [
        (f"{part}, {split} loss × 10³, ξ .35", of(coexisting, f"{part}.{split}_loss", 1e3), told)
        for part, expected in (
            ("whole", ("1.8", "4.8", "8.3")),
            ("restricted_all", ("1.75", "13.8", "1.80")),
            ("excluded_all", ("8.1", "5.0", "17.0")),
        )
        for split, told in zip(("clean", "corrupted", "test"), expected, strict=True)
    ]
    for name, runs, told in (
        ("ξ .6", noisy, ("0.987–1.000", "≤ 0.012")),
        ("ξ .8", noisier, ("0.785–0.825", "≤ 0.012")),
    ):
        rows.append(
            (f"restricted, {name}: test", of(runs, "restricted_all.test_accuracy"), told[0])
        )
        rows.append(
            (f"held-out restricted, {name}: test", of(runs, "held_out_all.test_accuracy"), told[1])
        )
    lookup = of(coexisting, "restricted_all_lookup.test_accuracy")
    rows.append(("restricted, lookup table: test", lookup, "1.000"))
    lookup = of(coexisting, "held_out_all_lookup.test_accuracy")
    rows.append(("held-out restricted, lookup table: test", lookup, "chance, 0.010"))
    return rows


def lead(run: Any) -> list[Row]:
    expected = {
        43: ".009 / 1.000 / .019",
        81: ".016 / 1.000 / .198",
        152: ".089 / 1.000 / .952",
        285: ".800 / 1.000 / 1.000",
    }
    found = interp.history(run, "progress", LEAD, per_key=False)
    names = [f"{n}.test_accuracy" for n in ("whole", "restricted_all", "held_out_all")]
    return [
        (
            f"step {step}: whole / restricted / held-out, test",
            " / ".join(f"{row[name]:.3f}".lstrip("0") for name in names),
            expected[step],
        )
        for step, row in zip(found.steps, found.rows, strict=True)
    ]


def seconds(run: Any) -> list[Row]:
    """Of each measure with its controls, after imports, and of histories of 13 checkpoints."""
    names = (
        *("filtration", "progress", "coherence", "decoys", "partition", "pruning"),
        *("sparsity", "geometry", "distance_irrelevance"),
    )
    rows = [
        (f"{name}, with its controls", timed(partial(interp.measures[name], run)), "≤ 10")
        for name in names
    ]
    steps = len(run.steps)
    for name in ("filtration", "progress"):
        found = timed(partial(interp.history, run, name))
        told = f"≤ {60 * steps / 20:.0f} (60 of 20)"
        rows.append((f"history of {name}, {steps} checkpoints", found, told))
    return rows


def timed(function: Callable[[], Any]) -> str:
    """The median of three."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        function()
        found.append(time.perf_counter() - start)
    return f"{np.median(found):.1f}"


def spread(values: Sequence[float | None]) -> str:
    """Mean over the seeds, with the lowest and the highest."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    low, high = min(known), max(known)
    return f"{np.mean(known):.3f} [{low:.3f} – {high:.3f}]"


def page(found: Mapping[str, list[Row]]) -> str:
    lines = [
        "# Mechanism: measured beside what was expected",
        "",
        told_environment(),
        "",
        "Mean over the seeds [lowest – highest]; accuracies unless a row says otherwise. "
        "Expected: values of independent prototypes. Seeds 0, 1, 2 (ReLU: 0, 1), the last step, "
        "IPR one-sided with the constant, r = 2.",
    ]
    for heading, rows in found.items():
        lines += ["", f"## {heading}", "", "| what | measured | expected |", "|---|---|---|"]
        lines += [f"| {what} | {measured} | {expected} |" for what, measured, expected in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
