"""What the installation is told to be: versions, ranges, extras, GPU, browser, compiled code."""

from __future__ import annotations

import json
import platform
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from interp.cli import installed, machinery
from interp.cli.app import main
from interp.figures import export

from .test_structure import run_python

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GUIDE = (ROOT / "examples" / "guide" / "installing.md").read_text()
ASKED = [
    *PROJECT["dependencies"],
    *(
        f'{one}; extra == "{extra}"'
        for extra, inside in PROJECT["optional-dependencies"].items()
        for one in inside
    ),
]


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[str]:
    """What the package asks for, as the source says; it may be installed from an older one."""
    listed = list(ASKED)
    monkeypatch.setattr(installed, "requires", lambda name: listed)
    return listed


def doctor(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    capsys.readouterr()
    code = 0
    try:
        main(["doctor", *flags])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, capsys.readouterr().out


def plain(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    code, shown = doctor(capsys, "--json")
    return code, json.loads(shown)


def test_versions(capsys):
    main(["--version"])
    lines = capsys.readouterr().out.splitlines()
    expected = {"interp": version("interp"), "python": platform.python_version()}
    expected |= {name: version(name) for name in ("torch", "numpy", "transformer-lens", "plotly")}
    assert lines == [f"{name} {value}" for name, value in expected.items()]


@pytest.mark.parametrize("command", ["--version", "doctor"])
def test_torch_is_not_loaded_to_tell(command):
    """Of a build for CPUs torch has no more to say of GPUs."""
    code = f"""
import interp.cli.machinery as machinery
found = machinery.found
machinery.found = lambda name: "9.9+cpu" if name == "torch" else found(name)
from interp.cli.app import main
try:
    main([{command!r}])
except SystemExit:
    pass
import sys
print("LOADED", *sorted(sys.modules))
"""
    loaded = run_python(code).partition("LOADED")[2].split()
    assert "interp.cli.installed" in loaded
    assert not {"torch", "transformer_lens", "numba"} & set(loaded)


def test_all_is_well(capsys):
    code, found = plain(capsys)
    assert (code, found["well"], found["wrong"]) == (0, True, [])
    names = {Requirement(one).name for one in PROJECT["dependencies"]}
    assert set(found["required"]) == names
    for name, one in found["required"].items():
        assert one["found"] == version(name)
        assert one["fits"] is True
    assert set(found["extras"]) == set(PROJECT["optional-dependencies"])
    dev = found["extras"]["dev"]["packages"]
    assert dev["pytest"]["found"] == version("pytest")
    assert found["environment"]["python"].startswith(platform.python_version())
    assert set(found["parts"]) == {"GPU", "images", "compiled steps are kept"}
    code, shown = doctor(capsys)
    assert code == 0
    assert f"all {len(names)} required packages are there, in their ranges" in shown
    assert f"interp: {version('interp')}" in shown


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("no-such-package>=1", "no-such-package>=1 is not installed"),
        ("numpy>=999", f"numpy {version('numpy')} is outside >=999"),
    ],
)
def test_what_is_required_and_absent_or_too_old(asked, capsys, more, words):
    asked.append(more)
    code, found = plain(capsys)
    assert (code, found["well"], found["wrong"]) == (1, False, [words])
    code, shown = doctor(capsys)
    assert code == 1
    assert f"to be mended: {words}; pip install --upgrade interp" in shown


