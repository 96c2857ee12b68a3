"""Figures: traces, titles and data, not pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interp import figures
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.analysis.trajectory.ipr_history import dynamics
from interp.training.data.dataset import make_dataset
from interp.training.data.splits import SPLITS
from tests.test_neurons import mixed_network


@pytest.fixture(scope="module")
def drawn(tiny_run):
    """Every figure of a small run, by name."""
    table = neuron_table(tiny_run)
    classes = classify(table, float(np.median(table.ipr)))
    curves = pruning_curve(tiny_run, draws=4)
    return {
        "training": figures.training_curves(tiny_run),
        "histogram": figures.ipr_histogram(table, classes),
        "plain histogram": figures.ipr_histogram(table),
        "neuron": figures.neuron_curves(table, 2),
        "heatmap": figures.spectra_heatmap(table, classes),
        "embedding": figures.embedding_spectrum(embedding_table(tiny_run)),
        "pruning": figures.pruning_curves(curves, pruned=3),
        "pruning loss": figures.pruning_curves(curves, "loss"),
        "dynamics": figures.ipr_dynamics(dynamics(tiny_run), classes),
        "plain dynamics": figures.ipr_dynamics(dynamics(tiny_run)),
    }


def test_every_figure_is_labelled(drawn):
    for name, figure in drawn.items():
        layout = figure.to_plotly_json()["layout"]
        assert layout["title"]["text"], name
        assert "seed 0" in layout["title"]["subtitle"]["text"], name
        titles = [v.get("title", {}).get("text") for k, v in layout.items() if k[1:5] == "axis"]
        assert sum(bool(title) for title in titles) >= 2, name
        assert len(figure.data) <= 40, f"{name}: neurons must not be a trace each"


def test_a_click_in_the_legend_takes_all_of_a_thing(drawn):
    """A group has one entry; a thing of several traces (a name in two panels) is one group."""
    for name, figure in drawn.items():
        entries = [t.name for t in figure.data if t.name and t.showlegend is not False]
        assert len(entries) == len(set(entries)), f"{name}: an entry twice"
        groups: dict[str, set[str | None]] = {}
        for trace in figure.data:
            if trace.name in entries:
                groups.setdefault(trace.name, set()).add(trace.legendgroup)
        assert {one: len(found) for one, found in groups.items() if len(found) > 1} == {}, name
        again = [t.name for t in figure.data if t.name in entries and t.showlegend is False]
        assert all(groups[one] != {None} for one in again), name


def test_histogram_counts_every_living_neuron():
    network, _ = mixed_network(60, 40, dead=5)
    table = replace(neuron_table(network), redrawn=30)
    classes = classify(table)
    figure = figures.ipr_histogram(table, classes)
    bars = {trace.name: int(np.sum(trace.y)) for trace in figure.data if trace.type == "bar"}
    assert bars == {"memorizing (40)": 40, "generalizing (60)": 60}
    assert "one-sided DFT, constant included" in figure.layout.xaxis.title.text
    assert "5 dead not shown" in figure.layout.yaxis.title.text
    null = next(trace for trace in figure.data if trace.type == "scatter")
    assert np.sum(null.y) / 2 == pytest.approx(100, rel=1e-6), "noise, scaled to the living neurons"


def test_training_curves_show_the_measurements(drawn, tiny_run):
    traces = {t.name: t for t in drawn["training"].data if t.showlegend}
    assert set(traces) == set(SPLITS)
    expected = [m.scores["corrupted"].accuracy for m in tiny_run.measurements if m.step > 0]
    np.testing.assert_allclose(traces["corrupted"].y, expected, rtol=1e-6)


def test_heatmap_rows_are_sorted_by_class(tiny_run):
    table = neuron_table(tiny_run)
    classes = classify(table, float(np.median(table.ipr)))
    trace = figures.spectra_heatmap(table, classes).data[0]
    order = np.asarray(trace.text)[:, 0].astype(int)
    assert sorted(order.tolist()) == list(range(16))
    assert classes.generalizing[order[:8]].all()
    np.testing.assert_allclose(np.asarray(trace.z).sum(axis=1), 1, rtol=1e-5)


def test_neuron_wave_is_its_component(tiny_run):
    """The dotted wave is the least-squares fit of that frequency."""
    table = neuron_table(tiny_run)
    figure = figures.neuron_curves(table, 2)
    wave = next(t for t in figure.data if (t.name or "").startswith("its component"))
    angle = 2 * np.pi * table.frequency[2] * np.arange(11) / 11
    basis = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, table.curves[0, 2], rcond=None)
    np.testing.assert_allclose(wave.y, basis @ fit, atol=1e-6)


def test_pruning_figure_has_both_directions_and_the_band(drawn):
    figure = drawn["pruning"]
    names = {trace.name for trace in figure.data}
    assert {"test", "corrupted", "test, by weight norm", "test, random (range of 4 draws)"} <= names
    panels = {trace.xaxis for trace in figure.data if trace.name == "test"}
    assert panels == {"x", "x2"}


def test_saved_figure_needs_no_network(drawn, tmp_path):
    figures.save(drawn["embedding"], tmp_path / "figure.html")
    html = (tmp_path / "figure.html").read_text()
    assert "cdn.plot.ly" not in html.replace('"plotlyServerURL":"https://cdn.plot.ly"', "")[:2000]
    assert "src=" not in html[: html.index("<script")]


def test_pruned_dataset_of_another_task_still_draws(tmp_path):
    """A network without a run: the histogram and the pruning curve need no folder."""
    network, _ = mixed_network(6, 6)
    curves = pruning_curve(network, make_dataset(network.task, 0.5), draws=2)
    assert len(figures.pruning_curves(curves).data) > 10
    figures.save(figures.ipr_histogram(neuron_table(network)), tmp_path / "h.html")
