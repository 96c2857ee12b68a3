"""One contract for every ranking, and what a user's own one takes part in."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace

import jaxtyping
import numpy as np
import pytest
from scipy.stats import spearmanr

from interp import figures
from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.ablation.ranking import (
    RANKINGS,
    alike_by,
    known_of,
    order_by,
    ranking,
    removal_order,
)
from interp.analysis.measures import MEASURES
from interp.analysis.neurons.classify import NotBimodalWarning, classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.neurons.table import NeuronTable
from interp.cli.app import main
from interp.reporting.report import report
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.trainer.loop import train
from interp.words.sentences import before_after_rows
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page
from tests.conftest import tiny_config

OWN = "answer <norm>"


@pytest.fixture()
def own():
    @ranking(OWN)
    def answer_norm(table):
        return np.where(table.dead, np.nan, table.norms[2])

    yield answer_norm
    RANKINGS.remove(OWN)


@pytest.fixture()
def unchecked(monkeypatch):
    """Signatures as users meet them: nothing checks their types."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="module")
def table(tiny_run) -> NeuronTable:
    return neuron_table(tiny_run)


def with_dead_neuron(table: NeuronTable) -> NeuronTable:
    curves = table.curves.copy()
    curves[:, 5] = 0
    return NeuronTable(table.task, curves, table.group, activation=table.activation)


@pytest.mark.parametrize("name", RANKINGS)
def test_every_ranking_orders_the_living(name, table):
    damaged = with_dead_neuron(table)
    value = np.asarray(RANKINGS[name](damaged))
    assert value.shape == (16,)
    assert np.isfinite(value[~damaged.dead]).all()
    up, down = (order_by(damaged, name, way) for way in ("lowest", "highest"))
    assert up[0] == down[0] == 5
    assert sorted(up) == sorted(down) == list(range(16))
    assert (np.diff(value[up[1:]]) >= 0).all()
    assert (np.diff(value[down[1:]]) <= 0).all()


@pytest.mark.parametrize("name", RANKINGS)
def test_rankings_leave_the_table_alone(name, table):
    before = table.curves.copy()
    first = np.array(RANKINGS[name](table))
    np.testing.assert_array_equal(RANKINGS[name](table), first)
    np.testing.assert_array_equal(table.curves, before)


def test_names_of_the_project():
    assert [name for name in RANKINGS if RANKINGS.is_own(name)] == [
        "IPR",
        *("weight norm", "invariant norm"),
        *("answer IPR", "strength"),
    ]


# φ and the degree d of φ(cx) = c^d φ(x); 1 stands where there is none.
PHI = {
    "square": (lambda z: z**2, 2),
    "relu": (lambda z: np.maximum(z, 0), 1),
    "quartic": (lambda z: z**4, 4),
    "tanh": (np.tanh, 1),
}


@pytest.mark.parametrize("name", PHI)
def test_values_by_hand(name, table):
    made = replace(table, activation=name)
    phi, degree = PHI[name]
    u, v, w = table.curves
    length = [np.sqrt((one**2).sum(axis=1)) for one in (u, v, w)]
    invariant = (length[0] ** 2 + length[1] ** 2) ** (degree / 2) * length[2]
    np.testing.assert_allclose(RANKINGS["invariant norm"](made), invariant, rtol=1e-12)
    strength = np.abs(w).max(1) * phi(np.abs(u).max(1) + np.abs(v).max(1))
    np.testing.assert_allclose(RANKINGS["strength"](made), strength, rtol=1e-12)
    power = np.abs(np.fft.rfft(w)) ** 2
    answer = (power**2).sum(axis=1) / power.sum(axis=1) ** 2
    np.testing.assert_allclose(RANKINGS["answer IPR"](made), answer, rtol=1e-12)


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        ("square", ""),
        ("gelu", "invariant norm with d = 1, as gelu is not homogeneous"),
        (None, "invariant norm with d = 1, as φ is not known"),
    ],
)
def test_the_note_says_where_the_invariant_norm_is_not_invariant(activation, words, table):
    found = replace(table, activation=activation)
    assert found.note == words
    assert found.about == (f"{found.caption} · {words}" if words else found.caption)
    assert found.to_dict().get("note", "") == words


