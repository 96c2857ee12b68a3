"""No command needs a network, and none but the one that uploads looks for one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.commands import ROOT
from tests.chaos.offline import COMMANDS, REACHES

# Python reads this in every process, workers too.
HOOK = """
import os, sys

_NEAR = ("127.", "::1", "localhost")

def _far(address):
    if isinstance(address, (str, bytes)):
        return False  # a Unix socket
    host = address[0]
    return not (host in (None, "", b"", "0.0.0.0", "::") or str(host).startswith(_NEAR))

def _watch(event, about):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        far = about[1] is not None and _far(about[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        far = _far(about)
    else:
        return
    if far:
        with open(os.environ["CHAOS_SOCKETS"], "a") as file:
            file.write(f"{event} {about[-1] if event != 'socket.getaddrinfo' else about[:2]}\\n")

sys.addaudithook(_watch)
"""


def run(tmp_path: Path, alone: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """What every command says, and where they tried to reach."""
    hook, tried, answers = tmp_path / "hook", tmp_path / "tried", tmp_path / "answers.json"
    hook.mkdir(exist_ok=True)
    (hook / "sitecustomize.py").write_text(HOOK)
    tried.write_text("")
    places = [str(hook), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": ":".join(places), "CHAOS_SOCKETS": str(tried)}
    place = tmp_path / "place"
    words = [sys.executable, "-m", "tests.chaos.offline", str(place), str(answers)]
    if alone:
        words = ["unshare", "--net", "--map-root-user", *words, "--alone"]
    subprocess.run(words, check=True, cwd=ROOT, env=environment)
    shutil.rmtree(place)
    return json.loads(answers.read_text()), tried.read_text().splitlines()


def may_be_alone() -> bool:
    return subprocess.run(
        ["unshare", "--net", "--map-root-user", "true"], capture_output=True
    ).returncode == 0  # fmt: skip


def test_the_hook_sees_who_reaches_out(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(HOOK)
    log = tmp_path / "log"
    code = """
import socket
for host in ("192.0.2.1", "127.0.0.1"):
    with socket.socket() as one:
        one.settimeout(0.01)
        try:
            one.connect((host, 9))
        except OSError:
            pass
try:
    socket.getaddrinfo("nowhere.invalid", 80)
except OSError:
    pass
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "CHAOS_SOCKETS": str(log)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert log.read_text().splitlines() == [
        "socket.connect ('192.0.2.1', 9)",
        "socket.getaddrinfo ('nowhere.invalid', 80)",
    ]


@pytest.mark.skipif(not may_be_alone(), reason="needs a network namespace of its own (unshare)")
def test_every_command_is_the_same_without_a_network(tmp_path):
    with_one, reached = run(tmp_path, alone=False)
    without, reached_then = run(tmp_path, alone=True)
    pushed = [one for one in without if REACHES in one["command"]]
    assert len(without) == len(COMMANDS.strip().splitlines()) + 1
    assert [one["code"] for one in pushed] == [2], pushed
    for one, other in zip(with_one, without, strict=True):
        assert one.get("escaped", "") == "" == other.get("escaped", ""), (one, other)
        if REACHES not in one["command"]:
            assert one == other
    hub = ("hf.co", "huggingface.co")
    for line in [*reached, *reached_then]:
        assert any(name in line for name in hub), line