def test_an_extra_that_is_absent_is_no_fault(asked, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    asked[:] = [one for one in asked if "kaleido" not in one]
    asked.append('no-such-package>=1; extra == "images"')
    code, found = plain(capsys)
    assert code == 0
    images = found["extras"]["images"]
    assert images["well"] is False
    assert images["install"] == "pip install 'interp[images]'"
    _, shown = doctor(capsys)
    (row,) = [line for line in shown.splitlines() if line.startswith("│ images ")]
    assert "no-such-package>=1 is not installed" in row
    assert "pip install 'interp[images]'" in row
    assert "'interp[explorer]'" not in shown


def test_a_package_that_is_not_installed_knows_no_ranges(monkeypatch, capsys):
    def absent(name: str) -> list[str]:
        raise installed.PackageNotFoundError(name)

    monkeypatch.setattr(installed, "requires", absent)
    monkeypatch.setattr(installed, "version", absent)
    code, found = plain(capsys)
    assert code == 1
    assert found["wrong"] == [
        "interp itself is not installed, so its requirements are not known",
    ]
    main(["--version"])
    assert capsys.readouterr().out.startswith("interp not installed\n")


def test_every_extra_is_told_in_doctor_and_guide():
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", GUIDE, flags=re.M)
    assert [name for name, _, _ in rows] == list(installed.EXTRAS)
    assert set(PROJECT["optional-dependencies"]) <= set(installed.EXTRAS)
    for name, words, _ in rows:
        assert words.replace("`", "").startswith(installed.EXTRAS[name])
    packages = {name: inside for name, _, inside in rows if name not in ("dev", "docs")}
    for name, inside in packages.items():
        asked_for = PROJECT["optional-dependencies"][name]
        assert inside.split(", ") == [Requirement(one).name for one in asked_for]


# GPU

DRIVER = "; there is an NVIDIA driver, which a build with CUDA would use"


def cards(*names: str) -> SimpleNamespace:
    cuda = SimpleNamespace(device_count=lambda: len(names), get_device_name=lambda i: names[i])
    return SimpleNamespace(cuda=cuda)


@pytest.mark.parametrize(
    ("build", "driver", "torch", "expected"),
    [
        (None, True, None, (False, "torch is not installed")),
        ("2.9+cpu", False, None, (False, "torch 2.9+cpu is a build for CPUs alone")),
        ("2.9+cpu", True, None, (False, f"torch 2.9+cpu is a build for CPUs alone{DRIVER}")),
        ("2.9", False, None, (False, "no NVIDIA driver found")),
        ("2.9+cu130", True, cards("H100", "T4"), (True, "H100, T4")),
        ("2.9+rocm7", False, cards("MI300"), (True, "MI300")),
        ("2.9", True, cards(), (False, "torch 2.9 finds none that it can use")),
        ("2.9", True, None, (False, "torch cannot tell (ModuleNotFoundError: import of torch h")),
    ],
)
def test_gpu(monkeypatch, tmp_path, build, driver, torch, expected):
    """Where torch is None here, asking it would fail."""
    monkeypatch.setattr(machinery, "found", lambda name: build)
    monkeypatch.setattr(machinery.shutil, "which", lambda name: None)
    monkeypatch.setattr(machinery, "_DRIVERS", (tmp_path if driver else tmp_path / "absent",))
    monkeypatch.setitem(sys.modules, "torch", torch)
    well, words = machinery.gpu()
    assert (well, words[: len(expected[1])]) == expected


# Images


def test_images(monkeypatch, tmp_path):
    monkeypatch.setenv("BROWSER_PATH", sys.executable)
    assert machinery.drawing() == (True, sys.executable)
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "absent"))
    well, words = machinery.drawing()
    assert (well, words.partition(";")[0]) == (
        False,
        f"BROWSER_PATH names no file: {tmp_path / 'absent'}",
    )
    monkeypatch.delenv("BROWSER_PATH")
    monkeypatch.setattr(export, "browser", lambda: None)
    assert machinery.drawing()[1].startswith("no Chromium or Chrome found; Debian: apt install")
    monkeypatch.setitem(sys.modules, "kaleido", None)
    assert machinery.drawing() == (False, "kaleido is not installed: pip install 'interp[images]'")


# Compiled code


def test_the_first_folder_that_can_be_written_to(monkeypatch, tmp_path):
    place = tmp_path / "kept" / "inside"
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(place))
    assert machinery.compiled() == (True, str(place))
    assert not place.exists(), "asking makes nothing"
    (tmp_path / "kept").write_text("")
    well, words = machinery.compiled()
    assert well and words.endswith("compiled/__pycache__")
    monkeypatch.setattr(machinery, "_can_write", lambda place: False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    well, words = machinery.compiled()
    assert not well
    assert words.startswith(f"none of {place}, ")
    assert words.endswith(f", {tmp_path / 'numba'}; name one in NUMBA_CACHE_DIR")


def test_numba_keeps_them_where_it_is_told(tmp_path):
    """The order of the folders is numba's: what it made lies where the doctor said."""
    code = """
import os
import numba
from interp.cli import machinery
from numba.core.caching import CompileResultCacheImpl
from interp.training.trainer import __path__ as code
source = os.path.join(code[0], "compiled", "kernel.py")
made = {}
exec(compile("def one(): pass", source, "exec"), made)
place = CompileResultCacheImpl(made["one"]).locator.get_cache_path()
print(place)
print(machinery.compiled()[1])
"""
    place, said = run_python(code).splitlines()
    assert place.startswith(said)
    told = f"import os\nos.environ['NUMBA_CACHE_DIR'] = {str(tmp_path)!r}\n"
    place, said = run_python(told + code).splitlines()
    assert said == str(tmp_path)
    assert place.startswith(said)
