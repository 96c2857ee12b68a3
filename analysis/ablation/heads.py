"""Attention heads: what the network loses without one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.training.arguments import word
from interp.training.data.dataset import Dataset
from interp.training.data.scores import Scores
from interp.training.display import Result
from interp.training.runs.checkpoint import Checkpoint
from interp.training.runs.subject import Source, as_checkpoint

if TYPE_CHECKING:
    import pandas as pd

Head = tuple[int, int]
Ablation = Literal["zero", "mean"]


@dataclass(frozen=True, repr=False)
class HeadAblation(Result):
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
    name: str = "network"

    @property
    def caption(self) -> str:
        """What stands in the place of a head's output, seed, step."""
        how = {"zero": "zero", "mean": "its mean over all pairs"}[self.how]
        return place(self.seed, self.step, f"heads set to {how}")

    def values(self) -> dict[str, float | None]:
        """``whole.test_accuracy``, and ``without 0.1.test_accuracy`` of each block and head."""
        found = {f"whole.{name}": value for name, value in self.before.values().items()}
        for (block, head), scores in self.after.items():
            found |= {f"without {block}.{head}.{k}": v for k, v in scores.values().items()}
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a head that is left out (and one for none): accuracy and loss of each split."""
        import pandas as pd

        rows = {"none": self.before.values()}
        rows |= {f"{block}.{head}": one.values() for (block, head), one in self.after.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="without head")


def ablate_heads(
    source: Source,
    heads: Sequence[Head],
    how: Ablation = "mean",
    dataset: Dataset | None = None,
    step: int | None = None,
) -> Scores:
    """Scores of a Transformer without some of its heads; nothing is retrained.

    What a head writes (``attn.hook_z``) is replaced at every position by zero, or by its mean
    over all pairs of operands at that position, which leaves the other parts the input that
    they are used to.

    Args:
        source: a run or its folder, a checkpoint, or a Transformer together with ``dataset``.
        heads: as (block, head), counted from 0.
        how: ``zero`` or ``mean``.
        dataset: what to score on; a run brings its own.
        step: which checkpoint of a run.

    Raises:
        ValueError: if the network is no Transformer or has no such head, ``how`` is unknown, or
            a network comes without a dataset.
    """
    return _Ablator(as_checkpoint(source, step, dataset), how)(heads)


def head_ablation(
    source: Source,
    how: Ablation = "mean",
    dataset: Dataset | None = None,
    step: int | None = None,
) -> HeadAblation:
    """Ablates every head, one at a time; arguments and errors as in :func:`ablate_heads`."""
    origin = as_checkpoint(source, step, dataset)
    without = _Ablator(origin, how)
    after = {head: without([head]) for head in without.all_heads}
    return HeadAblation(without([]), after, how, origin.step, origin.seed, origin.name)


def no_heads(checkpoint: Checkpoint) -> str | None:
    """Why a measure of heads is not defined on a network."""
    network = checkpoint.network
    if network.heads:
        return None
    return f"expected a Transformer, got {network.model.row.noun}, which has no heads"


@measure("heads", source="ablation by hooks, as TransformerLens has them", refuses=no_heads)
def heads(checkpoint: Checkpoint, *, how: Ablation = "mean") -> HeadAblation:
    """What is left of a Transformer without each of its heads in turn.

    Args:
        checkpoint: of a Transformer.
        how: what stands in the place of a head's output: its ``mean`` over all pairs, or ``zero``.
    """
    return head_ablation(checkpoint, how)


class _Ablator:
    """Scores a Transformer with heads replaced, by hooks on what they write."""

    def __init__(self, checkpoint: Checkpoint, how: Ablation) -> None:
        network = checkpoint.exact
        if not network.heads:
            raise ValueError(
                f"heads: expected a Transformer, got {network.model.row.noun}, which has none"
            )
        word(how, get_args(Ablation), "how")
        self._network, self._evaluation = network, checkpoint.evaluation
        self.all_heads = network.heads
        self._values: Mapping[str, Tensor] = {}
        if how == "mean":
            with torch.no_grad():
                _, cache = self._network.run_with_cache(
                    self._evaluation.pairs, names_filter=lambda name: name.endswith("hook_z")
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
