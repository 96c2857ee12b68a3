"""Means over random draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def mean_of_draws(drawn: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The mean of each value by name; None where one draw does not have it."""

    def mean(name: str) -> float | None:
        values = [one[name] for one in drawn]
        return None if None in values else float(np.mean(values))  # type: ignore[arg-type]

    return {name: mean(name) for name in drawn[0]}
