"""From a network, its examples and AdamW's state to the arrays that the kernel works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from interp.training.config.run_config import RunConfig
from interp.training.evaluation import Evaluation
from interp.training.losses.loss import LOSSES
from interp.training.models.arrays import NORM_EPS
from interp.training.models.layers.noise import dropout_key, least_kept
from interp.training.models.layers.norm import MOMENTUM, BatchNorm
from interp.training.models.network import Network
from interp.training.trainer.batches import Examples
from interp.training.trainer.compiled.parts import (
    Adam,
    Flat,
    Rules,
    Scored,
    Shown,
    Team,
    Work,
)

# In the order in which the kernel numbers them.
PHI = ("square", "relu", "gelu")
LOSS = ("mse", "cross_entropy")
_NAMES = (
    *("blocks.0.mlp.W_in", "blocks.0.mlp.b_in", "blocks.0.mlp.norm.w", "blocks.0.mlp.norm.b"),
    *("unembed.W_U", "unembed.b_U"),
)
# Rows taken at a time where they do not depend on each other: the BLAS is fastest on products of
# up to so many multiplications, which it does not copy; otherwise they fit in the cache.
_SMALL_PRODUCT, _FEWEST = 10**6, 40
_BLOCK_VALUES = 2**17

# What a thread does of what all of them do together.
Share = Callable[[Team], np.ndarray]
Settings = Mapping[str, tuple[Mapping[str, Tensor], Mapping[str, Any]]]


@runtime_checkable
class Bound(Protocol):
    """The arrays that a kernel works on.

    Attributes:
        adam: AdamW without the factors of any step.
        counters: the step counts that AdamW keeps.
        parts: how many threads share a step.
    """

    adam: Adam
    counters: list[Tensor]

    @property
    def parts(self) -> int:
        """How many threads share a step."""

    def stepping(self, adam: Adam, rows: Int[np.ndarray, "row example"]) -> Share:
        """What makes the steps of ``adam`` on these examples, as a function of a thread."""

    def scoring(self, evaluation: Evaluation) -> Share:
        """What adds up an evaluation's scores, as a function of a thread."""


@dataclass
class MLPBound:
    """The arrays of a two-layer network."""

    flat: Flat
    rules: Rules
    shown: Shown
    adam: Adam
    work: list[Work]  # of each thread
    counters: list[Tensor]

    @property
    def parts(self) -> int:
        """How many threads share a step."""
        return len(self.work)

    def stepping(self, adam: Adam, rows: Int[np.ndarray, "row example"]) -> Share:
        """What makes the steps of ``adam`` on these examples, as a function of a thread."""
        from interp.training.trainer.compiled.kernel import run

        shown = self.shown._replace(rows=rows)
        return lambda team: run(self.flat, self.rules, shown, adam, self.work[team.part], team)

    def scoring(self, evaluation: Evaluation) -> Share:
        """What adds up an evaluation's scores, as a function of a thread."""
        from interp.training.trainer.compiled.kernel import scores

        rules = self.rules._replace(learns=False, drops=False)
        pairs, labels = evaluation.pairs.numpy(), evaluation.labels.numpy()
        first, second = (np.ascontiguousarray(column) for column in pairs.T)
        second, every = second + evaluation.dataset.task.p, np.arange(len(pairs))[None]
        shown = Shown(first, second, np.ascontiguousarray(labels[0]), every)
        scored = Scored(shown, labels, evaluation.part, len(evaluation.counts))
        weight, ends = self.flat.weight, self.adam.ends
        return lambda team: scores(weight, ends, rules, scored, self.work[team.part], team)


def bound_weights(
    network: Network, order: Sequence[str], config: RunConfig, settings: Settings, parts: int
) -> tuple[Flat, Adam]:
    """Makes weights and moments into views of flat arrays.

    Args:
        network: whose parameters they are.
        order: names of the parameters, in which they stand one after the other.
        config: of the run.
        settings: what :meth:`Updater.adam` gives.
        parts: how many threads share a step.
    """
    known = dict(network.named_parameters())
    names = [name for name in order if name in known]

    def flattened(key: str) -> np.ndarray:
        return flat_views([settings[name][0][key] for name in names if name in settings])

    weight = flat_views([known[name] for name in names])
    grad = np.zeros(parts * len(weight), weight.dtype)
    groups = [settings[name][1] if name in settings else {} for name in order]
    adam = Adam(
        ends=np.cumsum([known[name].numel() if name in known else 0 for name in order]),
        rates=np.array([group.get("base_rate", 0.0) for group in groups]),
        decays=np.array([group.get("weight_decay", 0.0) for group in groups]),
        factors=np.zeros(0),
        done=0,
        settings=np.array([*config.optimizer.betas, config.optimizer.eps]),
    )
    return Flat(weight, grad, flattened("exp_avg"), flattened("exp_avg_sq")), adam


