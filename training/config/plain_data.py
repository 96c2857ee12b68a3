"""Configurations as plain data: read from YAML, merged and flattened by dotted paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from interp.training.config.places import beside
from interp.training.untrusted import parse_yaml, read_text


def read_config(path: Path | str) -> dict[str, Any]:
    """Plain data of a YAML configuration file, not yet checked against the fields."""
    try:
        text = read_text(Path(path))
    except FileNotFoundError:
        raise ValueError(f"configuration {path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"configuration {path}: cannot be read as text ({error})") from None
    try:
        values = parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"configuration {path}: {error}") from None
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
    found: dict[str, Any] = beside(values, Path(path).parent)
    return found


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


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with dotted paths as keys, the inverse of :func:`with_overrides`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update({f"{name}.{key}": one for key, one in value.items()})
        else:
            flat[str(name)] = value
    return flat