def test_where_the_invariant_norm_is_shown_the_note_is(tmp_path, capsys):
    run = train(tiny_config(model={"width": 16, "activation": "gelu"}), tmp_path / "run")
    words = "invariant norm with d = 1, as gelu is not homogeneous"
    table = neuron_table(run)
    curves = pruning_curve(run, draws=2)
    result = prune_by_class(run, table, classify(table, float(np.median(table.ipr))), draws=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotBimodalWarning)
        shares = MEASURES["pruning"](run, draws=2)
        partition = MEASURES["partition"](run, grid=4, draws=2)
    for shown in (table, curves, result, shares, partition):
        assert words in shown.about
        assert words in shown._repr_html_()
    for drawn in (curves, result, shares, partition):
        assert words in drawn.plot().layout.title.subtitle.text.replace("<br>", " ")
    assert result.to_dict()["control"]["note"] == words
    assert words not in pruning_curve(run, draws=0, orders=[("IPR", "lowest")]).about
    threshold = str(float(np.median(table.ipr)))
    main(["prune", str(run.path), "--threshold", threshold, "--draws", "2"])
    assert words in " ".join(capsys.readouterr().out.split())
    page = report(run, tmp_path / "report.html", threshold=0.2, draws=2).read_text()
    assert page.count(f'<p class="note">I{words[1:]}.</p>') == 2


def test_the_table_has_a_column_and_says_the_degree(table):
    found = table.to_arrow()
    np.testing.assert_allclose(found["invariant_norm"].to_numpy(), table.invariant_norm)
    about = json.loads(found.schema.metadata[b"interp"])
    assert (about["activation"], about["degree"]) == ("square", 2)
    assert (
        json.loads(replace(table, activation="gelu").to_arrow().schema.metadata[b"interp"]).items()
        >= {"activation": "gelu", "degree": None}.items()
    )


def test_rankings_on_request_are_pruned_by_where_they_are_named(tiny_run, table):
    assert pruning_curve(tiny_run, draws=0).rankings == ("IPR", "weight norm", "invariant norm")
    curves = pruning_curve(
        tiny_run, draws=0, orders=[("strength", "lowest"), ("answer IPR", "highest")]
    )
    assert list(curves.curves) == [("strength", "lowest"), ("answer IPR", "highest")]
    for name, way, sign in (("strength", "lowest", 1), ("answer IPR", "highest", -1)):
        kept = np.argsort(sign * RANKINGS[name](table), kind="stable")[5:]
        expected = scores(prune(tiny_run.network(), kept), tiny_run.dataset)
        assert curves[name, way].accuracy["test"][5] == expected["test"].accuracy


