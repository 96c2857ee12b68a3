"""What is noted while a network trains: the same as is measured afterwards, through any end."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import interp
from interp.analysis.measure import NotDefined
from interp.analysis.measures import MEASURES
from interp.analysis.trajectory.efficiency import degree
from interp.analysis.trajectory.onsets import Onsets, onset_of
from interp.analysis.trajectory.recorder import Recorder
from interp.analysis.trajectory.signals import WORDS
from interp.cli.app import main
from interp.figures.onsets import onsets as draw
from interp.training.models.network import Network
from interp.training.runs.records import Record, read_records, write_records
from interp.training.runs.run import load
from interp.training.trainer.callbacks import CallbackError
from interp.training.trainer.loop import train

from .conftest import tiny_config
from .test_errors import refused

STEPS = [0, 3, 10, 30]


def config(**changes):
    schedule = {"evaluations": 5, "checkpoint_steps": STEPS}
    return tiny_config(**{"schedule": schedule, **changes})


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    recorder = Recorder(["signals", "lipschitz"], steps=STEPS)
    place = tmp_path_factory.mktemp("recorded") / "run"
    return train(config(), place, callbacks=recorder), recorder


# --- recorded is measured -------------------------------------------------------------------------


def test_what_is_noted_is_what_checkpoints_give(noted):
    run, recorder = noted
    assert [one.step for one in recorder.records] == STEPS
    for name in ("signals", "lipschitz"):
        found = MEASURES["recorded"](run, measure=name)
        known = interp.history(run, name, steps=STEPS)
        assert found.steps == tuple(STEPS)
        for mine, theirs in zip(found.rows, known.rows, strict=True):
            assert mine.keys() == theirs.keys()
            for key, value in mine.items():
                assert value == pytest.approx(theirs[key], rel=1e-6, abs=1e-9), key


def test_the_first_measure_unless_another_is_asked_for(noted):
    run, _ = noted
    assert MEASURES["recorded"](run).measure == "signals"
    with refused("recorded: expected one of signals, lipschitz, got 'pruning'"):
        MEASURES["recorded"](run, measure="pruning")


def test_a_run_is_the_same_with_a_recorder(noted):
    run, _ = noted
    alone = train(config())
    for step in run.steps:
        for name, weight in run.weights[step].items():
            assert np.array_equal(weight, alone.weights[step][name])


def test_in_memory_it_keeps_its_records():
    recorder = Recorder(count=4)
    run = train(config(), callbacks=recorder)
    assert [one.step for one in recorder.records] == [0, 3, 13, 30]
    with pytest.raises(NotDefined, match="a run in memory has no records"):
        MEASURES["recorded"](run)


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
def test_a_measure_that_fails_is_noted_and_the_run_goes_on(tmp_path):
    recorder = Recorder({"pruning_at_threshold": {}, "scores": {}}, steps=[0, 30])
    run = train(config(), tmp_path / "run", callbacks=recorder)
    assert run.finished
    found = MEASURES["recorded"](run, measure="pruning_at_threshold")
    known = interp.history(run, "pruning_at_threshold", steps=[0, 30])
    assert found.problems == known.problems
    assert all(one.values["scores"] for one in recorder.records)


# --- through a kill -------------------------------------------------------------------------------

SCRIPT = """
import sys, time
from interp.analysis.trajectory.recorder import Recorder
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
schedule = {"evaluations": 5, "checkpoint_steps": [0, 3, 10, 30]}
def slow(step, scores, network):
    time.sleep(0.05)
