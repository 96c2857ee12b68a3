"""Browsers that open the explorer's page over and over, without a browser."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from typing import Any
from urllib.request import HTTPCookieProcessor, Request, build_opener

UPDATE = "_dash-update-component"


class Client:
    """A browser that has opened the printed address and keeps its cookie."""

    def __init__(self, address: str) -> None:
        self._base = address.partition("?")[0]
        self._open = build_opener(HTTPCookieProcessor(CookieJar())).open
        self.get(address)

    def get(self, address: str) -> bytes:
        """The answer to a request, which must be a good one."""
        with self._open(address, timeout=60) as answer:
            assert answer.status == 200, (address, answer.status)
            content: bytes = answer.read()
        return content

    def post(self, body: dict[str, Any]) -> Any:
        """What a callback gives; None if it has nothing to say."""
        headers = {"Content-Type": "application/json"}
        asked = Request(self._base + UPDATE, json.dumps(body).encode(), headers)
        with self._open(asked, timeout=60) as answer:
            assert answer.status in (200, 204), answer.status
            return json.loads(answer.read()) if answer.status == 200 else None

    def load(self, *runs: str, sweep: str | None = None) -> None:
        """A page as a browser loads it: the frame, the layout, then what its callbacks ask."""
        self.get(self._base)
        assert b"panels" in self.get(self._base + "_dash-layout")
        known = json.loads(self.get(self._base + "_dash-dependencies"))
        listing = self.post(_asked(known, "version.data", {"tick": 3, "version": -1, "opened": []}))
        assert listing["response"]["table"]["rowData"], listing
        if runs:
            opened = [{"name": name} for name in runs]
            found = self.post(_asked(known, "panels.children", {"opened": opened}))
            shown = json.dumps(found["response"]["panels"])
            assert len(found["response"]["panels"]["children"]) == len(runs)
            assert "broken" not in shown, shown[:2000]
        if sweep is not None:
            values = {"sweep": sweep, "version": 1}
            found = self.post(_asked(known, "diagram.figure", values))
            assert found["response"]["diagram"]["figure"]["data"]


def _asked(known: list[dict[str, Any]], output: str, values: dict[str, Any]) -> dict[str, Any]:
    """The body of a callback's request, from what the page says that it needs."""
    one = next(one for one in known if output in one["output"])
    places = one["output"].strip(".").split("...")
    return {
        "output": one["output"],
        "outputs": [_place(place) for place in places] if len(places) > 1 else _place(places[0]),
        "inputs": [_value(each, values) for each in one["inputs"]],
        "state": [_value(each, values) for each in one["state"]],
        "changedPropIds": [f"{one['inputs'][0]['id']}.{one['inputs'][0]['property']}"],
    }


def _place(text: str) -> Any:
    name, _, prop = text.rpartition(".")
    return [] if name.startswith("{") else {"id": name, "property": prop}


def _value(place: dict[str, Any], values: dict[str, Any]) -> Any:
    if place["id"].startswith("{"):  # of every open run; none is
        return []
    return {**place, "value": values.get(place["id"])}


@dataclass
class Crowd:
    """Many clients at once.

    Attributes:
        loads: pages that came.
        wrong: what was said instead of a page.
        slowest: seconds that a page took.
    """

    loads: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, count: int, seconds: float, client: Callable[[], Callable[[], None]]) -> None:
        """Lets clients load pages one after another until the time is over."""
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self._one, args=(until, client)) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _one(self, until: float, client: Callable[[], Callable[[], None]]) -> None:
        try:
            load = client()
            while time.monotonic() < until:
                began = time.monotonic()
                load()
                with self._lock:
                    self.loads += 1
                    self.slowest = max(self.slowest, time.monotonic() - began)
        except Exception as error:
            self.wrong.append(f"{type(error).__name__}: {error}")
