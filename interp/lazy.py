"""Names of a package that are imported when first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(
    package: str, home: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its name.
        home: the module of each public name; a name whose module is ``package.name`` is that
            module itself.
    """

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(
                f"module {package!r} has no name {name!r}; it has {', '.join(home)}"
            )
        module = import_module(home[name])
        value = module if home[name] == f"{package}.{name}" else getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(home)
