"""The explorer's callbacks as plain functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


class Page:
    """Stands for the app: takes the functions that answer to sliders, by their names."""

    def __init__(self) -> None:
        self.found: dict[str, Callable[..., Any]] = {}

    def callback(self, *places: Any, **options: Any) -> Callable[..., Any]:
        def taken(function: Callable[..., Any]) -> Callable[..., Any]:
            self.found[function.__name__] = function
            return function

        return taken

    def clientside_callback(self, *places: Any, **options: Any) -> None:
        """Runs in the browser, and reads nothing."""


class Served:
    """An application that is asked as its page asks, without a browser."""

    def __init__(self, app: Any) -> None:
        self.client = app.server.test_client()
        self.known = self.client.get("/_dash-dependencies").get_json()

    def answer(self, output: str, changed: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """What comes of a change, by property; None where nothing is to be done.

        Args:
            output: a part of one output's name, such as ``panels.children``.
            changed: what has changed, as in ``values``.
            values: present values by ``id.property``. The id of a part of a run's panel is
                ``kind@run``, or ``kind@run@neuron``; what no value is given of is None, and is not
                there where any number may be.
        """
        kind, own, prop = _split(changed)
        asked = next(
            one
            for one in self.known
            if output in one["output"] and any(_fits(i, kind, prop) for i in one["inputs"])
        )
        names = asked["output"].strip(".").split("...")
        outputs = [_filled(*name.rpartition(".")[::2], own, values) for name in names]
        body = {
            "output": asked["output"],
            "outputs": outputs if asked["output"].startswith("..") else outputs[0],
            "changedPropIds": [f"{_written(kind, own)}.{prop}"],
            "inputs": [_filled(i["id"], i["property"], own, values) for i in asked["inputs"]],
            "state": [_filled(i["id"], i["property"], own, values) for i in asked["state"]],
        }
        found = self.client.post("/_dash-update-component", json=body)
        if found.status_code == 204:
            return None
        assert found.status_code == 200, found.get_data(as_text=True)[-2000:]
        return {
            f"{json.loads(name)['kind'] if name.startswith('{') else name}.{prop}": value
            for name, props in found.get_json()["response"].items()
            for prop, value in props.items()
        }


Own = tuple[str, ...]


def _split(name: str) -> tuple[str, Own, str]:
    """Kind or id, run and neuron, and property of ``kind@run@neuron.property``."""
    place, _, prop = name.rpartition(".")
    kind, *own = place.split("@")
    return kind, tuple(own), prop


def _identity(kind: str, own: Own) -> dict[str, Any]:
    return {"kind": kind, **({"neuron": int(own[1])} if len(own) > 1 else {}), "run": own[0]}


def _written(kind: str, own: Own) -> str:
    """An id as Dash writes it."""
    return json.dumps(_identity(kind, own), separators=(",", ":")) if own else kind


def _fits(one: Mapping[str, str], kind: str, prop: str) -> bool:
    return one["property"] == prop and (one["id"] == kind or f'"kind":"{kind}"' in one["id"])


def _filled(place: str, prop: str, own: Own, values: Mapping[str, Any]) -> Any:
    """An input, state or output with its value, or a list of them for a pattern of any number."""
    if not place.startswith("{"):
        return {"id": place, "property": prop, "value": values.get(f"{place}.{prop}")}
    pattern = json.loads(place)
    kind = pattern["kind"]
    if ["ALL"] not in pattern.values():
        identity = _identity(kind, own[:1])
        value = identity if prop == "id" else values.get(f"{kind}@{own[0]}.{prop}")
        return {"id": identity, "property": prop, "value": value}
    every = [(*_split(name), value) for name, value in values.items()]
    return [
        {"id": _identity(kind, theirs), "property": prop, "value": value}
        for their_kind, theirs, their_prop, value in every
        if (their_kind, their_prop) == (kind, prop)
    ]
