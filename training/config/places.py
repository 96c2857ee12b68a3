"""Fields of a configuration that name files: where they lie is no part of what a run is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Sections and their fields that name a file or folder. What is in it, a digest beside it tells.
PLACES: Any = {"task": {"table"}, "data": {"file"}, "start": {"run", "name"}}

# The copies in a run folder, by dotted path; a given dataset lies there as every dataset does.
COPIES: Mapping[str, str | None] = {
    "task.table": "table.npy",
    "data.file": None,
    "start.run": "start.safetensors",
}

_PATHS = tuple(f".{section}.{key}" for section, keys in PLACES.items() for key in keys)


def beside(values: Any, folder: Path, path: str = "") -> Any:
    """Plain data whose files are looked for beside the file that names them, then here.

    Args:
        values: of a configuration or a grid.
        folder: of the file that they were read from.
        path: of the values within the whole, dotted.
    """
    if isinstance(values, Mapping):
        return {key: beside(one, folder, f"{path}.{key}") for key, one in values.items()}
    if isinstance(values, list):
        return [beside(one, folder, path) for one in values]
    if isinstance(values, str) and path.endswith(_PATHS) and (folder / values).exists():
        return str(folder / values)
    return values


def with_places(values: dict[str, Any], places: Mapping[str, str | None]) -> dict[str, Any]:
    """Plain data of a configuration with other places, where it has a digest of what is there."""
    found = dict(values)
    for path, place in places.items():
        section, _, key = path.partition(".")
        if found.get(section, {}).get("digest") is not None:
            found[section] = {**found[section], key: place}
    return found


def in_folder(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Plain data of a run folder's configuration, whose copies are found from everywhere."""
    return with_places(values, {path: name and str(folder / name) for path, name in COPIES.items()})


def check_places(config: Any) -> None:
    """Refuses what other processes would not find: arrays of this one.

    Raises:
        ValueError: naming the field that needs a file.
    """
    for section, keys in PLACES.items():
        part = getattr(config, section)
        for key in keys - {"name"}:
            if part.digest is not None and getattr(part, key) is None:
                raise ValueError(f"{section}.{key}: expected a file in a sweep, got an array")
