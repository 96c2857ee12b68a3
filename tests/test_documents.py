"""The snippets of README and guide, and the example scripts, run as written, on a small run."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shutil
import sys
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

from interp.analysis.phases.phase import PhaseName
from interp.cli.app import main
from interp.reproduction.recipe import recipes
from tests.benchmarks.scoreboard import END, START, with_scoreboard
from tests.guide_pages import (
    CLAIM,
    PAGES,
    ROOT,
    Board,
    below,
    blocks,
    commands,
    runs,
    shrink,
    stand_ins,
    written,
)

# A run of thirty steps on eleven residues has no two classes, and the toolkit says so. A fixed
# mask an example makes memorizing trivial, and it says that, too.
pytestmark = [
    pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning"),
    pytest.mark.filterwarnings("ignore:model.dropout_masks"),
]


WATCHED = "how/watching.md"  # where packages of others stand
NAMED = re.compile(r"\A# (\w+\.py)$", flags=re.M)  # a snippet that begins so is a file


@pytest.fixture()
def workplace(tmp_path, monkeypatch, tiny_run) -> Path:
    """A folder that looks like a checkout after `make demo`, with a small run in place of it."""
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "coexistence")
    ignored = shutil.ignore_patterns("guide")
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=ignored)
    shrink(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_python(page: str, code: str, names: dict[str, object]) -> str:
    """What a snippet prints. Where it names the phase in which a run ends, the run ends in it."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(compile(code, page, "exec"), names)
    ended = [line for line in told.getvalue().splitlines() if line in get_args(PhaseName)]
    assert ended == CLAIM.findall(code)
    return told.getvalue()


def run_shell(code: str) -> None:
    """Every command is one of ours, and writes what it is told to write."""
    for words in commands(code):
        command, *arguments = words
        assert command == "interp"
        main(arguments)
        assert [place for place in written(words) if not Path(place).exists()] == []


def marked(page: str) -> object:
    """A page that trains networks to their end takes seconds."""
    slow = any(CLAIM.findall(code) for _, code in blocks(page, "python"))
    return pytest.param(page, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize("page", [marked(page) for page in PAGES if runs(page)])
def test_every_snippet_of_a_page_runs_in_order(page, workplace, for_a_while, monkeypatch):
    if page == WATCHED:
        stand_ins(monkeypatch)
    monkeypatch.syspath_prepend(str(workplace))
    names: dict[str, object] = {}
    for language, code in blocks(page, "python", "sh"):
        for file in NAMED.findall(code):
            (workplace / file).write_text(code)
        run_python(page, code, names) if language == "python" else run_shell(code)


def test_training_examples_that_name_a_phase_are_those_of_the_pages():
    claims = {page: CLAIM.findall(PAGES[page]) for page in PAGES}
    assert {page: found for page, found in claims.items() if found} == {
        "README.md": ["coexistence"],
        "quickstart.md": ["coexistence", "full inversion", "coexistence", "coexistence"],
    }


def test_a_wrong_phase_is_seen(workplace):
    code = "import interp\nrun = interp.load('runs/coexistence')\n"
    code += "print(interp.phase(run).name)  # full inversion\n"
    with pytest.raises(AssertionError):
        run_python("page", code, {})


def test_callbacks_of_the_guide_tell_the_boards_every_score(workplace, monkeypatch):
    stand_ins(monkeypatch)
    names: dict[str, object] = {}
    seen = []
    for _, code in blocks(WATCHED, "python")[:2]:
        exec(compile(code, WATCHED, "exec"), names)
        assert None not in [value for _, values in Board.told for value in values.values()]
        seen.append({name for _, values in Board.told for name in values})
        assert max(step for step, _ in Board.told) == 50
    assert seen[0] == seen[1] >= {"train_accuracy", "test_loss"}


# What each of these takes: one command, or at most six lines.
HOW = {
    "own module": ("own.md", "A network"),
    "own labels": ("own.md", "Labels"),
    "own table": ("own.md", "A table"),
    "own operation": ("own.md", "An operation"),
    "own activation": ("own.md", "An activation"),
    "own loss": ("own.md", "A loss"),
    "own ranking": ("own.md", "A ranking"),
    "own measure": ("own.md", "A measure"),
    "wrong labels as CSV": ("how/seeing.md", "Pairs"),
    "what a neuron does": ("how/seeing.md", "One neuron"),
    "overlay of three histograms": ("how/figures.md", "Several in one figure"),
    "LaTeX": ("how/statistics.md", "A table in LaTeX"),
    "five seeds, a test": ("how/statistics.md", "Do two settings differ?"),
    "wandb": ("how/watching.md", "wandb"),
    "early stop": ("how/watching.md", "Stop early"),
}


@pytest.mark.parametrize("task", HOW)
def test_it_takes_six_lines(task):
    assert len([line for line in below(*HOW[task]).splitlines() if line.strip()]) <= 6


def test_the_table_of_the_guide_is_latex():
    columns = ["optimizer.weight_decay", "test_accuracy", "train_accuracy", "mean_ipr"]
    rows = [[0.0, 0.25, 1.0, 0.1], [0.0, 0.75, 1.0, 0.1], [5.0, 1.0, 1.0, 0.9]]
    names: dict[str, object] = {"frame": pd.DataFrame(rows, columns=columns)}
    told = run_python("how/statistics.md", below(*HOW["LaTeX"]), names)
    assert re.findall(r"(?<!\\)[_%&#$]", told.replace(" & ", "")) == []
    assert r"0 & 0.500 & 1.000 & 0.100 \\" in told.splitlines()


def test_the_readme_is_one_screen_and_a_bit():
    assert len(PAGES["README.md"].splitlines()) <= 150


def test_make_targets_of_the_pages_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make (\w+)", "\n".join(PAGES.values()), flags=re.M):
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


def test_the_scoreboard_takes_its_place_in_the_guide():
    board = "# Scoreboard\n\n2 of 2 hold\n\n| recipe |\n|---|\n| one |\n\n## claim (i)\n\nmore\n"
    page = f"before\n{START}\n\nold\n\n{END}\nafter\n"
    expected = f"before\n{START}\n\n2 of 2 hold\n\n| recipe |\n|---|\n| one |\n\n{END}\nafter\n"
    assert with_scoreboard(page, board) == expected
    assert with_scoreboard(expected, board) == expected
    with pytest.raises(ValueError, match="guide: expected <!-- scoreboard: start -->"):
        with_scoreboard("nothing", board)


def test_the_guides_scoreboard_is_that_of_the_results():
    board = (ROOT / "tests/benchmarks/results/scoreboard.md").read_text()
    page = PAGES["reference/reproduction.md"]
    assert with_scoreboard(page, board) == page
    for name in recipes():
        assert f"`{name}`" in page
