"""What a verdict rests on: the cells of a grid with all that was measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from interp.training.config.plain_data import flattened
from interp.training.config.run_config import RunConfig
from interp.training.config.sections import ModelConfig
from interp.training.sweep.table.results import distinct
from interp.words.options import short_name

if TYPE_CHECKING:
    from interp.training.runs.run import Run
    from interp.training.sweep.table.results import Results

Place = Mapping[str, Any]


@dataclass(frozen=True)
class Trained:
    """One run of a recipe.

    Attributes:
        config: its configuration.
        values: its row of the table of results, and what the analyses gave.
        run: the run; None where only scores were kept.
    """

    config: RunConfig
    values: Mapping[str, Any]
    run: Run | None = None

    @cached_property
    def options(self) -> dict[str, Any]:
        """Every option by dotted path."""
        return flattened(self.config.to_dict())

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.config.seed

    def is_at(self, place: Place) -> bool:
        """Whether its options have these values."""
        return all(self.options.get(path) == value for path, value in place.items())


@dataclass(frozen=True)
class Evidence:
    """The runs of a recipe.

    Attributes:
        runs: those that are done.
        axes: dotted paths of the options that vary.
        results: the table of all cells, those that failed included.
        failed: reasons of the cells that have no run.
        absent: what these cells were to be, every option by dotted path.
    """

    runs: Sequence[Trained]
    axes: tuple[str, ...]
    results: Results
    failed: tuple[str, ...] = ()
    absent: tuple[Place, ...] = ()

    @property
    def seeds(self) -> list[int]:
        """Seeds that have a run, ascending."""
        return sorted({one.seed for one in self.runs})

    @property
    def asked_seeds(self) -> list[int]:
        """Seeds that were asked for, with a run or without, ascending."""
        return sorted({*self.seeds, *(one["seed"] for one in self.absent)})

    def lacks(self, place: Place, seed: int) -> bool:
        """Whether a cell of that seed has no run, and would have these values if it had."""
        return any(
            one["seed"] == seed and all(one.get(path, want) == want for path, want in place.items())
            for one in self.absent
        )

    def at(self, place: Place) -> list[Trained]:
        """Runs whose options have these values, by seed."""
        return sorted((one for one in self.runs if one.is_at(place)), key=lambda one: one.seed)

    @cached_property
    def places(self) -> list[dict[str, Any]]:
        """The different settings, in the order of the grid; each is a row of the axes."""
        found: list[dict[str, Any]] = []
        for one in self.runs:
            place = {path: one.options[path] for path in self.axes}
            if place not in found:
                found.append(place)
        return found


def ticks(runs: Sequence[Trained], path: str) -> dict[Any, Any]:
    """The values of an option in rising order, each with where it stands on an axis.

    Numbers stand at themselves; where one is none, all stand side by side, in words.
    """
    values = distinct(key_of(one.options[path]) for one in runs)
    numbers = all(isinstance(value, int | float) for value in values)
    return {value: value if numbers else _value(path, value) for value in values}


def along(
    runs: Sequence[Trained], path: str, places: Mapping[Any, Any], measure: str
) -> dict[Any, list[float]]:
    """A measure of some runs by where they stand, as :func:`ticks` has it; none without a value."""
    found: dict[Any, list[float]] = {place: [] for place in places.values()}
    for one in runs:
        value = one.values.get(measure)
        if value is not None:
            found[places[key_of(one.options[path])]].append(float(value))
    return {place: values for place, values in found.items() if values}


def key_of(value: Any) -> Any:
    """An option's value as itself, or as text where it could not be the key of a mapping."""
    return value if value is None or isinstance(value, int | float) else str(value)


_LINE = 22  # characters of a panel's title


def words(place: Place) -> str:
    """A place in a few words, such as ``wd 5 · ξ 0.35``."""
    return " · ".join(_parts(place))


def differing(places: Sequence[Place], line: int = _LINE) -> list[str]:
    """As :func:`words` in short lines, a name a place; two places that differ never share one.

    What is the network's default or full batch is left out, and the learning rate, where that
    leaves them different.
    """
    short = [_short(place, line) for place in places]
    of_each: dict[str, list[Place]] = {}
    for name, place in zip(short, places, strict=True):
        if place not in (there := of_each.setdefault(name, [])):
            there.append(place)
    return [
        name if len(of_each[name]) == 1 else _lines(_each(place), line)
        for name, place in zip(short, places, strict=True)
    ]


def _short(place: Place, line: int) -> str:
    usual = {f"model.{name}": info.default for name, info in ModelConfig.model_fields.items()}
    told = {
        path: value
        for path, value in place.items()
        if value is not None and path != "optimizer.lr" and usual.get(path, ...) != value
    }
    return _lines(_parts(told or place), line)


def _lines(parts: Sequence[str], line: int) -> str:
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) < line:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return "<br>".join(lines)


def _parts(place: Place) -> list[str]:
    # Settings that differ in their steps also differ in what takes longer, which says more.
    return _each({path: value for path, value in place.items() if path != "steps"} or place)


def _each(place: Place) -> list[str]:
    return [f"{short_name(path)} {_value(path, value)}" for path, value in place.items()]


def _value(path: str, value: Any) -> str:
    if value is None:
        return "full" if path == "optimizer.batch_size" else "unset"
    return f"{value:g}" if isinstance(value, float) else str(value)
