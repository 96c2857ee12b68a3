"""The command for a card: every part starts on a processor, and a failure costs one line."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
import torch

from interp.training.config.kinds import KINDS
from interp.training.config.optimizer import OptimizerName
from interp.training.models.layers.noise import Noise
from interp.training.trainer.cohort import Cohort
from tests.benchmarks.diagram import Diagram
from tests.benchmarks.gpu import correctness, item, parts, phases
from tests.benchmarks.gpu.__main__ import main
from tests.benchmarks.gpu.counted import work_of
from tests.benchmarks.gpu.item import Found, Place, Row
from tests.benchmarks.gpu.page import as_json, page
from tests.benchmarks.gpu.phases import fitting
from tests.benchmarks.gpu.settings import NETWORKS, OPTIMIZERS, config_of

TOY = Place("cpu", toy=True)


def test_every_part_starts_on_a_processor(tmp_path, capsys):
    main(["--out", str(tmp_path), "--device", "cpu", "--toy", "--together"])
    found = json.loads((tmp_path / "gpu.json").read_text())
    wrong = [row for row in found["rows"] if row["status"] not in ("held", "measured")]
    assert wrong == []
    expected = {part: list(items()) for part, (items, _) in parts.PARTS.items()}
    for part, names in expected.items():
        assert [row["what"] for row in found["rows"] if row["part"] == part] == names
    # Nobody may take it for what a card does.
    head = capsys.readouterr().out.splitlines()[0]
    assert head == "# a processor: says nothing of a card (toy sizes, which are no measurement)"
    assert found["title"] == head[2:] and "gpu" not in found["environment"]


def test_every_kind_and_every_optimizer_is_compared():
    kinds = {config_of(TOY, change).model.kind for change in NETWORKS.values()}
    assert kinds == {kind for kind in KINDS if KINDS[kind].trains}
    transformer = NETWORKS["Transformer"]
    found = {config_of(TOY, transformer, one).optimizer.name for one in OPTIMIZERS.values()}
    assert found == set(get_args(OptimizerName))


def test_a_device_that_computes_otherwise_is_seen(monkeypatch):
    """A thousandth of the learning rate, along the run axis only."""
    original = Cohort.advance

    def advance(self):
        if self._stacked is not None:
            for group in (g for one in self.updater.optimizers for g in one.param_groups):
                group["base_rate"] = self.configs[0].optimizer.lr * 1.001
        return original(self)

    check = correctness.items()["MLP, float32"]
    assert check(TOY).held
    monkeypatch.setattr(Cohort, "advance", advance)
    found = check(TOY)
    assert not found.held
    assert found.values["difference"] == pytest.approx(1e-3, rel=0.1)


def test_a_resume_that_goes_on_elsewhere_is_seen(monkeypatch):
    original = Cohort.restore

    def restore(self, run, *others):
        original(self, run, *others)
        weight = next(self.networks[run].parameters())
        weight.data.view(-1)[0] *= 1 + 2**-20

    monkeypatch.setattr(Cohort, "restore", restore)
    found = correctness.items()["resume: optimizer sgd"](TOY)
    assert found.values == {
        "cut off": True,
        "resumed bit-identical": False,
        "repeated bit-identical": True,
    }
    assert not found.held


def test_a_hash_of_other_bits_is_seen(monkeypatch):
    original = Noise._by_tensors

    def shifted(self, rows, neurons, layer, dtype, start):
        return original(self, rows, neurons, layer, dtype, start + 1)

    assert correctness.dropout_hash(TOY).held
    monkeypatch.setattr(Noise, "_by_tensors", shifted)
    assert not correctness.dropout_hash(TOY).held


# A failure costs one line


def fails(place: Place) -> Found:
    raise ValueError("no such\nthing")


def lost(place: Place) -> Found:
    raise RuntimeError("CUDA error: an illegal memory access was encountered")


def fine(place: Place) -> Found:
    return Found({"value": 1.5}, True)


def test_an_error_is_a_row():
    rows = parts.here("some", TOY, {"a": fails, "b": fine})
    assert [(row.what, row.status) for row in rows] == [("a", "error"), ("b", "held")]
    assert rows[0].note == "ValueError: no such thing"
    assert not item.is_lost(rows[0])


def test_what_there_is_no_time_for_is_a_row():
    rows = parts.here("some", Place("cpu", True, 0.0), {"a": fails, "b": fine})
    assert [row.status for row in rows] == ["not reached"] * 2


def test_a_child_ends_when_its_card_is_lost(tmp_path, monkeypatch):
    items = {"a": fine, "b": lost, "c": fine}
    monkeypatch.setitem(parts.PARTS, "some", (lambda: items, 1.0))
    parts.child("some", TOY, 0, tmp_path / "rows")
    parts.child("some", TOY, 2, tmp_path / "rows")
    rows = [json.loads(line) for line in (tmp_path / "rows").read_text().splitlines()]
    assert [(row["what"], row["status"]) for row in rows] == [
        ("a", "held"),
        ("b", "error"),
        ("c", "held"),
    ]


DYING = """
import json, os, sys
first, file = int(sys.argv[1]), sys.argv[2]
for number in range(first, 4):
    if number == 1:
        os.kill(os.getpid(), 9)
    row = dict(part="some", what="abcd"[number], status="held")
    open(file, "a").write(json.dumps(row) + "\\n")
    if number == 2:
        sys.exit()
