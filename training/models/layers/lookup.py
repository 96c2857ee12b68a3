"""Rows of a table by index, summed, with a gradient that knows its indices beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

# Products from which on numba's kernel is worth its import, which training soon pays back, and
# from which on its threads are worth waking.
_COMPILED_FROM, _TRAINED_FROM, _SHARED_FROM = 2**22, 2**10, 2**20


def sum_of_rows(
    table: Float[Tensor, "*run row column"],
    index: Int[Tensor, "*run example term"],
    weights: Float[Tensor, "*run example term"] | None = None,
) -> Float[Tensor, "*run example column"]:
    """For each example the (weighted) sum of some rows of a table.

    A product with one-hot vectors, or with a matrix that has few entries a row, as a gather.

    Args:
        table: may have a leading ``run`` axis, which the others then have too.
        index: the rows of each example, in any order.
        weights: of each row; one by default.
    """
    if table.ndim == 2:
        return _apply(table, index, weights)
    runs, rows, _ = table.shape
    offset = rows * torch.arange(runs, device=index.device)[:, None, None]
    summed = _apply(
        table.flatten(0, 1),
        (index + offset).flatten(0, 1),
        None if weights is None else weights.flatten(0, 1),
    )
    return summed.view(runs, -1, summed.shape[-1])


def _apply(table: Tensor, index: Tensor, weights: Tensor | None) -> Tensor:
    result: Tensor = _SumOfRows.apply(table, index, weights)  # type: ignore[no-untyped-call]
    return result


class _SumOfRows(torch.autograd.Function):
    """On a CPU in one pass, compiled or torch's; elsewhere gathers, which never synchronize."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, weights: Tensor | None) -> Tensor:
        ctx.rows, ctx.compiled = len(table), False
        if table.device.type != "cpu":
            ctx.save_for_backward(table, index, weights)
            return _gathered(table, index, weights)
        table, index = table.contiguous(), index.contiguous()  # kernels take strided for dense
        weights = None if weights is None else weights.contiguous()
        enough = _TRAINED_FROM if ctx.needs_input_grad[0] else _COMPILED_FROM
        if weights is not None and index.numel() * table.shape[1] >= enough:
            from interp.training.models.layers.row_sums import sums

            ctx.compiled, ctx.threads = True, _threads(index.numel() * table.shape[1])
            ctx.save_for_backward(table, index, weights)
            total = sums(_array(table), _array(index), _array(weights), threads=ctx.threads)
            return torch.from_numpy(total)
        bags = torch.arange(0, index.numel(), index.shape[1])
        flat = None if weights is None else weights.reshape(-1)
        found = torch.ops.aten._embedding_bag(table, index.reshape(-1), bags, False, 0, False, flat)
        ctx.save_for_backward(table, index, weights, *found[1:])
        return found[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor | None]:
        gradient = gradients[0].contiguous()
        table, index, weights, *bags = ctx.saved_tensors
        if gradient.device.type != "cpu":
            return _gathered_backward(gradient, table, index, weights)
        if ctx.compiled:
            from interp.training.models.layers.row_sums import gradients as of_all

            of_table, of_weights = of_all(
                *(_array(gradient), _array(table), _array(index), _array(weights)),
                threads=ctx.threads,
            )
            return torch.from_numpy(of_table), None, torch.from_numpy(of_weights)
        dense = _bag_backward(gradient, ctx.rows, index, weights, bags)
        return dense, None, None if weights is None else _dots(gradient, table, index)


def _threads(products: int) -> int:
    return torch.get_num_threads() if products >= _SHARED_FROM else 1


def _array(tensor: Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().numpy()
    return array


def _bag_backward(
    gradient: Tensor, rows: int, index: Tensor, weights: Tensor | None, bags: Sequence[Tensor]
) -> Tensor:
    """The gradient of the table."""
    offset_to_bag, size, maximum = bags
    if not offset_to_bag.numel():  # left out by torch's fast path
        offset_to_bag = torch.arange(len(index)).repeat_interleave(index.shape[1])
    flat = None if weights is None else weights.reshape(-1)
    dense: Tensor = torch.ops.aten._embedding_bag_dense_backward(
        gradient, index.reshape(-1), offset_to_bag, size, maximum, rows, False, 0, flat
    )
    return dense


def _dots(
    gradient: Float[Tensor, "example column"],
    table: Float[Tensor, "row column"],
    index: Int[Tensor, "example term"],
) -> Float[Tensor, "example term"]:
    """Each example's gradient times each of its rows: some entries of a matrix product."""
    return torch.stack(
        [(table.index_select(0, at) * gradient).sum(dim=1) for at in index.unbind(dim=1)], dim=1
    )


def _gathered(table: Tensor, index: Tensor, weights: Tensor | None) -> Tensor:
    total = table.new_zeros(len(index), table.shape[1])
    for term in range(index.shape[1]):
        rows = table.index_select(0, index[:, term])
        total += rows if weights is None else rows * weights[:, term : term + 1]
    return total


def _gathered_backward(
    gradient: Tensor, table: Tensor, index: Tensor, weights: Tensor | None
) -> tuple[Tensor, None, Tensor | None]:
    dense = torch.zeros_like(table)
    for term in range(index.shape[1]):
        share = gradient if weights is None else gradient * weights[:, term : term + 1]
        dense.index_add_(0, index[:, term], share)
    return dense, None, None if weights is None else _dots(gradient, table, index)
