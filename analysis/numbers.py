"""The plainest result: numbers by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interp.training.arguments import as_text, of_kind
from interp.training.display import Result, Values


@dataclass(frozen=True, repr=False)
class Numbers(Result):
    """Numbers by name, beside those of a control if there is one.

    Attributes:
        numbers: by name; None for what does not exist, infinite for an event that never came.
        caption: where they come from; a measure's call fills it in where it is left out.
        control: the same names under a null or control, which the table shows beside them.
        title: of a figure; the measure's name and options where it is left out.
    """

    numbers: Values
    caption: str = ""
    control: Values = field(default_factory=dict)
    title: str = ""

    def __post_init__(self) -> None:
        for name, given in (("numbers", self.numbers), ("control", self.control)):
            of_kind(given, Mapping, f"{name} by name")  # type: ignore[type-abstract]
        as_text(self.caption, "caption")
        as_text(self.title, "title")

    def values(self) -> Values:
        """The numbers, and the control's as ``name_control``."""
        return {**self.numbers, **{f"{name}_control": v for name, v in self.control.items()}}
