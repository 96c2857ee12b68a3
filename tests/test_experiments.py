"""Experiments of stages: what starts where, what is read off, what is not done twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from math import inf, isnan

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import interp
from interp.cli.app import main
from interp.experiments import run as of_run
from interp.experiments.crossings import apart, crossed
from interp.experiments.outcome import label
from interp.experiments.plan import Experiment, experiments, find_experiment, parse_experiment
from interp.experiments.run import experiment
from interp.training.config.plain_data import with_overrides
from interp.training.config.run_config import parse_config
from interp.training.sweep.plan.cell import content_hash
from interp.training.sweep.table.results import Results

BASE = {"task": {"p": 7}, "model": {"width": 8}, "steps": 4, "schedule": {"checkpoints": 0}}
STAGES = """
name: toy
title: A toy
source: nobody
claim: none
base: {task: {p: 7}, model: {width: 8}, steps: 4, schedule: {checkpoints: 0}}
axes: {data.corruption: [0.0, 0.5]}
seeds: 2
stages:
  - {name: first, says: all pairs, set: {data.fraction: 1.0, data.corruption: 0}}
  - {name: then, says: fewer, start: first, axes: {data.fraction: [0.4, 0.8]}}
  - {name: new, says: new weights, axes: {data.fraction: [0.4, 0.8]}, control: true}
values: [test_accuracy, train_accuracy]
crossings:
  - name: half-way
    says: half
    stage: then
    along: data.fraction
    value: test_accuracy
    level: 0.5
