"""Neurons are called memorizing and generalizing only where the checks behind the words passed."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interp import figures
from interp.analysis.measures import MEASURES
from interp.analysis.neurons import classify as classifying
from interp.analysis.neurons.class_words import class_words
from interp.analysis.neurons.classify import NotBimodalWarning, classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.trajectory.ipr_history import dynamics
from interp.cli.app import main
from interp.exchange import publishing
from interp.explorer.catalog import Catalog
from interp.explorer.readings import Readings
from interp.explorer.run.measures import measured
from interp.explorer.run.numbers import numbers_at
from interp.reporting.report import report
from interp.training.config.run_config import RunConfig
from interp.training.runs.made import made_run
from interp.training.runs.run import Run
from interp.training.trainer.job import dataset_of
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page
from tests.conftest import tiny_config
from tests.test_neurons import mixed_network

pytestmark = pytest.mark.filterwarnings(
    "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
)
STRONG = ("memorizing", "generalizing")
PLAIN = ("low IPR", "high IPR")


def config_of(corruption: float, width: int) -> RunConfig:
    data = {"fraction": 0.5, "corruption": corruption}
    return tiny_config(task={"p": 97}, data=data, model={"width": width})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Periodic neurons with noise beside them, with redrawn labels and without; and noise alone."""
    root = tmp_path_factory.mktemp("classes")
    two, _ = mixed_network(built=40, noise=30)
    one, _ = mixed_network(built=1, noise=69)
    made = {"two": (two, 0.3), "clean": (two, 0.0), "one": (one, 0.3)}
    return {
        name: made_run(config := config_of(xi, 70), dataset_of(config), {1: network, 2: network},
                       root / name)
        for name, (network, xi) in made.items()
    }  # fmt: skip


def visible(page: str) -> str:
    """What stands on a page before its scripts run."""
    return unescape(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL))


def words_of(figure: Any) -> str:
    """Titles, axes, legends and what hovering says."""
    shown = figure.to_plotly_json()
    traces = [(one.get("name"), one.get("hovertemplate")) for one in shown["data"]]
    return f"{shown['layout']} {traces}"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    main(list(arguments))
    return capsys.readouterr().out


def everything(run: Run, out: Path, capsys: Any, monkeypatch: Any) -> dict[str, str]:
    """All that is shown of a run's classes, by where."""
    monkeypatch.setattr(publishing, "_can_draw", lambda: False)
    folder, table = str(run.path), neuron_table(run)
    classes = classify(table)
    few = ("--draws", "2")
    opened = Readings(Catalog(Path(folder).parent)).open(run.name)
    main(["ipr", folder, "--table", str(out / "neurons.csv")])
    page = report(run, out / "report.html", draws=2).read_text()
    live = json.loads(page.partition('id="given">')[2].partition("</script>")[0])
    published = publishing.publish(run, out / "published")
    return {
        "ipr": printed(capsys, "ipr", folder),
        "ipr --json": printed(capsys, "ipr", folder, "--json"),
        "prune --json": printed(capsys, "prune", folder, *few, "--json"),
        "report --json": printed(
            capsys, "report", folder, *few, "--out", str(out / "a.html"), "--json"
        ),
        "measure --json": printed(capsys, "measure", "classes", folder, "--json"),
        "table": (out / "neurons.csv").read_text(),
        "report's figures": f"{live['figures']['dynamics']} {live['live']['words']}",
        "published figure": (published / "figures" / "ipr.html").read_text()[-20_000:],
        "histogram": words_of(figures.ipr_histogram(table, classes)),
        "dynamics": words_of(figures.ipr_dynamics(dynamics(run), classes)),
        "spectra": words_of(figures.spectra_heatmap(table, classes)),
        "norms": words_of(figures.norm_weights(with_norm(table), classes)),
    } | {
        # These name no class, and say why where a stronger word would be missed.
        "report": visible(page),
        "prune": printed(capsys, "prune", folder, *few),
        "explorer": str(numbers_at(opened, 2, 0.3)[0]),
        "explorer's measure": str(measured(opened, "classes", 2)),
    }


def with_norm(table: Any) -> Any:
    return replace(table, norm_weight=np.linspace(0.5, 1.5, len(table)))


NAMELESS = ("report", "prune", "explorer", "explorer's measure")


@pytest.mark.parametrize("name", ["one", "clean"])
def test_weak_words_everywhere(runs, name, tmp_path, capsys, monkeypatch):
    found = everything(runs[name], tmp_path, capsys, monkeypatch)
    for where, text in found.items():
        assert not [word for word in STRONG if word in text], where
        if where not in NAMELESS:
            assert [word for word in PLAIN if word in text] == list(PLAIN), where


