"""Parts that are not there everywhere: packages of an extra, and what they need beside Python."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

_CALLED = {"sklearn": "scikit-learn"}  # by those who install it


class PartError(ValueError, ImportError):
    """An optional part is absent or fails; one line names it, and what to do."""


def part(module: str, extra: str, wanted_by: str) -> Any:
    """A module of an optional part.

    Args:
        module: to be imported.
        extra: of this project, that installs it.
        wanted_by: what needs it, as the user calls it.

    Raises:
        PartError: if it is not installed, or is and cannot be imported.
    """
    package = _CALLED.get(module.partition(".")[0], module.partition(".")[0])
    if not is_there(module):
        raise PartError(f"{wanted_by} needs {package}, not installed: pip install interp[{extra}]")
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever its own code raises, such as of a library that is missing
        raise failed(
            f"{wanted_by}: {package}",
            "cannot be imported",
            error,
            f"try pip install --force-reinstall interp[{extra}]",
        ) from error


def is_there(module: str) -> bool:
    """Whether a module is installed; it is not imported."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError, AttributeError):  # its package is absent, or stands for none
        return False


def failed(what: str, how: str, error: BaseException, advice: str) -> PartError:
    """The one line of a part that is there and does not do.

    Args:
        what: the part, as the user calls it.
        how: what it cannot do, such as "cannot be imported".
        error: its own.
        advice: what to check or do.
    """
    lines = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
    return PartError(f"{what} {how} ({said}); {advice}")
