"""What is published: one version everywhere, a changelog by release, sdist and wheel that work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from datetime import date
from pathlib import Path

import pytest
import yaml

from tests.test_installed import source_copy

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
RELEASES = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", CHANGELOG, flags=re.M)
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_one_version_everywhere():
    newest, released = RELEASES[0]
    assert newest == PROJECT["version"] == CITATION["version"]
    assert date.fromisoformat(released) == CITATION["date-released"]


def test_the_changelog_is_by_release():
    heads = re.findall(r"^## (.+)$", CHANGELOG, flags=re.M)
    assert heads == ["Unreleased", *(f"{name} - {day}" for name, day in RELEASES)]
    numbers = [tuple(map(int, name.split("."))) for name, _ in RELEASES]
    assert numbers == sorted(set(numbers), reverse=True)
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert days == sorted(days, reverse=True)
    for release in CHANGELOG.split("\n## ")[2:]:
        kinds = re.findall(r"^### (.+)$", release, flags=re.M)
        assert kinds and set(kinds) <= KINDS
        assert len(kinds) == len(set(kinds))


def test_the_citation_has_what_its_form_asks_for():
    """The keys that version 1.2.0 of the Citation File Format requires, and a person or entity."""
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(CITATION)
    papers = CITATION["references"]
    for work in (CITATION, *papers):
        for author in work["authors"]:
            assert set(author) in ({"name"}, {"given-names", "family-names"})
    assert CITATION["license"] == PROJECT["license"]
    assert "2310.13061" in papers[0]["url"]


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [*map(str, words)],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sdist and wheel, the wheel made of the sdist, as ``make dist`` does it."""
    pytest.importorskip("build")
    pytest.importorskip("setuptools", "77")
    copy = source_copy(tmp_path_factory.mktemp("sdist") / "source")
    out = copy.parent / "dist"
    # The tools are those that are installed, so that nothing is fetched.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, copy, cwd=copy)
    return out


def names_in(dist: Path) -> tuple[set[str], set[str]]:
    """Files of the sdist, and of the wheel."""
    (source,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    with tarfile.open(source) as archive:
        inside = {one.name.partition("/")[2] for one in archive.getmembers() if one.isfile()}
    return inside, set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.slow
def test_the_sdist_makes_the_wheel_that_the_tree_makes(dist):
    source, wheel = names_in(dist)
    below = {"interp": "interp", "training": "interp/training", "analysis": "interp/analysis"}
    expected = {
        f"{place}/{path.relative_to(ROOT / top)}"
        for top, place in below.items()
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(expected) > 300
    assert expected <= wheel
    assert expected | {"pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= source
    about = f"interp-{PROJECT['version']}.dist-info"
    assert {f"{about}/METADATA", f"{about}/licenses/LICENSE"} <= wheel


@pytest.mark.slow
def test_an_index_would_take_them(dist):
    pytest.importorskip("twine")
    shown = run(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir(), cwd=dist)
    assert shown.count("PASSED") == 2


TRIED = """
import interp, sys
from pathlib import Path
assert str(Path(interp.__file__)).startswith(sys.prefix), interp.__file__
assert not Path(interp.__file__).parent.joinpath("training").is_symlink()
from interp.reproduction.recipe import recipes
from interp.experiments.plan import experiments
assert len(recipes()) > 30 and len(experiments()) > 3
config = interp.RunConfig(task={"p": 7}, model={"width": 8}, steps=3, data={"corruption": 0.3})
run = interp.train(config, out="run")
assert interp.load("run").last_step == 3
page = interp.report(run, threshold=0.3, draws=1).read_text()
assert "<!doctype html>" in page
print("whole")
"""


@pytest.mark.slow
def test_the_wheel_works_in_a_new_environment(dist, tmp_path):
    """Its requirements are those of the environment that runs the tests, but not its ``interp``."""
    (wheel,) = dist.glob("*.whl")
    folder = tmp_path / "new"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    scheme = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", scheme="venv", vars=scheme))
    # Paths that a .pth names are searched, and no .pth in them is read: not the editable one.
    (own / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    command, place = folder / "bin" / "interp", {"PYTHONPATH": ""}
    shown = run(command, "--help", cwd=tmp_path, **place)
    assert "Which neurons of a network memorized" in shown
    shown = run(command, "--version", cwd=tmp_path, **place)
    assert shown.startswith(f"interp {PROJECT['version']}\n")
    assert run(python, "-c", TRIED, cwd=tmp_path, **place).splitlines()[-1] == "whole"
    assert (own / "interp" / "py.typed").is_file()
    shown = run(command, "ipr", "run", "--threshold", "0.3", cwd=tmp_path, **place)
    assert "threshold 0.300 (fixed)" in shown
