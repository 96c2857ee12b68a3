"""The explorer answers its own page, and nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from interp.explorer.app import make_app
from interp.explorer.catalog import Catalog
from interp.explorer.guard import MOST_BYTES, guard
from interp.explorer.readings import Readings
from interp.explorer.state import MOST_RUNS
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

PORT, TOKEN = 8050, "secret"
HERE = {"Host": f"127.0.0.1:{PORT}"}
UPDATE = "/_dash-update-component"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("guarded")
    train(tiny_config(), root / "one")
    return root


@pytest.fixture()
def server(folder):
    found = make_app(folder).server
    guard(found, PORT, TOKEN)
    return found


@pytest.fixture()
def client(server):
    return server.test_client()


@pytest.fixture()
def bare(server):
    """A client that sends the cookies it is told to."""
    return server.test_client(use_cookies=False)


@pytest.fixture()
def known(client):
    """A browser that has opened the printed address."""
    assert client.get(f"/?token={TOKEN}", headers=HERE).status_code == 302
    return client


def test_the_printed_address_opens_the_page_without_the_token(client):
    answer = client.get(f"/?token={TOKEN}&runs=one", headers=HERE)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/?runs=one"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/?runs=one", headers=HERE).status_code == 200
    assert client.get("/_dash-layout", headers=HERE).status_code == 200


@pytest.mark.parametrize("address", ["/", "/?token=guess", "/?token=", "/_dash-layout"])
def test_without_the_token_nothing_is_answered(client, address):
    answer = client.get(address, headers=HERE)
    assert answer.status_code == 403
    assert answer.text == "expected the address that interp explore has printed\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_by_every_name(bare, host):
    own = {"Host": f"{host}:{PORT}", "Origin": f"http://{host}:{PORT}"}
    own["Cookie"] = f"interp-{PORT}={TOKEN}"
    assert bare.get("/_dash-layout", headers=own).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": f"evil.example:{PORT}"},
        {"Host": "127.0.0.1"},
        {"Host": f"127.0.0.1:{PORT + 1}"},
        {**HERE, "Origin": "http://evil.example"},
        {**HERE, "Origin": "null"},
        {**HERE, "Origin": f"https://127.0.0.1:{PORT}"},
    ],
)
def test_other_hosts_and_origins_are_refused_even_with_the_token(bare, headers):
    with_cookie = {**headers, "Cookie": f"interp-{PORT}={TOKEN}"}
    for address in ("/", "/_dash-layout", f"/?token={TOKEN}"):
        assert bare.get(address, headers=with_cookie).status_code == 403


def post(client: Any, body: bytes) -> TestResponse:
    return client.post(UPDATE, data=body, headers={**HERE, "Content-Type": "application/json"})


def test_long_bodies_are_refused(known):
    assert post(known, b'{"a": "' + b"x" * MOST_BYTES + b'"}').status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"output": 3}',
        b'{"output": "panels.children", "inputs": 7, "changedPropIds": []}',
        b'{"output": "no.such", "outputs": {"id": "no", "property": "such"}, "inputs": [],'
        b' "changedPropIds": []}',
        b"\xff\xfe",
        b"[" * 20_000,
    ],
)
def test_malformed_requests_are_answered_without_a_traceback(known, body, caplog):
    answer = post(known, body)
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text + caplog.text


def panels(names: list[str]) -> bytes:
    """What the page asks when these runs are opened."""
    outputs = (
        *(("panels", "children"), ("differences", "children"), ("table", "selectedRows")),
        *(("own", "options"), ("own", "value"), ("own-choice", "hidden")),
    )
    opened = [{"name": one} for one in names]
    return json.dumps(
        {
            "output": "".join(["..", "...".join(".".join(one) for one in outputs), ".."]),
            "outputs": [{"id": place, "property": what} for place, what in outputs],
            "inputs": [{"id": "opened", "property": "data", "value": opened}],
            "state": [{"id": "own", "property": "value", "value": None}],
            "changedPropIds": ["opened.data"],
        }
    ).encode()


def test_a_request_opens_six_runs_at_most(known):
    answer = post(known, panels(["one"] * 9))
    assert answer.status_code == 200
    shown = answer.json["response"]["panels"]["children"]
    assert len(shown) == MOST_RUNS


def test_weights_behind_a_link_out_of_the_folder_are_refused(folder, tmp_path):
    root = tmp_path / "root"
    run = train(tiny_config(), root / "linked")
    weights = max((run.path / "checkpoints").glob("*/model.safetensors"))
    outside = tmp_path / "outside.safetensors"
    weights.rename(outside)
    weights.symlink_to(outside)
    catalog = Catalog(root)
    error = f"checkpoints/{weights.parent.name}/model.safetensors: a link that leaves the folder"
    assert catalog.contents().runs["linked"].error == f"{error}; not followed"
    with pytest.raises(ValueError, match="a link that leaves the folder; not followed"):
        Readings(catalog).open("linked")
    weights.unlink()
    outside.rename(root / "inside.safetensors")
    weights.symlink_to(root / "inside.safetensors")
    assert Readings(Catalog(root)).open("linked").run.steps
