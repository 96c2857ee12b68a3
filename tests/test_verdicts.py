"""Verdicts where runs are missing, values are equal, or a recipe asks for what there is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pytest

import interp
from interp.cli.app import main
from interp.reproduction.chart import Chart, measures_against
from interp.reproduction.criteria import judge
from interp.reproduction.drawing import check_figures, draw
from interp.reproduction.evidence import Evidence, Trained
from interp.reproduction.methods import Methods, method_panels
from interp.reproduction.recipe import Criterion, Recipe, parse_recipe
from interp.reproduction.verdict import verdict
from interp.training.config.run_config import parse_config
from interp.training.sweep.table.results import Results
from interp.training.trainer.loop import train
from tests.conftest import tiny_config

DECAY, BATCH = "optimizer.weight_decay", "optimizer.batch_size"
NONE = Results(pa.table({}), ())
RECIPE = """
name: mine
title: a
source: b
claim: c
keep: KEEP
grid:
  base: {task: {p: 5}, model: {width: 4}, steps: 4, schedule: {evaluations: 2, checkpoints: 2}}
  axes: {optimizer.lr: RATES}
  seeds: 2
figures: [FIGURE]
criteria: [{says: it is a share, measure: train_accuracy, reduce: min, at_least: 0}]
"""


def text(rates: str, keep: str = "runs", figure: str = "{kind: training}") -> str:
    return RECIPE.replace("RATES", rates).replace("KEEP", keep).replace("FIGURE", figure)


def one(seed: int, values: Mapping[str, Any], decay: float = 0.0) -> Trained:
    return Trained(parse_config({"optimizer": {"weight_decay": decay}, "seed": seed}), values)


def both(first: float, second: float) -> Evidence:
    """Two seeds with a value at weight decay 5, and another without."""
    runs = [one(seed, {"v": v}, w) for seed in (0, 1) for v, w in ((first, 5.0), (second, 0.0))]
    return Evidence(runs, (DECAY,), NONE)


@pytest.mark.parametrize(
    ("values", "more", "less"),
    [
        ((0.5, 0.5), "does not hold", "does not hold"),
        ((math.inf, math.inf), "does not hold", "does not hold"),
        ((0.75, 0.5), "holds", "does not hold"),
        ((0.5, math.inf), "does not hold", "holds"),
    ],
)
def test_as_much_is_neither_more_nor_less(values, more, less):
    there = {"at": {DECAY: 0.0}}
    for asked, word in (({"exceeds": there}, more), ({"falls_below": there}, less)):
        criterion = Criterion(says="s", measure="v", at={DECAY: 5.0}, **asked)
        assert judge(criterion, both(*values)).word == word
    if math.isfinite(values[0]):
        bound = Criterion(says="s", measure="v", at={DECAY: 5.0}, at_least=values[0])
        assert judge(bound, both(*values)).word == "holds"  # a bound itself is within


def test_a_seed_without_its_runs_has_no_say_and_is_missed():
    """Of what was asked: seeds 0, 1, 2 with and without weight decay; two runs are not there."""
    there = [(seed, decay) for seed in (0, 1, 2) for decay in (0.0, 5.0)]
    runs = [one(seed, {"v": 1.0}, decay) for seed, decay in there[:4]]
    absent = tuple({"seed": 2, DECAY: decay} for decay in (0.0, 5.0))
    criterion = Criterion(says="s", measure="v", at_least=0.5)
    found = judge(criterion, Evidence(runs, (DECAY,), NONE, ("nan",) * 2, absent))
    why = "measured of 2 of 3 seeds, as runs of seed 2 failed"
    assert (found.word, found.why) == ("undecided", why)
    # The mean of what is left of a seed is not the seed's.
    runs = [one(seed, {"v": 1.0}, 0.0) for seed in (0, 1)]
    absent = tuple({"seed": seed, DECAY: 5.0} for seed in (0, 1))
    half = Evidence(runs, (DECAY,), NONE, ("nan",) * 2, absent)
    assert judge(criterion, half).word == "undecided"
    assert judge(criterion, half).why == "measured of 0 of 2 seeds, as runs of seeds 0, 1 failed"
    against = Criterion(says="s", measure="v", at={DECAY: 0.0}, exceeds={"at": {DECAY: 5.0}})
    assert judge(against, half).why == "measured of 0 of 2 seeds, as runs of seeds 0, 1 failed"
    without = Criterion(says="s", measure="v", at={DECAY: 0.0}, at_least=0.5)
    assert judge(without, half).word == "holds"  # which is not about the runs that are missing


@pytest.mark.parametrize(("rates", "failed", "figures"), [("[0.01, 1e30]", 2, 1), ("[1e30]", 2, 0)])
def test_runs_that_diverge_leave_the_verdict_open(rates, failed, figures, tmp_path, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text(text(rates))
    found = interp.reproduce(str(file), out=tmp_path / "out", machine="serial")
    assert (found.word, len(found.failed)) == ("undecided", failed)
    assert len(found.figures) == figures
    assert (tmp_path / "out" / "mine" / "figures.html").is_file()
    place = ["--out", str(tmp_path / "out"), "--executor", "serial"]
    main(["reproduce", str(file), *place])
    printed = " ".join(capsys.readouterr().out.split())
    assert f"(budget quick, seeds 0, 1, {4 - failed if figures else 0} runs)" in printed
    assert "without 2 runs that failed: loss is no longer finite" in printed


def test_a_configuration_that_cannot_be_is_no_run_that_failed(tmp_path):
    widths = text("[0.01]").replace("optimizer.lr: [0.01]", "model.width: [4, -1]")
    found = interp.reproduce(parse_recipe(widths, "mine.yaml"), tmp_path, machine="serial")
    assert (found.word, len(found.failed)) == ("holds", 2)


def test_a_word_has_no_mean():
    runs = [one(seed, {"phase": "coexistence"}) for seed in (0, 1)]
    found = judge(Criterion(says="s", measure="phase", at_least=1), Evidence(runs, (), NONE))
    assert (found.word, found.why) == (
        "undecided",
        "phase is a word, such as 'coexistence', of which only a share can be asked",
    )
    share = Criterion(says="s", measure="phase", reduce="share", of="coexistence", at_least=1)
    assert judge(share, Evidence(runs, (), NONE)).word == "holds"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("at_least: 0", "at_least: 0, at: {optimizer.batchsize: null}"),
            "nearest is .*batch_size",
        ),
        (
            ("at_least: 0", "exceeds: {at: {optimizer.weight_deca: 5}}"),
            "mine.yaml: optimizer.weight_deca: unknown configuration key; nearest is "
            "optimizer.weight_decay",
        ),
        (("title: a", "title: a\nkind: claim"), "mine.yaml: number: expected 1 to 8, got 0"),
        (("title: a", "title: a\nkind: claim\nnumber: 9"), "number: expected 1 to 8, got 9"),
    ],
)
def test_a_recipe_cannot_ask_for_what_there_is_not(change, message):
    assert parse_recipe(text("[1]"), "mine.yaml").label == "mine"
    with pytest.raises(ValueError, match=message):
        parse_recipe(text("[1]").replace(*change), "mine.yaml")


@pytest.mark.parametrize(
    ("keep", "figure", "message"),
    [
        ("scores", "{kind: training}", "training: expected keep: runs, since it reads networks"),
        ("runs", "{kind: measures, measures: {a: A}, x: steeps}", "steeps: .*nearest is steps"),
        ("runs", "{kind: measures, measures: {a: A}, x: 3}", "3: unknown configuration key"),
        ("runs", "{kind: diagram, y: data.corruptio}", "data.corruptio: .*data.corruption"),
        ("runs", "{kind: histograms, places: [{sed: 1}]}", "sed: .*nearest is seed"),
    ],
)
def test_a_figure_that_cannot_be_drawn_is_refused_first(keep, figure, message):
    with pytest.raises(ValueError, match=f"recipe mine: figures: {message}"):
        check_figures(parse_recipe(text("[1]", keep, figure), "mine.yaml"))


@pytest.fixture
def batches() -> Evidence:
    """One seed with full batches, and with batches of 64 and 8."""
    runs = [
        Trained(parse_config({"optimizer": {"batch_size": size}}), {"g.test_accuracy": y})
        for size, y in ((None, 0.25), (64, 0.5), (8, 0.75))
    ]
    return Evidence(runs, (BATCH,), NONE)


def test_full_batches_stand_beside_the_others(batches):
    measures = {"g.test_accuracy": "G"}
    (line,) = measures_against(batches, "t", Chart(measures, x=BATCH, log="x")).data
    assert dict(zip(line.x, line.y, strict=True)) == {"8": 0.75, "64": 0.5, "full": 0.25}
    lines = measures_against(batches, "t", Chart(measures, x="steps", by=BATCH)).data
    assert [(each.name.removeprefix("G, "), *each.y) for each in lines] == [
        ("batch 8", 0.75),
        ("batch 64", 0.5),
        ("batch full", 0.25),
    ]
    drawn = Methods({"g": "G"}, x=BATCH, panels=BATCH, splits=["test"])
    panels = method_panels(batches, "t", drawn)
    assert [one.text for one in panels.layout.annotations] == ["batch 8", "batch 64", "batch full"]
    assert [each.y[0] for each in panels.data] == [0.75, 0.5, 0.25]
    assert panels.layout.xaxis.type == "category"
    assert list(panels.layout.xaxis.categoryarray) == ["8", "64", "full"]


def titles(figure: go.Figure) -> set[str]:
    return {one.text.partition("<br>")[0].partition(" · ")[0] for one in figure.layout.annotations}


def test_every_setting_has_its_histograms_before_and_after():
    runs = []
    for decay in (0.0, 5.0):
        config = tiny_config(steps=2, optimizer={"weight_decay": decay})
        runs.append(Trained(config, {}, train(config)))
    figure = "{kind: histograms, steps: first and last}"
    recipe: Recipe = parse_recipe(text("[1]", figure=figure), "mine.yaml")
    evidence = Evidence(runs, (DECAY,), NONE)
    (drawn,) = draw(recipe, evidence)
    ends = ("before training", "after training")
    assert titles(drawn) >= {f"wd {decay}, {end}" for decay in (0, 5) for end in ends}
    (alone,) = draw(recipe, Evidence(runs[:1], (DECAY,), NONE))
    assert titles(alone) >= set(ends)
    assert verdict(recipe, evidence, "quick").word == "undecided"