"""


def refused(message: str):
    return pytest.raises(ValueError, match=re.escape(message))


def toy(**changes) -> Experiment:
    return parse_experiment(STAGES, "toy.yaml").model_copy(update=changes)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    place = tmp_path_factory.mktemp("experiment")
    return place, experiment(toy(), place, machine="serial")


# --- what is read off -----------------------------------------------------------------------------


def test_crossing_between_the_last_below_and_the_next():
    found = crossed([0.3, 0.1, 0.2], [0.9, 0.0, 0.4], 0.5)
    assert (found.low, found.high, found.beyond) == (0.2, 0.3, "")
    assert found.value == pytest.approx(0.2 + 0.1 * 0.1 / 0.5)


def test_a_value_that_falls_below_again_has_not_crossed():
    found = crossed([1, 2, 3, 4], [0.0, 0.9, 0.3, 0.8], 0.5)
    assert (found.low, found.high) == (3, 4)
    assert found.value == pytest.approx(3.4)


def test_beyond_the_places():
    below, above = crossed([1, 2], [0.6, 0.5], 0.5), crossed([1, 2], [0.6, 0.4], 0.5)
    assert (below.low, below.high, below.beyond) == (-inf, 1, "below the lowest")
    assert (above.low, above.high, above.beyond) == (2, inf, "above the highest")
    assert isnan(below.value) and isnan(above.value)


def test_one_value_less_another():
    """Memory passes the rule, 5 at .4 and .6; below .4 there is no rule to compare with."""
    places, values = [0.1, 0.2, 0.4, 0.6], [3.0, 4.0, 6.0, 7.0]
    found = apart(places, values, {0.4: 5.0, 0.6: 5.0}, 0.0)
    assert (found.low, found.high, found.value) == (0.2, 0.4, pytest.approx(0.3))
    assert found.extrapolated
    assert not apart(places, values, dict.fromkeys(places, 5.0), 0.0).extrapolated
    with refused("crossing: expected a run to compare with, got none"):
        apart(places, values, {}, 0.0)


def test_runs_without_a_value_are_left_out():
    assert crossed([1, 2, 3], [0.0, float("nan"), 1.0], 0.5).value == 2
    with refused("crossing: expected a run with a value, got none"):
        crossed([1], [float("nan")], 0.5)


# --- stages ---------------------------------------------------------------------------------------


def test_later_runs_begin_with_the_weights_of_earlier_ones(done):
    place, found = done
    for row in found.stages["then"].to_dict("records"):
        run = interp.load(place / "toy" / "then" / "runs" / row["hash"])
        firsts = found.stages["first"]
        same = (firsts["seed"] == row["seed"]) & (
            firsts["data.corruption"] == row["data.corruption"]
        )
        first = interp.load(place / "toy" / "first" / "runs" / firsts[same]["hash"].item())
        start = run.config.start.weights()
        assert {name: w.tolist() for name, w in start.items()} == {
            name: w.tolist() for name, w in first.weights[first.last_step].items()
        }
        assert run.config.seed == row["seed"] == first.config.seed
        assert run.config.data.fraction == row["data.fraction"]
        assert run.config.data.corruption == row["data.corruption"]
        assert first.config.data.fraction == 1.0


def test_a_row_for_every_run(done):
    _, found = done
    assert {name: len(rows) for name, rows in found.stages.items()} == {
        "first": 2 * 2,
        "then": 2 * 2 * 2,
        "new": 2 * 2 * 2,
    }
    assert len(found.reads) == 2 * 2
    assert len(found.to_pandas()) == 20
    assert "20 runs" in found.caption
    mean = found.table("new")
    own = found.stages["new"]
    one = own[(own["data.corruption"] == 0.5) & (own["data.fraction"] == 0.8)]
    row = mean[(mean["data.corruption"] == 0.5) & (mean["data.fraction"] == 0.8)]
    assert row["train_accuracy"].item() == pytest.approx(one["train_accuracy"].mean())


def test_nothing_is_done_twice(done):
    place, found = done
    again = experiment(toy(), place, machine="serial", watch=lambda tally: None)
    assert again.values() == found.values()
    more = experiment(toy(), place, seeds=3, machine="serial")
    assert len(more.stages["first"]) == 6
    times = [one.stat().st_mtime for one in sorted((place / "toy" / "first" / "runs").iterdir())]
    assert len(times) == 2 + 1  # of two conditions that start alike, one run a seed


def test_a_base_over_the_experiments_own(tmp_path):
    found = experiment(toy(seeds=1), tmp_path, {"model": {"width": 4}, "steps": 2}, None, "serial")
    row = found.stages["new"].iloc[0]
    config = interp.load(tmp_path / "toy" / "new" / "runs" / row["hash"]).config
    assert (config.model.width, config.steps, config.task.p) == (4, 2, 7)


def test_starts_that_failed_are_named(tmp_path):
    """A rate at which numbers overflow: in one condition, then in all."""
    wild = toy(axes={"optimizer.lr": [0.01, 1e30]}, seeds=1)
    with refused("stage then: expected a finished run of stage first, seed 0, to start from; got"):
        experiment(wild, tmp_path, {"steps": 20}, machine="serial")
    with refused("stage first: expected a run that finishes, got none; the first one:"):
        experiment(toy(axes={"optimizer.lr": [1e30]}), tmp_path, {"steps": 20}, machine="serial")


def step_function(edges: dict[float, float], seen: list):
    """In place of a sweep: a run comes to the level above an edge of its condition."""

    def swept(grid, out, machine, watch):
        rows = []
        for place in grid.overrides():
            seen.append(place)
            edge = edges[place["data.corruption"]] + 0.001 * place["seed"]
            score = 1.0 if place["data.fraction"] > edge else 0.0
            config = parse_config(with_overrides(grid.base, place))
            row = {"hash": content_hash(config.identity()), "status": "done", "error": None}
            rows.append({**row, **place, "test_accuracy": score})
        return Results(pa.Table.from_pandas(pd.DataFrame(rows)), tuple(grid.paths))

    return swept


def searched(rounds: int) -> Experiment:
    return parse_experiment(
        json.dumps(
            {
                "name": "search",
                "title": "t",
                "source": "s",
                "claim": "c",
                "base": BASE,
                "axes": {"data.corruption": [0.0, 0.2, 0.4]},
                "seeds": 3,
                "stages": [
                    {
                        "name": "at",
                        "says": "s",
                        "bisect": {
                            "along": "data.fraction",
                            "low": 0.2,
                            "high": 1.0,
                            "rounds": rounds,
                            "value": "test_accuracy",
                            "level": 0.5,
                        },
                    }
                ],
                "values": ["test_accuracy"],
                "crossings": [
                    {
                        "name": "critical",
                        "says": "s",
                        "stage": "at",
                        "along": "data.fraction",
                        "value": "test_accuracy",
                        "level": 0.5,
                    }
                ],
            }
        ),
        "search.yaml",
    )


def test_bisection(monkeypatch, tmp_path):
    """The interval halves around each condition's own edge; one beyond the ends is not searched."""
    seen: list = []
    edges = {0.0: 0.33, 0.2: 0.77, 0.4: 2.0}
    monkeypatch.setattr(of_run, "sweep", step_function(edges, seen))
    found = experiment(searched(4), tmp_path, machine="serial")
    for one in found.summaries[:2]:
        edge = edges[one.condition["data.corruption"]]
        assert one.low < edge < one.high
        assert one.high - one.low == pytest.approx(0.8 / 2**4)
        assert one.mean == pytest.approx((one.low + one.high) / 2)
    last = found.summaries[2]
    assert (last.mean, last.low, last.high) == (None, 1.0, inf)
    assert last.beyond == "3 of 3 above the highest"
    tried = {place["data.fraction"] for place in seen if place["data.corruption"] == 0.0}
    assert tried == {0.2, 1.0, 0.6, 0.4, 0.3, 0.35}
    assert len(seen) == 3 * (6 + 6 + 2)
    assert found.to_dict()["crossings"][-1]["high"] is None
    assert found.values()["critical ξ 0.4"] is None


def test_an_unknown_column_is_refused(tmp_path):
    with refused("experiment toy: expected columns of the row of a run, got 'nothing'"):
        experiment(toy(values=["nothing"], seeds=1), tmp_path, machine="serial")


