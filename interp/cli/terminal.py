"""Standard output as it is: narrow, of a small alphabet, cut off or full."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, NoReturn

from rich.console import Console
from rich.measure import Measurement

CUT_OFF = 141  # what a shell says of a command whose reader has gone: 128 + SIGPIPE


_READABLE = 80  # columns, below which a table's words would be cut


class _Console(Console):
    """A console to which brackets and colons are letters, in whatever users name so.

    It leaves it to the command line to say that the reader has gone.
    """

    def __init__(self, width: int | None = None) -> None:
        super().__init__(width=width, markup=False, emoji=False)

    def on_broken_pipe(self) -> NoReturn:
        self.quiet = True
        raise BrokenPipeError


def show(table: Any) -> None:
    """Prints a rich table; a narrow terminal breaks its lines, but no cell loses its words."""
    console = _Console()
    wide = console.options.update(max_width=_READABLE)
    needed = Measurement.get(console, wide, table).maximum
    if console.width < needed:
        console = _Console(width=needed)
    console.print(table)


def take_any_letter() -> None:
    """Lets a stream of a small alphabet show what it has no letter for as ``?``."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def end_cut_off() -> NoReturn:
    """Ends a command whose reader has gone, as ``head`` does, without another word."""
    # What is still to be written must not fail once more when Python ends.
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, sys.stdout.fileno())
    sys.exit(CUT_OFF)
