"""From a Transformer, its examples and AdamW's state to the arrays that the kernel works on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from jaxtyping import Int
from torch import Tensor

from interp.training.config.run_config import RunConfig
from interp.training.evaluation import Evaluation
from interp.training.losses.loss import LOSSES
from interp.training.models.network import Network
from interp.training.trainer.batches import Examples
from interp.training.trainer.compiled.bound import PHI, Settings, Share, bound_weights
from interp.training.trainer.compiled.parts import Adam, Flat, Scored
from interp.training.trainer.compiled.transformer.parts import NAMES, Rules, Shown, Tables, Work

# Activations of the examples that are taken at a time: few enough to stay in a core's cache.
_BLOCK_VALUES = 2**17
# Of examples that are near each other, how many last operands there are: few enough that many
# share their last operand, and many enough that many share their first.
_LAST_OPERANDS = 24
_VECTOR = 16  # values, the longest there are
_LINE = 64  # bytes


@dataclass
class BlockBound:
    """The arrays of a Transformer of one block."""

    flat: Flat
    rules: Rules
    shown: Shown
    tables: Tables
    slopes: Tables
    adam: Adam
    work: list[Work]  # of each thread
    counters: list[Tensor]

    @property
    def parts(self) -> int:
        """How many threads share a step."""
        return len(self.work)

    def stepping(self, adam: Adam, rows: Int[np.ndarray, "row example"]) -> Share:
        """What makes the steps of ``adam``, as a function of a thread; examples are all at once."""
        from interp.training.trainer.compiled.transformer.kernel import run

        given, flat, slopes = (self.rules, self.shown, self.tables), self.flat, self.slopes
        return lambda team: run(flat, given, slopes, adam, self.work[team.part], team)

    def scoring(self, evaluation: Evaluation) -> Share:
        """What adds up an evaluation's scores, as a function of a thread."""
        from interp.training.trainer.compiled.transformer.kernel import scores

        labels = evaluation.labels.numpy()
        source = _sources(evaluation.pairs.numpy(), self.rules)
        order, label = _order(source, self.rules, self.parts), np.ascontiguousarray(labels[0])
        shown = self.shown._replace(source=source, order=order, label=label)
        scored = Scored(shown, labels, evaluation.part, len(evaluation.counts))
        given, weight, ends = (self.rules, shown, self.tables), self.flat.weight, self.adam.ends
        return lambda team: scores(weight, ends, given, scored, self.work[team.part], team)


class BlockBinding:
    """Binds a run's tensors.

    Args:
        network: a Transformer of one block; its parameters become views of a flat array.
        examples: of its run, all at once.
        config: of the run.
    """

    def __init__(self, network: Network, examples: Examples, config: RunConfig) -> None:
        self._network, self._examples, self._config = network, examples, config

    def bind(self, settings: Settings, parts: int) -> BlockBound:
        """Makes weights and moments into views of flat arrays, and the arrays around them.

        Args:
            settings: what :meth:`Updater.adam` gives.
            parts: how many threads share a step.
        """
        flat, adam = bound_weights(self._network, NAMES, self._config, settings, parts)
        dtype = flat.weight.dtype
        rules = self._rules(dtype)
        return BlockBound(
            flat,
            rules,
            self._shown(rules, parts),
            _tables(rules, dtype, 1),
            _tables(rules, dtype, parts),
            adam,
            [_work(rules, dtype) for _ in range(parts)],
            [state["step"] for state, _ in settings.values()],
        )

    def _rules(self, dtype: np.dtype) -> Rules:
        config, examples, p = self._config, self._examples, self._network.task.p
        model, loss, real = config.model, LOSSES[config.loss], dtype.type
        shape = examples.count, examples.answers
        columns = -(-(model.d_mlp + examples.answers) // _VECTOR) * _VECTOR
        return Rules(
            rows=2 * p + int(model.equals_token),
            asking=1 if model.equals_token else p,
            sources=3 if model.equals_token else 2,
            d=model.d_model,
            heads=model.n_heads,
            k=model.head_width,
            neurons=model.d_mlp,
            answers=examples.answers,
            columns=columns,
            tied=model.tied,
            block=max(1, min(examples.count, _BLOCK_VALUES // columns)),
            phi=PHI.index(model.phi),
            cross_entropy=loss.name == "cross_entropy",
            loss_scale=real(loss.scale(*shape)),
            output=real(model.logit_scale),
            score=real(1 / model.score_scale),
            terms=float(loss.terms(*shape)),
        )

    def _shown(self, rules: Rules, parts: int) -> Shown:
        """The examples in an order in which neighbours share rows at every position."""
        pairs, labels = self._examples.whole()
        p, operand = self._network.task.p, self._config.model.vocabulary == "operand"
        first, second = pairs.T
        order = np.lexsort((second, first, second // _LAST_OPERANDS))
        token = np.concatenate([np.arange(p), np.arange(p) + p * operand, [p * (1 + operand)]])
        place = np.repeat(np.arange(3), [p, p, 1])
        source = _sources(pairs[order], rules)
        by_row = _order(source, rules, parts)
        return Shown(source, by_row, labels[order], token[: rules.rows], place[: rules.rows])


def _sources(pairs: Int[np.ndarray, "pair 2"], rules: Rules) -> Int[np.ndarray, " place"]:
    """The row of each position of each example."""
    p = rules.rows // 2
    each = [pairs[:, 0], pairs[:, 1] + p, np.full(len(pairs), 2 * p)]
    return np.stack(each[: rules.sources], axis=1).reshape(-1)


def _order(
    source: Int[np.ndarray, " place"], rules: Rules, parts: int
) -> Int[np.ndarray, " place"]:
    """In each block of each thread, the examples by their row at each position."""
    rows = source.reshape(-1, rules.sources)
    ends = [len(rows) * part // parts for part in range(parts + 1)]
    order = np.empty_like(rows)
    for first, last in pairwise(ends):
        for start in range(first, last, rules.block):
            block = slice(start, min(start + rules.block, last))
            order[block] = np.argsort(rows[block], axis=0, kind="stable")
    return order.reshape(-1)


def _tables(rules: Rules, dtype: np.dtype, parts: int) -> Tables:
    """Tables, or their gradients; ``parts`` copies of those that examples add to."""
    width, new = rules.heads * rules.k, partial(_zeros, dtype=dtype)
    rows, asking, columns = rules.rows, rules.asking, rules.columns
    return Tables(
        stream=new(rows * rules.d),
        start=new(asking * rules.d),
        query=new(asking * width),
        key=new(rows * width),
        value=new(rows * width),
        score=new(parts * rules.heads * asking * rows),
        onward=new(rules.d * columns),
        into=new(width * columns),
        read=new(parts * rules.neurons * rules.answers),
        seen=new(parts * rows * rules.heads * columns),
        own=new(parts * asking * columns),
    )


def _zeros(size: int, dtype: np.dtype) -> np.ndarray:
    """Zeros that start where a line of the cache does: rows of full vectors then cross none."""
    raw = np.zeros(size * dtype.itemsize + _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + size * dtype.itemsize].view(dtype)


def _work(rules: Rules, dtype: np.dtype) -> Work:
    from interp.training.trainer.compiled.blas import new_gemm

    new, block, terms = partial(_zeros, dtype=dtype), rules.block, rules.sources * rules.heads
    return Work(
        pre=new(block * rules.columns),
        post=new(block * rules.columns),
        logits=new(block * rules.answers),
        pattern=new(block * terms),
        slope=new(block * terms),
        onward=new(rules.d * rules.columns),
        gemm=new_gemm(dtype),
    )
