"""A criterion that names its null: every word it can come to, and where the null is shown."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pytest

import interp
from interp.cli.app import main
from interp.reproduction.criteria import WITH_NULL, asked, judge
from interp.reproduction.evidence import Evidence, Trained, words
from interp.reproduction.recipe import Criterion, parse_recipe
from interp.reproduction.scoreboard import counts, heading, markdown, page, write_scoreboard
from interp.reproduction.verdict import Verdict, verdict
from interp.training.config.run_config import RunConfig
from interp.training.sweep.table.results import Results

RECIPE = """
name: {name}
kind: neighbour
title: toy
source: Somebody et al. 2026 (2601.00001), a section
claim: c
grid: {{base: {{}}}}
figures: [{{kind: training}}]
criteria:
  - {{says: the network knows, measure: own, at_least: 0.9, {null}: lazy}}
  - {{says: it is a number, measure: own, at_least: 0}}
"""


def evidence(*seeds: dict[str, Any]) -> Evidence:
    """Runs with these values, a seed each."""
    runs = [Trained(RunConfig(seed=seed), values) for seed, values in enumerate(seeds)]
    return Evidence(runs, (), Results(pa.table({}), ()))


def pairs(own: list[float | None], lazy: list[float | None]) -> Evidence:
    return evidence(*({"own": a, "lazy": b} for a, b in zip(own, lazy, strict=True)))


def of(name: str, found: Evidence) -> Verdict:
    return verdict(parse_recipe(RECIPE.format(name=name, null="null"), name), found, "quick")


KNOWS = Criterion(says="knows", measure="own", at_least=0.9, null="lazy")


@pytest.mark.parametrize(
    ("own", "lazy", "word", "why"),
    [
        ([1, 1, 1], [0, 0, 0], "holds", "of all 3 seeds, of its null in 0"),
        ([1, 1, 1], [1, 0, 1], "holds", "of all 3 seeds, of its null in 2"),
        ([1, 1, 1], [1, 1, 0.9], WITH_NULL, "of all 3 seeds, and of its null in all 3"),
        ([0, 0, 0], [1, 1, 1], "does not hold", "of none of 3 seeds"),
        ([1, 0, 1], [1, 1, 1], "undecided", "of 2 of 3 seeds"),
        ([1, 1, 1], [1, None, 1], "undecided", "its null was measured of 2 of 3 seeds"),
        ([1, None, 1], [1, 1, 1], "undecided", "measured of 2 of 3 seeds"),
        ([1], [1], "undecided", "one seed shows no spread"),
    ],
)
def test_each_word_beside_a_null(own, lazy, word, why):
    found = judge(KNOWS, pairs(own, lazy))
    assert (found.word, found.why) == (word, why)
    assert found.nulls == {seed: one for seed, one in enumerate(lazy) if one is not None}


@pytest.mark.parametrize(
    ("bound", "lazy", "word"),
    [
        ({"at_most": 0.5}, 0.4, WITH_NULL),
        ({"at_most": 0.5}, 0.6, "holds"),
        ({"exceeds": {"measure": "before", "by": 0.1}}, 0.31, WITH_NULL),
        ({"exceeds": {"measure": "before", "by": 0.1}}, 0.29, "holds"),
        ({"falls_below": {"measure": "after"}}, 0.7, WITH_NULL),
        ({"falls_below": {"measure": "after"}}, 0.9, "holds"),
    ],
)
def test_the_null_is_asked_what_the_claim_is(bound, lazy, word):
    """The same bounds, or the same value to be left behind: 0.2 before, 0.8 after."""
    criterion = Criterion(says="d", measure="own", null="lazy", **bound)
    values = {"own": 0.4, "lazy": lazy, "before": 0.2, "after": 0.8}
    assert judge(criterion, evidence(values, values)).word == word


def test_the_null_is_of_the_same_runs_and_reduced_alike():
    criterion = Criterion(
        says="d", measure="own", null="lazy", reduce="min", at={"loss": "mse"}, at_least=0.5
    )
    runs = [
        Trained(RunConfig(seed=seed, loss=loss), {"own": 1.0, "lazy": lazy})
        for seed in (0, 1)
        for loss, lazy in (("mse", 0.75), ("cross_entropy", 0.0))
    ]
    found = judge(criterion, Evidence(runs, ("loss",), Results(pa.table({}), ("loss",))))
    assert found.nulls == {0: 0.75, 1: 0.75}
    assert found.word == WITH_NULL
    low = [Trained(RunConfig(seed=seed), {"own": 1.0, "lazy": 0.25}) for seed in (0, 1)]
    found = judge(criterion, Evidence([*runs, *low], (), Results(pa.table({}), ())))
    assert found.nulls == {0: 0.25, 1: 0.25}
    assert found.word == "holds"


@pytest.mark.parametrize("own", [1.0, 0.0])
def test_a_slip_in_the_name_of_a_null_is_told(own):
    slip = Criterion(says="d", measure="own", at_least=0.9, null="lazi_g")
    found = judge(slip, evidence(*[{"own": own, "lazy_g": 0.0}] * 2))
    assert found.word == "undecided"
    assert found.why == "no run has a value 'lazi_g'; nearest is lazy_g"


@pytest.mark.parametrize("key", ["null", "'null'", "~"])
def test_yaml_takes_a_bare_null_for_nothing_but_here_it_is_a_key(key):
    """YAML reads ``null:`` and ``~:`` as None."""
    found = parse_recipe(RECIPE.format(name="toy", null=key), "toy.yaml")
    assert [one.null for one in found.criteria] == ["lazy", None]
    with pytest.raises(ValueError, match=r"recipe toy.yaml: criteria.0.nul: Extra inputs"):
        parse_recipe(RECIPE.format(name="toy", null="nul"), "toy.yaml")


@pytest.mark.parametrize(
    ("own", "lazy", "word", "why"),
    [
        ([1, 1], [0, 0], "holds", "all 2 criteria hold for every seed"),
        (
            [1, 1],
            [1, 1],
            WITH_NULL,
            "all 2 criteria hold for every seed, but the null too meets “the network knows”",
        ),
        ([1, 0], [1, 1], "undecided", "“the network knows” is true of 1 of 2 seeds"),
        ([0, 0], [1, 1], "does not hold", "“the network knows” is true of none of 2 seeds"),
    ],
)
def test_the_verdict_of_a_recipe_with_a_null(own, lazy, word, why):
    found = of("toy", pairs(own, lazy))
    assert (found.word, found.why) == (word, why)
    assert found.recipe.label == "Somebody et al. 2026"


def test_what_fails_weighs_more_than_a_null_that_holds():
    text = RECIPE.format(name="toy", null="null").replace("at_least: 0}", "at_least: 2}")
    found = verdict(parse_recipe(text, "toy"), pairs([1, 1], [1, 1]), "quick")
    assert [one.word for one in found.judged] == [WITH_NULL, "does not hold"]
    assert found.word == "does not hold"
    board = markdown([found]).splitlines()
    row = next(line for line in board if line.startswith("| Somebody"))
    assert "it is a number" in row  # the criterion that decided, not the first that is no "holds"


def test_the_values_of_the_null_are_in_the_plain_data():
    told = of("toy", pairs([1.0, 0.95], [math.inf, 0.5])).to_dict()["criteria"]
    assert told[0]["null"] == "lazy"
    assert told[0]["null_values"] == {"0": "never", "1": 0.5}
    assert told[0]["values"] == {"0": 1.0, "1": 0.95}
    assert told[1]["null"] is None
    assert told[1]["null_values"] == {}


def test_the_scoreboard_counts_marks_and_shows_nulls(tmp_path):
    found = [
        of("as-its-null", pairs([1.0, 1.0], [0.95, 0.95])),
        of("alone", pairs([1.0, 1.0], [0.25, 0.75])),
    ]
    assert counts(found) == {"holds": 1, WITH_NULL: 1, "does not hold": 0, "undecided": 0}
    assert heading(found).startswith("1 of 2 hold, 1 as their null does, 0 do not, 0 undecided")
    assert heading(found[1:]).startswith("1 of 1 hold, 0 do not, 0 undecided")
    board = markdown(found)
    assert f"| **{WITH_NULL}** | the network knows: 1.000; null 0.950 |" in board
    assert "| own ≥ 0.9; null: lazy | 1.000; null 0.500 [0.250 – 0.750] | holds |" in board
    html = page(found)
    assert html.count("<td class='holds-and-so-does-its-null'>") == 2  # in the list and below
    assert "<span class='null'>null 0.500 [0.250 – 0.750]</span>" in html
    assert ".holds-and-so-does-its-null::before" in html
    places = write_scoreboard(found, tmp_path)
    assert json.loads(places["json"].read_text())["counts"][WITH_NULL] == 1


def test_a_criterion_without_a_null_is_shown_as_before():
    criterion = Criterion(says="d", measure="own", at_least=0.5)
    assert asked(criterion) == "own ≥ 0.5"
    assert asked(KNOWS) == "own ≥ 0.9; null: lazy"
    found = judge(criterion, pairs([1, 1], [1, 1]))
    assert (found.word, found.nulls) == ("holds", {})


OWN = """
name: mine
title: Toys
source: my notebook
claim: A network answers better than its controls.
grid:
  base: {task: {p: 7}, model: {width: 12}, data: {fraction: 0.6, corruption: 0.3}}
  axes: {steps: [4, 8]}
  seeds: 2
