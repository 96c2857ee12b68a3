"""Run configurations: frozen, whole, and checked when made; the only list of options."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from training.data import CorruptionKind, training_size
from training.tasks import Task, make_task

LossName = Literal["mse", "cross_entropy"]
ActivationName = Literal["square", "relu", "gelu"]
InitName = Literal["paper", "he"]
DtypeName = Literal["float32", "float64"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: object, info: Any) -> object:
        # True would pass for 1: a width of one neuron that nobody asked for.
        if (
            isinstance(value, bool)
            and cls.model_fields[str(info.field_name)].annotation is not bool
        ):
            raise ValueError(f"expected no truth value, got {value}")
        return value


class TaskConfig(_Section):
    """What is learned."""

    operation: str = Field("x + y", description="operation, or a polynomial in x and y")
    p: int = Field(97, ge=2, le=2048, description="modulus")

    @model_validator(mode="after")
    def _defined(self) -> TaskConfig:
        make_task(self.operation, self.p)
        return self


class DataConfig(_Section):
    """Which pairs are trained on, and how many of their labels are redrawn."""

    fraction: float = Field(0.5, ge=0, le=1, description="α, share of pairs in the training set")
    corruption: float = Field(0.0, ge=0, le=1, description="ξ, share of training labels redrawn")
    kind: CorruptionKind = Field("uniform", description="how labels are redrawn")


class ModelConfig(_Section):
    """The network."""

    kind: Literal["mlp"] = Field("mlp", description="network family")
    width: int = Field(500, ge=1, description="N, neurons in the hidden layer")
    activation: ActivationName = Field("square", description="φ")
    init: InitName = Field(
        "paper", description="initial weights: 'paper' has std (16N)^(-1/3), 'he' sqrt(2/fan-in)"
    )


class OptimizerConfig(_Section):
    """How weights are updated."""

    name: Literal["adamw", "sgd"] = Field("adamw", description="optimizer")
    lr: float = Field(0.01, gt=0, allow_inf_nan=False, description="learning rate")
    weight_decay: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="AdamW: decoupled, lr·wd a step; SGD: L2 penalty",
    )
    betas: tuple[float, float] = Field((0.9, 0.98), description="AdamW's averaging rates")
    eps: float = Field(1e-8, gt=0, allow_inf_nan=False, description="AdamW's denominator offset")
    momentum: float = Field(0.0, ge=0, lt=1, description="SGD's momentum")

    @field_validator("betas")
    @classmethod
    def _rates(cls, betas: tuple[float, float]) -> tuple[float, float]:
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"expected two numbers ≥ 0 and < 1, got {list(betas)}")
        return betas


class SeedsConfig(_Section):
    """Separate seeds; one that is left open is the run's ``seed``."""

    split: int | None = Field(None, ge=0, description="seed of the train/test split")
    corruption: int | None = Field(None, ge=0, description="seed of the redrawn labels")
    weights: int | None = Field(None, ge=0, description="seed of the initial weights")


class ScheduleConfig(_Section):
    """When the network is scored and saved."""

    evaluations: int = Field(120, ge=1, description="about how often to score, dense early")
    checkpoints: int = Field(12, ge=0, description="about how many checkpoints, log-spaced")
    checkpoint_steps: tuple[int, ...] = Field((), description="further steps to save")


class RunConfig(_Section):
    """Everything that determines a run. The defaults are the paper's MLP without corruption."""

    task: TaskConfig = TaskConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    loss: LossName = Field("mse", description="training loss")
    dtype: DtypeName = Field("float32", description="precision of training")
    steps: int = Field(1000, ge=1, le=10**9, description="full-batch steps")
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
        training_size(self.data.fraction, len(self.make_task().pairs))
        outside = [s for s in self.schedule.checkpoint_steps if not 0 <= s <= self.steps]
        if outside:
            raise ValueError(
                f"schedule.checkpoint_steps: expected steps from 0 to {self.steps}, "
                f"got {outside[0]}"
            )
        return self

    def make_task(self) -> Task:
        """The task that the run learns."""
        return make_task(self.task.operation, self.task.p)

    def seed_of(self, purpose: Literal["split", "corruption", "weights"]) -> int:
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


def read_config(path: Path | str) -> dict[str, Any]:
    """Plain data of a YAML configuration file, not yet checked against the fields."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"configuration {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"configuration {path}: cannot be read as text ({error})") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f"line {mark.line + 1}: "
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(f"configuration {path}: not valid YAML ({where}{reason})") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(
            f"configuration {path}: expected a mapping of fields, got {type(values).__name__}"
        )
    return values


def with_overrides(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of plain data with dotted paths replaced, such as ``{"data.corruption": 0.35}``."""
    merged = {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}
    for path, value in overrides.items():
        section, _, key = path.rpartition(".")
        if not section:
            merged[key] = value
            continue
        inner = merged.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{section}: expected a mapping of fields, got {inner!r}")
        inner[key] = value
    return merged


def option_fields() -> Iterator[tuple[str, str, Any]]:
    """Every option as (dotted path, description, default)."""
    for name, info in RunConfig.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            for inner, inner_info in info.annotation.model_fields.items():
                yield f"{name}.{inner}", inner_info.description or "", inner_info.default
        else:
            yield name, info.description or "", info.default


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
