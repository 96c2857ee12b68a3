"""A Transformer's logits from tables over (position, token): what the structure gives for free.

Two operands of p residues make p² pairs, but a position of the first block sees p tokens only.
Queries, keys, values and what each head writes are therefore computed once a token; scores once a
pair of tokens; and an example's residual stream is a sum of a few rows of tables, weighted by its
attention pattern. A matrix that follows can be applied to the rows before they are summed. Only
the last position goes through the last block's MLP. All of it is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import torch
from einops import einsum, rearrange
from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.blocks import Embed, PosEmbed, TransformerBlock
from interp.training.models.layers.hidden import with_bias
from interp.training.models.layers.lookup import sum_of_rows
from interp.training.models.layers.noise import Noise
from interp.training.models.layers.norm import LayerNorm
from interp.training.models.layers.stream import Stream, Sum
from interp.training.tasks.task import Task

# What all heads write to the residual stream, and scores of queries on keys of their own row.
_WRITTEN = "... row head k, ... head k d -> ... row d"
_SCORED = "... row head k, ... row head k -> ... row head"


@runtime_checkable
class Tabled(Protocol):
    """The parts of a Transformer that its logits come from."""

    task: Task
    embed: Embed
    pos_embed: PosEmbed
    blocks: Sequence[TransformerBlock]
    ln_final: LayerNorm | None

    @property
    def read_out(self) -> Tensor:
        """The matrix from the residual stream to the logits."""

    def operand_rows(self, operand: int) -> Tensor:
        """The embedding of each residue as the first (0) or second (1) operand."""

    def biased(self, logits: Tensor) -> Tensor:
        """Logits with the bias, if there is one."""


def table_logits(
    network: Tabled, pairs: Int[Tensor, "*run pair 2"], noise: Noise | None
) -> Float[Tensor, "*run pair answer"]:
    """Logits at the last position; parameters and pairs may have a leading run axis."""
    streams = _embedded(network, pairs, noise)
    *before, last = network.blocks
    for block in before:
        middles = [_attended(block, streams, position, noise) for position in range(len(streams))]
        if noise is not None and block.mlp is not None and block.mlp.norm is not None:
            streams = _through_together(block, middles, noise)
        else:
            streams = [_through(block, m, noise, place) for place, m in enumerate(middles)]
    middle = _attended(last, streams, len(streams) - 1, noise)
    if isinstance(middle, Sum) and last.ln2 is None and network.ln_final is None:
        return _unnormed_logits(network, last, middle, noise)
    final = _through(last, middle, noise, 0).values
    if network.ln_final is not None:
        final = network.ln_final(final)
    return network.biased(final @ network.read_out)


def _embedded(
    network: Tabled, pairs: Int[Tensor, "*run pair 2"], noise: Noise | None
) -> list[Stream]:
    w_pos = network.pos_embed.W_pos
    equals = network.embed.W_E[..., -1:, :]
    rows = [network.operand_rows(0), network.operand_rows(1), equals][: w_pos.shape[-2]]
    streams = [
        Stream(
            rows[position] + w_pos[..., position : position + 1, :],
            pairs[..., position] if position < 2 else torch.zeros_like(pairs[..., 0]),
            position,
        )
        for position in range(len(rows))
    ]
    if noise is None or "embed" not in noise.elsewhere:
        return streams
    return [
        Stream(noise.at(one.position).drop_on("embed", one.spread(one.values), 0), None, place)
        for place, one in enumerate(streams)
    ]


def _attended(
    block: TransformerBlock, streams: list[Stream], position: int, noise: Noise | None
) -> Sum | Stream:
    """The residual stream at a position after attention."""
    noise = noise and noise.at(position)
    dropped = set() if noise is None else noise.elsewhere.keys() & {"attention", "residual"}
    attn, query = block.attn, streams[position]
    sources = streams[: position + 1] if attn.causal else streams
    normed = [s if block.ln1 is None else replace(s, values=block.ln1(s.values)) for s in sources]
    values = [attn.projected(source.values, "V") for source in normed]
    start = with_bias(query.values, attn.b_O)
    if len(sources) == 1 and not dropped:
        # A position that sees itself alone attends to nothing else.
        written = einsum(values[0], attn.W_O, _WRITTEN)
        return replace(query, values=start + written)
    asking = replace(query, values=normed[position].values)
    q = attn.projected(asking.values, "Q") / attn.scale
    scores = [_scores(asking, q, source, attn.projected(source.values, "K")) for source in normed]
    pattern = torch.stack(scores, dim=-2).softmax(dim=-2)  # (*run, example, source, head)
    if noise is not None and "attention" in dropped:
        flat = noise.drop_on("attention", pattern.flatten(-2), block.index)
        pattern = flat.view(pattern.shape)
    if "residual" not in dropped and all(source.token is not None for source in sources):
        return _weighted(query, start, sources, values, attn.W_O, pattern)
    z = sum(
        pattern[..., i, :, None] * source.spread(v)
        for i, (source, v) in enumerate(zip(sources, values, strict=True))
    )
    assert isinstance(z, Tensor)
    written = einsum(z, attn.W_O, _WRITTEN)
    if noise is not None and "residual" in dropped:
        start = query.values
        written = noise.drop_on("residual", with_bias(written, attn.b_O), 2 * block.index)
    return Stream(query.spread(start) + written, None, position)


def _scores(query: Stream, q: Tensor, source: Stream, k: Tensor) -> Tensor:
    """Scores of a query position on a source position, (*run, example, head)."""
    if query.position == source.position:
        return query.spread(einsum(q, k, _SCORED))
    if query.token is None or source.token is None:
        return einsum(query.spread(q), source.spread(k), _SCORED)
    table = einsum(q, k, "... row head k, ... source head k -> ... row source head")
    table = rearrange(table, "... row source head -> ... (row source) head")
    place = query.token * source.values.shape[-2] + source.token
    return sum_of_rows(table, place.unsqueeze(-1))


def _weighted(
    query: Stream,
    start: Tensor,
    sources: list[Stream],
    values: list[Tensor],
    w_o: Tensor,
    pattern: Tensor,
) -> Sum:
    """The residual stream as a sum: its own row, and a row for each head and source."""
    heads = pattern.shape[-1]
    assert query.token is not None
    tables, places, offset = [start], [query.token.unsqueeze(-1)], start.shape[-2]
    head = torch.arange(heads, device=pattern.device)
    for source, v in zip(sources, values, strict=True):
        written = einsum(v, w_o, "... row head k, ... head k d -> ... row head d")
        written = rearrange(written, "... row head d -> ... (row head) d")
        assert source.token is not None
        tables.append(written)
        places.append(offset + source.token.unsqueeze(-1) * heads + head)
        offset += written.shape[-2]
    index = torch.cat(places, dim=-1)
    own = torch.ones_like(pattern[..., 0, :1])
    weights = torch.cat([own, rearrange(pattern, "... source head -> ... (source head)")], dim=-1)
    return Sum(torch.cat(tables, dim=-2), index, weights)


def _through(
    block: TransformerBlock, middle: Sum | Stream, noise: Noise | None, position: int
) -> Stream:
    """The residual stream after the block's MLP."""
    stream = middle
    if isinstance(middle, Sum):
        stream = Stream(middle.rows, None, position)
    assert isinstance(stream, Stream)
    if block.mlp is None:
        return stream
    noise = noise and noise.at(position)
    if noise is not None and noise.active and stream.token is not None:
        # Dropout differs between examples that share a row.
        stream = Stream(stream.spread(stream.values), None, position)
    normed = stream.values if block.ln2 is None else block.ln2(stream.values)
    written = block.mlp.out(block.mlp(normed @ block.mlp.W_in, noise))
    if noise is not None:
        written = noise.drop_on("residual", written, 2 * block.index + 1)
    return replace(stream, values=stream.values + written)


def _through_together(
    block: TransformerBlock, middles: list[Sum | Stream], noise: Noise
) -> list[Stream]:
    """All positions as one batch, whose statistics a norm over examples takes."""
    rows = [m.rows if isinstance(m, Sum) else m.spread(m.values) for m in middles]
    joined = _through(block, Stream(torch.cat(rows, dim=-2), None, 0), noise, 0).values
    parts = torch.split(joined, rows[0].shape[-2], dim=-2)
    return [Stream(values, None, position) for position, values in enumerate(parts)]


def _unnormed_logits(
    network: Tabled, block: TransformerBlock, middle: Sum, noise: Noise | None
) -> Tensor:
    """Without a norm the logits are linear in the neurons: W_out and W_U make one matrix."""
    read_out = network.read_out
    if block.mlp is None:
        return network.biased(middle.times(read_out))
    # Each by itself: halves of one tensor would have a gradient that is filled and added twice.
    post = block.mlp(middle.times(block.mlp.W_in), noise and noise.at(0))
    logits = middle.times(read_out) + post @ (block.mlp.W_out @ read_out)
    if block.mlp.b_out is not None:
        logits = logits + block.mlp.b_out.unsqueeze(-2) @ read_out
    return network.biased(logits)
