"""A cell: one configuration of a sweep, known by the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from interp.training.config.places import check_places
from interp.training.config.resolved import needs_resolving
from interp.training.config.run_config import RunConfig, parse_config
from interp.training.sweep.plan.cost import run_work

_OUTLINES = 10_000  # configurations without sections that are kept: one a seed and number of steps


@dataclass(frozen=True)
class Known:
    """What was measured of a finished cell.

    Attributes:
        row: of the table of results.
        seconds: of training.
        measured: what was recorded of each further measure, by its label.
    """

    row: dict[str, Any]
    seconds: float | None
    measured: dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One configuration.

    Attributes:
        hash: of the configuration; equal configurations are one cell, in every sweep.
        config: the whole configuration as JSON; of an invalid cell, what was asked for.
        error: why the configuration cannot be; None if it can.
        work: of the whole run, relative to other cells.
        known: what was measured of it already, so that only what is missing is measured.
    """

    hash: str
    config: str
    error: str | None = None
    work: float = 0.0
    known: Known | None = field(default=None, compare=False)

    def parsed(self) -> RunConfig:
        """The configuration.

        Raises:
            ValueError: if it cannot be.
        """
        return parse_config(json.loads(self.config))


class CellMaker:
    """Makes cells of plain data; sections that were seen before are not checked again.

    The cells of a grid share nearly all of their sections, and checking one costs more than
    everything else that is done with a cell.
    """

    def __init__(self) -> None:
        self._sections: dict[tuple[str, str], BaseModel] = {}
        self._outlines: dict[str, RunConfig] = {}

    def __call__(self, values: Mapping[str, Any]) -> tuple[Cell, RunConfig | None]:
        """The cell of a configuration, and the configuration unless it is invalid."""
        try:
            config = self._config(values)
            check_places(config)
        except ValueError as error:
            text = json.dumps(plain(values), sort_keys=True)
            return Cell(content_hash(text), text, str(error)), None
        text = config.model_dump_json()
        return Cell(content_hash(config.identity()), text, work=run_work(config)), config

    def _config(self, values: Mapping[str, Any]) -> RunConfig:
        """The same as ``parse_config(values)``."""
        if needs_resolving(values):
            return parse_config(values)
        own: dict[str, Any] = {}
        sections: dict[str, BaseModel] = {}
        for name, value in values.items():
            section = self._section(name, value) if isinstance(value, dict) else None
            if section is None:
                own[name] = value
            else:
                sections[name] = section
        if any(isinstance(value, dict) for value in own.values()):
            return parse_config(values)  # says what is wrong
        key = repr(own)
        if key not in self._outlines:
            if len(self._outlines) > _OUTLINES:
                self._outlines.clear()
            self._outlines[key] = RunConfig(**own)
        # Pydantic's own copy, which checks nothing: every part of it has been checked.
        return BaseModel.model_copy(self._outlines[key], update=sections).check_consistent()

    def _section(self, name: str, value: dict[str, Any]) -> BaseModel | None:
        """A checked section; None if it is not right."""
        key = (name, repr(value))
        if key not in self._sections:
            field = RunConfig.model_fields.get(name)
            kind = field.annotation if field else None
            if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
                return None
            try:
                self._sections[key] = kind(**value)
            except ValidationError:
                return None
        return self._sections[key]


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, with text for what JSON has not: dates, NaN and infinities."""
    found: dict[str, Any] = json.loads(json.dumps(values, default=str), parse_constant=str)
    return found


def content_hash(config: str) -> str:
    """Name of a configuration: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(config.encode()).hexdigest()[:16]
