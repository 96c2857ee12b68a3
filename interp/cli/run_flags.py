"""Every configuration field as a command-line flag, made from the configuration classes."""

from __future__ import annotations

from dataclasses import field, fields, is_dataclass, make_dataclass
from keyword import iskeyword
from typing import Annotated, Any

import yaml
from cyclopts import Parameter

from interp.training.config.fields import kinds_of
from interp.training.config.options import option_fields
from interp.training.config.run_config import RunConfig
from interp.training.untrusted import parse_yaml


def _flag(key: str, description: str, default: Any, kind: str) -> Any:
    shown = list(default) if isinstance(default, tuple) else default
    # The words that stand for the value need not be listed once more.
    description = description.removesuffix(f" ({kind.replace('|', ', ')})")
    text = f"{description} (default: {'unset' if shown is None else shown})"
    text = text.replace("*", r"\*")  # help is read as Markdown
    # Text, because the configuration classes check and convert: flags and files err alike.
    # The configuration's own spelling, and the one with hyphens that shells are used to.
    names = list(dict.fromkeys([key, key.replace("_", "-")]))
    about = Parameter(name=names, help=text, show_default=False, metavar=kind)
    return Annotated[str | None, about]


def _make_options() -> type:
    """Nested dataclasses of optional text, so that flags read ``--data.corruption 0.35``."""
    sections: dict[str, list[tuple[str, Any, Any]]] = {}
    kinds = kinds_of(RunConfig)
    for path, description, default in option_fields():
        section, _, key = path.rpartition(".")
        # Python keeps a few words to itself, such as "for".
        name = f"{key}_" if iskeyword(key) else key
        entry = (name, _flag(key, description, default, kinds[path]), field(default=None))
        sections.setdefault(section, []).append(entry)
    own = sections.pop("", [])
    nested = [
        (name, _dataclass(name, entries) | None, field(default=None))
        for name, entries in sections.items()
    ]
    return _dataclass("RunOptions", [*own, *nested])


def _dataclass(name: str, entries: list[tuple[str, Any, Any]]) -> type:
    made = make_dataclass(name, entries)
    made.__module__ = __name__  # cyclopts takes classes of the standard library for plain values
    return made


RunOptions: Any = _make_options()


def overrides_of(options: Any) -> dict[str, Any]:
    """Given flags as dotted paths and YAML values: ``{"data.corruption": 0.35}``."""
    found: dict[str, Any] = {}
    for entry in fields(options) if options is not None else ():
        value = getattr(options, entry.name)
        if is_dataclass(value):
            inner = overrides_of(value)
            found.update({f"{entry.name}.{key}": one for key, one in inner.items()})
        elif value is not None:
            found[entry.name.removesuffix("_")] = _parsed(value)
    return found


def _parsed(text: str) -> Any:
    """The YAML value of a flag: numbers, lists such as [0.9, 0.98], else the text itself."""
    try:
        return parse_yaml(text)
    except yaml.YAMLError:
        return text
