"""What every figure function must give: titles, units, the project's words, room for its text."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from interp import figures
from interp.analysis.ablation.heads import head_ablation
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.answers import answer_planes
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.axes import Axes
from interp.analysis.sweeps.boundary import critical
from interp.analysis.sweeps.diagram import phase_diagram
from interp.analysis.trajectory.ipr_history import dynamics
from interp.reproduction.drawing import draw
from interp.reproduction.panels import training_panels
from interp.reproduction.recipe import recipes
from interp.training.data.scores import Score, Scores
from interp.training.data.splits import SPLITS
from interp.training.runs.metadata import Measurement
from interp.training.trainer.loop import train
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page, settle
from tests.conftest import tiny_config
from tests.sweep_results import made
from tests.test_neurons import mixed_network
from tests.test_recipes import toy_evidence

AXES = {
    "data.fraction": [0.1, 0.3, 0.5, 0.7, 0.9],
    "data.corruption": [0.0, 0.2, 0.4, 0.6],
    "optimizer.weight_decay": [0.0, 1.0, 5.0],
}


def outcome(fraction, corruption, decay, seed):
    state = "memorization" if fraction < 0.4 else "coexistence" if corruption < 0.5 else "confusion"
    scores = {"train_accuracy": 0.9, "test_accuracy": fraction, "corrupted_accuracy": corruption}
    return {
        "state": state,
        "phase": state,
        "mean_ipr": 0.3,
        "ipr_convention": "one-sided",
        **scores,
    }


def diagram_figures():
    results = made(AXES, 2, outcome)
    x, y, panel = AXES
    diagram = phase_diagram(results, x, y, panel)
    edge = critical(results, axes=Axes(x, y, panel))
    return {
        "phase_diagram": figures.phase_diagram(diagram, edge),
        "dense_phase_diagram": figures.dense_phase_diagram(diagram),
        "phase_scores": figures.phase_scores(diagram),
    }


@pytest.fixture(scope="module")
def drawn():
    """A figure of every function; names are the functions'."""
    run = train(tiny_config(model={"width": 64}))
    table = neuron_table(run)
    classes = classify(table, float(np.median(table.ipr)))
    with_norm = neuron_table(train(tiny_config(model={"width": 24, "norm": "batch"})))
    model = {"kind": "transformer", "d_model": 16, "n_heads": 4, "d_mlp": 24}
    heads = head_ablation(train(tiny_config(model=model)))
    curves = pruning_curve(run, draws=3)
    return {
        "training_curves": figures.training_curves(run),
        "ipr_histogram": figures.ipr_histogram(table, classes),
        "neuron_curves": figures.neuron_curves(table, 3),
        "spectra_heatmap": figures.spectra_heatmap(table, classes),
        "embedding_spectrum": figures.embedding_spectrum(embedding_table(run)),
        "head_ablation": figures.head_ablation(heads, "small"),
        "norm_weights": figures.norm_weights(with_norm, classify(with_norm, 0.3)),
        "pruning_curves": figures.pruning_curves(curves, pruned=40),
        "pruning_curve": figures.pruning_curve(curves["IPR", "lowest"]),
        "ipr_dynamics": figures.ipr_dynamics(dynamics(run), classes),
        "answer_planes": figures.answer_planes(answer_planes(run)),
        **diagram_figures(),
    }


def test_every_figure_function_is_here(drawn):
    others = {"paper", "save", "save_all", "save_page"}
    assert set(drawn) == set(figures.__all__) - others


def test_every_figure_has_a_title_and_says_where_its_numbers_come_from(drawn):
    for name, figure in drawn.items():
        title = figure.layout.title
        assert title.text, name
        words = ("seed", "IPR:", "nothing is retrained")
        assert any(word in title.subtitle.text for word in words), name


UNITS = {
    "training_curves": ["step", "accuracy", "loss (MSE)"],
    "ipr_histogram": ["IPR of a neuron (one-sided DFT, constant included, r = 2)"],
    "neuron_curves": ["residue", "frequency", "share of power"],
    "spectra_heatmap": ["frequency (0 is the constant)"],
    "embedding_spectrum": ["frequency (0 is the constant)", "share of power, all dimensions"],
    "head_ablation": ["ablated head (block.head)", "accuracy"],
    "norm_weights": ["IPR (one-sided DFT, constant included)", "|weight of the norm|"],
    "pruning_curves": ["pruned neurons of 64", "accuracy"],
    "pruning_curve": ["pruned neurons of 64", "accuracy"],
    "ipr_dynamics": ["step", "IPR of a neuron"],
    "answer_planes": ["component 1", "t-SNE dimension 2"],
    "phase_diagram": ["data fraction α", "corruption ξ"],
    "dense_phase_diagram": ["data fraction α", "corruption ξ"],
    "phase_scores": ["data fraction α"],
}


def test_axes_have_titles_with_units_and_conventions(drawn):
    for name, figure in drawn.items():
        axes = (*figure.select_xaxes(), *figure.select_yaxes())
        titles = {axis.title.text for axis in axes if axis.title.text}
        for unit in UNITS[name]:
            assert unit in titles, name


def test_splits_are_named_by_the_projects_words(drawn):
    for name in ("training_curves", "pruning_curves", "head_ablation"):
        named = {trace.name for trace in drawn[name].data if trace.showlegend is not False}
        words = {one.partition(",")[0] for one in named}
        assert words <= set(SPLITS), name
        assert {"train", "test", "corrupted"} <= words, name


