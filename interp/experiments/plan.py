"""An experiment as data: conditions, stages of runs, and what is read off them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interp.training.config.options import check_paths
from interp.training.lines import one_line
from interp.training.untrusted import parse_yaml, read_text

Point = Mapping[str, Any]


class _Part(BaseModel):
    """Frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Bisect(_Part):
    """An option whose critical value is searched: where a value comes to a level.

    All seeds of a condition are tried at the same places; the next one halves the interval in which
    most of them come to the level.

    Attributes:
        along: dotted path of the option.
        low, high: where the search begins.
        rounds: how often the interval is halved.
        value: column of a run's row.
        level: that it has to come to.
    """

    along: str
    low: float
    high: float
    rounds: int = Field(default=4, ge=0, le=20)
    value: str
    level: float

    @model_validator(mode="after")
    def _ordered(self) -> Bisect:
        if not self.low < self.high:
            raise ValueError(f"expected low below high, got {self.low:g} and {self.high:g}")
        return self


class Stage(_Part):
    """Runs of one kind, for each condition and seed.

    Attributes:
        name: what later stages and tables call it.
        says: what is done, in words.
        start: name of the stage whose runs of the same condition and seed these begin with.
        set: dotted paths and values, over the base's and the condition's.
        axes: dotted paths and the values of each, all combined.
        bisect: in place of axes.
        control: whether it is one: what learned nothing, or was not treated.
    """

    name: str = Field(pattern=r"^[\w-]+$")
    says: str
    start: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    axes: dict[str, list[Any]] = Field(default_factory=dict)
    bisect: Bisect | None = None
    control: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Stage:
        if self.bisect is not None and (self.axes or self.start is not None):
            raise ValueError("expected bisect without axes and start")
        check_paths({**self.set, **self.axes})
        return self

    @property
    def options(self) -> tuple[str, ...]:
        """Dotted paths of its own axes, or of what is searched."""
        return tuple(self.axes) if self.bisect is None else (self.bisect.along,)

    @property
    def points(self) -> list[Point]:
        """Every combination of the axes."""
        return list(combined(self.axes))


class Crossing(_Part):
    """Where a value comes to a level along an axis of a stage, by linear interpolation.

    Attributes:
        name: in tables.
        says: in words; stage: whose runs; along: dotted path of the axis.
        value: column of a run's row.
        level: that it comes to, and keeps from there on.
        against: another stage, whose value there is taken away from it.
        among: values that runs of that stage must come to; where none does, the nearest place's
            stands for it, and the crossing is said to be extrapolated.
    """

    name: str = Field(pattern=r"^[\w-]+$")
    says: str
    stage: str
    along: str
    value: str
    level: float
    against: str | None = None
    among: dict[str, float] = Field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of runs."""
        return (self.value, *self.among)


class Experiment(_Part):
    """Stages of runs, the same for each condition.

    Attributes:
        name: what a user types.
        title, source, claim: as of a recipe; base: plain data of a run configuration.
        axes: the conditions: dotted paths and values of each, all combined.
        seeds: how many, from 0 on.
        stages: in their order.
        values: columns of a run's row that tables show.
        measures: of a run, whose values are columns too.
        picture: ``onsets`` draws every run's signals, aligned; else values are drawn.
        crossings: what is read off.
        note: what is to be known of the numbers.
    """

    name: str = Field(pattern=r"^[\w-]+$")
    title: str
    source: str
    claim: str
    base: dict[str, Any] = Field(default_factory=dict)
    axes: dict[str, list[Any]] = Field(default_factory=dict)
    seeds: int = Field(default=3, ge=1, le=10**6)
    stages: list[Stage] = Field(min_length=1)
    values: list[str] = Field(min_length=1)
    measures: dict[str, dict[str, Any]] = Field(default_factory=dict)
    picture: Literal["values", "onsets"] = "values"
    crossings: list[Crossing] = Field(default_factory=list)
    note: str = ""

    @model_validator(mode="after")
    def _known(self) -> Experiment:
        check_paths(self.axes)
        before: dict[str, Stage] = {}
        for stage in self.stages:
            if stage.name in before:
                raise ValueError(f"expected stages of different names, got {stage.name} twice")
            first = None if stage.start is None else before.get(stage.start)
            if stage.start is not None and first is None:
                raise ValueError(
                    f"stage {stage.name}: expected to start from a stage before it, got "
                    f"{stage.start!r}"
                )
            if first is not None and (first.axes or first.bisect):
                raise ValueError(
                    f"stage {stage.name}: expected to start from a stage of one run a condition "
                    f"and seed, got {first.name}, which has several"
                )
            before[stage.name] = stage
        for one in self.crossings:
            for name in (one.stage, one.against or one.stage):
                read = before.get(name)
                if read is None or one.along not in read.options:
                    raise ValueError(
                        f"crossing {one.name}: expected a stage with axis {one.along}, got {name!r}"
                    )
        return self

    @property
    def conditions(self) -> list[Point]:
        """Every combination of the axes."""
        return list(combined(self.axes))

    def options_of(self, stage: str) -> tuple[str, ...]:
        """Dotted paths of the options that the runs of a stage differ in."""
        found = next(one for one in self.stages if one.name == stage)
        return (*self.axes, *found.options)

    @property
    def columns(self) -> tuple[str, ...]:
        """Values that are read of every run, each once."""
        more = [name for one in self.crossings for name in one.columns]
        more += [stage.bisect.value for stage in self.stages if stage.bisect is not None]
        return tuple(dict.fromkeys([*self.values, *more]))


def combined(axes: Mapping[str, list[Any]]) -> Iterator[Point]:
    """Every combination of the values; an empty one of no axes."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def parse_experiment(text: str, where: str) -> Experiment:
    """The experiment that YAML describes.

    Raises:
        ValueError: in one line, if anything in it is not as expected.
    """
    try:
        return Experiment(**parse_yaml(text))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"experiment {where}: {path or 'stages'}: {first['msg']}") from None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(f"experiment {where}: {one_line(error)}") from None


@cache
def experiments() -> Mapping[str, Experiment]:
    """Every experiment by name."""
    folder = files("interp.experiments") / "library"
    found = [
        parse_experiment(path.read_text(encoding="utf-8"), path.name)
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.endswith(".yaml")
    ]
    return {one.name: one for one in found}


def find_experiment(name: str) -> Experiment:
    """The experiment of that name, or of a file of one's own.

    Raises:
        ValueError: if there is none, or the file holds none.
    """
    if name.lower().endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise ValueError(f"experiment {path}: expected a file, found none")
        return parse_experiment(read_text(path), path.name)
    known = experiments()
    if name not in known:
        raise ValueError(
            f"experiment: expected one of {', '.join(known)} or a .yaml file; got {name!r}"
        )
    return known[name]
