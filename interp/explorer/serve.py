"""Serves the explorer on this machine, at the next free port."""

from __future__ import annotations

import errno
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

from interp.training.arguments import as_function, as_path, truth, whole
from interp.training.memory import ARENAS, set_malloc
from interp.training.optional import PartError, is_there, part

HOST = "127.0.0.1"
_TRIES = 50


def explore(
    folder: Path | str,
    port: int = 8050,
    open_browser: bool = False,
    say: Callable[[str], None] | None = None,
) -> None:
    """Shows a folder of runs and sweeps in a browser, until interrupted.

    It listens on 127.0.0.1 only, answers nobody but a browser that opened the printed address,
    and never writes into the folder.

    Args:
        folder: of runs, of a sweep, or of both.
        port: the first to try; the next free one is taken.
        open_browser: whether to open the page in the default browser.
        say: called with one line that holds the address, and one if the port was in use.

    Raises:
        ValueError: if there is no such folder, no free port, or the extra is not installed.
    """
    place = as_path(folder, "a folder of runs")
    whole(port, "port")
    truth(open_browser, "open_browser")
    say = as_function(say, "say") or (lambda words: None)
    check_installed()
    from werkzeug.serving import make_server

    from interp.explorer.app import make_app
    from interp.explorer.background import end
    from interp.explorer.guard import guard

    before = threading.enumerate()
    # A thread a request, each with an arena of its own, would keep what pages have long let go.
    set_malloc({ARENAS: 1})
    app = make_app(place)
    listening = bound(port)
    taken = listening.getsockname()[1]
    if port and taken != port:
        say(f"port {port} is in use")
    token = secrets.token_urlsafe(16)
    guard(app.server, taken, token)
    address = f"http://{HOST}:{taken}/?token={token}"
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(HOST, taken, app.server, threaded=True, fd=listening.fileno())
    say(f"interp explorer: {address}    (Ctrl-C ends it)")
    if open_browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        end(before)


def check_installed() -> None:
    """Asks for the packages that the explorer needs.

    Raises:
        PartError: if one is not there, or cannot be imported.
    """
    missing = [name for name in ("dash", "dash_ag_grid") if not is_there(name)]
    if missing:
        raise PartError(
            f"explore: needs {' and '.join(missing)}, not installed: pip install interp[explorer]"
        )
    for name in ("dash", "dash_ag_grid"):
        part(name, "explorer", "explore")


def bound(port: int) -> socket.socket:
    """A listening socket at a port, or at the next free one.

    Raises:
        ValueError: if the port is none, or none after it is free.
    """
    if not 0 <= port < 65536:
        raise ValueError(f"port: expected 0 to 65535, got {port}")
    for one in range(port, min(port + _TRIES, 65536)):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, one))
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        listening.listen(128)
        return listening
    raise ValueError(f"port: expected a free one from {port} on, found none of {_TRIES}")
