"""What a Transformer's step cannot do without, alone and into buffers: its roofline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import starmap

import numpy as np
import torch

from interp.training.models.layers.row_sums import gradients, sums
from tests.benchmarks.row import Row
from tests.benchmarks.timing import alternate
from tests.benchmarks.trainer import Trainer

WHAT = "Transformer step: share that its matrix products"


def roofline_shares(ours: Trainer, rounds: int) -> Iterator[Row]:
    """The products' share of the step, and with the sums of rows, which memory limits."""
    model, p = ours.config.model, ours.dataset.task.p
    pairs = ours.dataset.pairs[ours.dataset.is_train]
    heads = model.n_heads
    products = [
        run
        for columns in (model.d_mlp, p)
        for run in linear(p * (1 + 2 * heads), model.d_model, columns)
    ]
    products += linear(model.d_mlp, model.d_model, p)  # the way out and the unembedding
    products += linear(len(pairs), model.d_mlp, p)
    looked_up = [row_sums(pairs, p, heads, columns) for columns in (model.d_mlp, p)]
    alone = {
        "products": lambda: each(products),
        "both": lambda: each([*products, *looked_up]),
    }
    timings = alternate({"ours": ours.step, **alone}, rounds)
    for name, words in (("products", ""), ("both", " and weighted sums of rows")):
        yield Row(
            f"{WHAT}{words} take alone (attention's own products left out)",
            "ms",
            timings[name].times(1e3),
            timings["ours"].times(1e3),
            "our step",
            timings.ratio(name, "ours"),
        )


def each(runs: list[Callable[[], object]]) -> None:
    for run in runs:
        run()


def linear(rows: int, inner: int, columns: int) -> list[Callable[[], object]]:
    """A product and the two that give its gradients, into buffers."""
    shapes = (rows, inner), (inner, columns), (rows, columns)
    a, b, out = starmap(torch.ones, shapes)
    of_a, of_b = torch.empty_like(a), torch.empty_like(b)
    return [
        lambda: torch.mm(a, b, out=out),
        lambda: torch.mm(out, b.T, out=of_a),
        lambda: torch.mm(a.T, out, out=of_b),
    ]


def row_sums(pairs: np.ndarray, p: int, heads: int, columns: int) -> Callable[[], object]:
    """An example's own row and one of each head and operand, summed; and the gradients."""
    first, second = pairs.T[:, :, None]
    of_heads = np.arange(heads)
    index = np.concatenate(
        [second, p + first * heads + of_heads, p * (1 + heads) + second * heads + of_heads], axis=1
    )
    table = np.ones((p * (1 + 2 * heads), columns), np.float32)
    weights = np.ones(index.shape, np.float32)

    def run() -> None:
        threads = torch.get_num_threads()
        out = sums(table, index, weights, threads)
        gradients(out, table, index, weights, threads)

    return run