def test_two_classes_have_their_names_everywhere(runs, tmp_path, capsys, monkeypatch):
    found = everything(runs["two"], tmp_path, capsys, monkeypatch)
    for where, text in found.items():
        assert not [word for word in PLAIN if word in text], where
        if where not in NAMELESS:
            assert [word for word in STRONG if word in text] == list(STRONG), where


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("one", "The IPRs do not look like two classes (dip test p = "),
        ("clean", "No training label was redrawn, so none of the neurons memorizes a wrong one"),
    ],
)
def test_the_sentence_stands_where_the_numbers_do(
    runs, name, reason, tmp_path, capsys, monkeypatch
):
    found = everything(runs[name], tmp_path, capsys, monkeypatch)
    for where in ("ipr", "prune", "report", "explorer", "report's figures"):
        assert reason in found[where], where
        offered = 'threshold "null"' in found[where]
        assert offered == (name == "one"), where
    null = neuron_table(runs[name]).null.quantile(0.999)
    assert (f"That is IPR {null:.3f}." in found["explorer"]) == (name == "one")


def test_json_says_whether_and_why(runs, capsys):
    for command in ("ipr", "prune"):
        told = json.loads(printed(capsys, command, str(runs["one"].path), "--json"))["classes"]
        assert told["distinct"] is False
        assert told["words"] == list(PLAIN)
        assert told["reason"].startswith("the IPRs do not look like two classes (dip test p = ")
        assert sum(told["counts"].values()) == 70
        told = json.loads(printed(capsys, command, str(runs["two"].path), "--json"))["classes"]
        assert told["counts"] == {"generalizing": 40, "memorizing": 30, "dead": 0}
        assert (told["distinct"], told["reason"]) == (True, None)


def test_the_rule_null_needs_no_two_classes(runs, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        words = printed(capsys, "ipr", str(runs["one"].path), "--threshold", "null")
    table = neuron_table(runs["one"])
    above = int((table.ipr >= table.null.quantile(0.999)).sum())
    assert f"{above} high IPR, {70 - above} low IPR, 0 dead" in words


def test_values_are_the_same_columns_for_every_network(runs):
    names = ["high_ipr", "low_ipr", "dead", "threshold", "dip_p_value"]
    for run in runs.values():
        assert list(MEASURES["classes"](run).values()) == names
    assert MEASURES["classes"](runs["two"]).values()["high_ipr"] == 40


def test_a_network_without_a_dataset_has_no_memorizing_neuron():
    classes = classify(neuron_table(mixed_network(40, 30)[0]))
    assert classes.words.reason == "which labels were redrawn is not known"
    assert set(classes.names) == set(PLAIN)


def test_without_the_test_nothing_is_claimed(runs, monkeypatch):
    monkeypatch.setattr(classifying, "_dip_p_value", lambda values: None)
    words = classify(neuron_table(runs["two"])).words
    assert (words.low, words.high) == PLAIN
    assert "diptest is not installed" in words.sentence


@pytest.mark.parametrize(
    ("p_value", "living", "redrawn", "distinct", "strong"),
    [
        (0.05, 9, 1, True, True),
        (0.051, 9, 1, False, False),
        (0.01, 9, 0, True, False),
        (0.01, 9, None, True, False),
        (None, 3, 1, False, False),
    ],
)
def test_the_words_by_what_is_known(p_value, living, redrawn, distinct, strong):
    words = class_words(p_value, living, redrawn)
    assert words.distinct is distinct
    assert (words.low, words.high) == (STRONG if strong else PLAIN)
    assert bool(words.sentence) is not strong


def test_fixed_thresholds_are_tested_too(runs):
    with pytest.warns(NotBimodalWarning):
        automatic = classify(neuron_table(runs["one"]))
    fixed = classify(neuron_table(runs["one"]), 0.3)
    assert fixed.dip_p_value == automatic.dip_p_value
    assert fixed.words == automatic.words


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize(
    ("name", "said", "never"), [("one", PLAIN, STRONG), ("two", STRONG, PLAIN)]
)
def test_the_reports_scripts_use_the_same_words(browser, runs, tmp_path, name, said, never):
    target = report(runs[name], tmp_path / "report.html", draws=2)
    with opened_page(browser, viewport={"width": 900, "height": 900}) as page:
        page.goto(target.as_uri())
        page.wait_for_selector("[data-ready=true]")
        shown = (
            page.locator("body").inner_text()
            + page.evaluate(
                "JSON.stringify([...document.querySelectorAll('.js-plotly-plot')]"
                ".map(e => e.data.map(d => [d.name, d.hovertemplate])))"
            )
            + page.evaluate("report.table.csv()")
        )
        assert [word for word in said if word in shown] == list(said)
        assert [word for word in never if word in shown] == []
        assert page.locator("#class-words").is_visible() == (name == "one")
        page.locator("#null").click()
        null = neuron_table(runs[name]).null.quantile(0.999)
        assert float(page.locator("#threshold-number").input_value()) == pytest.approx(
            null, abs=6e-4
        )
        assert page.problems == []