"""


def test_a_process_that_dies_costs_its_item(tmp_path):
    """Item b kills its process; item c ends it, as one does that has lost its card."""
    started = []

    def starts(part: str, place: Place, first: int, file: Path) -> list[str]:
        started.append(first)
        return [sys.executable, "-S", "-c", DYING, str(first), str(file)]

    rows = parts.apart("some", TOY, list("abcd"), tmp_path, starts)
    assert [(row.what, row.status) for row in rows] == [
        ("a", "held"),
        ("b", "error"),
        ("c", "held"),
        ("d", "held"),
    ]
    assert rows[1].note.startswith("its process ended with -9")
    assert started == [0, 2, 3]
    assert not list(tmp_path.iterdir())


def test_a_process_that_does_not_end_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "_GRACE", 0.2)
    endless = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    began = time.monotonic()
    rows = parts.apart("some", Place("cpu", True, 0.0), ["a"], tmp_path, lambda *_: endless)
    assert time.monotonic() - began < 50
    assert [row.status for row in rows] == ["error"]
    assert rows[0].note == "its process was ended after 0 s"


def test_the_command_of_a_part(tmp_path):
    """What the parent starts is what the child understands."""
    command = parts.command_for("memory", TOY, 0, tmp_path / "rows")
    assert command[:3] == [sys.executable, "-m", "tests.benchmarks.gpu"]
    main(command[3:])
    (line,) = (tmp_path / "rows").read_text().splitlines()
    assert json.loads(line)["status"] == "held"
    assert json.loads(line)["values"]["cohorts tried"] == [8, 4, 4]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there to be used")
def test_no_card_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"^device: cuda was asked for, but torch finds no CUDA"):
        main(["--out", str(tmp_path)])


# What is counted, and how much is done


def test_operations_and_bytes_are_counted():
    a, b = torch.ones(5, 7), torch.ones(7, 3)
    out = torch.empty(5, 3)

    def step() -> None:
        torch.add(a @ b, 1, out=out)
        a.T.view(7, 5)[1:]  # moves nothing

    product, sum_ = (5 * 7 + 7 * 3 + 5 * 3), (5 * 3 + 2 * 5 * 3)  # its result is operand too
    assert work_of(step) == (2 * 5 * 7 * 3, 4 * (product + sum_))


def test_operations_of_a_step_are_those_of_its_products():
    """Logits, and the gradients of neurons and of W_U: three products of pairs, N and q."""
    config = config_of(TOY)
    cohort = correctness.cohort_of(config, TOY)
    pairs = int(correctness.dataset_of(config).is_train.sum())
    operations, moved = work_of(cohort._compute)
    assert operations == 3 * 2 * pairs * 8 * 7
    assert moved > 8 * 10 * pairs * 8  # neurons are read and written ten times at least


def test_the_diagram_is_the_papers():
    configs = [config for column in Diagram().columns() for config in column]
    assert len(configs) == len(set(configs)) == 1292
    assert {config.data.fraction for config in configs} == {
        round(0.1 + 0.05 * i, 4) for i in range(17)
    }
    assert {config.data.corruption for config in configs} == {round(0.05 * i, 4) for i in range(19)}
    assert {config.optimizer.weight_decay for config in configs} == {0, 5, 15, 20}
    assert {(c.steps, c.task.p, c.model.width) for c in configs} == {(2000, 97, 500)}
    assert all(len({c.data.fraction for c in column}) == 1 for column in Diagram().columns())


@pytest.mark.parametrize("left", [1.0, 30.0, 200.0, 1000.0, 1e5])
def test_a_diagram_fits_into_its_time(left):
    whole = Diagram()
    chosen = fitting(whole, 1000.0, left)
    share = chosen.alphas * chosen.xis * chosen.steps / (whole.alphas * whole.xis * whole.steps)
    assert share * 1000 <= left
    assert (chosen == whole) == (left == 1e5)
    assert min(chosen.alphas, chosen.xis) >= 3


def test_a_diagram_that_takes_longer_ends_where_it_is(monkeypatch):
    """Columns of α .1, .5 and .9 take 1, 5 and 9 s of 10; all were thought to take 1."""
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now
    original = phases.train_many

    def slow(configs, **options):
        clock.now += 10 * configs[0].data.fraction
        return original(configs, **options)

    monkeypatch.setattr(phases, "time", clock)
    monkeypatch.setattr(phases, "TOY", replace(phases.TOY, alphas=3))
    monkeypatch.setattr(phases, "estimated", lambda *_: 1.0)
    monkeypatch.setattr(phases, "train_many", slow)
    found = phases.diagram(Place("cpu", True, 10.0))
    assert (found.values["runs"], found.values["runs asked for"]) == (8, 12)
    assert found.values["seconds"] == 6
    assert found.values["runs·steps/s"] == 8 * 6 / 6
    assert found.held is None


def test_the_page_shows_every_row():
    cells = [
        {"fraction": 0.1, "corruption": 0.0, "weight_decay": 5.0, "phase": "memorization"},
        {"fraction": 0.9, "corruption": 0.0, "weight_decay": 5.0, "phase": "full inversion"},
        {"fraction": 0.9, "corruption": 0.5, "weight_decay": 5.0, "phase": "coexistence"},
    ]
    rows = [
        Row("one", "a", "held", {"x": 0.000123456, "y": True}, "because", 2.0),
        Row("two", "b", "error", {}, "KeyError: 'c'"),
        Row("two", "d", "measured", {"cells": cells}),
    ]
    text = page({"gpu": "Some Card"}, Place(), rows)
    assert text.startswith("# Some Card (one card, one command)\n")
    assert "1 held, 1 error, 1 measured" in text
    assert "| a | held | x 0.000123; y yes | because | 2.0 |" in text
    assert "| b | error |  | KeyError: 'c' | 0.0 |" in text
    assert "ξ 0.5     C\nξ 0     M F\n" in text
    assert json.loads(as_json({}, Place(), rows))["rows"][1]["note"] == "KeyError: 'c'"