def test_no_strength_where_the_activation_is_not_known(table):
    unknown = replace(table, activation=None)
    assert "strength" in known_of(table)
    assert [name for name in RANKINGS if name not in known_of(unknown)] == ["strength"]
    message = (
        "ranking 'strength': expected a layer whose activation φ is known, got one of unknown φ"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        order_by(unknown, "strength", "lowest")


def test_rank_correlation(table):
    expected = spearmanr(table.ipr, table.norm).statistic
    assert alike_by(table, table, "IPR", "weight norm") == pytest.approx(expected, rel=1e-12)
    damaged = with_dead_neuron(table)
    living = np.arange(16) != 5
    expected = spearmanr(table.ipr[living], table.norm[living]).statistic
    assert alike_by(damaged, table, "IPR", "weight norm") == pytest.approx(expected, rel=1e-12)
    assert alike_by(table, damaged, "IPR", "weight norm") == pytest.approx(expected, rel=1e-12)
    same = NeuronTable(table.task, np.repeat(table.curves[:, :1], 16, axis=1), table.group)
    assert alike_by(same, table, "IPR", "weight norm") is None


def test_an_own_ranking_takes_part_in_pruning(own, tiny_run, table):
    curves = pruning_curve(tiny_run, draws=0)
    assert curves.rankings == ("IPR", "weight norm", "invariant norm", OWN)
    size = 6
    for direction, sign in (("lowest", 1), ("highest", -1)):
        kept = np.argsort(sign * own(table), kind="stable")[size:]
        expected = scores(prune(tiny_run.network(), kept), tiny_run.dataset)
        for split in SPLITS:
            found = curves[OWN, direction].accuracy[split][size]
            assert found == expected[split].accuracy
    result = prune_by_class(tiny_run, table, classify(table, float(np.median(table.ipr))), draws=2)
    assert list(result.rankings) == ["weight norm", "invariant norm", OWN]
    heaviest = np.argsort(own(table), kind="stable")[-result.kept :]
    expected = scores(prune(tiny_run.network(), heaviest), tiny_run.dataset)
    for split in SPLITS:
        assert result.rankings[OWN][split].accuracy == expected[split].accuracy
    assert before_after_rows(result)[0][-3:] == [
        *("by weight norm", "by invariant norm"),
        f"by {OWN}",
    ]
    assert OWN in result.to_dict()["control"]["rankings"]


def test_an_own_ranking_is_drawn_with_a_dash_of_its_own(own, tiny_run):
    drawn = {
        trace.name: trace.line.dash
        for trace in figures.pruning_curves(pruning_curve(tiny_run, draws=0)).data
        if trace.name.startswith("test")
    }
    assert drawn["test, by weight norm"] == "dot"
    assert len({drawn[f"test, by {name}"] for name in ("weight norm", "invariant norm", OWN)}) == 3
    assert drawn[f"test, by {OWN}"] not in (None, drawn["test"])


def test_without_an_own_ranking_the_report_knows_none(tiny_run, tmp_path):
    html = report(tiny_run, tmp_path / "report.html", threshold=0.2, draws=2).read_text()
    assert "ownRankings" not in html
    assert '"rankings":' not in html
    heads = '<th scope="col">by weight norm</th><th scope="col">by invariant norm</th></tr>'
    assert heads in html
    assert "Pruning in both directions, and by weight norm and by invariant norm</h2>" in html


def test_the_report_has_a_column_for_an_own_ranking(own, tiny_run, table, tmp_path):
    html = report(tiny_run, tmp_path / "report.html", threshold=0.2, draws=2).read_text()
    assert '<th scope="col">by answer &lt;norm&gt;</th></tr>' in html
    assert "and by weight norm and by invariant norm and by answer &lt;norm&gt;</h2>" in html
    assert json.dumps([OWN], separators=(",", ":")).replace("<", "\\u003c") in html
    size = int((table.ipr < 0.2).sum())
    after = pruning_curve(tiny_run, draws=0, losses=False)[OWN, "lowest"].accuracy["test"][size]
    row, _, _ = html.partition('<tr data-split="test">')[2].partition("</tr>")
    assert row.endswith(f"<td>{after:.3f}</td>")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_the_reports_column_follows_the_threshold(own, tiny_run, table, tmp_path, browser):
    ranking("operand norm")(lambda table: np.linalg.norm(table.norms[:2], axis=0))
    try:
        file = report(tiny_run, tmp_path / "report.html", threshold=0.2, draws=2)
        curves = pruning_curve(tiny_run, draws=0, losses=False)
    finally:
        RANKINGS.remove("operand norm")
    both = [curves[name, "lowest"].accuracy["all"] for name in (OWN, "operand norm")]
    norms = [curves[f"{one} norm", "lowest"].accuracy["all"] for one in ("weight", "invariant")]
    with opened_page(browser, viewport={"width": 1200, "height": 900}) as page:
        for threshold in (0.2, float(np.sort(table.ipr)[10]) + 1e-6):
            page.goto("about:blank")
            page.goto(f"{file.as_uri()}#threshold={threshold}")
            page.wait_for_selector("html[data-ready=true]")
            cells = page.locator('#before-after tr[data-split="all"] td').all_inner_texts()
            assert len(cells) == 8
            size = int((table.ipr < threshold).sum())
            assert cells[4:] == [f"{one[size]:.3f}" for one in [*norms, *both]]
        heads = page.locator("#neurons thead button").all_inner_texts()
        assert heads[-2:] == [OWN, "operand norm"]
        first = page.locator("#neurons tbody tr").first
        shown = float(first.locator("td").all_inner_texts()[-2])
        neuron = int(first.get_attribute("data-neuron"))
        assert shown == pytest.approx(own(table)[neuron], abs=6e-4)
        assert page.problems == []


def test_a_name_that_is_taken():
    with pytest.raises(ValueError, match="ranking 'IPR' is there already, from interp itself"):
        ranking("IPR")(lambda table: table.norm)


def test_unknown_rankings_name_the_nearest(tiny_run):
    message = (
        "ranking: expected IPR, weight norm, invariant norm, answer IPR or strength, got "
        "'weight nrom'; nearest is weight norm"
    )
    with pytest.raises(ValueError, match=message):
        pruning_curve(tiny_run, orders=[("weight nrom", "lowest")])


def test_directions(unchecked, tiny_run):
    for direction in ("low", "HIGHEST", None):
        with pytest.raises(ValueError, match="direction: expected lowest or highest, got"):
            pruning_curve(tiny_run, orders=[("IPR", direction)])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda table: table.norm[:3], "expected one value for each of 16 neurons, got shape (3,)"),
        (lambda table: table.norms, "for each of 16 neurons, got shape (3, 16)"),
        (lambda table: None, "for each of 16 neurons, got shape ()"),
        (
            lambda table: np.where(np.arange(16) == 4, np.nan, 1.0),
            "expected a finite value for every living neuron, got nan for neuron 4",
        ),
        (lambda table: np.full(16, -np.inf), "living neuron, got -inf for neuron 0"),
        (lambda table: ["much"] * 16, "could not convert string to float"),
    ],
)
def test_values_that_are_no_order(unchecked, tiny_run, value, message):
    RANKINGS.add("bad", value, "this test")
    try:
        with pytest.raises(ValueError) as caught:
            pruning_curve(tiny_run, draws=0)
        assert str(caught.value).startswith("ranking 'bad': ")
        assert message in str(caught.value)
    finally:
        RANKINGS.remove("bad")


def test_dead_neurons_need_no_value():
    dead = np.array([False, True, False])
    assert removal_order(np.array([2.0, np.inf, 1.0]), dead, "lowest").tolist() == [1, 2, 0]
