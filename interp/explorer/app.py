"""The explorer: a Dash application over a folder of runs, on this machine only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dash import Dash

from interp.explorer.address import add_address
from interp.explorer.catalog import Catalog
from interp.explorer.diagrams import add_diagram
from interp.explorer.opening import add_live, add_opening, add_panels
from interp.explorer.overlay import add_overlay
from interp.explorer.page import page
from interp.explorer.run.callbacks import add_run_callbacks
from interp.explorer.saving import add_scripts

if TYPE_CHECKING:
    from interp.explorer.readings import Readings

_WARM_UP_AFTER = 3.0  # seconds: the first page comes first, then torch


def make_app(root: Path) -> Dash:
    """The application over a folder; nothing is written anywhere.

    Raises:
        ValueError: if there is no such folder.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: expected a folder of runs or sweeps, found none")
    catalog = Catalog(root)
    # A long table is read while the application is made and the browser starts.
    threading.Thread(target=catalog.contents, daemon=True).start()
    app = Dash(
        "interp.explorer",
        title="interp explorer",
        update_title="",
        serve_locally=True,
        assets_folder=str(Path(__file__).parent / "assets"),
        suppress_callback_exceptions=True,
    )
    add_scripts(app)
    app.layout = lambda: page(catalog.root, catalog.contents())
    readings = _lazily(app, catalog)
    add_address(app, catalog)
    add_diagram(app, catalog)
    add_opening(app, catalog)
    add_panels(app, catalog, readings)
    add_live(app, catalog, readings)
    add_overlay(app, readings)
    _warm_up(app, readings)
    return app


def _lazily(app: Dash, catalog: Catalog) -> Callable[[], Readings]:
    """Readings of networks, made when first asked for, since torch takes seconds to load."""
    lock = threading.Lock()

    @cache
    def made() -> Readings:
        from interp.explorer.readings import Readings

        return Readings(catalog)

    def readings() -> Readings:
        with lock:
            return made()

    add_run_callbacks(app, readings)
    return readings


def _warm_up(app: Dash, readings: Callable[[], Any]) -> None:
    """Loads torch in the background, once the first page has been served."""
    started = threading.Event()

    @app.server.after_request
    def begin(response: Any) -> Any:
        if not started.is_set():
            started.set()
            timer = threading.Timer(_WARM_UP_AFTER, readings)
            timer.daemon = True
            timer.start()
        return response
