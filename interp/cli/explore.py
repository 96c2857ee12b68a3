"""The command that opens the explorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interp.cli.print_runs import say


def explore(
    folder: Annotated[Path, Parameter(help="folder of runs, of a sweep, or of both")],
    /,
    *,
    port: Annotated[
        int, Parameter(help="the first port to try; the next free one is taken")
    ] = 8050,
    open_: Annotated[
        bool, Parameter(name="--open", negative="", help="also open the page in a browser")
    ] = False,
) -> None:
    """Explore a folder of runs and sweeps in a browser, on this machine only."""
    from interp.explorer.serve import explore as serve

    serve(folder, port, open_, say)
