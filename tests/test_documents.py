"""The README's snippets and the example scripts, run as written, on a small run."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from interp.cli.app import main
from interp.reproduction.recipe import recipes
from tests.benchmarks.scoreboard import END, START, with_scoreboard

# A run of thirty steps on eleven residues has no two classes, and the toolkit says so.
pytestmark = pytest.mark.filterwarnings(
    "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
)

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


OWN = (ROOT / "examples" / "own.md").read_text()


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


@pytest.fixture()
def workplace(tmp_path, monkeypatch, tiny_run) -> Path:
    """A folder that looks like a checkout after `make demo`, with a small run in place of it."""
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "coexistence")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    _shrink(tmp_path / "examples" / "phase_diagram_small.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _shrink(grid: Path) -> None:
    """The same axes with two values each, and runs of a moment."""
    values = yaml.safe_load(grid.read_text())
    values["base"] |= {"task": {"p": 11}, "model": {"width": 16}, "steps": 30}
    values["axes"]["data.fraction"] = {"linspace": [0.5, 0.9, 2]}
    values["axes"] |= {"data.corruption": [0.0, 0.3], "optimizer.weight_decay": [0, 5]}
    grid.write_text(yaml.safe_dump(values))


def test_python_snippets_run_in_order(workplace, for_a_while, capsys):
    assert len(blocks("python")) >= 5
    names: dict[str, object] = {}
    for snippet in blocks("python"):
        exec(compile(snippet, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "one-sided DFT, constant included" in printed
    assert "<Numbers: neurons_needed" in printed
    assert "<Numbers: held" in printed
    assert (workplace / "runs" / "polynomial" / "report.html").exists()


TITLES = ["labels", "table", "activation", "loss", "ranking", "network"]


def test_what_is_ones_own_takes_six_lines(workplace, for_a_while, capsys):
    assert re.findall(r"^\*\*My own (\w+)\.\*\*", OWN, flags=re.MULTILINE) == TITLES
    assert "**Stop early.**" in OWN
    start, *snippets = blocks("python", OWN)
    names: dict[str, object] = {}
    exec(compile(start, "own.md", "exec"), names)
    assert len(snippets) == len(TITLES) + 1
    for snippet in snippets:
        assert len([line for line in snippet.splitlines() if line.strip()]) <= 6
        exec(compile(snippet, "own.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "own table of 23×23 → 7" in printed
    assert "stopped at step" in printed
    assert "additive share 1.000" in printed


@pytest.mark.slow
def test_shell_snippets_run_in_order(workplace):
    lines = [line for block in blocks("sh") for line in block.splitlines() if line]
    assert len(lines) >= 6
    for line in lines:
        command, *arguments = shlex.split(line, comments=True)
        assert command == "interp"
        main(arguments)
    files = ["runs/noisy/DONE", "ipr.html", "neurons.csv", "runs/pruned/DONE", "neuron.html"]
    files += ["bands.html", "bands.csv"]
    for made in (*files, "runs/diagram/results.parquet", "phases.html"):
        assert (workplace / made).exists()


def test_make_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


EXAMPLES = {
    "ipr_histogram.py": (["runs/coexistence", "out.html"], "mean IPR"),
    "prune_memorizing_neurons.py": (["runs/coexistence", "out.html"], "random control"),
    "embedding_spectrum.py": (["runs/coexistence", "out.html"], "strongest frequency holds"),
    "own_measure.py": (["runs/coexistence", "out.html"], "rank_correlation_control"),
    "own_task.py": (["11", "20"], "accuracy"),
    "lazy_to_rich.py": (["11", "20", "3", "0.2"], "<TangentKernel: movement"),
    "analytic_solution.py": (["31", "200"], "IPR of every neuron: 1.000000 to 1.000000"),
}


def test_every_example_is_run():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name, workplace, for_a_while, monkeypatch, capsys):
    arguments, expected = EXAMPLES[name]
    path = ROOT / "examples" / name
    assert len(path.read_text().splitlines()) <= 40
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(path), run_name="__main__")
    assert expected in capsys.readouterr().out
    assert (workplace / "out.html").exists() == ("out.html" in arguments)


def test_the_scoreboard_takes_its_place_in_the_readme():
    board = "# Scoreboard\n\n2 of 2 hold\n\n| recipe |\n|---|\n| one |\n\n## claim (i)\n\nmore\n"
    readme = f"before\n{START}\n\nold\n\n{END}\nafter\n"
    expected = f"before\n{START}\n\n2 of 2 hold\n\n| recipe |\n|---|\n| one |\n\n{END}\nafter\n"
    assert with_scoreboard(readme, board) == expected
    assert with_scoreboard(expected, board) == expected
    with pytest.raises(ValueError, match="README: expected <!-- scoreboard: start -->"):
        with_scoreboard("nothing", board)


def test_the_readmes_scoreboard_is_that_of_the_results():
    board = (ROOT / "tests/benchmarks/results/scoreboard.md").read_text()
    assert with_scoreboard(README, board) == README
    for name in recipes():
        assert f"`{name}`" in README
