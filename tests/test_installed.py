"""The package beside other code: names of its own, in a folder that has the same, and as a wheel.

A user's ``training.py`` and ``analysis/`` lie first on the path of a script, as the wheel's
``interp/`` lies last.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = """
import interp
import training
from analysis.mine import ANSWER

config = interp.RunConfig(task={"p": 7}, model={"width": 4}, steps=2)
run = interp.train(config)
print(run.last_step, training.OURS, ANSWER, interp.measures["scores"](run).values()["all_loss"] > 0)
import analysis.mine
print(training.__file__, analysis.mine.__file__, interp.training.__name__, sep="\\n")
print(interp.exchange.Rule.__name__, interp.exchange.__name__)
"""


def test_a_script_beside_its_own_training_and_analysis(tmp_path):
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").write_text("")
    (tmp_path / "analysis" / "mine.py").write_text("ANSWER = 42\n")
    (tmp_path / "training.py").write_text("OURS = 'ours'\n")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "2 ours 42 True",
        str(tmp_path / "training.py"),
        str(tmp_path / "analysis" / "mine.py"),
        "interp.training",
        "Rule interp.exchange",
    ]


def files_below(folder: Path, *suffixes: str) -> set[str]:
    """Files by their place in the package, without what running them leaves."""
    found = (path for path in folder.rglob("*") if path.suffix in suffixes)
    return {str(path.relative_to(folder)) for path in found if "__pycache__" not in path.parts}


def source_copy(copy: Path) -> Path:
    """A copy of what a distribution is built from: nothing is left in the tree."""
    copy.mkdir()
    for name in ("interp", "training", "analysis"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names in the wheel."""
    pytest.importorskip("setuptools", "77")
    copy = source_copy(tmp_path_factory.mktemp("wheel") / "source")
    code = "from setuptools.build_meta import build_wheel\nprint(build_wheel('.'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(copy / done.stdout.splitlines()[-1]) as archive:
        return archive.namelist()


def test_the_wheel_holds_one_package(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    (about,) = [top for top in tops if top.endswith(".dist-info")]
    assert tops == {"interp", about}
    assert not [name for name in wheel if "tests" in name.split("/")]


@pytest.mark.parametrize("name", ["training", "analysis"])
def test_the_wheel_holds_what_the_links_lead_to(wheel, name):
    assert (ROOT / "interp" / name).is_symlink()
    expected = {f"interp/{name}/{path}" for path in files_below(ROOT / name, ".py")}
    assert len(expected) > 20
    assert {one for one in wheel if one.startswith(f"interp/{name}/")} == expected


def test_the_wheel_holds_the_lists_of_names_and_what_pages_are_made_of(wheel):
    own = files_below(ROOT / "interp", ".py", ".pyi", ".yaml", ".css", ".js", ".html", ".typed")
    expected = {f"interp/{path}" for path in own}
    assert {"interp/__init__.pyi", "interp/py.typed", "interp/reporting/assets/main.js"} <= expected
    assert expected <= set(wheel)
