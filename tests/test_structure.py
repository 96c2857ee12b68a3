"""The shape of the project: import arrows, lazy imports, documented commands."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import interp

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "training": {"training"},
    "analysis": {"training", "analysis"},
    "interp": {"training", "analysis", "interp"},
}
MODULES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    package = path.relative_to(ROOT).parts[0]
    ours = imported(path) & MAY_IMPORT.keys()
    assert ours <= MAY_IMPORT[package]
    if package != "interp":
        assert not imported(path) & {"plotly", "dash", "rich", "cyclopts"}


def run_python(code: str) -> str:
    """Output of a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import interp",
        "from interp.cli import main\nmain(['--help'])",
    ],
    ids=["import", "help"],
)
def test_importing_and_help_load_no_torch(code):
    loaded = run_python(code + "\nimport sys\nprint(*sorted(sys.modules))").split()
    assert "interp" in loaded
    for heavy in ("torch", "transformer_lens", "plotly", "pandas", "numba"):
        assert heavy not in loaded


def test_every_public_name_resolves():
    assert len(interp.__all__) <= 27
    for name in interp.__all__:
        assert getattr(interp, name) is not None
    assert set(dir(interp)) == set(interp.__all__)
    with pytest.raises(AttributeError, match="no name 'nothing'"):
        interp.nothing  # noqa: B018


COMMANDS = ["train", "ipr", "prune", "spectrum", "heads", "report", "demo", "reproduce"]
COMMANDS += ["import", "export", "publish"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command, capsys):
    from interp.cli import main

    main([command, "--help"])
    text = capsys.readouterr().out
    assert f"interp {command}" in text
    assert "--json" in text
