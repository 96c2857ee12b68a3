"""Who may speak to the explorer: the page that this machine's browser opened, and nobody else.

Another site's script may make a browser send requests to this machine, and with a name that it
makes point here (DNS rebinding) even read the answers. Its requests have that site's name as Host
or Origin, and they lack the token of the address that was printed.
"""

from __future__ import annotations

import hmac
import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, redirect, request
from werkzeug.exceptions import HTTPException

from interp.training.lines import with_kind

MOST_BYTES = 2**20  # of a request
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_TOKEN = "token"
_LOG = logging.getLogger(__name__)


def guard(server: Flask, port: int, token: str) -> None:
    """Refuses every request that does not come from the page itself.

    Args:
        server: of the explorer.
        port: that it listens at.
        token: that the printed address holds; a browser that opened it keeps it as a cookie.
    """
    hosts = {f"{name}:{port}" for name in _NAMES}
    cookie = f"interp-{port}"  # the browser sends the cookies of every port of a host
    server.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    @server.before_request
    def check() -> Any:
        if request.headers.get("Host") not in hosts:
            abort(HTTPStatus.FORBIDDEN, f"Host: expected {' or '.join(sorted(hosts))}")
        origin = request.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in hosts:
            abort(HTTPStatus.FORBIDDEN, "Origin: expected the explorer's own page")
        given = request.args.get(_TOKEN)
        if given is not None and hmac.compare_digest(given.encode(), token.encode()):
            return _without_token(cookie, token)
        known = request.cookies.get(cookie, "")
        if not hmac.compare_digest(known.encode(), token.encode()):
            abort(HTTPStatus.FORBIDDEN, "expected the address that interp explore has printed")
        return None

    answer_errors(server)


def answer_errors(server: Flask) -> None:
    """Makes what a request brings about a line in the log and an answer, never a traceback."""

    @server.errorhandler(Exception)
    def answer(error: Exception) -> Any:
        if isinstance(error, HTTPException):
            return Response(f"{error.description}\n", error.code, mimetype="text/plain")
        words = with_kind(error, 200)
        _LOG.error("cannot answer %s: %s", request.path, words)
        return Response(f"cannot answer that: {words}\n", 400, mimetype="text/plain")


def _without_token(cookie: str, token: str) -> Any:
    """The same address without the token, which the browser keeps for itself."""
    rest = [(key, one) for key, one in request.args.items(multi=True) if key != _TOKEN]
    answer = redirect(f"{request.path}?{urlencode(rest)}" if rest else request.path)
    answer.set_cookie(cookie, token, httponly=True, samesite="Strict")
    return answer
