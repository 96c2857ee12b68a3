"""Attention heads: what the network loses without one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from interp.analysis.ablation.prune import resolve
from interp.training.config.sections import LossName
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.evaluation import Evaluation, in_float64
from interp.training.models.network import Network
from interp.training.runs.run import Run

Head = tuple[int, int]
Ablation = Literal["zero", "mean"]


@dataclass(frozen=True)
class HeadAblation:
    """Scores of a network without each of its heads in turn.

    Attributes:
        before: scores of the whole network.
        after: scores by (block, head).
        how: ``zero`` or ``mean``.
        step, seed: of the checkpoint; None for a network that comes from no run.
    """

    before: Scores
    after: Mapping[Head, Scores]
    how: Ablation
    step: int | None
    seed: int | None


def ablate_heads(
    source: Run | Network,
    heads: Sequence[Head],
    how: Ablation = "mean",
    dataset: Dataset | None = None,
    step: int | None = None,
    loss: LossName | None = None,
) -> Scores:
    """Scores of a Transformer without some of its heads; nothing is retrained.

    What a head writes (``attn.hook_z``) is replaced at every position by zero, or by its mean
    over all pairs of operands at that position, which leaves the other parts the input that
    they are used to.

    Args:
        source: a run, or a Transformer together with ``dataset``.
        heads: as (block, head), counted from 0.
        how: ``zero`` or ``mean``.
        dataset: what to score on; a run brings its own.
        step: which checkpoint of a run.
        loss: defaults to the run's.

    Raises:
        ValueError: if the network is no Transformer or has no such head, ``how`` is unknown, or
            a network comes without a dataset.
    """
    network, dataset, loss = resolve(source, dataset, step, loss)
    return _Ablator(network, Evaluation(dataset, loss), how)(heads)


def head_ablation(
    source: Run | Network,
    how: Ablation = "mean",
    dataset: Dataset | None = None,
    step: int | None = None,
    loss: LossName | None = None,
) -> HeadAblation:
    """Ablates every head, one at a time; arguments and errors as in :func:`ablate_heads`."""
    seed = source.config.seed if isinstance(source, Run) else None
    if isinstance(source, Run):
        step = source.last_step if step is None else step
    network, dataset, loss = resolve(source, dataset, step, loss)
    without = _Ablator(network, Evaluation(dataset, loss), how)
    return HeadAblation(
        without([]), {head: without([head]) for head in without.all_heads}, how, step, seed
    )


class _Ablator:
    """Scores a Transformer with heads replaced, by hooks on what they write."""

    def __init__(self, network: Network, evaluation: Evaluation, how: Ablation) -> None:
        if not network.heads:
            raise ValueError(
                f"heads: expected a Transformer, got {network.model.row.noun}, which has none"
            )
        if how not in get_args(Ablation):
            raise ValueError(f"how: expected {' or '.join(get_args(Ablation))}, got {how!r}")
        self._network, self._evaluation = in_float64(network), evaluation
        self.all_heads = network.heads
        self._values: Mapping[str, Tensor] = {}
        if how == "mean":
            with torch.no_grad():
                _, cache = self._network.run_with_cache(
                    evaluation.pairs, names_filter=lambda name: name.endswith("hook_z")
                )
            self._values = {name: cache[name].mean(dim=0) for name in cache}

    @torch.no_grad()
    def __call__(self, heads: Sequence[Head]) -> Scores:
        """Scores without these heads."""
        for head in heads:
            if tuple(head) not in self.all_heads:
                raise ValueError(
                    f"heads: expected (block, head) from (0, 0) to {self.all_heads[-1]}, got {head}"
                )
        hooks = []
        for block in sorted({block for block, _ in heads}):
            name = f"blocks.{block}.attn.hook_z"
            gone = [head for of, head in heads if of == block]
            hooks.append((name, _Replacement(gone, self._values.get(name))))
        return self._evaluation(
            self._network.run_with_hooks(self._evaluation.pairs, fwd_hooks=hooks)
        )


class _Replacement:
    """A hook that overwrites what some heads write."""

    def __init__(self, heads: list[int], values: Tensor | None) -> None:
        self._heads, self._values = heads, values

    def __call__(self, z: Tensor, hook: object) -> Tensor:
        z = z.clone()
        z[:, :, self._heads] = 0 if self._values is None else self._values[:, self._heads]
        return z
