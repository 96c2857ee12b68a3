"""Panels of several settings, side by side in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import plotly.graph_objects as go
from plotly.subplots import make_subplots

_COLUMNS = 3


@dataclass(frozen=True)
class Grid:
    """Panels in rows of three.

    Attributes:
        count: of panels.
        parts: axes of a panel, one below the other.
    """

    count: int
    parts: int = 1

    @property
    def columns(self) -> int:
        """Panels in a row."""
        return min(self.count, _COLUMNS)

    @property
    def rows(self) -> int:
        """Rows of axes."""
        return -(-self.count // self.columns) * self.parts

    def at(self, place: int) -> tuple[int, int]:
        """Row and column of a panel's first axes, from 1."""
        return place // self.columns * self.parts + 1, place % self.columns + 1

    def figure(
        self, names: Sequence[str], shared_xaxes: str | bool, gaps: tuple[float, float]
    ) -> go.Figure:
        """Empty panels with these titles.

        Args:
            names: titles, a panel each.
            shared_xaxes: as plotly has it.
            gaps: largest shares of the height for one gap between rows, and for all together.
        """
        figure = make_subplots(
            rows=self.rows,
            cols=self.columns,
            shared_xaxes=shared_xaxes,
            shared_yaxes=True,
            horizontal_spacing=0.03,
            vertical_spacing=min(gaps[0], gaps[1] / self.rows),
            subplot_titles=_titles(names, self.columns, self.parts),
        )
        return figure.update_annotations(font_size=13)


def room_above(names: Sequence[str]) -> int:
    """Pixels above the panels, with room for the lines of their titles."""
    return 90 + 18 * max(name.count("<br>") for name in names)


def _titles(names: Sequence[str], columns: int, parts: int) -> list[str]:
    titles: list[str] = []
    left = iter(names)
    while row := list(islice(left, columns)):
        titles += row + [""] * (columns - len(row))
        titles += [""] * columns * (parts - 1)
    return titles
