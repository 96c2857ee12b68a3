"""The shape of the project: import arrows, lazy imports, documented commands."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import interp

ROOT = Path(__file__).parent.parent
LAYERS = ("interp.training", "interp.analysis", "interp")  # each may import itself and those before


def all_modules() -> dict[str, Path]:
    """Every module of the project by its import name."""
    found = {}
    for top in ("training", "analysis", "interp"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[:2] not in (("interp", "training"), ("interp", "analysis")):  # the links
                parts = parts if top == "interp" else ("interp", *parts)
                found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = all_modules()


def layer_of(module: str) -> int:
    return next(i for i, name in enumerate(LAYERS) if f"{module}.".startswith(f"{name}."))


def imported(path: Path) -> set[str]:
    """Names of modules and packages that a file imports anywhere, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (inside & MODULES.keys()) or {node.module}
    return names


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    names = imported(MODULES[module])
    layer = layer_of(module)
    assert all(layer_of(name) <= layer for name in names & MODULES.keys())
    roots = {name.partition(".")[0] for name in names}
    assert not roots & {"training", "analysis"}, "interp.training and interp.analysis are meant"
    if layer < 2:
        assert not roots & {"plotly", "dash", "rich", "cyclopts"}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import one another in a circle; empty if there is none."""
    left = {name: set(targets) for name, targets in graph.items()}
    while free := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in free}
    return sorted(left)


def test_a_circle_is_seen():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b"}, "b": set()}) == []


def test_no_circles():
    assert circle({name: imported(path) - {name} for name, path in MODULES.items()}) == []


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
        "from interp.cli.app import main\nmain(['--help'])",
    ],
    ids=["import", "help"],
)
def test_importing_and_help_load_no_torch(code):
    loaded = run_python(code + "\nimport sys\nprint(*sorted(sys.modules))").split()
    assert "interp" in loaded
    for heavy in ("torch", "transformer_lens", "plotly", "pandas", "numba"):
        assert heavy not in loaded


def test_every_public_name_resolves():
    assert len(interp.__all__) <= 40
    for name in interp.__all__:
        assert getattr(interp, name) is not None
    assert set(dir(interp)) == set(interp.__all__)
    with pytest.raises(AttributeError, match="no name 'nothing'"):
        interp.nothing  # noqa: B018


COMMANDS = ["train", "ipr", "prune", "spectrum", "heads", "report", "demo", "reproduce"]
COMMANDS += ["import", "export", "publish", "measure"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command, capsys):
    from interp.cli.app import main

    main([command, "--help"])
    text = capsys.readouterr().out
    assert f"interp {command}" in text
    assert "--json" in text
