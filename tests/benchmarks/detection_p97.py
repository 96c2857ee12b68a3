"""Who finds the wrong labels in the paper's coexistence run, for three seeds.

``python -m tests.benchmarks.detection_p97 FOLDER`` trains three networks (p 97, N 500) and each
of them twelve times again on other examples, in FOLDER, where what is done is not done again. It
takes about a quarter of an hour; it writes ``tests/benchmarks/results/detection_p97.md`` and
``examples/guide/pictures/wrong_labels.png``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import interp
from interp.analysis.memorization.detection import Detection, judged
from interp.analysis.memorization.retraining.retrain import retrain, ways_of
from interp.analysis.memorization.retraining.trainers import InSweep
from interp.figures.detection import detection
from interp.figures.export import save
from interp.training.config.plain_data import read_config
from interp.training.config.run_config import parse_config
from tests.benchmarks.environment import told_environment

RESULT = Path(__file__).parent / "results" / "detection_p97.md"
EXAMPLES = Path(__file__).parents[2] / "examples"
SEEDS = (0, 1, 2)
REPAIR = ("precision", "recall", "repaired", "changed", "changed_random", "repaired_random")


def main(folder: Path) -> None:
    found, repaired = [], []
    for seed in SEEDS:
        base = read_config(EXAMPLES / "coexistence.yaml")
        config = parse_config({**base, "seed": seed, "schedule": {"checkpoints": 40}})
        run = interp.train(config, folder / f"run-{seed}")
        again = retrain(run, ways_of("all"), InSweep(folder / f"again-{seed}"))
        found.append(judged(run, again))
        repaired.append(interp.measures["repair"](run).values())
        print(found[-1].to_pandas()[["auroc", "precision"]].round(3), found[-1].note, flush=True)
    text = page(found, repaired)
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    save(detection(found), EXAMPLES / "guide" / "pictures" / "wrong_labels.png")


def page(found: Sequence[Detection], repaired: Sequence[dict]) -> str:
    lines = [
        "# Who finds the wrong labels: the paper's coexistence run",
        "",
        told_environment(),
        "",
        "examples/coexistence.yaml (x + y mod 97, α .5, ξ .35, N 500, 1000 steps), 40 checkpoints, "
        f"seeds {', '.join(map(str, SEEDS))}; mean (least–greatest).",
        "",
        "| score | what | AUROC | precision at k | average precision |",
        "|---|---|---|---|---|",
    ]
    frames = [one.to_pandas() for one in found]
    for name, what in frames[0]["what"].items():
        columns = ("auroc", "precision", "average_precision")
        cells = [told([frame.loc[name, column] for frame in frames]) for column in columns]
        lines.append(f"| {name} | {what} | " + " | ".join(cells) + " |")
    lines += ["", "| retrained | test accuracy |", "|---|---|"]
    for way in found[0].retrained:
        lines.append(f"| {way} | {told([one.retrained[way] for one in found])} |")
    lines += ["", "| `repair` | |", "|---|---|"]
    for name in REPAIR:
        lines.append(f"| {name} | {told([one[name] for one in repaired])} |")
    return "\n".join(lines) + "\n"


def told(values: Sequence[float]) -> str:
    digits = 3 if max(values) <= 1 else 0
    mean, least, most = np.mean(values), min(values), max(values)
    return f"{mean:.{digits}f} ({least:.{digits}f}–{most:.{digits}f})"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
