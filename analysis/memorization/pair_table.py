"""The pair table: one row a pair, with its labels, what the network answers, and since when."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.memorization.altered import Altered, altered
from interp.analysis.memorization.logits import (
    answers_of,
    learned_at,
    logits_of,
    margins,
    times_forgotten,
)
from interp.analysis.memorization.pair_rows import PairTable, scored_label
from interp.training.arguments import whole
from interp.training.data.dataset import Dataset
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.run import Run
from interp.training.runs.subject import Source, as_checkpoint, as_run


@measure(
    "pairs",
    reads="run",
    source="pruning: Doshi et al. 2024 (arXiv 2310.13061), section 4; forgetting: Toneva et al. "
    "2019 (arXiv 1812.05159); the control of this project",
    version=2,
)
def pairs(run: Run, *, layer: int = 0, seed: int = 0) -> PairTable:
    """Every pair: labels, answer, margin, since when it is right, what is answered when pruned.

    Args:
        run: of any network; one checkpoint will do.
        layer: whose neurons are pruned.
        seed: of the random pruning.
    """
    return pair_table(run, layer=layer, seed=seed)


def pair_table(
    source: Source,
    step: int | None = None,
    dataset: Dataset | None = None,
    layer: int = 0,
    seed: int = 0,
) -> PairTable:
    """Every pair: labels, answer, margin, when it was learned, what is answered without memory.

    Answers, margins and losses are those of one checkpoint, in float64; ``learned`` and
    ``forgotten`` are read from all checkpoints of the run, each in its own precision.

    Args:
        source: a run or its folder, a checkpoint, or a network with ``dataset``.
        step: which checkpoint of a run; the newest by default.
        dataset: whose pairs; a run brings its own.
        layer: whose neurons are pruned.
        seed: of the random pruning.

    Raises:
        ValueError: if there is no such checkpoint or layer, or no dataset beside a network.
    """
    whole(layer, "layer")
    whole(seed, "seed")
    run = as_run(source) if isinstance(source, Run | Path | str) else None
    checkpoint = as_checkpoint(source if run is None else run, step, dataset)
    data, evaluation = checkpoint.scored_on, checkpoint.evaluation
    label = torch.as_tensor(scored_label(data))
    logits = logits_of(checkpoint.exact, evaluation.pairs)
    labelled = logits.gather(-1, label.unsqueeze(-1)).squeeze(-1)
    margin = margins(logits, label)
    learned, forgotten, steps = _over_training(run, checkpoint, label, margin > 0)
    without = altered(checkpoint, layer, seed)
    return PairTable(
        dataset=data,
        answered=answers_of(logits),
        margin=margin,
        true_margin=margins(logits, torch.as_tensor(data.true_label)),
        loss=evaluation.loss.each(logits, label[None], labelled[None])[0].cpu().numpy(),
        probability=(labelled - logits.logsumexp(dim=-1)).exp().cpu().numpy(),
        learned=learned,
        forgotten=forgotten,
        without=without,
        steps=steps,
        caption=caption_with(checkpoint, steps),
        gaps=gaps_of(run, steps, without),
        remark=_remark(checkpoint, without, seed),
    )


def _over_training(
    run: Run | None,
    checkpoint: Checkpoint,
    label: Int[Tensor, " pair"],
    now: Bool[np.ndarray, " pair"],
) -> tuple[Float[np.ndarray, " pair"] | None, Int[np.ndarray, " pair"] | None, tuple[int, ...]]:
    """When each pair was learned and how often forgotten; and the steps that this is read from."""
    steps = () if run is None else tuple(run.steps)
    if run is None or len(steps) < 2:
        return None, None, steps
    operands = checkpoint.evaluation.pairs
    right = np.stack(
        [
            # At the table's own step as the table says, which is exact.
            now
            if step == checkpoint.step
            else margins(logits_of(run.checkpoint(step).network, operands), label) > 0
            for step in steps
        ]
    )
    return learned_at(right, list(steps)), times_forgotten(right), steps


def caption_with(checkpoint: Checkpoint, steps: tuple[int, ...]) -> str:
    """Run, checkpoints, seed and step."""
    history = "no history"
    if len(steps) == 1:
        history = f"1 checkpoint, step {steps[0]}"
    elif steps:
        history = f"{len(steps)} checkpoints, steps {steps[0]} to {steps[-1]}"
    return place(checkpoint.seed, checkpoint.step, checkpoint.name, history)


def gaps_of(run: Run | None, steps: tuple[int, ...], without: Altered) -> tuple[str, ...]:
    """What is not known, and why."""
    found = []
    if run is not None and not run.knows_data:
        found.append("which pairs were trained on is not known: all count as trained")
    if len(steps) < 2:
        found.append("learned, forgotten: none (they need two checkpoints of a run)")
    return (*found, *without.notes)


def _remark(checkpoint: Checkpoint, without: Altered, seed: int) -> str:
    """What the numbers are not, and what the control is."""
    found = []
    if checkpoint.loss == "mse":
        found.append("probability: softmax of the logits, which is flat under MSE")
    if without.gone is not None:
        found.append(f"random: as many neurons ({without.gone}) pruned, seed {seed}")
    return " · ".join(found)
