"""The README of a run folder: a model card that explains the files beside it."""

from __future__ import annotations

import yaml

from training.config import RunConfig
from training.data import SPLIT_MEANING
from training.evaluation import Scores


def card(name: str, config: RunConfig, scores: Scores | None) -> str:
    """Markdown with a model hub's front matter; scores are absent while a run trains."""
    data, optimizer = config.data, config.optimizer
    settings = yaml.safe_dump(config.to_dict(), sort_keys=False, allow_unicode=True)
    return f"""---
library_name: interp
tags: [grokking, memorization, modular-arithmetic, mechanistic-interpretability]
---

# {name}

A network trained on ({config.task.operation}) mod {config.task.p} with α = {data.fraction} of all
pairs in the training set and ξ = {data.corruption} of the training labels redrawn ({data.kind}).
Optimizer {optimizer.name}, learning rate {optimizer.lr}, weight decay {optimizer.weight_decay},
{config.steps} full-batch steps, seed {config.seed}.

{_table(scores)}
Read it with `interp.load("{name}")`; see its neurons with `interp ipr {name}`.

The setting is that of Doshi et al. 2024, *To grok or not to grok* (arXiv 2310.13061).

## Configuration

```yaml
{settings}```
"""


def _table(scores: Scores | None) -> str:
    if scores is None:
        return "Training has not finished; scores follow.\n"
    rows = ["| split | accuracy | loss | examples scored |", "|---|---|---|---|"]
    for split, score in scores.items():
        cells = ["–", "–"]
        if score.accuracy is not None and score.loss is not None:
            cells = [f"{score.accuracy:.4f}", f"{score.loss:.6f}"]
        rows.append(f"| {split} | {cells[0]} | {cells[1]} | {SPLIT_MEANING[split]} |")
    return "\n".join(rows) + "\n"
