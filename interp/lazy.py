"""Names of a package that are imported when first used."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def lazily(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``, from the stub beside its ``__init__.py``.

    The stub is the one list of the public names: what type checkers and editors read, and what
    is imported at a name's first use.

    Args:
        package: its name.
        file: its ``__init__.py``.
    """
    homes = _homes(Path(file).with_suffix(".pyi").read_text())

    def get(name: str) -> Any:
        if name not in homes:
            if not name.startswith("_") and find_spec(f"{package}.{name}"):
                return import_module(f"{package}.{name}")  # a part, as interp.exchange
            raise AttributeError(
                f"module {package!r} has no name {name!r}; it has {', '.join(homes)}"
            )
        module, attribute = homes[name]
        whole = module == package  # then the attribute is a module of the package
        found = import_module(f"{module}.{attribute}" if whole else module)
        value = found if whole else getattr(found, attribute)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted(homes)


def _homes(stub: str) -> dict[str, tuple[str, str]]:
    """Module and attribute of each name that a stub imports."""
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.parse(stub).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