recorder = Recorder(steps=[0, 3, 10, 12, 14, 30])
train(tiny_config(schedule=schedule), sys.argv[1], callbacks=[recorder, slow])
"""


def test_killed_and_resumed_it_is_as_if_nothing_had_been(tmp_path):
    place, whole = tmp_path / "killed", tmp_path / "whole"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(place)], env=environment)
    lines = place / "records.jsonl"
    end = time.monotonic() + 60
    while time.monotonic() < end and (
        not lines.is_file() or b'"step": 14' not in lines.read_bytes()
    ):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [one.step for one in read_records(place)[0]] == [0, 3, 10, 12, 14]
    with lines.open("ab") as torn:
        torn.write(b'{"step": 1')  # as a kill in the middle of a line leaves it
    assert len(read_records(place)[0]) == 5
    steps = [0, 3, 10, 12, 14, 30]
    again = Recorder(steps=steps)
    train(config(), place, callbacks=again)
    assert [one.step for one in again.records] == steps
    train(config(), whole, callbacks=Recorder(steps=steps))
    assert lines.read_bytes() == (whole / "records.jsonl").read_bytes()


def test_another_recorder_is_refused_and_nothing_is_lost(tmp_path):
    def stop(step, scores, network):
        if step == 12:
            raise KeyError("no disk")

    with pytest.raises(CallbackError):
        train(config(), tmp_path / "run", callbacks=[Recorder(steps=[0, 3]), stop])
    before = (tmp_path / "run" / "records.jsonl").read_bytes()
    words = "expected a recorder of signals, as it began with; got one of lipschitz, or another"
    with pytest.raises(CallbackError, match=re.escape(words)):
        train(config(), tmp_path / "run", callbacks=Recorder("lipschitz", steps=[0, 3]))
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]\n", "line 1 does not say what was recorded; altered"),
        (b'{"format": 9, "of": {}}\n', "written in format 9; this version reads up to"),
        (
            b'{"format": 1, "of": {}}\n{"step": -1, "values": {}, "problems": {}}\n',
            "line 2 is no record",
        ),
        (
            b'{"format": 1, "of": {}}\n{"step": 1, "values": {"a": {"b": []}}, "problems": {}}\n',
            "line 2 is no record of a step; altered",
        ),
        (b'{"format": 1, "of": {}}\nx\n', "line 2 is no record of a step; altered"),
    ],
)
def test_altered_records(content, message, tmp_path):
    (tmp_path / "records.jsonl").write_bytes(content)
    with refused(message):
        read_records(tmp_path)


def test_records_come_back_as_they_were(tmp_path):
    rows = (
        Record(0, {"a": {"x": 1.5, "n": None, "never": math.inf, "word": "y"}}, {}),
        Record(7, {}, {"a": "expected α"}),
    )
    write_records(tmp_path, rows, {"a": "01"})
    assert read_records(tmp_path) == (rows, {"a": "01"})
    assert read_records(tmp_path / "nowhere") == ((), {})


def test_recorders_that_are_none():
    with refused(
        "recorder: expected measures that read a checkpoint, got path, which reads a whole"
    ):
        Recorder("path")
    with refused("count: expected a whole number of at least 2, got 1"):
        Recorder(count=1)
    with pytest.raises(CallbackError, match="steps: expected steps from 0 to 30, got 31"):
        train(config(), callbacks=Recorder(steps=[31]))


# --- callbacks that are told more ----------------------------------------------------------------


class Watch:
    def __init__(self):
        self.seen, self.run = [], None

    def begin(self, run):
        self.run = run

    def wants(self, step):
        return step % 10 == 0

    def __call__(self, step, scores, network):
        self.seen.append(step)


def test_a_callback_may_be_told_the_run_and_say_where_it_is_called(tmp_path):
    one = Watch()
    train(config(), tmp_path / "run", callbacks=one)
    assert one.seen == [0, 10, 20, 30]
    assert one.run.path == tmp_path / "run" and not one.run.finished
    assert one.run.config == config()


# --- the signals ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grokked():
    schedule = {"evaluations": 40, "checkpoints": 0, "checkpoint_steps": [5, 10, 20, 40, 80, 160]}
    return interp.train(
        interp.RunConfig(
            task={"p": 23},
            data={"fraction": 0.7, "corruption": 0.0},
            model={"width": 100},
            optimizer={"weight_decay": 1},
            steps=300,
            schedule=schedule,
        )
    )


def test_signals_are_those_of_the_measures_that_they_come_from(grokked):
    for step in (0, 20, 300):
        found = MEASURES["signals"](grokked, step).values()
        progress = MEASURES["progress"](grokked, step).values()
        assert found["held_out"] == pytest.approx(progress["held_out_all.test_accuracy"])
        assert found["test_accuracy"] == pytest.approx(progress["whole.test_accuracy"])
        assert found["ipr"] == pytest.approx(interp.neuron_table(grokked, step).mean_ipr)
        weights = MEASURES["tangent_kernel"](grokked).rows[step].weight_movement
        assert found["weights"] == pytest.approx(weights, abs=1e-6)
        efficiency = MEASURES["efficiency"](grokked, step).values()["efficiency"]
        assert found["efficiency"] == pytest.approx(efficiency, rel=1e-4)
    assert MEASURES["signals"](grokked, 0).values()["movement"] == 0


def test_movement_is_the_tangent_kernels_on_the_same_pairs(grokked):
    """All pairs and outputs of a small task, by gradients of autograd."""
    run = train(tiny_config(task={"p": 5}, model={"width": 6}, data={"fraction": 0.6}))
    found = MEASURES["signals"](run).values()["movement"]
    from interp.training.randomness import stream

    random = stream(0, "tangents")
    pairs = torch.as_tensor(random.permutation(run.dataset.pairs)[:100])
    outputs = random.permutation(5)[:4].tolist()

    def kernels(network: Network) -> list[torch.Tensor]:
        rows = []
        for output in outputs:
            gradients = []
            for pair in pairs:
                logit = network.double().logits(pair[None])[0, output]
                each = torch.autograd.grad(logit, list(network.parameters()))
                gradients.append(torch.cat([one.flatten() for one in each]))
            stacked = torch.stack(gradients)
            rows.append(stacked @ stacked.T)
        return rows

    now, then = kernels(run.network()), kernels(run.network(0))
    moved = [float((a - b).norm() / b.norm()) for a, b in zip(now, then, strict=True)]
    assert found == pytest.approx(np.mean(moved), rel=1e-4)


def test_what_is_not_defined_is_none():
    run = train(tiny_config(model={"kind": "transformer", "d_model": 4, "n_heads": 1, "d_mlp": 0}))
    found = MEASURES["signals"](run).values()
    assert [name for name, value in found.items() if value is None] == [
        "ipr",
        "movement",
        "synergy",
        "synergy_random",
        "efficiency",
    ]
    assert list(found) == list(WORDS)


# --- efficiency -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"width": 6}, 3),
        ({"width": 6, "activation": "relu"}, 2),
        ({"width": 6, "depth": 3}, 3),
        ({"width": 6, "depth": 3, "activation": "square"}, 7),
        ({"width": 6, "activation": "gelu"}, None),
        ({"width": 6, "norm": "batch"}, None),
        ({"kind": "transformer", "d_model": 4, "n_heads": 1, "d_mlp": 3}, None),
    ],
)
def test_degree_of_the_logits_in_the_weights(model, expected):
    """x² of a sum of weights, times a weight: 1 · 2 + 1; of three layers: (1 · 2 + 1) · 2 + 1."""
    run = train(tiny_config(model=model))
    assert degree(run.network()) == expected
    if expected is None:
        with pytest.raises(NotDefined, match="whose logits scale with a power of its weights"):
            MEASURES["efficiency"](run)


def test_at_its_norm_at_one_a_network_gives_its_labels_one(grokked):
    found = MEASURES["efficiency"](grokked).values()
    network = grokked.network().double()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(found["norm_at_one"] / found["weight_norm"])
        logits = network.logits(torch.as_tensor(grokked.dataset.pairs)).numpy()
    train_rows = np.flatnonzero(grokked.dataset.is_train)
    given = logits[train_rows, grokked.dataset.given_label[train_rows]]
    assert given.mean() == pytest.approx(1, rel=1e-5)


def test_efficiency_does_not_change_with_the_size_of_the_weights(grokked):
    network = grokked.network().double()
    before = MEASURES["efficiency"](interp.as_checkpoint(network).beside(grokked.dataset)).values()
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(1.7)
    after = MEASURES["efficiency"](interp.as_checkpoint(network).beside(grokked.dataset)).values()
    assert after["efficiency"] == pytest.approx(before["efficiency"])
    assert after["weight_norm"] == pytest.approx(1.7 * before["weight_norm"])


# --- what comes first -----------------------------------------------------------------------------


def test_onset_is_half_of_the_greatest_change():
    one = onset_of([0, 1, 2, 4, 8], [1.0, 0.9, 0.4, -1.0, 0.5])
    assert (one.interval.after, one.interval.by) == (2, 4)  # 1.0 → −1.0: half at 0.0
    assert one.change == -2.0
    np.testing.assert_allclose(one.share, [0, 0.05, 0.3, 1.0, 0.25])
    still = onset_of([0, 1, 2, 3], [2.0] * 4)
    assert still.interval is None and still.change == 0


def test_leads_are_counted_to_the_grok_interval(grokked):
    found = MEASURES["onsets"](grokked, level=0.5)
    values = found.values()
    interval = MEASURES["grok"](grokked, level=0.5).values()
    assert values["grok_by"] == interval["first_by"]
    for name in found.onsets:
        assert values[f"{name}_lead"] == values["grok_by"] - values[f"{name}_by"]
    rows = [row["held_out"] for row in interp.history(grokked, "signals").rows]
    half = rows[0] + (max(rows) - rows[0]) / 2
    first = next(step for step, row in zip(grokked.steps, rows, strict=True) if row >= half)
    assert values["held_out_by"] == first


def test_records_come_before_checkpoints(tmp_path):
    recorder = Recorder(count=12)
    run = train(config(), tmp_path / "run", callbacks=recorder)
    found = MEASURES["onsets"](load(run.path))
    assert found.caption.startswith(f"signals recorded at {len(recorder.records)} steps")


def test_too_few_points_are_refused():
    run = train(tiny_config(schedule={"checkpoints": 1}))
    with pytest.raises(NotDefined, match="expected at least 4 checkpoints, or records of signals"):
        MEASURES["onsets"](run)
    whole = train(tiny_config(data={"fraction": 1.0}))
    with pytest.raises(NotDefined, match="expected test pairs, on which it is seen when a run gro"):
        MEASURES["onsets"](whole)


def test_figure_of_one_run_and_of_several(grokked):
    found = MEASURES["onsets"](grokked, level=0.5)
    assert isinstance(found, Onsets) and found.grok is not None
    one = draw(found)
    names = [trace.name for trace in one.data]
    assert names == [WORDS[name] for name in found.onsets]
    line = one.data[names.index("test accuracy")]
    assert line.x[-1] == pytest.approx(300 / found.grok.by, rel=1e-5)
    two = draw([found, found])
    assert sum(trace.fill == "toself" for trace in two.data) == len(found.onsets) - 1
    never = dataclasses.replace(found, grok=None)
    caption = draw([found, never]).layout.title.subtitle.text
    assert "1 that never grokked are left out" in caption.replace("<br>", " ")
    with refused("onsets: expected at least one run's, got none"):
        draw([])


# --- the command ----------------------------------------------------------------------------------


def test_command(tmp_path, capsys):
    place = str(tmp_path / "run")
    flags = ["--task.p", "7", "--model.width", "16", "--steps", "12", "--out", place]
    main(["train", *flags, "--record", "signals", "--record", "scores", "--records", "5"])
    assert "recorded at 5 steps: interp measure recorded" in capsys.readouterr().out
    main(["measure", "recorded", place, "--measure", "scores", "--json"])
    assert json.loads(capsys.readouterr().out)["steps"] == [0, 1, 3, 7, 12]
    main(["train", *flags, "--record", "signals"])
    assert "nothing recorded, as the run was finished" in capsys.readouterr().out
