"""What a compiled step of a Transformer is given, as named tuples of flat arrays.

A *row* is a position with one of its tokens; the rows of the last position, which asks, are the
last ones. d is d_model, k d_head, N d_mlp.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from interp.training.trainer.compiled.parts import Gemm


class Parameters(NamedTuple):
    """The parameters, or their gradients; what a network does not have is empty."""

    embed: np.ndarray
    place: np.ndarray
    w_q: np.ndarray
    w_k: np.ndarray
    w_v: np.ndarray
    w_o: np.ndarray
    b_q: np.ndarray
    b_k: np.ndarray
    b_v: np.ndarray
    b_o: np.ndarray
    w_in: np.ndarray
    b_in: np.ndarray
    w_out: np.ndarray
    b_out: np.ndarray
    w_u: np.ndarray
    b_u: np.ndarray


# Their names, in the order of the fields.
NAMES = (
    *("embed.W_E", "pos_embed.W_pos"),
    *(f"blocks.0.attn.{kind}_{name}" for kind in "Wb" for name in "QKVO"),
    *(f"blocks.0.mlp.{name}" for name in ("W_in", "b_in", "W_out", "b_out")),
    *("unembed.W_U", "unembed.b_U"),
)


class Tables(NamedTuple):
    """What is known by row, before any example is looked at; or the gradients of that.

    A *column* is a neuron or an answer, the neurons first; columns of zeros at the end make their
    number a multiple of a vector's. Of gradients that the examples add to there are as many as
    threads, one after the other.
    """

    stream: np.ndarray  # (row, d)
    start: np.ndarray  # (asking row, d): the stream and the bias of what attention writes
    query: np.ndarray  # (asking row, head, k), divided by the scale of the scores
    key: np.ndarray  # (row, head, k)
    value: np.ndarray  # (row, head, k)
    score: np.ndarray  # (head, asking row, row)
    onward: np.ndarray  # (d, column): W_in, and the way from the stream to the logits
    into: np.ndarray  # (head, k, column): W_O times that
    read: np.ndarray  # (N, answer): W_out times the way to the logits
    seen: np.ndarray  # (row, head, column): what a head that looks at the row adds
    own: np.ndarray  # (asking row, column): what the row itself adds, and the biases


class Rules(NamedTuple):
    """What the network and its loss are; floats are in the precision of the weights."""

    rows: int
    asking: int  # rows of the last position
    sources: int  # positions
    d: int
    heads: int
    k: int
    neurons: int
    answers: int
    columns: int
    tied: bool
    block: int  # examples that are taken at a time
    phi: int
    cross_entropy: bool
    loss_scale: np.floating  # from what the loss leaves to the gradient of the logits
    output: np.floating  # factor of the logits
    score: np.floating  # factor of the scores
    terms: float  # of the mean that the loss is


class Shown(NamedTuple):
    """Examples: their rows, one a position, and labels; the token and position of each row."""

    source: np.ndarray  # (example, position)
    order: np.ndarray  # (example, position): in each block, by the row at the position
    label: np.ndarray
    token: np.ndarray  # row of the embedding, of each row
    place: np.ndarray  # position, of each row


class Work(NamedTuple):
    """Buffers of a thread: for a block of examples, and its share of a gradient."""

    pre: np.ndarray  # (example, column): sums of rows; then the slopes of the activations
    post: np.ndarray  # (example, column): activations; then gradients of what was summed
    logits: np.ndarray  # (example, answer)
    pattern: np.ndarray  # (example, position, head)
    slope: np.ndarray  # (example, position, head): the gradient of the pattern
    onward: np.ndarray  # (d, column): the gradient of the table
    gemm: Gemm