measures:
  pruning: {lowest: 0.5, highest: 0.5, draws: 2}
figures:
  - {kind: measures, x: steps, measures: {train_accuracy: train}}
criteria:
  - says: it is a share
    measure: lowest.ipr.train_accuracy
    at: {steps: 8}
    at_least: 0
    null: lowest.random.train_accuracy
"""


def test_from_a_file_to_the_table_in_the_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    path = tmp_path / "mine.yaml"
    path.write_text(OWN)
    main(["reproduce", str(path), "--out", str(tmp_path), "--executor", "serial"])
    told = " ".join(capsys.readouterr().out.split())
    assert f"{WITH_NULL}: all 1 criteria hold for every seed, but the null too meets" in told
    assert "; null " in told
    kept = json.loads((tmp_path / "mine" / "verdict.json").read_text())
    assert kept["verdict"] == WITH_NULL
    random = {
        str(run.config.seed): interp.measures["pruning"](
            run, lowest=0.5, highest=0.5, draws=2
        ).values()["lowest.random.train_accuracy"]
        for folder in (tmp_path / "networks/runs").iterdir()
        if (run := interp.load(folder)).config.steps == 8
    }
    assert kept["criteria"][0]["null_values"] == pytest.approx(random)


def test_steps_are_told_where_nothing_else_differs():
    assert words({"steps": 43}) == "steps 43"
    assert words({"steps": 43, "data.corruption": 0.5}) == "ξ 0.5"
