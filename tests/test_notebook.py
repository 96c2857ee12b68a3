"""Results in notebooks: a table with the result's own numbers, and the fitting figure."""

from __future__ import annotations

import re

import numpy as np
import plotly.graph_objects as go
import pytest

from interp import gallery
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.diagram import phase_diagram
from tests.sweep_results import made


@pytest.fixture(scope="module")
def results(tiny_run):
    sweep = made(
        {"data.fraction": [0.1, 0.5], "data.corruption": [0.0, 0.3]},
        2,
        lambda fraction, *rest: "coexistence" if fraction > 0.3 else "memorization",
    )
    curves = pruning_curve(tiny_run, draws=2)
    return {
        "run": tiny_run,
        "table": neuron_table(tiny_run),
        "curves": curves,
        "curve": curves["IPR", "lowest"],
        "diagram": phase_diagram(sweep, "data.fraction", "data.corruption"),
    }


def cells(html: str) -> list[str]:
    return re.findall(r"<td>(.*?)</td>", html)


def test_every_result_shows_a_table(results):
    for name, result in results.items():
        html = result._repr_html_()
        assert html.startswith('<div class="interp-result">'), name
        assert html.count("<tr>") >= 3, name
        assert html.count("<td>") == html.count("</td>"), name


def test_a_run_shows_its_setting_phase_and_last_scores(results, tiny_run):
    html = tiny_run._repr_html_()
    assert "trained for 30 steps on (x + y) mod 11" in html
    assert "It is in the phase" in html
    assert f"{tiny_run.measurement().scores['test'].accuracy:.3f}" in cells(html)


def test_a_neuron_table_names_its_convention_seed_and_step(results):
    table = results["table"]
    html = table._repr_html_()
    assert "one-sided DFT, constant included, r = 2" in html
    assert "seed 0 · step 30" in html
    assert f"mean IPR {table.mean_ipr:.3f}" in html
    assert cells(html)[:2] == ["0", f"{table.ipr[0]:.3f}"]


def test_curves_show_accuracies_at_a_few_sizes(results):
    curves = results["curves"]
    html = curves._repr_html_()
    assert "Control: 2 random orders, seed 0." in html
    whole = curves["IPR", "lowest"].accuracy["train"]
    assert cells(html)[1] == f"{whole[0]:.3f}"
    assert cells(results["curve"]._repr_html_())[:2] == ["train", f"{whole[0]:.3f}"]


def test_a_diagram_counts_its_states(results):
    found = cells(results["diagram"]._repr_html_())
    assert found == ["coexistence", "2", "50%", "memorization", "2", "50%"]


FIGURES = {
    "run": "Training of tiny",
    "table": "IPR of the neurons of tiny",
    "curves": "Pruning by IPR, in both directions",
    "curve": "Pruning curve",
    "diagram": "Phase diagram",
}


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
@pytest.mark.parametrize("name", FIGURES)
def test_every_result_plots_itself(results, name):
    figure = results[name].plot()
    assert isinstance(figure, go.Figure)
    assert figure.layout.title.text == FIGURES[name]


def test_options_go_to_the_figure(results):
    table = results["table"]
    classes = classify(table, float(np.median(table.ipr)))
    figure = table.plot(classes=classes, bins=10)
    assert sum(len(trace.x) == 10 for trace in figure.data) == 2
    loss = results["curves"].plot(metric="loss")
    assert loss.layout.yaxis.title.text == "loss (mse)"


def test_a_run_without_scores_is_shown(tiny_run):
    from dataclasses import replace

    assert "Not scored yet." in replace(tiny_run, measurements=())._repr_html_()


def test_other_things_have_no_figure():
    with pytest.raises(TypeError, match="plot: expected a result with a figure, got int"):
        gallery.plot(3)
