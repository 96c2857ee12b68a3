"""How results show themselves in a notebook; the code that draws stands above, and registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Displays(Protocol):
    """What draws results: a module with these two functions."""

    def html(self, result: Any) -> str:
        """A result as a piece of HTML."""

    def plot(self, result: Any, **options: Any) -> Any:
        """The figure that belongs to a result."""


_registered: list[Callable[[], Displays]] = []


def register(displays: Callable[[], Displays]) -> None:
    """Names what draws results; it is asked for at the first use, so it may be heavy."""
    _registered[:] = [displays]


class Displayed:
    """A result that a notebook shows as a table, and that can be plotted."""

    def plot(self, **options: Any) -> Any:
        """The figure that belongs to this result, a ``plotly.graph_objects.Figure``.

        Args:
            options: of the figure function, see :mod:`interp.figures`.

        Raises:
            RuntimeError: if nothing that draws has been imported.
        """
        if not _registered:
            raise RuntimeError("plot: expected something that draws; import interp first")
        return _registered[0]().plot(self, **options)

    def _repr_html_(self) -> str | None:
        """For notebooks; None where nothing that draws has been imported."""
        return _registered[0]().html(self) if _registered else None
