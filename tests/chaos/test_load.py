"""Many clients, checkpoints, records and neurons: no error, and memory within bounds.

Times are printed and written down, and never asserted.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.clients import Client, Crowd
from tests.chaos.commands import ROOT, explorer, interp
from tests.chaos.figures import Figures

GB = 2**30
MOST = 3 * GB


def make(kind: str, place: Path) -> Path:
    words = [sys.executable, "-m", "tests.chaos.making", kind, str(place)]
    subprocess.run(words, check=True, cwd=ROOT)
    return place


@pytest.fixture(scope="module")
def figures():
    found = Figures("load")
    yield found
    found.write()


def test_fifty_clients_for_a_minute(tmp_path, figures):
    root = make("few", tmp_path / "runs")
    with explorer(root, tmp_path / "said") as server:
        one = Client(server.address)
        kept = {}
        for load in range(1, 501):
            one.load("run-0", "run-1", sweep="sweep")
            if load in (100, 500):
                kept[load] = server.bytes
        figures.add(
            "explorer: memory after 100 page loads, after 500",
            f"{kept[100] / 2**20:.0f} MiB, {kept[500] / 2**20:.0f} MiB",
        )
        crowd = Crowd()

        def client():
            browser = Client(server.address)
            return lambda: browser.load("run-0", "run-1", sweep="sweep")

        crowd.run(50, 60.0, client)
        figures.add(
            "explorer: 50 clients for 60 s",
            f"{crowd.loads} pages of six requests, {len(crowd.wrong)} errors, slowest "
            f"{crowd.slowest:.1f} s, at most {server.most_bytes / 2**20:.0f} MiB",
        )
        one.load("run-0")
        assert server.most_bytes < MOST
    assert not crowd.wrong, crowd.wrong[:5]
    assert crowd.loads >= 50
    assert (tmp_path / "said").read_text() == ""
    assert kept[500] - kept[100] < 16 * 2**20, kept


def test_two_thousand_checkpoints(tmp_path, figures):
    root = tmp_path / "runs"
    run = make("checkpoints", root / "long")
    name = "2,000 checkpoints (p 47, N 128): "
    commands = {
        "interp ipr": ("ipr", run, "--json"),
        "interp report": ("report", run, "--out", tmp_path / "report.html"),
        "interp measure bands --history": ("measure", "bands", run, "--history", "--json"),
        "interp measure ipr_history": ("measure", "ipr_history", run, "--json"),
    }
    for words, command in commands.items():
        took = interp(*command)
        figures.add(f"{name}`{words}`", str(took))
        assert took.bytes < MOST
    size = (tmp_path / "report.html").stat().st_size
    figures.add(f"{name}size of the report", f"{size / 1e6:.1f} MB")
    with explorer(root, tmp_path / "said") as server:
        began = time.perf_counter()
        Client(server.address).load("long")
        seconds = time.perf_counter() - began
        Client(server.address).load("long")
        time.sleep(20)  # its checkpoints are prepared in the background
        figures.add(
            f"{name}explorer, the run's page at first; memory at most",
            f"{seconds:.1f} s, {server.most_bytes / 2**20:.0f} MiB",
        )
        assert server.most_bytes < MOST
    assert (tmp_path / "said").read_text() == ""


def test_twenty_thousand_records(tmp_path, figures):
    root = make("records", tmp_path / "sweep")
    name = "20,000 records in a sweep: "
    for words, command in {
        "interp sweep status": ("sweep", "status", root, "--json"),
        "interp phases, no table yet": ("phases", root, "--panel", "optimizer.weight_decay",
                                        "--json"),
        "interp collect": ("collect", root, "--json"),
        "interp phases": ("phases", root, "--panel", "optimizer.weight_decay", "--json"),
    }.items():  # fmt: skip
        took = interp(*command)
        figures.add(f"{name}`{words}`", str(took))
        assert took.bytes < MOST
    with explorer(root, tmp_path / "said") as server:
        one = Client(server.address)
        began = time.perf_counter()
        one.load(sweep=".")
        seconds = time.perf_counter() - began
        for _ in range(10):
            one.load(sweep=".")
        figures.add(
            f"{name}explorer, page with table and diagram; memory at most, of eleven",
            f"{seconds:.1f} s, {server.most_bytes / 2**20:.0f} MiB",
        )
        assert server.most_bytes < MOST
    assert (tmp_path / "said").read_text() == ""


def test_five_thousand_neurons(tmp_path, figures):
    run = make("wide", tmp_path / "wide")
    name = "p 97, N 5000, 8 checkpoints: "
    for words, command in {
        "interp ipr": ("ipr", run, "--json"),
        "interp prune": ("prune", run, "--json", "--threshold", "null"),
        "interp report": ("report", run, "--out", tmp_path / "report.html"),
    }.items():
        took = interp(*command)
        figures.add(f"{name}`{words}`", str(took))
        assert took.bytes < MOST
    size = (tmp_path / "report.html").stat().st_size
    figures.add(f"{name}size of the report", f"{size / 1e6:.1f} MB")
