"""Optional parts that are absent or fail: one line that names them, and what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from interp import figures
from interp.analysis.neurons.answers import answer_planes
from interp.analysis.neurons.classify import two_class_cut, words_of
from interp.analysis.neurons.read import neuron_table
from interp.cli.app import main
from interp.exchange import publishing
from interp.explorer.serve import check_installed
from interp.training.optional import PartError, part
from interp.training.sweep.executors import ray_cluster
from interp.training.sweep.store import open_store

from .test_cli_errors import complaint

# A module of each part, what asks for it, and the extra that installs it.
PARTS = {
    "kaleido": (lambda run, out: figures.save(run.plot(), out / "a.png"), "images"),
    "ray": (lambda run, out: ray_cluster.connect(1, None), "ray"),
    "huggingface_hub": (lambda run, out: publishing.publish(run, out / "p", push="a/b"), "hub"),
    "sklearn.manifold": (lambda run, out: answer_planes(run), "planes"),
    "dash": (lambda run, out: check_installed(), "explorer"),
    "dash_ag_grid": (lambda run, out: check_installed(), "explorer"),
    "diptest": (lambda run, out: words_of(neuron_table(run)), "dip"),
}


@pytest.fixture(autouse=True)
def a_browser(monkeypatch):
    """Named, so that nothing looks for one; it is never started."""
    monkeypatch.setenv("BROWSER_PATH", sys.executable)


@pytest.fixture()
def broken(monkeypatch, tmp_path):
    """Makes an installed module raise something else than ImportError when imported."""

    def make(name: str) -> None:
        top = tmp_path / "broken" / name.replace(".", "/")
        top.mkdir(parents=True)
        for folder in (top, *top.parents):
            if folder == tmp_path / "broken":
                break
            (folder / "__init__.py").touch()
        (top / "__init__.py").write_text("raise OSError('libsomething.so: not found\\nmore')")
        for one in [m for m in sys.modules if f"{m}.".startswith(f"{name.partition('.')[0]}.")]:
            monkeypatch.delitem(sys.modules, one)
        monkeypatch.syspath_prepend(str(tmp_path / "broken"))

    yield make
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_cannot_be_imported(name, broken, tiny_run, tmp_path):
    call, extra = PARTS[name]
    broken(name)
    with pytest.raises(PartError) as caught:
        call(tiny_run, tmp_path)
    said = str(caught.value)
    assert "cannot be imported (OSError: libsomething.so: not found); " in said
    assert said.endswith("try pip install --force-reinstall interp[" + f"{extra}]")
    assert "\n" not in said
    assert [one.name for one in tmp_path.iterdir()] == ["broken"], "nothing is half written"


@pytest.mark.parametrize("name", [name for name in PARTS if name != "diptest"])
def test_a_part_that_is_absent(name, monkeypatch, tiny_run, tmp_path):
    call, extra = PARTS[name]
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PartError, match=rf"not installed: pip install interp\[{extra}\]$"):
        call(tiny_run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_part_that_is_there():
    assert part("json", "any", "a test").loads("1") == 1
    assert two_class_cut(np.array([0.1, 0.9])) == 0.5


class Unstarted(Exception):
    """As the packages that start a browser have several."""


def test_a_browser_that_does_not_start(tiny_run, tmp_path, monkeypatch, capsys):
    def start(*about, **options):
        raise Unstarted("The browser seemed to close immediately\nafter starting.")

    kaleido = ModuleType("kaleido")
    kaleido.calc_fig_sync = start
    kaleido.__spec__ = SimpleNamespace(name="kaleido")
    monkeypatch.setitem(sys.modules, "kaleido", kaleido)
    expected = (
        f"figure: the browser {sys.executable} cannot draw (Unstarted: The browser seemed to close "
        "immediately); check that it starts, name another one in BROWSER_PATH, or write .html"
    )
    for arguments in (
        ["publish", tiny_run.path, tmp_path / "new"],
        ["ipr", tiny_run.path, "--figure", tmp_path / "a.png", "--threshold", "0.3"],
    ):
        assert complaint(capsys, *arguments) == expected
    assert not list(tmp_path.iterdir())


def test_a_hub_that_cannot_be_reached(tiny_run, tmp_path, monkeypatch, capsys):
    def refuse(*about, **options):
        raise ConnectionError("[Errno -3] name not resolved")

    hub = ModuleType("huggingface_hub")
    hub.HfApi = lambda: SimpleNamespace(create_repo=refuse)
    hub.__spec__ = SimpleNamespace(name="huggingface_hub")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setattr(publishing, "_draw", lambda run, folder: {})
    out = tmp_path / "new"
    assert complaint(capsys, "publish", tiny_run.path, out, "--push", "me/net") == (
        "push cannot reach me/net on the hub (ConnectionError: [Errno -3] name not resolved); "
        "check the network and `hf auth login`, and give the same command again"
    )
    assert not out.exists()


def test_ray_that_cannot_start(monkeypatch):
    def refuse(*about, **options):
        raise RuntimeError("no room in /dev/shm")

    there = SimpleNamespace(is_initialized=lambda: False, init=refuse)
    monkeypatch.setattr(ray_cluster, "load_ray", lambda: there)
    message = r"^ray cannot be started on this machine \(RuntimeError: no room in /dev/shm\); try "
    with pytest.raises(PartError, match=message):
        ray_cluster.connect(1, None)
    monkeypatch.setattr(ray_cluster, "check_address", lambda address: None)
    with pytest.raises(PartError, match=r"^ray cannot join 'here:1' \(RuntimeError: no room"):
        ray_cluster.connect(1, "here:1")


def test_a_file_system_that_fails(monkeypatch):
    import fsspec

    def refuse(url):
        raise AttributeError("module has no attribute 'S3FileSystem'")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(ValueError, match=r"s3://a: no file system for this address \(module has"):
        open_store("s3://a")


def test_the_command_line_says_so_too(tiny_run, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "dash", None)
    found = complaint(capsys, "explore", tmp_path)
    assert found == "explore: needs dash, not installed: pip install interp[explorer]"
    with pytest.raises(SystemExit):
        main(["explore", str(Path("nowhere"))])
