"""A recipe: a claim or figure of a paper as data – grid, measures, figures, criteria."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from interp.training.config.options import check_paths
from interp.training.lines import one_line
from interp.training.sweep.executors.work import Keep
from interp.training.sweep.plan.grid import Grid, parse_grid
from interp.training.untrusted import parse_yaml, read_text

Budget = Literal["quick", "paper"]
Kind = Literal["claim", "figure", "appendix", "neighbour", "own"]
Place = Mapping[str, Any]
Reduce = Literal["mean", "min", "max", "share"]

BUDGETS: tuple[Budget, ...] = ("quick", "paper")
_KINDS: tuple[Kind, ...] = ("claim", "figure", "appendix", "neighbour", "own")
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii")


class _Part(BaseModel):
    """Frozen and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Other(_Part):
    """What a value is compared with: the same seed, another measure or place."""

    measure: str | None = None
    at: dict[str, Any] | None = None
    by: float = 0.0


class Criterion(_Part):
    """One thing that must hold of every seed.

    Attributes:
        says: in words.
        measure: name of a column of a run's row, or of a value that a measure gives.
        at: dotted paths and values of the runs it is about; all runs by default.
        reduce: how several runs of a seed become one value; ``share``: of those that are ``of``.
        of: the word that ``share`` counts.
        at_least, at_most: bounds.
        exceeds, falls_below: another value, which must be left behind by ``by``.
        null: name of the value of something that learned nothing, in the same runs; where it meets
            the criterion too, the criterion tells nothing of what was learned.
    """

    says: str
    measure: str
    at: dict[str, Any] = Field(default_factory=dict)
    reduce: Reduce = "mean"
    of: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    exceeds: Other | None = None
    falls_below: Other | None = None
    null: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_is_a_word(cls, given: Any) -> Any:
        # YAML takes a bare `null` for None, as a key too.
        if isinstance(given, Mapping) and None in given and "null" not in given:
            return {"null" if key is None else key: value for key, value in given.items()}
        return given

    @model_validator(mode="after")
    def _comparable(self) -> Criterion:
        bounded = self.at_least is not None or self.at_most is not None
        if bounded + (self.exceeds is not None) + (self.falls_below is not None) != 1:
            raise ValueError("expected bounds, or exceeds, or falls_below")
        if (self.reduce == "share") != (self.of is not None):
            raise ValueError("expected `of` with reduce: share, and only there")
        return self


class Recipe(_Part):
    """What is trained, measured, drawn and asked.

    Attributes:
        name: what a user types, and the folder of its verdict.
        kind, number: its place in the paper; a user's own recipe needs none, and a neighbour is
            of another paper.
        title: in a few words.
        source: paper and place in it.
        claim: what the paper says, in one sentence.
        trained: ``analytic`` networks are constructed, not trained.
        grid: as in a grid file; of the quick budget.
        paper: keys of the grid that the full budget replaces; ``base`` is merged.
        keep: ``scores`` where no figure needs the networks.
        measures: name and options of each, as ``interp measure`` lists them.
        figures: kind and options of each.
        criteria: all must hold.
        note: what the quick budget leaves out, and where the setting is not the paper's.
    """

    name: str = Field(pattern=r"^[\w-]+$")
    kind: Kind = "own"
    number: int = 0
    title: str
    source: str
    claim: str
    trained: Literal["trained", "analytic"] = "trained"
    grid: dict[str, Any]
    paper: dict[str, Any] = Field(default_factory=dict)
    keep: Keep = "runs"
    measures: dict[str, dict[str, Any]] = Field(default_factory=dict)
    figures: list[dict[str, Any]] = Field(min_length=1)
    criteria: list[Criterion] = Field(min_length=1)
    note: str = ""

    @model_validator(mode="after")
    def _can_be_read(self) -> Recipe:
        if self.kind == "claim" and not 1 <= self.number <= len(_ROMAN):
            raise ValueError(f"number: expected 1 to {len(_ROMAN)}, got {self.number}")
        for one in self.criteria:
            others = [other.at for other in (one.exceeds, one.falls_below) if other is not None]
            for place in (one.at, *others):
                check_paths(place or ())
        return self

    @property
    def label(self) -> str:
        """As people refer to it: ``claim (ii)``, ``figure 6``, ``Liu and Lu 2026``."""
        if self.kind == "claim":
            return f"claim ({_ROMAN[self.number - 1]})"
        if self.kind == "neighbour":  # sources begin with authors and year
            return self.source.partition(" (")[0]
        if self.kind == "own":
            return self.name
        return f"figure {self.number}" if self.kind == "figure" else "appendix"

    def grid_of(self, budget: Budget, seeds: int | None = None) -> Grid:
        """The grid of a budget, with another number of seeds if asked for."""
        values = deepcopy(self.grid)
        if budget == "paper":
            base = _merged(values.get("base", {}), self.paper.get("base", {}))
            values = {**values, **self.paper, "base": base}
        values.setdefault("seeds", 3)
        values["measures"] = self.measures
        if seeds is not None:
            values["seeds"] = seeds
        return parse_grid(values)


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(first)
    for key, value in second.items():
        inner = found.get(key)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        found[key] = _merged(inner, value) if both and isinstance(inner, Mapping) else value
    return found


def parse_recipe(text: str, where: str) -> Recipe:
    """The recipe that YAML describes.

    Raises:
        ValueError: in one line, if anything in it is not as expected.
    """
    try:
        recipe = Recipe(**parse_yaml(text))
        for budget in BUDGETS:
            recipe.grid_of(budget)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"recipe {where}: {f'{path}: ' if path else ''}{said}") from None
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(f"recipe {where}: {one_line(error)}") from None
    return recipe


@cache
def recipes() -> Mapping[str, Recipe]:
    """Every recipe by name: claims, figures, appendices, and those of neighbouring papers."""
    folder = files("interp.reproduction") / "recipes"
    found = [
        parse_recipe(path.read_text(encoding="utf-8"), path.name)
        for path in folder.iterdir()
        if path.name.endswith(".yaml")
    ]
    found.sort(key=lambda one: (_KINDS.index(one.kind), one.number, one.name))
    return {one.name: one for one in found}


def find_recipe(name: str) -> Recipe:
    """The recipe of that name, or of a file of one's own.

    Args:
        name: as ``interp reproduce`` lists them, or the path of a ``.yaml`` file.

    Raises:
        ValueError: if there is none, or the file holds none, or takes the name of another.
    """
    if name.lower().endswith((".yaml", ".yml")):
        return _of_file(Path(name))
    known = recipes()
    if name not in known:
        raise ValueError(
            f"reproduce: expected one of {', '.join(known)} or a .yaml file; got {name!r}"
        )
    return known[name]


def _of_file(path: Path) -> Recipe:
    if not path.is_file():
        raise ValueError(f"recipe {path}: expected a file, found none")
    found = parse_recipe(read_text(path), path.name)
    there = recipes().get(found.name)
    if there is not None and there != found:
        raise ValueError(f"recipe {path.name}: name: {found.name} is a recipe of interp's own")
    return found
