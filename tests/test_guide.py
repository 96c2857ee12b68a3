"""What README, guide and CONTRIBUTING name is there: commands, options, files, modules, names."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from cyclopts import App, CycloptsError

import interp
from interp.analysis.measures import MEASURES
from interp.cli.app import COMMANDS, app
from interp.cli.measures import _command_of
from interp.training.sweep.plan.grid import parse_grid

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md"]
PAGES += [str(path.relative_to(ROOT)) for path in sorted((ROOT / "examples/guide").rglob("*.md"))]
GUIDES = {name: (ROOT / name).read_text() for name in PAGES}
TEXT = "\n".join(GUIDES.values())
PROSE = {name: re.sub(r"^```.*?^```", "", text, flags=re.S | re.M) for name, text in GUIDES.items()}

# What a shell reads before a command, and behind it.
BEFORE = re.compile(r"^(?:[A-Z_]+=\S+ )+")
JOB_INDEX = "$SLURM_ARRAY_TASK_ID"


def blocks(*languages: str) -> list[str]:
    """The code blocks of the guides in some languages."""
    return re.findall(rf"^```(?:{'|'.join(languages)})\n(.*?)^```", TEXT, flags=re.S | re.M)


def commands() -> list[list[str]]:
    """Every ``interp`` command of a code block, as its words."""
    found = []
    for block in blocks("sh", "bash"):
        for line in block.replace("\\\n", " ").replace(JOB_INDEX, "0").splitlines():
            words = shlex.split(BEFORE.sub("", line.strip()), comments=True)
            if words[:1] == ["interp"]:
                found.append(words[1:])
    return found


def spoken() -> list[list[str]]:
    """Every ``interp`` command within a sentence or a table, as its words."""
    found = re.findall(r"`interp ([a-z][^`]*)`", "\n".join(PROSE.values()))
    return [line.split() for line in found]


def refusal(words: list[str]) -> str | None:
    """Why the shell would not take a command, before anything is done; None if it would."""
    try:
        if words[0] == "measure" and len(words) > 1 and not words[1].startswith("-"):
            parser = App(version_flags=[])
            parser.default(_command_of(MEASURES[words[1]]))
            words = words[2:]
        else:
            parser = app
        parser.parse_args(words, exit_on_error=False, print_error=False)
    except (CycloptsError, ValueError) as error:
        return " ".join(str(error).split())
    return None


def help_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    app([*words, "--help"], exit_on_error=False, result_action="return_none")
    return capsys.readouterr().out


def test_a_wrong_command_is_seen():
    assert "--colour" in str(refusal(["ipr", "runs/one", "--colour", "red"]))
    assert "nedded" in str(refusal(["measure", "nedded", "runs/one"]))
    assert "--lowest" in str(refusal(["measure", "needed", "runs/one", "--lowest", "0.3"]))
    assert refusal(["measure", "needed", "runs/one", "--accuracy", "0.9"]) is None


@pytest.fixture()
def checkout(tmp_path, monkeypatch):
    """Commands that name a configuration read it, for the options in it."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_shell_takes_every_command(words, checkout):
    assert refusal(words) is None


def test_commands_within_sentences_exist(capsys):
    found = spoken()
    assert len(found) >= 10
    for command, *words in found:
        assert command in COMMANDS, command
        if command == "measure" and words and words[0] in MEASURES:
            run = [] if words[1:] and not words[1].startswith("-") else ["RUN"]
            assert refusal([command, words[0], *run, *words[1:]]) is None
            continue
        known = f"{help_of([command], capsys)} --help"
        assert [w for w in words if w.startswith("--") and w not in known] == [], command


def test_options_within_sentences_are_options_of_some_command(capsys):
    known = "".join(help_of([command], capsys) for command in COMMANDS)
    known += "".join(help_of(["sweep", "status"], capsys))
    known += " --help --history --step --table"  # the last three of measures, which have their own
    known += "".join(f" --{name}" for one in MEASURES.values() for name in one.options)
    theirs = {"--array=0-7"}  # of sbatch
    named = {word.split()[0] for word in re.findall(r"`(--[a-z][^`]*)`", TEXT)} - theirs
    assert {word.split("|")[0] for word in named if word not in known} == set()


PLACE = re.compile(r"\b(?:training|analysis|interp|tests|examples)/[\w./-]*\w")
SUITE = re.compile(r"`(test_\w+\.py)`")
LINK = re.compile(r"\]\((?!http|#)([^)#]+)(?:#[^)]*)?\)")
# Pages that are made when the guide is built.
MADE = re.compile(r"examples/guide/(measures/|reference/(names|configuration)|site/)")


@pytest.mark.parametrize("guide", GUIDES)
def test_every_file_that_is_named_exists(guide):
    named = set(PLACE.findall(GUIDES[guide]))
    named |= {f"tests/contracts/{name}" for name in SUITE.findall(GUIDES[guide])}
    assert sorted(place for place in named if not (ROOT / place).exists()) == []


@pytest.mark.parametrize("guide", GUIDES)
def test_links_of_a_file_lead_somewhere(guide):
    """Those between pages of the guide, made ones too, are checked when it is built."""
    folder = (ROOT / guide).parent
    links = [link for link in LINK.findall(PROSE[guide]) if "://" not in link]
    places = [os.path.relpath(folder / link, ROOT) for link in links]
    outside = [one for one in places if not MADE.match(one)]
    assert [one for one in outside if not (ROOT / one).exists()] == []


def test_every_module_and_name_of_it_exists():
    named = set(re.findall(r"\binterp(?:\.[A-Za-z_]\w*)+", TEXT))
    groups = {f"interp.{kind}" for kind in ("tasks", "activations", "losses", "networks")}
    groups |= {"interp.measures", "interp.figures", "interp.rankings", "interp.detectors"}
    wrong = []
    for name in named - groups:
        found: object = interp
        for part in name.split(".")[1:]:
            try:
                found = getattr(found, part)
            except AttributeError:
                try:
                    found = importlib.import_module(f"{getattr(found, '__name__', '')}.{part}")
                except ImportError:
                    wrong.append(name)
                    break
    assert wrong == []


def test_the_groups_of_entry_points_are_those_of_the_tables():
    sources = [
        p.read_text() for top in ("training", "analysis") for p in (ROOT / top).rglob("*.py")
    ]
    sources += [(ROOT / "interp/gallery.py").read_text()]
    groups = {
        group
        for source in sources
        for call in re.findall(r"Registry\(.*?\n\)|Registry\(.*\)", source, flags=re.S)
        for group in re.findall(r'"(interp\.[a-z]+)"', call)
    }
    own = GUIDES["examples/guide/own.md"]
    named = set(re.findall(r"\| `(interp\.[a-z]+)` \|$", own, flags=re.M))
    assert named == groups


def test_grids_of_the_guides_are_grids():
    plans = [yaml.safe_load(block) for block in blocks("yaml") if "axes:" in block]
    grids = [parse_grid(plan) for plan in plans if "stages" not in plan]
    assert len(grids) >= 1
    for grid in grids:
        for name, options in grid.measures.items():
            MEASURES[name].checked(options)


def test_contributing_is_one_page():
    assert len(GUIDES["CONTRIBUTING.md"].splitlines()) <= 120
