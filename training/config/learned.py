"""The sections of what is learned, and from which examples."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator

from interp.training.config.fields import LATER, PLACE, Section
from interp.training.data.corruption import CorruptionKind, check_block
from interp.training.data.dataset import Dataset, make_dataset
from interp.training.data.given_file import find_dataset
from interp.training.tasks.group_section import OWN, filled_group
from interp.training.tasks.table import LARGEST_P
from interp.training.tasks.table_file import filled, find_table
from interp.training.tasks.task import Task, group_task, make_task, table_task

DataKind = Literal["uniform", "wrong", "symmetric", "blocks", "given"]


class TaskConfig(Section):
    """What is learned."""

    operation: str = Field(
        "x + y",
        description="operation, or a polynomial in x and y; of a table, its name",
        examples=["x + y", "x - y"],
    )
    p: int = Field(97, ge=2, le=LARGEST_P, description="modulus; follows from a table")
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
    group: Annotated[str | None, LATER] = Field(
        None,
        description="finite group that is multiplied in: S5, A5, D48, Q8, Z8×Z12, Z2^5, or a "
        "file; 'table': the file's rows are the products of one; operations are then x * y, "
        "x * y^-1, x * y * x^-1, x * y * x",
    )
    large: Annotated[bool, LATER] = Field(
        False, description="allow a group of more than 1,000 elements"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_table(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("group") is not None:
            return filled_group(values)
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
        if self.large and self.group is None:
            raise ValueError("task.large: expected false beside no group, got true")
        self.make_task()
        return self

    def make_task(self) -> Task:
        """The task."""
        if self.group not in (None, OWN):
            return make_task(self.operation, group=self.group, large=self.large)
        if self.digest is None:
            return make_task(self.operation, self.p)
        table = find_table(self.digest, self.table, self.n_answers)
        if self.group == OWN:
            return group_task(table, self.operation, self.large)
        return table_task(table, self.operation)

    @property
    def title(self) -> str:
        """For captions and sentences: ``(x + y) mod 97``."""
        if self.digest is not None or self.group is not None:
            return self.make_task().name
        return f"({self.operation}) mod {self.p}"


class DataConfig(Section):
    """Which pairs are trained on, and how many of their labels are redrawn."""

    fraction: float = Field(0.5, ge=0, le=1, description="α, share of pairs in the training set")
    corruption: float = Field(0.0, ge=0, le=1, description="ξ, share of training labels redrawn")
    kind: DataKind = Field(
        "uniform", description="how labels are redrawn; 'given': the dataset of a file"
    )
    block: Annotated[int | None, LATER] = Field(
        None, ge=1, description="of kind blocks, how many pairs of one answer share a redrawn label"
    )
    file: Annotated[str | None, PLACE] = Field(
        None,
        description="of a given dataset: is_train, labels, is_redrawn (.npy, .npz, .csv, .json)",
    )
    digest: Annotated[str | None, LATER] = Field(
        None, description="of a given dataset's content; filled in, then checked"
    )

    @model_validator(mode="after")
    def _given_or_drawn(self) -> DataConfig:
        for name, value in (("file", self.file), ("digest", self.digest)):
            if self.kind != "given" and value is not None:
                raise ValueError(f"data.{name}: expected none for kind {self.kind}, got {value!r}")
        check_block(self.kind, self.block)
        return self

    @property
    def is_given(self) -> bool:
        """Whether the dataset is somebody's own, whose shares are not chosen."""
        return self.kind == "given"

    @property
    def words(self) -> str:
        """How labels are redrawn: ``uniform``, ``blocks of 4``."""
        return self.kind if self.block is None else f"{self.kind} of {self.block}"

    def make_dataset(self, task: Task, split_seed: int, corruption_seed: int) -> Dataset:
        """The dataset.

        Raises:
            ValueError: if it is given and nowhere to be found.
        """
        if self.digest is not None:
            return find_dataset(task, self.digest, self.file)
        kind = cast("CorruptionKind", self.kind)
        return make_dataset(
            task, self.fraction, self.corruption, kind, split_seed, corruption_seed, self.block
        )