class Binding:
    """Binds a run's tensors.

    Args:
        network: its parameters and running statistics become views of flat arrays.
        examples: of its run.
        config: of the run.
    """

    def __init__(self, network: Network, examples: Examples, config: RunConfig) -> None:
        self._network, self._examples, self._config = network, examples, config

    def bind(self, settings: Settings, parts: int) -> MLPBound:
        """Makes weights, buffers and moments into views of flat arrays, and the arrays around them.

        Args:
            settings: what :meth:`Updater.adam` gives.
            parts: how many threads share a step.
        """
        flat, adam = bound_weights(self._network, _NAMES, self._config, settings, parts)
        return MLPBound(
            flat,
            self._rules(flat.weight.dtype),
            self._shown(),
            adam,
            [self._work(flat.weight.dtype) for _ in range(parts)],
            [state["step"] for state, _ in settings.values()],
        )

    def _shown(self) -> Shown:
        pairs, labels = self._examples.whole()
        first, second = (np.ascontiguousarray(column) for column in pairs.T)
        return Shown(first, second + self._network.task.p, labels, np.zeros((0, 0), np.int64))

    @property
    def _block(self) -> int:
        """Rows that are taken at a time: all of them where a norm looks at all of them."""
        model, count = self._config.model, self._examples.count
        if model.norm == "batch":
            return count
        few = _SMALL_PRODUCT // (model.width * self._examples.answers)
        return min(count, few if few >= _FEWEST else max(_FEWEST, _BLOCK_VALUES // model.width))

    def _rules(self, dtype: np.dtype) -> Rules:
        config, examples = self._config, self._examples
        model, loss, real = config.model, LOSSES[config.loss], dtype.type
        shape = examples.count, examples.answers
        return Rules(
            width=model.width,
            answers=examples.answers,
            block=self._block,
            phi=PHI.index(model.phi),
            batch_norm=model.norm == "batch",
            norm_first=model.norm_at == "pre",
            learns=True,
            drops=model.dropout > 0,
            drop_first=model.dropout_at == "pre",
            key=dropout_key(config.seed_of("dropout")) % 2**32,
            least=int(least_kept(model.dropout)),
            kept=real(1 / (1 - model.dropout)),
            cross_entropy=loss.name == "cross_entropy",
            scale=real(loss.scale(*shape) * model.logit_scale),
            output=real(model.logit_scale),
            terms=float(loss.terms(*shape)),
        )

    def _work(self, dtype: np.dtype) -> Work:
        from interp.training.trainer.compiled.blas import new_gemm

        model, rows = self._config.model, self._block
        size, norm = rows * model.width, self._network.layers[0].norm
        by_batch = model.norm == "batch"
        new = partial(np.zeros, dtype=dtype)
        running = new(0)
        if isinstance(norm, BatchNorm):
            running = flat_views([norm.mean, norm.var], (NORM_EPS, MOMENTUM))
        return Work(
            pre=new(size),
            post=new(size),
            factor=new(size if model.dropout > 0 else 0),
            hat=new(size if by_batch else 0),
            logits=new(rows * self._examples.answers),
            stats=new(4 * model.width if by_batch else 0),
            running=running,
            gemm=new_gemm(dtype),
        )


def flat_views(tensors: Sequence[Tensor], after: Sequence[float] = ()) -> np.ndarray:
    """One array with the values of all; the tensors become views of it.

    Args:
        tensors: in the order in which they stand in it.
        after: one number to put after each.
    """
    pieces = []
    for at, one in enumerate(tensors):
        pieces += [one.detach().reshape(-1), one.new_tensor(after[at : at + 1])]
    whole, start = torch.cat(pieces).detach(), 0
    for one, piece in zip(tensors, pieces[::2], strict=True):
        one.data = whole[start : start + len(piece)].view(one.shape)
        start += len(piece) + (1 if after else 0)
    return whole.numpy()
