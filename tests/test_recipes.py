"""The contract of every recipe, at toy size: nothing is trained.

Each recipe's grid, made small, is filled with networks as they are at step 0: its measures must
find their values in them, its figures must be drawn, and its verdict computed. Each criterion is
then given values that meet it and values that do not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import Any

import plotly.graph_objects as go
import pyarrow as pa
import pytest
import torch

from interp.analysis.measures import MEASURES
from interp.analysis.sweeps.row import measure
from interp.reproduction.criteria import WITH_NULL, asked, judge
from interp.reproduction.drawing import FIGURES, draw
from interp.reproduction.evidence import Evidence, Trained, differing
from interp.reproduction.recipe import BUDGETS, Budget, Criterion, Recipe, parse_recipe, recipes
from interp.reproduction.run import constructed, measured_values, write
from interp.reproduction.scoreboard import counts, write_scoreboard
from interp.reproduction.verdict import verdict
from interp.training.config.run_config import RunConfig
from interp.training.models.kinds import initial_network
from interp.training.runs.made import made_run
from interp.training.sweep.plan.cell import Cell
from interp.training.sweep.plan.grid import Grid
from interp.training.sweep.plan.manifest import cells_of
from interp.training.sweep.table.results import Results
from interp.training.trainer.job import dataset_of

TOY: Mapping[str, Any] = {"task.p": 7, "schedule.evaluations": 3, "schedule.checkpoints": 2}
NAMES = tuple(recipes())
NEIGHBOURS = [
    "filtration",
    "activation-swap",
    "coherence",
    "progress",
    "neurons-or-frequencies",
    "ipr-against-norm",
    "sparsity",
    "sparsity-mlp",
    "pizza-or-clock",
    "rescaling",
    "partition",
    "strength",
    "small-loss",
    "wrong-labels",
    "second-split",
    "confident-learning",
    "training-dynamics",
    "influence",
    "localization",
    "turnover-dropout",
    "pre-memorization",
    "masc",
    "benign",
    "group-pruning",
    "group-memory",
    "group-inversion",
    "power-s5",
    "power-s5-decay",
    "cosets",
    "characters",
    "synergy",
    "trajectory",
    "sharpness",
    "lazy",
]

# Those at p 47, N 200.
AT_47 = [
    *("small-loss", "wrong-labels", "second-split", "confident-learning"),
    *("training-dynamics", "localization", "turnover-dropout", "pre-memorization"),
    *("masc", "benign", "trajectory", "sharpness", "synergy", "lazy"),
]

# Least, greatest and number of widths of the recipes that are about the width.
WIDTHS = {
    ("analytic", "quick"): (50, 1000, 6),
    ("analytic", "paper"): (25, 2000, 12),
    ("figure-29", "quick"): (5000, 5000, 1),
    ("figure-29", "paper"): (5000, 5000, 1),
    ("figure-30", "quick"): (5000, 5000, 1),
    ("figure-30", "paper"): (5000, 5000, 1),
    ("figure-32", "quick"): (500, 2000, 3),
    ("figure-32", "paper"): (500, 10_000, 9),
    **{
        (name, budget): (344, 344, 1)
        for name in ("activation-swap", "ipr-against-norm")
        for budget in BUDGETS
    },
    **{("influence", budget): (120, 120, 1) for budget in BUDGETS},
    **{(name, budget): (200, 200, 1) for name in AT_47 for budget in BUDGETS},
    **{
        (name, budget): (300, 300, 1)
        for name in ("power-s5", "power-s5-decay", "characters")
        for budget in BUDGETS
    },
    **{("cosets", budget): (256, 500, 3) for budget in BUDGETS},
}
# Settings of another size than the paper's, which are a neighbour's or this project's own.
SMALLER = {
    "activation-swap": {67},
    "ipr-against-norm": {67},
    "sparsity": {59},
    "pizza-or-clock": {59},
    **{name: {47} for name in AT_47},
    "influence": {31},
    # Orders of groups.
    "group-pruning": {81, 96},
    "group-memory": {24, 60, 120},
    "group-inversion": {120},
    "power-s5": {120},
    "power-s5-decay": {120},
    "cosets": {96, 120},
    "characters": {120},
}
# A rank correlation is not defined of values that stay the same, as those of the toys do.
OF_CHANGES = ("ipr_test_rho", "ipr_test_p")
# γR does not exist where no network keeps the wrong labels, and curves on no cosets have no side:
# both of toys.
NOT_OF_TOYS = (".sum", "right_u", "left_v", "synergy")


@cache
def cells_at(name: str, budget: Budget) -> list[Cell]:
    """The cells of a recipe at a budget, with one seed."""
    return cells_of(recipes()[name].grid_of(budget, 1))


def in_small(config: RunConfig) -> RunConfig:
    """The same setting at p = 7, or in D4 for a finite group, with a few neurons."""
    changes = dict(TOY)
    if config.task.group is not None:
        changes |= {"task.group": "D4", "task.p": 8}
    if config.model.kind == "transformer":
        heads = config.model.n_heads
        changes |= {"model.d_model": 2 * heads, "model.d_mlp": 6}
    else:
        changes["model.width"] = min(config.model.width, 10) + config.model.width // 1000
    if config.optimizer.batch_size:
        changes["optimizer.batch_size"] = 4
    return config.replace({**changes, "steps": 4})


def untrained(config: RunConfig) -> Trained:
    """What a run of the setting would be, had it trained for four steps and learned nothing."""
    small = in_small(config)
    network = initial_network(small, small.make_task())
    for layer in network.layers:
        if layer.norm is not None:  # all ones, which no rank correlation is defined of
            torch.nn.init.uniform_(layer.norm.w, 0.5, 1.5)
    run = made_run(small, dataset_of(small), dict.fromkeys((0, 2, 4), network))
    return Trained(config, {**measure(run), "seconds": 1.0}, run)


def toy_evidence(recipe: Recipe, grid: Grid) -> Evidence:
    runs = []
    for cell in cells_of(grid):
        one = untrained(cell.parsed())
        assert one.run is not None
        values = {**one.values, **measured_values(one.run, grid)}
        runs.append(Trained(one.config, values, one.run))
    names = (*grid.paths, "seed", "status", *runs[0].values)
    rows = [
        {**one.options, "seed": one.seed, "status": "done", **one.values, "step": 4} for one in runs
    ]
    table = pa.table({name: [row.get(name) for row in rows] for name in dict.fromkeys(names)})
    return Evidence(runs, grid.paths, Results(table, grid.paths))


@pytest.fixture(scope="module")
def evidence() -> dict[str, Evidence]:
    """Of every recipe, made when first asked for."""
    return {}


def evidence_of(recipe: Recipe, made: dict[str, Evidence]) -> Evidence:
    if recipe.name not in made:
        grid = recipe.grid_of("quick")
        if recipe.trained == "analytic":
            made[recipe.name] = constructed(recipe, recipe.grid_of("quick", 2))
        else:
            made[recipe.name] = toy_evidence(recipe, grid)
    return made[recipe.name]


def test_every_claim_and_figure_of_the_list_has_a_recipe():
    every = recipes().values()
    claims = sorted(one.number for one in every if one.kind == "claim")
    figures = sorted(one.number for one in every if one.kind == "figure")
    assert claims == [1, 2, 3, 4, 5, 6, 7, 8]
    assert figures == [1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 17, 18, 19, 27, 28, 29, 30, 31, 32]
    others = [name for name, one in recipes().items() if one.kind not in ("claim", "figure")]
    assert others == ["cross-entropy", "forgetting", *NEIGHBOURS]
    assert [one.kind for one in every][-len(NEIGHBOURS) :] == ["neighbour"] * len(NEIGHBOURS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", BUDGETS)
def test_the_grid_can_be_run_at_the_papers_size(name, budget):
    recipe = recipes()[name]
    cells = cells_at(name, budget)
    assert [cell.error for cell in cells if cell.error] == []
    configs = [json.loads(cell.config) for cell in cells]
    assert {config["task"]["p"] for config in configs} == SMALLER.get(name, {97})
    widths = {config["model"]["width"] for config in configs}
    found = min(widths), max(widths), len(widths)
    assert found == WIDTHS.get((name, budget), (500, 500, 1))
    assert len(recipe.grid_of(budget).seeds) >= 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_criterion_is_about_runs_of_the_grid(name, budget):
    recipe = recipes()[name]
    grid = recipe.grid_of(budget)
    configs = [Trained(cell.parsed(), {}) for cell in cells_at(name, budget)]
    everything = Evidence(configs, grid.paths, Results(pa.table({}), grid.paths))
    for criterion in recipe.criteria:
        for place in places_of(criterion):
            found = everything.at(place)
            assert found, f"{criterion.says}: no run at {place}"


def places_of(criterion: Criterion) -> list[dict[str, Any]]:
    other = criterion.exceeds or criterion.falls_below
    at = None if other is None else other.at
    return [criterion.at, *([at] if at is not None else [])]


@pytest.mark.filterwarnings("ignore:the IPRs do not look like two classes")
@pytest.mark.parametrize("name", NAMES)
def test_measures_give_what_criteria_ask_for(name, evidence):
    recipe = recipes()[name]
    found = evidence_of(recipe, evidence)
    assert set(recipe.measures) <= set(MEASURES)
    for criterion in recipe.criteria:
        other = criterion.exceeds or criterion.falls_below
        asked_for = {criterion.measure, (other.measure if other else None) or criterion.measure}
        asked_for |= {criterion.null} - {None}
        for place in places_of(criterion):
            runs = found.at(place)
            assert len({one.seed for one in runs}) >= 2, criterion.says
            values = [one.values[asked] for one in runs for asked in asked_for]
            kind: Any = str if criterion.of is not None else int | float
            kind = type(None) if criterion.measure in OF_CHANGES else kind
            kind = kind | None if criterion.measure.endswith(NOT_OF_TOYS) else kind
            assert all(isinstance(value, kind) for value in values), criterion.says


@pytest.mark.filterwarnings("ignore:the IPRs do not look like two classes")
@pytest.mark.parametrize("name", NAMES)
def test_figures_are_drawn_and_the_verdict_is_written(name, evidence, tmp_path):
    recipe = recipes()[name]
    found = evidence_of(recipe, evidence)
    assert {one["kind"] for one in recipe.figures} <= set(FIGURES)
    drawn = draw(recipe, found)
    assert drawn
    for figure in drawn:
        assert isinstance(figure, go.Figure)
        assert figure.data
        assert figure.layout.title.text
        assert len(figure.data) <= 120
    came_to = verdict(recipe, found, "quick", drawn)
    words = [judge(one, found).word for one in recipe.criteria]
    # Networks that learned nothing do not fulfil claims; the built one does what it is built for.
    assert came_to.word == ("holds" if name == "analytic" else "does not hold")
    assert ("does not hold" in words) == (name != "analytic")
    assert came_to.why.startswith(reason_of(recipe, words))
    write(came_to, tmp_path / name)
    told = json.loads((tmp_path / name / "verdict.json").read_text())
    assert [one["says"] for one in told["criteria"]] == [c.says for c in recipe.criteria]
    assert [one["verdict"] for one in told["criteria"]] == words
    assert (tmp_path / name / "figures.html").stat().st_size > 1_000_000


def reason_of(recipe: Recipe, words: list[str]) -> str:
    """How the reason begins: with the first criterion that does not hold, if there is one."""
    if "does not hold" not in words:
        return f"all {len(words)} criteria hold"
    return f"“{recipe.criteria[words.index('does not hold')].says}” "


@pytest.mark.parametrize(
    ("values", "word", "why"),
    [
        ({"a": [1, 1], "b": [1, 1]}, "holds", "all 2 criteria hold for every seed"),
        ({"a": [1, 1], "b": [0, 0]}, "does not hold", "“b is 1” is true of none of 2 seeds"),
        ({"a": [1, 0], "b": [1, 1]}, "undecided", "“a is 1” is true of 1 of 2 seeds"),
        ({"a": [1, 0], "b": [0, 0]}, "does not hold", "“b is 1” is true of none of 2 seeds"),
        ({"a": [0, 0], "b": [0, 0]}, "does not hold", "“a is 1” is true of none of 2 seeds, and 1"),
        ({"a": [1, 0], "b": [1, None]}, "undecided", "“a is 1” is true of 1 of 2 seeds"),
        ({"a": [1, None], "b": [1, 1]}, "undecided", "“a is 1” (measured of 1 of 2"),
    ],
)
def test_one_criterion_that_fails_decides(values, word, why):
    runs = [at({}, seed, {n: values[n][seed] for n in values}) for seed in (0, 1)]
    criteria = [{"says": f"{name} is 1", "measure": name, "at_least": 1} for name in values]
    changed = RECIPE.replace("[{says: d, measure: e, at_least: 1}]", json.dumps(criteria))
    recipe = parse_recipe(changed, "x.yaml")
    found = verdict(recipe, Evidence(runs, (), Results(pa.table({}), ())), "quick")
    assert found.word == word
    assert found.why.startswith(why)


@pytest.mark.parametrize("name", NAMES)
def test_every_criterion_can_hold_and_fail(name):
    for criterion in recipes()[name].criteria:
        met, missed = values_that(criterion)
        assert judge(criterion, given(criterion, *met)).word == "holds", criterion.says
        assert judge(criterion, given(criterion, *missed)).word == "does not hold", criterion.says
        if criterion.null is not None:
            as_well = given(criterion, *met, null=met[0][0])
            assert judge(criterion, as_well).word == WITH_NULL, criterion.says
        half = given(criterion, *met, *missed)
        assert judge(criterion, half).word == "undecided", criterion.says


def values_that(criterion: Criterion) -> tuple[list[tuple[Any, Any]], list[tuple[Any, Any]]]:
    """Pairs (value, what it is compared with) of two seeds that meet it, and of two that do not."""
    if criterion.of is not None:
        return [(criterion.of, None)] * 2, [("another", None)] * 2
    if criterion.exceeds is not None:
        by = criterion.exceeds.by
        return [(1 + by + 0.01, 1.0)] * 2, [(1 + by - 0.01, 1.0)] * 2
    if criterion.falls_below is not None:
        by = criterion.falls_below.by
        return [(1 - by - 0.01, 1.0)] * 2, [(1 - by + 0.01, 1.0)] * 2
    if criterion.at_least is not None:
        inside = criterion.at_least if criterion.at_most is None else criterion.at_most
        return [(inside, None)] * 2, [(criterion.at_least - 1e-9, None)] * 2
    assert criterion.at_most is not None
    return [(criterion.at_most, None)] * 2, [
        (criterion.at_most + abs(criterion.at_most) * 1e-6 + 1e-9, None)
    ] * 2


def given(criterion: Criterion, *pairs: tuple[Any, Any], null: Any = math.nan) -> Evidence:
    """Runs with exactly these values, a seed a pair, at the places of the criterion.

    A null that is not a number meets nothing.
    """
    places = places_of(criterion)
    other = criterion.exceeds or criterion.falls_below
    measured = (other.measure if other else None) or criterion.measure
    runs = []
    for seed, (value, compared) in enumerate(pairs):
        first = {criterion.measure: value}
        if criterion.null is not None:
            first[criterion.null] = null
        if len(places) == 1:
            runs.append(at(places[0], seed, {measured: compared, **first}))
            continue
        runs.append(at(places[0], seed, first))
        runs.append(at(places[1], seed, {measured: compared}))
    return Evidence(runs, (), Results(pa.table({}), ()))


def at(place: Mapping[str, Any], seed: int, values: dict[str, Any]) -> Trained:
    """A run whose options need not make a configuration: only the place is asked for."""
    one = Trained(RunConfig(seed=seed), values)
    one.__dict__["options"] = {**one.options, "place": "none", **place}
    return one


def test_the_scoreboard_counts_and_names_what_does_not_hold(evidence, tmp_path):
    found = [
        verdict(recipe, evidence_of(recipe, evidence), "quick", draw(recipe, made))
        for recipe in (recipes()["analytic"], recipes()["figure-2"])
        if (made := evidence_of(recipe, evidence))
    ]
    assert counts(found) == {"holds": 1, WITH_NULL: 0, "does not hold": 1, "undecided": 0}
    places = write_scoreboard(found, tmp_path)
    text = places["md"].read_text()
    assert "1 of 2 hold, 1 does not, 0 undecided" in text
    assert "| claim (vii) `analytic` |" in text
    assert "**does not hold**" in text
    assert len(json.loads(places["json"].read_text())["verdicts"]) == 2
    html = places["html"].read_text()
    assert html.count("<section id=") == 2
    assert "https://" not in html.partition("<main>")[2].replace("https://arxiv", "")


RECIPE = """
name: one
kind: claim
number: 1
title: a
source: b
claim: c
grid: {base: {}}
figures: [{kind: training}]
criteria: [{says: d, measure: e, at_least: 1}]
"""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: one\n", ""), "recipe x.yaml: name: Field required"),
        (("at_least: 1", "at_leest: 1"), "recipe x.yaml: criteria.0.at_leest: Extra inputs"),
        (
            ("at_least: 1", "at_least: 1, exceeds: {by: 1}"),
            "expected bounds, or exceeds, or falls_below",
        ),
        (("at_least: 1", "reduce: share, at_least: 1"), "expected `of` with reduce: share"),
        (("base: {}", "base: {task: {q: 1}}"), "recipe x.yaml: task.q: unknown configuration key"),
        (("figures: [{kind: training}]", "figures: []"), "recipe x.yaml: figures: List should"),
        (("name: one", "{name"), "recipe x.yaml: "),
    ],
)
def test_a_recipe_that_is_none_is_one_line(change, message):
    assert parse_recipe(RECIPE, "x.yaml").name == "one"
    with pytest.raises(ValueError) as error:
        parse_recipe(RECIPE.replace(*change), "x.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_never_came_is_later_than_what_did():
    criterion = Criterion(
        says="later",
        measure="step",
        at={"place": "hard"},
        exceeds={"at": {"place": "easy"}, "by": 1},
    )

    def both(hard: float, easy: float) -> Evidence:
        runs = [
            at({"place": place}, seed, {"step": value})
            for seed in (0, 1)
            for place, value in (("hard", hard), ("easy", easy))
        ]
        return Evidence(runs, (), Results(pa.table({}), ()))

    never = math.inf
    assert judge(criterion, both(never, 100.0)).word == "holds"
    assert judge(criterion, both(100.0, never)).word == "does not hold"
    assert judge(criterion, both(never, never)).word == "does not hold"
    assert judge(criterion, both(never, 100.0)).to_dict()["values"] == {"0": "never", "1": "never"}


def test_one_seed_and_missing_cells_decide_nothing():
    criterion = Criterion(says="high", measure="v", at_least=0.5)
    alone = Evidence([at({}, 0, {"v": 1.0})], (), Results(pa.table({}), ()))
    assert judge(criterion, alone).why == "one seed shows no spread"
    missing = Evidence(
        [at({}, 0, {"v": 1.0}), at({}, 1, {"v": 1.0}), at({}, 2, {"v": None})],
        (),
        Results(pa.table({}), ()),
    )
    assert judge(criterion, missing).word == "undecided"
    assert judge(criterion, missing).why == "measured of 2 of 3 seeds"
    nothing = Evidence([at({}, 0, {}), at({}, 1, {})], (), Results(pa.table({}), ()))
    assert judge(criterion, nothing).why == "nothing was measured of it"


def test_the_criterion_is_shown_as_a_formula():
    shown = {asked(one) for one in recipes()["figure-4"].criteria}
    assert "share_high [wd 5] > share_high [wd 0 · dropout 0] + 0.1" in shown
    shown = {asked(one) for one in recipes()["mechanism"].criteria}
    assert "mean_ipr [norm batch] < mean_ipr [norm none · batch 64] + 0.05" in shown
    assert "norm_ratio [norm batch] ≤ 0.8" in shown
    shown = {asked(one) for one in recipes()["figure-6"].criteria}
    assert "0.6 ≤ lowest.ipr.train_accuracy ≤ 0.68" in shown


def test_settings_that_differ_never_share_a_name():
    rates = [{"model.norm": "none", "optimizer.lr": lr, "steps": 5} for lr in (0.001, 0.005, 0.005)]
    first, second, again = differing(rates)
    assert second == again == "norm none · lr 0.005<br>steps 5"
    assert first == "norm none · lr 0.001<br>steps 5"
    batches = [{"optimizer.batch_size": size, "optimizer.lr": 0.1} for size in (None, 64)]
    assert differing(batches) == ["batch full · lr 0.1", "batch 64"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_place_of_a_recipe_has_a_name_of_its_own(name, budget):
    grid = recipes()[name].grid_of(budget)
    configs = [Trained(cell.parsed(), {}) for cell in cells_at(name, budget)]
    places = Evidence(configs, grid.paths, Results(pa.table({}), grid.paths)).places
    assert len(set(differing(places))) == len(places)
