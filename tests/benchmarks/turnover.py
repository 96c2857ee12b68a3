"""Turn-over dropout: what fixed masks do to the network, and which wrong labels they tell.

``python -m tests.benchmarks.turnover`` trains 120 networks of two to ten seconds each (p 47,
N 200 and 400), prints three tables and writes them to ``tests/benchmarks/results/turnover.md``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

import interp
from interp.analysis.memorization.turnover import turnover_logits
from interp.training.config.run_config import RunConfig
from tests.benchmarks.detection import CELLS, SEEDS, config
from tests.benchmarks.environment import told_environment

RESULT = Path(__file__).parent / "results" / "turnover.md"
EVERY_STEP = "every step"  # ordinary dropout, the control
# Of own masks by cell: what independent prototypes found.
AUROC = dict(
    zip(CELLS, (".50", ".49", ".50", ".56", ".61", ".49", *[".48–.49"] * 3, ".48"), strict=True)
)
# By masks, at weight decay 5 and ξ .2: AUROC of the self-influence, of −margin.
PARTIAL: Mapping[int | None, str] = {0: ".62, .66", 2: ".26, .91", 4: ".55, .86", 16: ".69, .84"}
MASKS: Sequence[int | None] = (None, 0, 1, 2, 4, 8, 16, 64)
WIDE = (0.8, 0.1, 5.0)  # α, ξ, weight decay, with N 400
COLUMNS = {
    "own": "own masks",
    "complement": "complement",
    "test": "full net, test",
    "turnover": "AUROC / P@k, self-influence",
    "turnover_margin": "−margin of the complement",
    "final_loss": "loss of the full net",
    "pruned_margin": "pruned, −margin",
}
PARTIAL_WORDS = "α .65, ξ .2, weight decay 5. Expected: AUROC of the self-influence, of −margin."
WIDE_WORDS = (
    "α .8, ξ .1, weight decay 5. Expected, of one seed and a count that is not known: AUROC .976, "
    "precision .77, test .99."
)
HEAD = "| cell | masks | " + " | ".join(COLUMNS.values()) + " | expected |"
RULE = "|---" * (len(COLUMNS) + 3) + "|"


def main() -> None:
    torch.set_num_threads(1)
    text = page()
    print(text)
    RESULT.write_text(text, encoding="utf-8")


def masked(setting: RunConfig, masks: int | None) -> RunConfig:
    """The same with dropout of half of the neurons."""
    return setting.replace({"model.dropout": 0.5, "model.dropout_masks": masks})


def values(setting: RunConfig) -> dict[str, float]:
    """Accuracies on given labels, and what each score finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = interp.train(setting)
        found = interp.measures["detection"](run).values()
    told = {"test": run.measurement().scores["test"].accuracy, **found}
    if setting.model.dropout_masks is not None:
        label = torch.as_tensor(run.dataset.given_label[run.dataset.is_train])
        for name, logits in zip(("own", "complement"), turnover_logits(run), strict=True):
            told[name] = float((logits.argmax(dim=1) == label).float().mean())
    return told


def row(
    head: str,
    masks: int | None,
    cell: tuple[float, float, float],
    changes: Mapping[str, float] | None = None,
) -> str:
    """A line of a table: means over the seeds, of accuracies and scores."""
    settings = [config(*cell, seed).replace(dict(changes or {})) for seed in SEEDS]
    found = [values(masked(one, masks)) for one in settings]
    name = {None: EVERY_STEP, 0: "own"}.get(masks, str(masks))
    print(head, name, flush=True)
    cells = [_told(found, column) for column in COLUMNS]
    return f"| {head} | {name} | " + " | ".join(cells) + " |"


def _told(found: list[dict[str, float]], column: str) -> str:
    if f"{column}.auroc" in found[0]:
        each = [
            np.mean([one[f"{column}.{name}"] for one in found]) for name in ("auroc", "precision")
        ]
        return f"{each[0]:.2f}/{each[1]:.2f}"
    if column not in found[0]:
        return "–"
    seen = [one[column] for one in found]
    return f"{np.mean(seen):.2f} ({min(seen):.2f}–{max(seen):.2f})"


def _few() -> list[str]:
    """Tables by the number of masks."""
    cell, head = CELLS["partial .2"], "partial .2"
    lines = ["## Few masks", "", PARTIAL_WORDS, "", HEAD, RULE]
    for masks in MASKS:
        lines.append(f"{row(head, masks, cell)} {PARTIAL.get(masks, '')} |")
    lines += ["", "## A wider network", "", WIDE_WORDS, "", HEAD, RULE]
    lines += [f"{row('N 400', masks, WIDE, {'model.width': 400})}  |" for masks in MASKS]
    return lines


def page() -> str:
    lines = [
        "# Turn-over dropout",
        "",
        told_environment(),
        "",
        "x + y mod 47, N 200, x², MSE, AdamW 0.01, 500 steps, seeds 0–2, dropout .5 on the "
        "pre-activations; setting and cells are those of detection.md. Accuracies on the given "
        "labels of the training set under the own mask of each example and under its complement, "
        "on test pairs of the full network: mean (range). AUROC / precision at k of the wrong "
        "labels. Masks: each example its own; few that the examples share; "
        f"'{EVERY_STEP}': ordinary dropout, the control. Expected: what independent prototypes "
        "found. Fixed masks are of 0 and 1: the logits of the full network, with twice as many "
        "neurons, are greater than those that were trained, and so is its loss.",
        "",
        "## Own masks in every cell",
        "",
        "Expected: AUROC of the self-influence; in coexistence accuracies 1.00, .00, and .01 on "
        "test.",
        "",
        HEAD,
        RULE,
    ]
    for name, cell in CELLS.items():
        lines.append(f"{row(name, 0, cell)} {AUROC[name]} |")
        lines.append(f"{row(name, None, cell)}  |")
    lines += ["", *_few()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
