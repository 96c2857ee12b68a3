"""The README of a run folder: a model card that explains the files beside it."""

from __future__ import annotations

import yaml

from interp.training.config.run_config import RunConfig
from interp.training.data.scores import Scores
from interp.training.data.splits import SPLIT_MEANING
from interp.training.runs.origin import TRAINED_HERE, Origin


def card(
    name: str,
    config: RunConfig,
    scores: Scores | None,
    origin: Origin = TRAINED_HERE,
    ended: str | None = None,
) -> str:
    """Markdown with a model hub's front matter; scores are absent while a run trains."""
    settings = yaml.safe_dump(config.kept(), sort_keys=False, allow_unicode=True)
    return f"""---
library_name: interp
tags: [grokking, memorization, modular-arithmetic, mechanistic-interpretability]
---

# {name}

{_trained(config, ended) if origin.trained_here else _made(config, origin)}{_warning(config)}

{_table(scores)}
Read it with `interp.load("{name}")`; see its neurons with `interp ipr {name}`.

The setting is that of Doshi et al. 2024, *To grok or not to grok* (arXiv 2310.13061).

## Configuration

```yaml
{settings}```
"""


def _trained(config: RunConfig, ended: str | None) -> str:
    data, optimizer = config.data, config.optimizer
    batch = f"batches of {optimizer.batch_size}" if optimizer.batch_size else "full batch"
    return f"""A network ({config.model.summary}) trained on {config.task.title}
with α = {data.fraction} of all pairs in the training set and ξ = {data.corruption} of the training
labels redrawn ({"as given" if data.is_given else data.words}).{_beginning(config)}
Optimizer {optimizer.name}, learning rate {optimizer.lr}, weight decay {optimizer.weight_decay},
{config.steps} steps, {batch}, seed {config.seed}.{_ending(ended)}"""


def _made(config: RunConfig, origin: Origin) -> str:
    """Of a network that was not trained as this run."""
    data = config.data
    return f"""A network ({config.model.summary}) on {config.task.title},
{origin.words}.
Scored with α = {data.fraction:g} of all pairs as training set, ξ = {data.corruption:g} of them with
a redrawn label."""


def _beginning(config: RunConfig) -> str:
    words, frozen = config.start.words, config.start.freeze
    started = f" It started from {words}." if words is not None else ""
    return started + (f" Not updated: {', '.join(frozen)}." if frozen else "")


def _ending(ended: str | None) -> str:
    return "" if ended is None else f"\n\nThe run {ended}."


def _warning(config: RunConfig) -> str:
    if config.precision == "highest":
        return ""
    allowed = {"high": "TF32", "medium": "bfloat16"}[config.precision]
    return (
        f"\n\n**Reduced precision:** matrix products of float32 weights may have been rounded to "
        f"{allowed} (`precision: {config.precision}`); scores are not comparable to the last digit."
    )


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
