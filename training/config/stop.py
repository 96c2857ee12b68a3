"""The section that ends a run before its last step: scores to stop at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import Field, create_model, model_serializer, model_validator

from interp.training.config.fields import LATER, Section
from interp.training.data.splits import SPLITS, Split

# Name of a score -> its value; None where the split is empty.
Values = Mapping[str, float | None]
FOR = "for"  # a word of Python's own, so it cannot be written as an attribute


class StopRule(Section):
    """When a run ends early: all of its scores hold at some evaluations in a row.

    An accuracy holds at or above its value, a loss at or below.
    """

    @model_validator(mode="after")
    def _has_a_score(self) -> StopRule:
        if not self.limits and self.in_a_row != 1:
            raise ValueError(
                f"stop.for: expected a score to stop at beside it, got {self.in_a_row}"
            )
        return self

    @model_serializer
    def _what_is_set(self) -> dict[str, Any]:
        return {**self.limits, FOR: self.in_a_row} if self.limits else {}

    @property
    def limits(self) -> dict[str, float]:
        """The scores that it asks for."""
        found = {name: getattr(self, name) for name in type(self).model_fields if name != FOR}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def in_a_row(self) -> int:
        """At how many evaluations, one after the other."""
        count: int = getattr(self, FOR)
        return count

    @property
    def splits(self) -> list[Split]:
        """The splits whose scores it asks for."""
        return [split for split in SPLITS if any(n.startswith(f"{split}_") for n in self.limits)]

    @property
    def words(self) -> str:
        """For sentences: ``test_accuracy ≥ 0.99 at 3 evaluations in a row``."""
        every = [f"{name} {_sign(name)} {limit:g}" for name, limit in self.limits.items()]
        count = "1 evaluation" if self.in_a_row == 1 else f"{self.in_a_row} evaluations in a row"
        return f"{' and '.join(every)} at {count}"

    def holds(self, evaluations: Sequence[Values]) -> bool:
        """Whether the last of some evaluations, in order, are enough to stop."""
        last = evaluations[-self.in_a_row :]
        return bool(self.limits) and len(last) == self.in_a_row and all(map(self._fits, last))

    def _fits(self, scores: Values) -> bool:
        return all(_reaches(scores[name], name, limit) for name, limit in self.limits.items())


def _is_loss(name: str) -> bool:
    return name.endswith("_loss")


def _sign(name: str) -> str:
    return "≤" if _is_loss(name) else "≥"


def _reaches(value: float | None, name: str, limit: float) -> bool:
    if value is None:
        return False
    return value <= limit if _is_loss(name) else value >= limit


def _fields() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for split in get_args(Split):
        accuracy = Field(
            None, ge=0, le=1, description=f"ends the run: {split} accuracy at or above"
        )
        loss = Field(
            None, ge=0, allow_inf_nan=False, description=f"ends the run: {split} loss at or below"
        )
        found[f"{split}_accuracy"] = (Annotated[float | None, LATER], accuracy)
        found[f"{split}_loss"] = (Annotated[float | None, LATER], loss)
    found[FOR] = (int, Field(1, ge=1, description="evaluations in a row that must hold"))
    return found


if TYPE_CHECKING:
    StopConfig = StopRule
else:  # a field a score, whatever the splits are
    StopConfig = create_model("StopConfig", __base__=StopRule, **_fields())
    StopConfig.__module__ = __name__
