"""What every result can do: say where it comes from, become a table, numbers or a picture.

The code that draws stands above, in ``interp``, and registers here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    import pandas as pd

# A value by name: a number, a word, or None for what does not exist; infinite: it never came.
Value = float | int | str | bool | None
Values = Mapping[str, Value]

_SHOWN, _LINE = 4, 160  # values in a repr at most, and characters of values and caption


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
    """Something that a notebook shows as a table, and that can be plotted."""

    def plot(self, **options: Any) -> Any:
        """The figure that belongs to this result, a ``plotly.graph_objects.Figure``.

        Args:
            options: of the figure function, see :mod:`interp.figures`.

        Raises:
            TypeError: if no figure belongs to it.
        """
        return _registered[0]().plot(self, **options)

    def _repr_html_(self) -> str:
        """For notebooks."""
        return _registered[0]().html(self)


class Result(Displayed):
    """What a measure gives; subclasses are frozen dataclasses.

    Attributes:
        caption: where the numbers come from, in one line: convention, basis, seed, step.
    """

    # Values that lead where not all have room: over checkpoints, and in a repr.
    MAIN: ClassVar[tuple[str, ...]] = ()
    # Columns of its table by which pages and terminals show it; by default its values, a row each.
    COLUMNS: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:  # a field in some subclasses, a property in others

        @property
        def caption(self) -> str:
            """Where the numbers come from, in one line."""

    @property
    def note(self) -> str:
        """What else is to be said wherever the numbers are shown; empty for nothing."""
        return ""

    @property
    def about(self) -> str:
        """Caption and note, in one line."""
        return f"{self.caption} · {self.note}" if self.note else self.caption

    def values(self) -> Values:
        """The numbers by name, such as a criterion asks for; None for what does not exist."""
        raise NotImplementedError

    def leading(self) -> tuple[str, ...]:
        """Of the values, those that lead where not all have room."""
        found = self.values()
        return tuple(name for name in self.MAIN if name in found)

    def to_pandas(self) -> pd.DataFrame:
        """A tidy table; by default a row a value."""
        import pandas as pd

        found = self.values()
        return pd.DataFrame({"value": list(found.values())}, index=pd.Index(found, name="name"))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; an infinite value is the text ``never``."""
        note = {"note": self.note} if self.note else {}
        values = {k: plain(v) for k, v in self.values().items()}
        return {"caption": self.caption, **note, "values": values}

    def __repr__(self) -> str:
        name, caption = type(self).__name__, self.caption
        values = self.values()
        names = [*self.leading(), *values]
        words = [f"{key} {_short(values[key])}" for key in dict.fromkeys(names)]
        shown = words[:_SHOWN]
        while len(shown) > 1 and len(caption) + sum(len(one) + 2 for one in shown) > _LINE:
            shown.pop()
        more = ", …" if len(words) > len(shown) else ""
        return f"<{name}: {', '.join(shown)}{more} · {caption}>"


def plain(value: Value) -> Value:
    """A value as JSON has it: no NaN, and ``never`` for an event that did not come."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "never"
    return value


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
