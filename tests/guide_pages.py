"""The README and the pages of the guide: their blocks of code, and what these need to run."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "examples" / "guide"
PAGES = {
    "README.md": (ROOT / "README.md").read_text(),
    **{
        str(path.relative_to(GUIDE)): path.read_text()
        for path in sorted(GUIDE.rglob("*.md"))
        if path.relative_to(GUIDE).parts[0] != "site"
    },
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", flags=re.S | re.M)
CLAIM = re.compile(r"^print\(interp\.phase\(run\)\.name\)  # (.+)$", flags=re.M)
WRITES = ("--out", "--figure", "--table", "--save")


def blocks(page: str, *languages: str) -> list[tuple[str, str]]:
    """Language and text of a page's code blocks, in order."""
    return [found for found in FENCE.findall(PAGES[page]) if found[0] in languages]


def runs(page: str) -> bool:
    """Whether a page has code that a test runs."""
    return bool(blocks(page, "python", "sh"))


def below(page: str, heading: str) -> str:
    """The first block of code below a heading."""
    text = re.split(rf"^##+ {re.escape(heading)}$", PAGES[page], flags=re.M)[1]
    return next(code for language, code in FENCE.findall(text) if language in ("python", "sh"))


def commands(block: str) -> Iterator[list[str]]:
    """The commands of a block for the shell, as their words."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def written(words: list[str]) -> list[str]:
    """The files and folders that a command is told to write."""
    if "--dry-run" in words:
        return []
    return [after for word, after in pairwise(words) if word in WRITES]


def shrink(place: Path) -> None:
    """Files of a checkout's size become those of a moment: a grid, and the guide's experiment."""
    grid = place / "examples" / "phase_diagram_small.yaml"
    values = yaml.safe_load(grid.read_text())
    values["base"] |= {"task": {"p": 11}, "model": {"width": 16}, "steps": 30}
    values["axes"]["data.fraction"] = {"linspace": [0.5, 0.9, 2]}
    values["axes"] |= {"data.corruption": [0.0, 0.3], "optimizer.weight_decay": [0, 5]}
    grid.write_text(yaml.safe_dump(values))
    (_, text), *_ = blocks("experiments.md", "yaml")
    own = yaml.safe_load(text)
    own["base"] |= {"task": {"p": 11}, "model": {"width": 16}, "steps": 20}
    own |= {"axes": {"data.corruption": [0.3]}, "seeds": 1}
    (place / "own.yaml").write_text(yaml.safe_dump(own))


class Board:
    """Stands for wandb's run, which starts a process, and TensorBoard's writer."""

    told: list[Any]

    def __init__(self, *anything: object, **more: object) -> None:
        Board.told = []

    def log(self, values: Any, step: int) -> None:
        """As wandb has it."""
        self.told.append((step, dict(values)))

    def __enter__(self) -> Board:
        """As wandb has it."""
        return self

    def __exit__(self, *error: object) -> None:
        """As wandb has it."""

    def add_scalar(self, name: str, value: float | None, step: int) -> None:
        """As TensorBoard has it."""
        self.told.append((step, {name: value}))


def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of others that pages use."""
    for name, attribute in (("wandb", "init"), ("torch.utils.tensorboard", "SummaryWriter")):
        module = ModuleType(name)
        setattr(module, attribute, Board)
        monkeypatch.setitem(sys.modules, name, module)