def test_killed_and_resumed(tmp_path):
    """What had been trained when the process was killed is not trained again."""
    (tmp_path / "toy.yaml").write_text(STAGES.replace("steps: 4", "steps: 100"))
    code = "from interp.cli.app import main; main()"
    command = [sys.executable, "-c", code, "experiment", "toy.yaml", "--out", "o"]
    command += ["--executor", "serial", "--json"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, text=True)
    cells = tmp_path / "o" / "toy"
    deadline = time.monotonic() + 90
    while len(list(cells.glob("*/cells/*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = {one: one.stat().st_mtime_ns for one in cells.glob("*/cells/*.json")}
    assert len(before) >= 3
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {one: one.stat().st_mtime_ns for one in before} == before
    whole = experiment(
        find_experiment(str(tmp_path / "toy.yaml")), tmp_path / "whole", machine="serial"
    )
    assert json.loads(again.stdout)["values"] == whole.to_dict()["values"]


# --- what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("start: first", "start: later"), "expected to start from a stage before it, got 'later'"),
        (("start: first", "start: then"), "expected to start from a stage before it, got 'then'"),
        (
            ("name: new, says: new weights", "name: new, start: then, says: x"),
            "stage new: expected to start from a stage of one run a condition and seed, got then",
        ),
        (("name: new", "name: then"), "expected stages of different names, got then twice"),
        (
            ("    stage: then", "    stage: first"),
            "crossing half-way: expected a stage with axis data.fraction, got 'first'",
        ),
        (("axes: {data.fraction: [0.4", "axes: {data.frction: [0.4"), "data.frction"),
        (("seeds: 2", "seeds: 0"), "seeds"),
        (("claim: none", "claim: none\nclam: none"), "clam: Extra inputs"),
    ],
)
def test_experiments_that_are_none(change, message):
    with refused("experiment x.yaml: ") as caught:
        parse_experiment(STAGES.replace(*change), "x.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bisections_that_are_none():
    one = {"along": "data.fraction", "low": 0.5, "high": 0.2, "value": "v", "level": 0.5}
    text = json.loads(json.dumps(searched(1).model_dump()))
    text["stages"][0]["bisect"] = one
    with refused("expected low below high, got 0.5 and 0.2"):
        parse_experiment(json.dumps(text), "x.yaml")
    text["stages"][0] |= {"bisect": {**one, "low": 0.1}, "axes": {"steps": [1]}}
    with refused("expected bisect without axes and start"):
        parse_experiment(json.dumps(text), "x.yaml")


def test_unknown_experiments(tmp_path):
    with refused(
        "experiment: expected one of critical-size-decay, critical-size, efficiency, second-split, "
    ):
        find_experiment("nothing")
    with refused("expected a file, found none"):
        find_experiment(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("name", experiments())
def test_own_experiments_run_on_toys(name, tmp_path):
    """Every stage trains, and every value that is shown is there."""
    asked = experiments()[name]
    stages = []
    for stage in asked.stages:
        kept = {k: v for k, v in stage.set.items() if k != "steps"}
        axes = {path: values[:2] for path, values in stage.axes.items()}
        bisect = stage.bisect and stage.bisect.model_copy(update={"rounds": 1})
        stages.append(stage.model_copy(update={"set": kept, "axes": axes, "bisect": bisect}))
    axes = {path: [2, 3] if path == "steps" else v[:2] for path, v in asked.axes.items()}
    one = asked.model_copy(update={"stages": stages, "axes": axes})
    schedule = {"checkpoints": 6, "checkpoint_steps": []}
    base = {"task": {"p": 11}, "model": {"width": 16}, "steps": 6, "schedule": schedule}
    found = experiment(one, tmp_path, base, 1, "serial")
    assert not (found.to_pandas()["status"] != "done").any()
    assert set(asked.columns) <= set(found.to_pandas().columns)
    assert len(found.plot().data)


# --- shown ----------------------------------------------------------------------------------------


def test_figure(done):
    _, found = done
    drawn = found.plot()
    names = [trace.name for trace in drawn.data if trace.name]
    assert names == ["then · ξ 0.0", "new · ξ 0.0", "then · ξ 0.5", "new · ξ 0.5"]
    rows = found.stages["then"]
    own = rows[rows["data.corruption"] == 0.0].groupby("data.fraction")["test_accuracy"].mean()
    np.testing.assert_allclose(drawn.data[0].y, own)
    assert [trace.marker.symbol for trace in drawn.data[:2]] == ["circle", "circle-open"]
    assert label({"data.corruption": 0.2, "steps": 3}) == "ξ 0.2 · steps 3"


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["experiment"])
    told = capsys.readouterr().out
    assert all(name in told for name in experiments())
    (tmp_path / "toy.yaml").write_text(STAGES)
    main(
        [
            "experiment",
            "toy.yaml",
            "--out",
            "o",
            "--seeds",
            "1",
            "--executor",
            "serial",
            "--figure",
            "f.html",
            "--table",
            "t.csv",
        ]
    )
    told = capsys.readouterr().out
    assert "fewer; mean over the seeds" in told and "new (control)" in told
    assert len(pd.read_csv("t.csv")) == 10
    assert "then" in (tmp_path / "f.html").read_text()
    main(["experiment", "toy.yaml", "--out", "o", "--seeds", "1", "--executor", "serial", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["caption"].startswith("toy · 1 seed from 0")
    assert len(found["crossings"]) == 2
