"""Rows of a table by index, summed, with a gradient that knows its indices beforehand."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


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
    """On a CPU torch's embedding bag, in one pass; elsewhere gathers, which never synchronize."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, index: Tensor, weights: Tensor | None) -> Tensor:
        ctx.rows = len(table)
        if table.device.type == "cpu":
            bags = torch.arange(0, index.numel(), index.shape[1])
            index = index.contiguous()  # the kernel takes strided indices for dense ones
            found = torch.ops.aten._embedding_bag(
                table.contiguous(),
                index.reshape(-1),
                bags,
                False,
                0,
                False,
                None if weights is None else weights.reshape(-1),
            )
            ctx.save_for_backward(table, index, weights, *found[1:])
            return found[0]
        ctx.save_for_backward(table, index, weights)
        return _gathered(table, index, weights)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor | None]:
        gradient = gradients[0].contiguous()
        table, index, weights, *bags = ctx.saved_tensors
        if gradient.device.type != "cpu":
            return _gathered_backward(gradient, table, index, weights)
        offset_to_bag, size, maximum = bags
        if not offset_to_bag.numel():  # left out by torch's fast path
            offset_to_bag = torch.arange(len(index)).repeat_interleave(index.shape[1])
        flat = index.reshape(-1)
        dense = torch.ops.aten._embedding_bag_dense_backward(
            gradient,
            flat,
            offset_to_bag,
            size,
            maximum,
            ctx.rows,
            False,
            0,
            None if weights is None else weights.reshape(-1),
        )
        if weights is None:
            return dense, None, None
        return dense, None, _dots(gradient, table, index)


def _dots(
    gradient: Float[Tensor, "example column"],
    table: Float[Tensor, "row column"],
    index: Int[Tensor, "example term"],
) -> Float[Tensor, "example term"]:
    """Each example's gradient times each of its rows: some entries of a matrix product."""
    ends = torch.arange(0, index.numel() + 1, index.shape[1])
    zeros = gradient.new_zeros(index.numel())
    with warnings.catch_warnings():
        # torch says once a process that sparse CSR is in beta; a test holds the result.
        warnings.simplefilter("ignore", UserWarning)
        wanted = torch.sparse_csr_tensor(
            ends, index.reshape(-1), zeros, (len(gradient), len(table)), check_invariants=False
        )
        found = torch.sparse.sampled_addmm(wanted, gradient, table.T, beta=0.0)
    return found.values().view(index.shape)


def _gathered(table: Tensor, index: Tensor, weights: Tensor | None) -> Tensor:
    total = table.new_zeros(len(index), table.shape[1])
    for term in range(index.shape[1]):
        rows = table.index_select(0, index[:, term])
        total += rows if weights is None else rows * weights[:, term : term + 1]
    return total


def _gathered_backward(
    gradient: Tensor, table: Tensor, index: Tensor, weights: Tensor | None
) -> tuple[Tensor, None, Tensor | None]:
    dense, of_weights = torch.zeros_like(table), []
    for term in range(index.shape[1]):
        at = index[:, term]
        share = gradient if weights is None else gradient * weights[:, term : term + 1]
        dense.index_add_(0, at, share)
        if weights is not None:
            of_weights.append((table.index_select(0, at) * gradient).sum(dim=1))
    return dense, None, torch.stack(of_weights, dim=1) if of_weights else None
