"""What a compiled step is given, as named tuples of flat arrays, which numba takes apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Flat(NamedTuple):
    """All parameters one after the other: the weights, their gradients and AdamW's moments.

    Of the gradients there are as many as threads.
    """

    weight: np.ndarray
    grad: np.ndarray
    mean: np.ndarray
    square: np.ndarray


class Gemm(NamedTuple):
    """The matrix product: its address, and what ``blas`` needs to call it."""

    address: int
    letters: np.ndarray
    numbers: np.ndarray
    reals: np.ndarray


class Work(NamedTuple):
    """Buffers of a step: (row, neuron), (row, answer), and of a norm as ``neurons`` says."""

    pre: np.ndarray
    post: np.ndarray
    factor: np.ndarray
    hat: np.ndarray
    logits: np.ndarray
    stats: np.ndarray
    running: np.ndarray
    gemm: Gemm


class Rules(NamedTuple):
    """What the network and its loss are; floats are in the precision of the weights."""

    width: int
    answers: int
    block: int  # rows that are taken at a time
    phi: int
    batch_norm: bool
    norm_first: bool
    learns: bool  # a norm takes the moments of the batch, not the running ones
    drops: bool
    drop_first: bool
    key: int  # of dropout
    least: int  # hash of a neuron that stays
    kept: np.floating  # factor of a neuron that stays
    cross_entropy: bool
    scale: np.floating  # from what the loss leaves to the gradient of the product
    output: np.floating  # factor of the logits
    terms: float  # of the mean that the loss is


class Shown(NamedTuple):
    """Training examples: rows of the first matrix, and labels; (step, row) which are shown."""

    first: np.ndarray
    second: np.ndarray
    label: np.ndarray
    rows: np.ndarray


class Scored(NamedTuple):
    """All pairs, as the kernel is shown them; both labels (label, pair), and the part of each."""

    shown: Any
    labels: np.ndarray
    part: np.ndarray
    parts: int


class Adam(NamedTuple):
    """AdamW: where parameters end and their rates and decays; factors of the rates; β1, β2, ε."""

    ends: np.ndarray
    rates: np.ndarray
    decays: np.ndarray
    factors: np.ndarray
    done: int
    settings: np.ndarray


class Team(NamedTuple):
    """Which of how many threads this one is, and where they meet: see ``threads``."""

    part: int
    parts: int
    totals: np.ndarray
    arrived: np.ndarray
