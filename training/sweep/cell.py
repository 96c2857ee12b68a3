"""A cell: one configuration of a sweep, known by the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from training.config import RunConfig, parse_config
from training.sweep.cost import run_work


@dataclass(frozen=True)
class Cell:
    """One configuration.

    Attributes:
        hash: of the whole configuration; equal configurations are one cell, in every sweep.
        config: the whole configuration as JSON; of an invalid cell, what was asked for.
        error: why the configuration cannot be; None if it can.
        work: of the whole run, relative to other cells.
    """

    hash: str
    config: str
    error: str | None = None
    work: float = 0.0

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

    def __call__(self, values: Mapping[str, Any]) -> Cell:
        """The cell of a configuration, which may be invalid."""
        try:
            config = RunConfig(**{name: self._checked(name, v) for name, v in values.items()})
        except ValueError as error:
            text = json.dumps(values, sort_keys=True, default=str)
            return Cell(content_hash(text), text, str(error))
        text = config.model_dump_json()
        return Cell(content_hash(text), text, work=run_work(config))

    def _checked(self, name: str, value: Any) -> Any:
        """The section itself if it is right; else what was given, for the whole to complain."""
        if not isinstance(value, dict):
            return value
        key = (name, repr(value))
        if key not in self._sections:
            section = RunConfig.model_fields[name].annotation
            assert isinstance(section, type) and issubclass(section, BaseModel)
            try:
                self._sections[key] = section(**value)
            except ValidationError:
                return value
        return self._sections[key]


def content_hash(config: str) -> str:
    """Name of a configuration: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(config.encode()).hexdigest()[:16]
