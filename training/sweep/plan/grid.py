"""A grid file: a base configuration and the options that are varied over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from interp.training.arguments import shown
from interp.training.config.options import check_paths
from interp.training.config.plain_data import flattened, read_config
from interp.training.sweep.plan.distinct import check_distinct, check_values

KEYS = ("base", "axes", "zip", "points", "seeds", "measures")
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes, the zipped groups and the points, once for each seed.

    Attributes:
        base: plain data of a run configuration; what it leaves out are defaults.
        axes: dotted path to its values.
        zips: groups of axes that move together, of equal lengths.
        points: explicit places, each some dotted paths with a value; what a point leaves out is
            the base's.
        seeds: values of the run's ``seed``.
        measures: what is measured of every run beyond its row: options by the measure's name.
    """

    base: Mapping[str, Any]
    axes: Mapping[str, Values] = field(default_factory=dict)
    zips: tuple[Mapping[str, Values], ...] = ()
    points: tuple[Mapping[str, Any], ...] = ()
    seeds: tuple[int, ...] = (0,)
    measures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """Dotted paths of all axes, in the order of the file."""
        groups = [self.axes, *self.zips, *self.points]
        return tuple(dict.fromkeys(path for group in groups for path in group))

    @property
    def values(self) -> dict[str, list[Any]]:
        """The values of every axis, zipped ones and those of points included."""
        found = {path: list(values) for path, values in self.axes.items()}
        for group in self.zips:
            found.update({path: list(values) for path, values in group.items()})
        for point in self.points:
            for path, value in point.items():
                found.setdefault(path, []).append(value)
        return found

    @property
    def count(self) -> int:
        """Number of cells, without making them."""
        lengths = [len(values) for values in self.axes.values()]
        lengths += [len(next(iter(group.values()))) for group in self.zips]
        return prod([*lengths, len(self.points) or 1, len(self.seeds)])

    def overrides(self) -> Iterator[dict[str, Any]]:
        """Each cell as dotted paths with their values, ``seed`` among them."""
        groups: list[list[Mapping[str, Any]]] = [
            [{path: value} for value in values] for path, values in self.axes.items()
        ]
        for zipped in self.zips:
            rows = zip(*zipped.values(), strict=True)
            groups.append([dict(zip(zipped, row, strict=True)) for row in rows])
        groups.append(list(self.points) or [{}])
        groups.append([{"seed": seed} for seed in self.seeds])
        for parts in product(*groups):
            merged: dict[str, Any] = {}
            for part in parts:
                merged.update(part)
            yield merged

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as :func:`parse_grid` reads it."""
        content = {
            "base": dict(self.base),
            "axes": {path: list(values) for path, values in self.axes.items()},
            "zip": [{path: list(v) for path, v in group.items()} for group in self.zips],
            "points": [dict(point) for point in self.points],
            "seeds": list(self.seeds),
            "measures": {name: dict(options) for name, options in self.measures.items()},
        }
        return {key: value for key, value in content.items() if value or key == "base"}


def read_grid(path: Path | str) -> Grid:
    """The grid that a YAML file describes.

    Raises:
        ValueError: in one line, if the file or anything in it is not as expected.
    """
    values = read_config(path)
    base = values.get("base")
    if isinstance(base, str):  # another file's configuration, beside this one
        values = {**values, "base": read_config(Path(path).parent / base)}
    grid = parse_grid(values)
    if not {*values} - {"base"}:
        raise ValueError(
            f"grid {path}: expected axes, zip, points or seeds that are varied, got "
            f"{', '.join(map(str, values)) or 'nothing'}"
        )
    return grid


def parse_grid(values: Mapping[str, Any]) -> Grid:
    """The grid that plain data describes.

    Raises:
        ValueError: in one line, naming the key, what was expected and what came.
    """
    if not values:
        raise ValueError(f"grid: expected some of {', '.join(KEYS)}, got nothing")
    for key in values:
        if key not in KEYS:
            raise ValueError(f"grid: unknown key {key!r}; expected some of {', '.join(KEYS)}")
    base = _mapping("base", values.get("base"))
    check_paths(flattened(base))
    axes = _axes("axes", values.get("axes"))
    groups = values.get("zip")
    groups = [groups] if isinstance(groups, Mapping) else _listed("zip", groups)
    zips = tuple(_zipped(_axes("zip", group)) for group in groups)
    points = tuple(_point(point) for point in _listed("points", values.get("points")))
    own = [base["seed"]] if "seed" in base else 1
    measures = _measures(values.get("measures"))
    grid = Grid(base, axes, zips, points, _seeds(values.get("seeds", own)), measures)
    check_distinct(axes, zips, points)
    check_values(axes, zips, ("points", points), ("seeds", grid.seeds))
    return grid


def _mapping(key: str, value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}: expected a mapping of fields, got {shown(value)}")
    return value


def _listed(key: str, value: object) -> list[Any] | tuple[Any, ...]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise ValueError(f"{key}: expected a list of mappings, got {shown(value)}")
    return value


def _axes(key: str, value: object) -> dict[str, Values]:
    axes = {str(path): values for path, values in _mapping(key, value).items()}
    check_paths(axes)
    return {path: _values(path, given) for path, given in axes.items()}


def _values(path: str, given: Any) -> Values:
    """The values of an axis: a list, or one of the two spacings."""
    if isinstance(given, Mapping):
        given = _spaced(path, given)
    if not isinstance(given, list | tuple):
        raise ValueError(
            f"axis {path}: expected a list, {{linspace: [first, last, count]}} or "
            f"{{geomspace: [first, last, count]}}, got {shown(given)}"
        )
    if not given:
        raise ValueError(f"axis {path}: expected at least one value, got none")
    return tuple(given)


def _spaced(path: str, given: Mapping[Any, Any]) -> list[float]:
    spacings: dict[Any, Any] = {"linspace": np.linspace, "geomspace": np.geomspace}
    name, limits = next(iter(given.items()), (None, None))
    if name not in spacings or len(given) > 1:
        raise ValueError(f"axis {path}: expected linspace or geomspace, got {dict(given)!r}")
    if (
        not isinstance(limits, list | tuple)
        or len(limits) != 3
        or any(isinstance(x, bool) or not isinstance(x, int | float) for x in limits)
    ):
        raise ValueError(f"axis {path}: {name}: expected [first, last, count], got {shown(limits)}")
    first, last, count = limits
    if not isinstance(count, int) or not 1 <= count <= 10**6:
        raise ValueError(f"axis {path}: {name}: expected a count from 1 to 10⁶, got {count!r}")
    if name == "geomspace" and first * last <= 0:
        raise ValueError(f"axis {path}: geomspace: expected ends of one sign, got {first}, {last}")
    # Twelve digits: 0.3, not 0.30000000000000004, so that two files that mean it say the same.
    return [float(f"{value:.12g}") for value in spacings[name](first, last, count)]


def _zipped(group: dict[str, Values]) -> dict[str, Values]:
    lengths = {path: len(values) for path, values in group.items()}
    if len(set(lengths.values())) != 1:
        shown = ", ".join(f"{path} has {count}" for path, count in lengths.items())
        raise ValueError(f"zip: expected axes of equal lengths, {shown or 'got no axis'}")
    return group


def _point(point: object) -> Mapping[str, Any]:
    place = {str(path): value for path, value in _mapping("points", point).items()}
    check_paths(place)
    return place


def _seeds(given: Any) -> tuple[int, ...]:
    """A number of seeds, counted from 0, or the seeds themselves."""
    counted = isinstance(given, int) and not isinstance(given, bool) and given <= 10**6
    seeds = list(range(given)) if counted else given
    right = isinstance(seeds, list | tuple) and bool(seeds)
    if not right or any(isinstance(s, bool) or not isinstance(s, int) or s < 0 for s in seeds):
        raise ValueError(
            f"seeds: expected a number of seeds from 1 to 10⁶ or a list of them, got {shown(given)}"
        )
    return tuple(seeds)


def _measures(given: object) -> dict[str, Mapping[str, Any]]:
    """Options by the name of the measure; a list of names has none."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list | tuple):
        given = dict.fromkeys(given)
    found = _mapping("measures", given)
    return {str(name): dict(_mapping(f"measures.{name}", v)) for name, v in found.items()}
