"""Every option by its dotted path: which there are, and where two configurations differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from interp.training.config.fields import fields_of
from interp.training.config.places import PLACES
from interp.training.config.problems import unknown_key
from interp.training.config.run_config import RunConfig


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
            raise ValueError(unknown_key(RunConfig, path))


def option_fields() -> Iterator[tuple[str, str, Any]]:
    """Every option as (dotted path, description, default)."""
    return fields_of(RunConfig)


def first_difference(ours: RunConfig, theirs: RunConfig) -> str | None:
    """The first dotted path in which two configurations differ, with their value and ours."""
    for path, _, _ in option_fields():
        section, _, key = path.rpartition(".")
        if key in PLACES.get(section, ()):
            continue
        a, b = (
            getattr(getattr(side, section) if section else side, key) for side in (ours, theirs)
        )
        if a != b:
            return f"{path} is {_shown(b)} there, {_shown(a)} was asked for"
    return None


def _shown(value: object) -> str:
    return repr(list(value) if isinstance(value, tuple) else value)
