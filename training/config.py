"""Run configurations: frozen, whole, and checked when made; the only list of options."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from training.data import training_size
from training.sections import (
    DataConfig,
    DtypeName,
    LossName,
    ModelConfig,
    OptimizerConfig,
    PrecisionName,
    ScheduleConfig,
    Section,
    Seeded,
    SeedsConfig,
    TaskConfig,
)
from training.tasks import Task, make_task


class RunConfig(Section):
    """Everything that determines a run. The defaults are the paper's MLP without corruption."""

    task: TaskConfig = TaskConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    loss: LossName = Field("mse", description="training loss")
    dtype: DtypeName = Field("float32", description="precision of weights")
    precision: PrecisionName = Field(
        "highest", description="of float32 products; 'high' and 'medium' allow TF32 and bfloat16"
    )
    steps: int = Field(1000, ge=1, le=10**9, description="updates of the weights")
    seed: int = Field(0, ge=0, description="sets every seed that `seeds` leaves open")
    seeds: SeedsConfig = SeedsConfig()
    schedule: ScheduleConfig = ScheduleConfig()

    def __init__(self, **values: Any) -> None:
        """Checks every field.

        Raises:
            ValueError: in one line, naming the dotted path, what was expected and what came; an
                unknown key is answered with the nearest one.
        """
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ValueError(_first_problem(error)) from None

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        return self.check_consistent()

    def check_consistent(self) -> RunConfig:
        """Checks what no section can check by itself.

        Raises:
            ValueError: in one line, naming the dotted path.
        """
        count = training_size(self.data.fraction, len(self.make_task().pairs))
        self._check_batch(count)
        if self.optimizer.warmup > self.steps:
            raise ValueError(
                f"optimizer.warmup: expected at most the {self.steps} steps of the run, "
                f"got {self.optimizer.warmup}"
            )
        outside = [s for s in self.schedule.checkpoint_steps if not 0 <= s <= self.steps]
        if outside:
            raise ValueError(
                f"schedule.checkpoint_steps: expected steps from 0 to {self.steps}, "
                f"got {outside[0]}"
            )
        return self

    def _check_batch(self, count: int) -> None:
        batch = self.optimizer.batch_size
        if batch is not None and batch > count:
            raise ValueError(
                f"optimizer.batch_size: expected at most the {count} training examples, got {batch}"
            )
        if self.model.norm == "batch" and (batch or count) < 2:
            raise ValueError(
                "model.norm: expected at least 2 examples in a batch for 'batch', got 1; "
                "one example has no variance"
            )

    def make_task(self) -> Task:
        """The task that the run learns."""
        return make_task(self.task.operation, self.task.p)

    def seed_of(self, purpose: Seeded) -> int:
        """The seed in force for a purpose: its own where given, else the run's."""
        own: int | None = getattr(self.seeds, purpose)
        return self.seed if own is None else own

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON and YAML."""
        return self.model_dump(mode="json")


def parse_config(values: Mapping[str, Any]) -> RunConfig:
    """The configuration that plain data describes.

    Raises:
        ValueError: as :class:`RunConfig` does.
    """
    return RunConfig(**{str(key): value for key, value in values.items()})


def paper_minibatch(batch_size: int) -> dict[str, Any]:
    """Overrides for minibatches as the paper scales them (Doshi et al. 2024, appendix).

    The rate is 0.01 · sqrt(batch / 256); there are 2000 steps, and for batches below 256
    2000 · 256 / batch, so that every batch size sees as many examples.
    """
    return {
        "optimizer.batch_size": batch_size,
        "optimizer.lr": 0.01 * (batch_size / 256) ** 0.5,
        "steps": round(2000 * max(1.0, 256 / batch_size)),
    }


def check_paths(paths: Iterable[str]) -> None:
    """Refuses dotted paths that name no option.

    Raises:
        ValueError: naming the nearest option.
    """
    known = {path for path, _, _ in option_fields()}
    for path in paths:
        if path in RunConfig.model_fields and path not in known:
            raise ValueError(f"{path}: expected a mapping of fields, or one of them by dotted path")
        if path not in known:
            raise ValueError(_unknown_key(path))


def option_fields() -> Iterator[tuple[str, str, Any]]:
    """Every option as (dotted path, description, default)."""
    for name, info in RunConfig.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            for inner, inner_info in info.annotation.model_fields.items():
                yield f"{name}.{inner}", _described(inner_info), inner_info.default
        else:
            yield name, _described(info), info.default


def _described(info: FieldInfo) -> str:
    """A field's description, with the values to choose from."""
    kinds = [info.annotation, *get_args(info.annotation)]
    choices = [str(one) for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)]
    return f"{info.description} ({', '.join(choices)})" if choices else info.description or ""


def first_difference(ours: RunConfig, theirs: RunConfig) -> str | None:
    """The first dotted path in which two configurations differ, with their value and ours."""
    left, right = ours.to_dict(), theirs.to_dict()
    for path, _, _ in option_fields():
        section, _, key = path.rpartition(".")
        a, b = (side[section][key] if section else side[key] for side in (left, right))
        if a != b:
            return f"{path} is {b!r} there, {a!r} was asked for"
    return None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    path = ".".join(str(part) for part in problem["loc"])
    got, context = problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden" | "invalid_key":
            return _unknown_key(path)
        case "value_error":
            reason = str(context["error"])
            # Validators of a whole section name the dotted path themselves.
            named = not path or re.match(rf"{re.escape(path)}\.\w+: ", reason)
            return reason if named else f"{path}: {reason}"
        case "missing" | "too_long" if path.startswith("optimizer.betas"):
            return f"optimizer.betas: expected two numbers ≥ 0 and < 1, got {got!r}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{path}: expected a number {_bounds(path)}, got {got!r}"
        case "literal_error":
            return f"{path}: expected {context['expected']}, got {got!r}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{path}: expected a mapping of fields, got {got!r}"
        case kind:
            expected = {
                "int_parsing": "a whole number",
                "int_type": "a whole number",
                "int_from_float": "a whole number",
                "float_parsing": "a number",
                "float_type": "a number",
                "string_type": "text",
                "bool_type": "true or false",
                "bool_parsing": "true or false",
                "tuple_type": "a list",
                "finite_number": "a finite number",
            }.get(kind, problem["msg"])
            return f"{path}: expected {expected}, got {got!r}"


def _bounds(path: str) -> str:
    section, _, key = path.rpartition(".")
    owner = RunConfig.model_fields[section].annotation if section else RunConfig
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    assert isinstance(owner, type) and issubclass(owner, BaseModel)
    return " and ".join(
        f"{sign} {getattr(bound, name):g}"
        for bound in owner.model_fields[key].metadata
        for name, sign in signs.items()
        if hasattr(bound, name)
    )


def _unknown_key(path: str) -> str:
    known = list(
        dict.fromkeys([*(name for name, _, _ in option_fields()), *RunConfig.model_fields])
    )
    # A right name in a wrong section is nearer than any misspelling.
    last = path.rpartition(".")[2]
    near = [name for name in known if name.rpartition(".")[2] == last]
    near = near or difflib.get_close_matches(path, known, n=1, cutoff=0.3)
    hint = f"; nearest is {near[0]}" if near else f"; expected one of {', '.join(known)}"
    return f"{path}: unknown configuration key{hint}"
