"""The shape of the project: import arrows, lazy imports, documented commands."""

from __future__ import annotations

import ast
import importlib
import pkgutil
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


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> list[tuple[str, Function]]:
    """Every function of the project, with its module."""
    return [
        (module, node)
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function)
    ]


def length(node: Function) -> int:
    """Lines of a function without its docstring."""
    first = node.body[0]
    told = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
    return node.end_lineno - node.lineno + 1 - told


def parameters(node: Function) -> int:
    every = node.args
    found = [*every.posonlyargs, *every.args, *every.kwonlyargs]
    return len(found) - (bool(found) and found[0].arg in ("self", "cls"))


def test_functions_and_files_are_short():
    """Room for the two compiled loops and the commands with most options; not for habits."""
    long = [(module, node.name) for module, node in functions() if length(node) > 40]
    assert len(long) <= 5, long
    outside = [one for one in functions() if not one[0].startswith("interp.cli")]
    many = [(module, node.name) for module, node in outside if parameters(node) > 6]
    assert len(many) <= 8, many
    files = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: lines for name, lines in files.items() if lines > 250} == {}


def asks_for_a_kind(node: ast.AST) -> bool:
    """Whether code asks which class a network is of, or compares ``….kind`` with a word."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        asked = ast.unparse(node.args[-1]) if node.args else ""
        return node.func.id == "isinstance" and asked in ("MLP", "Transformer", "MLP | Transformer")
    if not isinstance(node, ast.Compare):
        return False
    left, right = ast.unparse(node.left), " ".join(map(ast.unparse, node.comparators))
    return left.endswith("kind") and ("'mlp'" in right or "'transformer'" in right)


def test_a_switch_is_seen():
    for code in ("isinstance(x, MLP)", "model.kind == 'mlp'", "kind != 'transformer'"):
        assert asks_for_a_kind(ast.parse(code, mode="eval").body)


def test_no_kind_of_network_is_asked_for():
    """What depends on the kind is a row of its table, a method, or a dispatch on its class."""
    asking = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if asks_for_a_kind(node)
    }
    assert asking == set()


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
    for heavy in ("numpy", "torch", "transformer_lens", "plotly", "pandas", "numba"):
        assert heavy not in loaded


def test_every_public_name_resolves():
    assert len(interp.__all__) <= 40
    for name in interp.__all__:
        assert getattr(interp, name) is not None
    assert set(dir(interp)) == set(interp.__all__)
    with pytest.raises(AttributeError, match="no name 'nothing'"):
        interp.nothing  # noqa: B018


def commands() -> list[str]:
    """Every command as it is typed; those under ``sweep`` and ``measure`` too, measures apart."""
    from interp.cli.app import app

    found = []
    for name in app:
        if not name.startswith("-"):
            found.append(name)
            found += [f"{name} {below}" for below in app[name] if not below.startswith("-")]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_has_help_and_json(command, capsys):
    from interp.cli.app import main

    main([*command.split(), "--help"])
    text = capsys.readouterr().out
    assert f"interp {command}" in text
    # What is explored is looked at in a browser.
    assert ("--json" in text) == (command != "explore")


@pytest.mark.parametrize("package", ["interp", "interp.figures", "interp.exchange"])
def test_no_public_name_is_a_modules_too(package):
    """The module, once imported, would stand in the name's place."""
    found = importlib.import_module(package)
    modules = {one.name for one in pkgutil.iter_modules(found.__path__)}
    assert set(found.__all__) & modules <= {"figures"}