def test_five_hundred_neurons_are_a_handful_of_traces():
    network, _ = mixed_network(300, 200)
    table = neuron_table(network)
    classes = classify(table)
    found = {
        "histogram": figures.ipr_histogram(table, classes),
        "heat map": figures.spectra_heatmap(table, classes),
        "one neuron": figures.neuron_curves(table, 0),
    }
    for name, figure in found.items():
        assert len(figure.data) <= 12, name


def dated(run, scale=1):
    """The run with other accuracies: it groks and inverts; steps are multiples of ten."""
    test = [0.1, 0.2, 0.5, 0.85, 0.92, 0.99]
    corrupted = [0.1, 0.9, 0.8, 0.4, 0.1, 0.05]
    rows = tuple(
        Measurement(
            10 * scale * i,
            Scores({s: Score({"test": t, "corrupted": c}.get(s, 0.5), 0.1) for s in SPLITS}),
            1.0,
        )
        for i, (t, c) in enumerate(zip(test, corrupted, strict=True))
    )
    return replace(run, measurements=rows)


def test_grokking_and_inversion_are_marked_between_two_evaluations(tiny_run):
    """Accuracies by hand: test reaches 0.90 in (30, 40], corrupted falls below ½ in (20, 30]."""
    figure = figures.training_curves(dated(tiny_run))
    bands = sorted((shape.x0, shape.x1) for shape in figure.layout.shapes)
    assert bands == [(20, 30)] * 2 + [(30, 40)] * 2  # one in each row
    words = [note.text for note in figure.layout.annotations]
    assert words == ["grokked by step 40", "inverted by step 30"]


COLLISIONS = """id => {
    const root = document.getElementById(id), frame = root.getBoundingClientRect();
    const seen = one => {
        const style = getComputedStyle(one);
        return one.textContent.trim() && style.visibility !== 'hidden' && +style.opacity > 0;
    };
    const boxes = [...root.querySelectorAll('svg text')].filter(seen)
        .map(one => ({a: one, words: one.textContent, box: one.getBoundingClientRect()}))
        .filter(one => one.box.width > 0);
    const found = [];
    boxes.forEach(({a, words, box}, i) => {
        if (box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) found.push('cut ' + words);
        for (const other of boxes.slice(0, i)) {
            const b = other.a;
            const wide = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
            // Of turned words the rectangles overlap where words do not; points may be close.
            if ([a, b].some(one => /rotate\\((?!-?90|0[,)])/.test(one.getAttribute('transform')))
                || [a, b].every(one => one.closest('.textpoint'))) continue;
            const high = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
            // A line of text is taller than its letters.
            if (wide > 1.5 && high > 2.5) found.push(words + ' | ' + other.words);
        }
    });
    return found;
}"""


RECIPES = (
    "pruning",
    "regularization",
    "mechanism",
    "grokking",
    "figure-3",
    "forgetting",
    "filtration",
    "activation-swap",
    "coherence",
    "progress",
    "neurons-or-frequencies",
    "ipr-against-norm",
)


@pytest.fixture(scope="module")
def reproduced():
    """Figures of several settings side by side, of untrained networks at the recipes' places."""
    found = {}
    for name in RECIPES:
        recipe = recipes()[name]
        evidence = toy_evidence(recipe, recipe.grid_of("quick"))
        for place, figure in enumerate(draw(recipe, evidence)):
            found[f"{name} {place}"] = figure
    run = train(tiny_config())
    runs = [dated(run, 100), dated(run, 100), run]
    settings = {f"wd {decay} · ξ 0.35": runs for decay in (0, 5, 15, 20)}
    for norm in (False, True):
        found[f"dated panels {norm}"] = training_panels(settings, "Training curves", norm)
    return found


def overlaps(figures_by_name, browser, folder, width):
    """Text that overlaps or is cut off, by the name of the figure."""
    file = folder / "all.html"
    figures.save_page(list(figures_by_name.values()), file, "all")
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.goto(file.as_uri())
        page.wait_for_function(
            f"document.querySelectorAll('.main-svg .infolayer').length >= {len(figures_by_name)}"
        )
        settle(page, ".js-plotly-plot")
        found = {
            name: page.evaluate(COLLISIONS, f"figure-{i}") for i, name in enumerate(figures_by_name)
        }
    return {name: words for name, words in found.items() if words}


# Of each figure its lower edge, and of the page's next one the upper.
EDGES = """() => [...document.querySelectorAll('.js-plotly-plot')]
    .map(one => one.querySelector('.main-svg').getBoundingClientRect())
    .map(({top, bottom}) => [top, bottom])"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize("width", [390, 700, 1400])
def test_figures_of_a_page_hide_nothing_of_each_other(browser, tmp_path, width):
    every = diagram_figures()
    figures.save_page(list(every.values()), tmp_path / "page.html", "all")
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_function(
            f"document.querySelectorAll('.main-svg .infolayer').length >= {len(every)}"
        )
        settle(page, ".js-plotly-plot")
        edges = page.evaluate(EDGES)
        assert [page.evaluate(COLLISIONS, f"figure-{i}") for i in range(len(every))] == [[]] * 3
    assert len(edges) == len(every)
    assert all(one[1] <= below[0] + 1 for one, below in pairwise(edges)), edges


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize("width", [700, 1400])
def test_no_text_overlaps_or_is_cut_off(drawn, browser, tmp_path, width):
    assert overlaps(drawn, browser, tmp_path, width) == {}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.filterwarnings("ignore:the IPRs do not look like two classes")
@pytest.mark.parametrize("width", [700, 1400])
def test_no_text_of_a_recipes_figures_overlaps(reproduced, browser, tmp_path, width):
    assert overlaps(reproduced, browser, tmp_path, width) == {}
