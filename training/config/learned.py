"""The sections of what is learned, and from which examples."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from interp.training.config.fields import LATER, PLACE, Section
from interp.training.data.corruption import CorruptionKind
from interp.training.tasks.table_file import filled, find_table
from interp.training.tasks.task import Task, make_task, table_task


class TaskConfig(Section):
    """What is learned."""

    operation: str = Field(
        "x + y", description="operation, or a polynomial in x and y; of a table, its name"
    )
    p: int = Field(97, ge=2, le=2048, description="modulus; follows from a table")
    table: Annotated[str | None, PLACE] = Field(
        None,
        description="file of the answers, p by p: .npy, .npz, .csv or .json; -1: not in the domain",
    )
    n_answers: Annotated[int | None, LATER] = Field(
        None, ge=2, description="of a table, how many answers there are; its largest and one"
    )
    digest: Annotated[str | None, LATER] = Field(
        None, description="of a table's content; filled in, then checked"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_table(cls, values: Any) -> Any:
        has_table = isinstance(values, dict) and (
            values.get("table") is not None or values.get("digest") is not None
        )
        return filled(values) if has_table else values

    @model_validator(mode="after")
    def _defined(self) -> TaskConfig:
        if self.digest is None and self.n_answers is not None:
            raise ValueError(
                f"task.n_answers: expected none beside {self.operation!r}, got {self.n_answers}"
            )
        self.make_task()
        return self

    def make_task(self) -> Task:
        """The task."""
        if self.digest is None:
            return make_task(self.operation, self.p)
        table = find_table(self.digest, self.table, self.n_answers)
        return table_task(table, self.operation)

    @property
    def title(self) -> str:
        """For captions and sentences: ``(x + y) mod 97``."""
        if self.digest is not None:
            return self.make_task().name
        return f"({self.operation}) mod {self.p}"


class DataConfig(Section):
    """Which pairs are trained on, and how many of their labels are redrawn."""

    fraction: float = Field(0.5, ge=0, le=1, description="α, share of pairs in the training set")
    corruption: float = Field(0.0, ge=0, le=1, description="ξ, share of training labels redrawn")
    kind: CorruptionKind = Field("uniform", description="how labels are redrawn")
