"""One random stream per purpose, so that changing one thing never moves another."""

from __future__ import annotations

from typing import Literal
from zlib import crc32

import numpy as np

from interp.training.arguments import whole

Purpose = Literal[
    "split",
    "corruption",
    "weights",
    "batches",
    "dropout",
    "control",
    "null",
    "phases",
    "bootstrap",
    "planes",
    "ablation",
    "readout",
    "evidence",
    "gradients",
    "halves",
    "decoys",
    "retraining",
    "irreps",
    "votes",
    "curvature",
    "tangents",
]


def stream(seed: int, purpose: Purpose, part: int | None = None) -> np.random.Generator:
    """A generator that depends on the seed and on what it is used for, and on nothing else.

    Streams of different purposes are independent at the same seed: drawing more corruption
    does not move the train/test split, and measuring draws from no training stream.

    Args:
        seed: of the run.
        purpose: what is drawn.
        part: such as an epoch, whose draws must not depend on those of the epochs before.

    Raises:
        ValueError: for a seed that is no whole number from 0 on.
    """
    seed = whole(seed, "seed")
    parts = [] if part is None else [part]
    return np.random.default_rng([seed, crc32(purpose.encode()), *parts])
