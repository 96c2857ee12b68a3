"""Runs that end early, and functions that watch them."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

import interp
from interp.training.config.options import first_difference
from interp.training.config.run_config import parse_config
from interp.training.config.stop import StopConfig
from interp.training.runs.run import load
from interp.training.sweep.executors.work import Work
from interp.training.sweep.plan.cell import CellMaker
from interp.training.trainer.callbacks import CallbackError
from interp.training.trainer.loop import Interrupted, train, train_many
from interp.training.trainer.schedule import evaluation_steps

from .conftest import tiny_config
from .test_errors import refused

STOP = {"train_accuracy": 0.7, "for": 3}
SCHEDULE = {"evaluations": 31, "checkpoints": 2}  # every step of 30 is scored, few are saved


def config_of(**changes):
    return tiny_config(**{"schedule": SCHEDULE, "optimizer": {"lr": 0.03}, **changes})


def first_of_three(rows, split="train", limit=0.7):
    """The step of the third evaluation in a row at or above the limit, by hand."""
    count = 0
    for row in rows:
        count = count + 1 if row.scores[split].accuracy >= limit else 0
        if count == 3:
            return row.step
    return None


@pytest.fixture(scope="module")
def whole():
    """The run that goes on to the end."""
    return train(config_of())


def same(one, other, step):
    for name, weight in one.weights[step].items():
        np.testing.assert_array_equal(other.weights[step][name], weight)


def test_evaluations_are_every_step():
    assert len(evaluation_steps(30, 31)) > 20


def test_a_run_stops_at_the_third_evaluation_in_a_row(whole, tmp_path):
    step = first_of_three(whole.measurements)
    assert step is not None and step < 30, "the fixture has it within reach"
    run = train(config_of(stop=STOP), tmp_path / "run")
    assert run.finished
    assert (run.last_step, run.measurement().step) == (step, step)
    assert run.measurements == tuple(r for r in whole.measurements if r.step <= step)
    words = f"stopped at step {step}: train_accuracy ≥ 0.7 at 3 evaluations in a row"
    assert run.ended == words
    assert json.loads((run.path / "DONE").read_text())["stopped"] == words.partition(": ")[2]
    assert f"The run {words}." in (run.path / "README.md").read_text()
    assert train(config_of(stop=STOP), run.path).last_step == step
    memory = train(config_of(stop=STOP))
    assert (memory.ended, memory.last_step) == (words, step)
    same(run, memory, step)


def test_all_scores_must_hold_at_once_and_losses_at_or_below():
    rule = StopConfig(**{"test_accuracy": 0.9, "train_loss": 0.1, "for": 2})
    good, high, low = (
        {"test_accuracy": a, "train_loss": b} for a, b in ((0.9, 0.1), (0.95, 0.11), (0.89, 0.0))
    )
    assert rule.holds([low, good, good])
    assert not rule.holds([good])
    assert not rule.holds([good, high])
    assert not rule.holds([low, good])
    assert not rule.holds([good, {"test_accuracy": None, "train_loss": 0.0}])
    assert not StopConfig().holds([good])
    assert rule.words == "train_loss ≤ 0.1 and test_accuracy ≥ 0.9 at 2 evaluations in a row"


def test_a_run_without_a_rule_has_none_in_its_files(tmp_path):
    run = train(tiny_config(steps=2), tmp_path / "run")
    assert json.loads((run.path / "config.json").read_text())["stop"] == {}
    assert (run.stopped, load(run.path).ended) == (None, None)
    assert first_difference(tiny_config(stop=STOP), tiny_config()).startswith("stop.train_accuracy")
    assert parse_config(tiny_config(stop=STOP).to_dict()) == tiny_config(stop=STOP)


@pytest.mark.parametrize(
    ("stop", "message"),
    [
        ({"for": 3}, "stop.for: expected a score to stop at beside it, got 3"),
        ({"for": 0, "test_loss": 1}, "stop.for: expected a number ≥ 1, got 0"),
        ({"test_accuracy": 1.5}, "stop.test_accuracy: expected a number ≥ 0 and ≤ 1, got 1.5"),
        ({"tset_accuracy": 0.5}, "stop.tset_accuracy: unknown configuration key; nearest is"),
    ],
)
def test_what_is_no_rule(stop, message):
    with refused(message):
        tiny_config(stop=stop)


def test_a_split_without_examples_never_gets_there():
    with refused("stop: expected a split with examples, test has none"):
        train(tiny_config(data={"fraction": 1.0}, stop={"test_accuracy": 0.5}))


@pytest.mark.parametrize("run_axis", [False, True])
def test_one_run_of_a_cohort_stops_and_the_others_go_on(run_axis, tmp_path):
    configs = [
        config_of(stop=STOP),
        config_of(seed=1),
        config_of(seed=2, stop={"for": 2, "train_accuracy": 0.5}),
    ]
    outs = [tmp_path / str(i) for i in range(3)]
    runs = train_many(configs, outs, run_axis=run_axis)
    for run, config in zip(runs, configs, strict=True):
        alone = train(config)
        assert run.ended == alone.ended
        assert run.steps == alone.steps
        for step in run.steps:
            for name, weight in alone.weights[step].items():
                # float32, summed in another order
                np.testing.assert_allclose(run.weights[step][name], weight, rtol=1e-3, atol=1e-5)
    assert runs[1].ended is None and runs[1].last_step == 30


class Killed(BaseException):
    """As if the process ended."""


def kill_at(step):
    def progress(now, latest):
        if now == step:
            raise Killed

    return progress


def test_a_killed_run_stops_where_it_would_have(whole, tmp_path):
    step = first_of_three(whole.measurements)
    config = config_of(stop=STOP, schedule={**SCHEDULE, "checkpoint_steps": [step - 2]})
    for at in (step - 1, step - 2):
        with pytest.raises(Killed):
            train(config, tmp_path / "run", progress=kill_at(at))
    run = train(config, tmp_path / "run")
    assert run.last_step == step
    same(run, train(config_of(stop=STOP)), step)


def interrupt_at(step):
    def progress(now, latest):
        if now == step:
            os.kill(os.getpid(), signal.SIGINT)

    return progress


def test_scores_of_an_interruption_do_not_count(tmp_path, monkeypatch):
    """Scored at steps 0, 7 and 30 only; interrupted runs have scores of others."""
    config = tiny_config(
        schedule={"evaluations": 3, "checkpoints": 0},
        stop={"train_loss": 10.0, "for": 3},
    )

    for at in (2, 3):
        with pytest.raises(Interrupted):
            train(config, tmp_path / "run", progress=interrupt_at(at))
    assert train(config, tmp_path / "run").last_step == train(config).last_step


def test_a_sweep_sees_a_stopped_run_as_done(tmp_path):
    grid = {"base": {**config_of().to_dict()}, "axes": {"stop.train_accuracy": [0.7, 0.999]}}
    grid["base"]["stop"] = {"for": 3}
    results = interp.sweep(grid, tmp_path / "sweep", interp.Machine("serial"))
    table = results.to_pandas()
    assert table["status"].tolist() == ["done", "done"]
    assert sorted(table["step"])[0] < 30
    again = interp.sweep(grid, tmp_path / "sweep", interp.Machine("serial"))
    assert again.to_pandas()["step"].tolist() == table["step"].tolist()


def test_pages_say_where_it_stopped(tmp_path, capsys):
    from interp.cli.app import main
    from interp.explorer.listing import listed_run
    from interp.words.story import story

    run = train(config_of(stop=STOP), tmp_path / "run")
    assert f"It {run.ended}." in story(run)
    assert listed_run("run", run.path).status == f"done, stopped: {run.stopped}"
    (tmp_path / "run.yaml").write_text(json.dumps(config_of(stop=STOP).to_dict()))
    main(["train", str(tmp_path / "run.yaml"), "--out", str(run.path), "--stop.for", "3"])
    assert f"the run {run.ended}" in " ".join(capsys.readouterr().out.split())
    interp.report(run, tmp_path / "report.html", "null")
    assert run.ended in (tmp_path / "report.html").read_text()


def test_an_altered_end_is_refused(tmp_path):
    run = train(config_of(stop=STOP), tmp_path / "run")
    (run.path / "DONE").write_text('{"step": 3, "stopped": 7}')
    with refused("DONE: expected why the run stopped, as text; altered"):
        load(run.path)


def test_callbacks_get_step_scores_and_a_copy_of_the_network(whole):
    seen = []

    def spoil(step, scores, network):
        seen.append((step, scores, network.get_parameter("unembed.W_U").clone()))
        assert not any(weight.requires_grad for weight in network.parameters())
        with torch.no_grad():
            for weight in network.parameters():
                weight.zero_()

    run = train(config_of(), callbacks=[spoil])
    same(whole, run, 30)
    assert [step for step, _, _ in seen] == list(range(31))
    scored = {row.step: row.scores for row in whole.measurements}
    for step, scores, weight in seen:
        assert scores == scored.get(step)
        if step in whole.weights:
            np.testing.assert_array_equal(weight.numpy(), whole.weights[step]["unembed.W_U"])


def test_each_run_has_callbacks_of_its_own():
    seen = {0: [], 1: []}
    watch = [[lambda step, scores, network, i=i: seen[i].append(step)] for i in (0, 1)]
    train_many([config_of(steps=3), config_of(steps=3, seed=1)], callbacks=watch, run_axis=True)
    assert seen == {0: [0, 1, 2, 3], 1: [0, 1, 2, 3]}
    with refused("callbacks: expected a list for each of 1 runs, got 2"):
        train_many([config_of()], callbacks=watch)


def test_a_callback_may_stop_the_run(tmp_path, whole):
    def enough(step, scores, network):
        return "stop" if step == 5 else None

    run = train(config_of(), tmp_path / "run", callbacks=[enough])
    assert run.ended == "stopped at step 5: callback enough asked for it"
    assert run.finished
    memory = train(config_of(), callbacks=[enough])
    np.testing.assert_array_equal(memory.weights[5]["unembed.W_U"], run.weights[5]["unembed.W_U"])


def test_a_callback_stops_where_nothing_is_scored():
    config = tiny_config(schedule={"evaluations": 2, "checkpoints": 0})
    run = train(config, callbacks=[lambda step, scores, network: "stop" if step == 4 else None])
    assert (run.last_step, run.measurement().step) == (4, 4)


def test_a_callback_that_fails_is_told_with_the_step_and_loses_nothing(tmp_path, whole):
    def broken(step, scores, network):
        if step == 9:
            raise KeyError("mine")

    config = config_of(schedule={**SCHEDULE, "checkpoint_steps": [8]})
    with pytest.raises(CallbackError, match="callback broken failed at step 9: KeyError: 'mine'"):
        train(config, tmp_path / "run", callbacks=[broken])
    assert load(tmp_path / "run").last_step == 8
    same(whole, train(config, tmp_path / "run"), 30)

    def misspelt(step, scores, network):
        return "Stop"

    with pytest.raises(CallbackError, match="at step 0: expected 'stop' or nothing, got 'Stop'"):
        train(config_of(), callbacks=[misspelt])


@pytest.mark.parametrize(
    ("answer", "got"),
    [(True, "bool True"), (0, "int 0"), (["stop"], "list ['stop']"), ("STOP ", "'STOP '")],
)
def test_a_callback_says_stop_or_nothing(answer, got):
    with pytest.raises(CallbackError, match=re.escape(f"expected 'stop' or nothing, got {got}")):
        train(config_of(), callbacks=[lambda *seen: answer])


def test_a_single_callback_needs_no_list(unchecked):
    def enough(step, scores, network):
        return "stop" if step == 3 else None

    assert train(config_of(), callbacks=enough).ended.endswith("callback enough asked for it")
    (run,) = train_many([config_of()], callbacks=[enough])
    assert run.last_step == 3
    expected = "callbacks: expected a function or a list of them, got "
    for wrong, told in ((3, "int 3"), ([3], "list [3]"), ("stop", "str 'stop'")):
        with pytest.raises(TypeError, match=re.escape(expected + told)):
            train(config_of(), callbacks=wrong)
    with pytest.raises(TypeError, match="callbacks: expected a list for each run, got function"):
        train_many([config_of()], callbacks=enough)


def test_a_finished_cell_must_have_all_of_its_scores(tmp_path):
    """Without a reason, scores that end early are damage."""
    run = train(config_of(stop=STOP))
    Work.check_end(run)
    with refused("expected scores up to step 30"):
        Work.check_end(replace(run, stopped=None))


def test_a_rule_is_part_of_a_cells_name():
    make = CellMaker()
    hashes = {make({"stop": stop})[0].hash for stop in ({}, STOP, {**STOP, "for": 4})}
    assert len(hashes) == 3
    assert make({})[0].hash == "8ed7813e614a893b"
