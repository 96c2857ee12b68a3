"""What an error says, in one line; the command line needs it before it loads anything."""

from __future__ import annotations

import sys
from typing import Any


def one_line(error: BaseException) -> str:
    """What an error says, in one line; its class where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def with_kind(error: BaseException, most: int | None = None) -> str:
    """An error's class and what it says, in one line; of code that is not ours.

    Args:
        error: what was raised.
        most: characters of what it says.
    """
    kind, said = type(error).__name__, " ".join(str(error).split())[:most]
    return f"{kind}: {said}" if said else kind


def noted(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: Any = None,
    line: str | None = None,
) -> None:
    """Shows a warning as one line; in place of ``warnings.showwarning``."""
    note(str(message))


def note(text: str) -> None:
    """Says something in one line on standard error."""
    sys.stderr.write(f"interp: note: {' '.join(text.split())}\n")
    sys.stderr.flush()
