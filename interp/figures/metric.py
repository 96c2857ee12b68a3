"""What curves may show: accuracy or loss."""

from __future__ import annotations

from typing import Literal, get_args

Metric = Literal["accuracy", "loss"]
METRICS: tuple[Metric, ...] = get_args(Metric)
