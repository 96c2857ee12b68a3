"""Quantities of matrices beside those of an untrained network and of Gaussian matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

Quantities = Mapping[str, float | None]


@dataclass(frozen=True)
class Compared:
    """One quantity of one matrix; None for what does not exist.

    Attributes:
        matrix: by its short name.
        quantity: its name.
        value: of the network.
        untrained: of the untrained network.
        gaussian: mean over Gaussian matrices of the same shape.
    """

    matrix: str
    quantity: str
    value: float | None
    untrained: float | None
    gaussian: float | None


def compared(
    own: Mapping[str, Quantities],
    untrained: Mapping[str, Quantities],
    gaussian: Mapping[str, Quantities],
) -> tuple[Compared, ...]:
    """A row a matrix and quantity; each argument holds quantities by the matrix they are of."""
    return tuple(
        Compared(
            matrix, name, value, untrained.get(matrix, {}).get(name), gaussian[matrix].get(name)
        )
        for matrix, quantities in own.items()
        for name, value in quantities.items()
    )


def values_of(rows: Sequence[Compared]) -> dict[str, float | None]:
    """``W_E.ffd``, ``W_E.ffd_untrained`` and ``W_E.ffd_gaussian`` of each row."""
    found: dict[str, float | None] = {}
    for row in rows:
        name = f"{row.matrix}.{row.quantity}"
        beside = {name: row.value, f"{name}_untrained": row.untrained}
        found |= {**beside, f"{name}_gaussian": row.gaussian}
    return found


def table_of(rows: Sequence[Compared]) -> pd.DataFrame:
    """Columns matrix, quantity, value, untrained, gaussian."""
    import pandas as pd

    return pd.DataFrame([vars(row) for row in rows]).astype(
        {"value": float, "untrained": float, "gaussian": float}
    )


def mean_of(several: Sequence[Quantities]) -> dict[str, float | None]:
    """Mean of each quantity over several matrices, over those where it exists."""
    found: dict[str, float | None] = {}
    for name in several[0]:
        known = [value for one in several if (value := one[name]) is not None]
        found[name] = sum(known) / len(known) if known else None
    return found
