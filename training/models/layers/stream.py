"""The residual stream at one position, as rows that examples share or as a sum of such rows."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from interp.training.models.layers.lookup import sum_of_rows


@dataclass(frozen=True)
class Stream:
    """The residual stream at one position.

    Attributes:
        values: one row a token, or one an example.
        token: the row of each example; None if there is one row an example.
        position: its number, which also tells streams of one operand from those of the other.
    """

    values: Float[Tensor, "*run row d_model"]
    token: Int[Tensor, "*run example"] | None
    position: int

    def spread(self, values: Tensor) -> Tensor:
        """Something that is known by row, (*run, row, …), by example."""
        if self.token is None:
            return values
        lead = self.values.ndim - 1
        flat = sum_of_rows(values.flatten(lead), self.token.unsqueeze(-1))
        return flat.reshape(*flat.shape[:-1], *values.shape[lead:])


@dataclass(frozen=True)
class Sum:
    """A row for each example: the weighted sum of rows of a table."""

    table: Float[Tensor, "*run row d_model"]
    index: Int[Tensor, "*run example term"]
    weights: Float[Tensor, "*run example term"]

    @property
    def rows(self) -> Float[Tensor, "*run example d_model"]:
        """The sums."""
        return sum_of_rows(self.table, self.index, self.weights)

    def times(self, matrix: Float[Tensor, "*run d_model column"]) -> Tensor:
        """The sums times a matrix, on the side where there are fewer rows."""
        if self.table.shape[-2] < self.index.shape[-2]:
            return sum_of_rows(self.table @ matrix, self.index, self.weights)
        return self.rows @ matrix
