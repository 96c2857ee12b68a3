"""What curves may show: accuracy or loss."""

from __future__ import annotations

from typing import Literal, get_args

from interp.analysis.ablation.curves import PruningCurve

Metric = Literal["accuracy", "loss"]
METRICS: tuple[Metric, ...] = get_args(Metric)


def check_measured(curve: PruningCurve, metric: Metric, name: str) -> None:
    """Refuses a curve without what is to be shown.

    Raises:
        ValueError: if its losses were not measured.
    """
    if all(one is None for one in getattr(curve, metric).values()):
        raise ValueError(f"{name}: expected curves with losses, got some without")
