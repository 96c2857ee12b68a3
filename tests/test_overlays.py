"""Figures of several runs: their lines and bands by hand, their legends, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from interp import figures
from interp.analysis.ablation.prune import prune
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.comparison.compare import compare
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.training.evaluation import scores
from interp.training.trainer.loop import train
from tests.browser import CHROMIUM, NO_CHROMIUM
from tests.compared_runs import six_runs
from tests.conftest import tiny_config
from tests.curves import curves_of
from tests.test_comparison import ipr_of
from tests.test_figure_layout import overlaps

DRAW = {
    "ipr": figures.ipr_histogram,
    "training": figures.training_curves,
    "pruning": figures.pruning_curves,
    "spectrum": figures.embedding_spectrum,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return six_runs(tmp_path_factory.mktemp("overlaid"))


@pytest.fixture(scope="module")
def other_p():
    return train(tiny_config(task={"p": 10}))  # as many frequencies as 11 has


def named(figure):
    """Names in the legend."""
    return [trace.name for trace in figure.data if trace.showlegend is not False]


def lines(figure, name, row=""):
    """The lines of a group in the panel of a y axis."""
    axes = {row, None} if row == "y" else {row}
    return [t for t in figure.data if t.name == name and (not row or t.yaxis in axes)]


@pytest.mark.parametrize("kind", DRAW)
def test_the_legend_says_what_differs_and_the_caption_what_is_shared(runs, kind):
    figure = DRAW[kind](runs)
    assert named(figure)[:2] == ["wd 0 (3 seeds)", "wd 5 (3 seeds)"]
    words = figure.layout.title.subtitle.text
    assert "(x + y) mod 11 · α = 0.6 · ξ = 0.3 · adamw · MLP, N = 16, square" in words
    assert "wd" not in words and "line: mean over seeds, band: least to greatest" in words
    apart = DRAW[kind](runs[:2], fold=False)
    assert named(apart)[:2] == ["seed 0", "seed 1"]
    assert "wd 0" in apart.layout.title.subtitle.text and "band" not in str(named(apart))
    assert named(DRAW[kind]({"A": runs[0], "B": runs[4]}))[:2] == ["A", "B"]


def test_a_histogram_has_the_share_of_neurons_in_each_bin(runs):
    """Of each run by numpy, from curves by its own transform; mean, least and greatest of three."""
    figure = figures.ipr_histogram(runs, bins=20, null=False)
    counts = np.stack([np.histogram(ipr_of(run), np.linspace(0, 1, 21))[0] for run in runs[:3]])
    shares = counts / 16
    (line,) = lines(figure, "wd 0 (3 seeds)")
    assert np.allclose(np.asarray(line.y)[::2], shares.mean(axis=0), atol=1e-6)
    (band,) = lines(figure, "wd 0 (3 seeds), band")
    around = np.asarray(band.y)
    assert np.allclose(around[:40:2], shares.min(axis=0), atol=1e-6)
    assert np.allclose(around[40:][::-1][::2], shares.max(axis=0), atol=1e-6)
    assert np.allclose(np.asarray(line.x)[::2], np.linspace(0, 0.95, 20), atol=1e-6)
    assert "20 bins" in figure.layout.title.subtitle.text


def test_noise_is_drawn_where_it_is_the_same(runs, other_p):
    assert named(figures.ipr_histogram(runs))[-1].startswith("Gaussian noise (mean 0.")
    apart = figures.ipr_histogram([runs[0], other_p])
    assert named(apart) == ["p 11", "p 10"]
    assert "noise not drawn" in apart.layout.title.subtitle.text


def test_training_curves_by_step(runs):
    figure = figures.training_curves(runs)
    steps = [row.step for row in runs[0].measurements if row.step > 0]
    tests = np.array(
        [[m.scores["test"].accuracy for m in run.measurements if m.step > 0] for run in runs[3:]]
    )
    (line,) = lines(figure, "wd 5 (3 seeds)", "y2")
    assert np.asarray(line.x).tolist() == steps
    assert np.allclose(line.y, tests.mean(axis=0))
    assert [axis.title.text for axis in figure.select_yaxes()] == ["train", "test", "corrupted"]
    losses = figures.training_curves(runs, "loss")
    assert losses.layout.title.text == "Training: loss (MSE)"
    (line,) = lines(losses, "wd 0 (3 seeds)", "y")
    by_hand = [run.measurements[-1].scores["train"].loss for run in runs[:3]]
    assert np.asarray(line.y)[-1] == pytest.approx(np.mean(by_hand))


def test_a_mean_ends_with_the_first_run_that_stopped(runs):
    early = replace(runs[1], measurements=runs[1].measurements[:-3], stopped="it grokked")
    figure = figures.training_curves([runs[0], early, runs[2], runs[3]])
    (line,) = lines(figure, "wd 0 (3 seeds)", "y")
    assert np.asarray(line.x)[-1] == runs[0].measurements[-4].step
    assert "1 of 4 stopped early" in figure.layout.title.subtitle.text
    going = replace(runs[1], finished=False)
    figure = figures.training_curves([runs[0], going])
    assert "1 of 2 runs not finished" in figure.layout.title.subtitle.text


def test_a_split_without_examples_has_no_line(runs):
    clean = train(tiny_config(data={"fraction": 0.6, "corruption": 0.0}))
    figure = figures.training_curves([runs[0], clean])
    first, second = named(figure)
    assert (first, second) == ("ξ 0.3", "ξ 0")
    assert len(lines(figure, first)) == 3 and len(lines(figure, second)) == 2
    only = train(tiny_config(data={"fraction": 0.6, "corruption": 0.0}, steps=31))
    panels = figures.training_curves([clean, only]).select_yaxes()
    assert [axis.title.text for axis in panels] == ["train", "test"]


def test_pruning_curves_by_hand(runs):
    """The network without its neurons of lowest IPR is scored; the random control is beside it."""
    figure = figures.pruning_curves([runs[0], runs[3]])
    order = np.argsort(ipr_of(runs[0]))
    for row, ordered in (("y3", order), ("y4", order[::-1])):
        line = next(t for t in lines(figure, "wd 0", row) if t.line.width == 2)
        for pruned in (0, 3, 5, 8, 11):
            kept = prune(runs[0], np.sort(ordered[pruned:]))
            expected = scores(kept, runs[0].dataset, "mse")["corrupted"].accuracy
            assert np.asarray(line.y)[list(line.x).index(pruned)] == pytest.approx(expected)
    dotted = [t for t in lines(figure, "wd 0", "y") if t.line.dash == "dot"]
    assert len(dotted) == 1 and dotted[0].showlegend is False
    assert "dotted: mean of 10 random orders a run" in figure.layout.title.subtitle.text
    assert figure.layout.xaxis3.title.text == "pruned of 16"
    losses = figures.pruning_curves([runs[0], runs[3]], "loss")
    assert losses.layout.title.text == "Pruning by IPR: loss"


def test_widths_that_differ_share_an_axis_of_shares(runs):
    wide = train(tiny_config(model={"width": 24}))
    figure = figures.pruning_curves([runs[0], wide])
    assert figure.layout.xaxis3.title.text == "share pruned"
    assert all(min(t.x) >= 0 and max(t.x) == 1 for t in figure.data)


def shares_of(run):
    """Share of power at each frequency of U, V and W, over all neurons, by numpy."""
    power = (np.abs(np.fft.rfft(curves_of(run.network()), axis=-1)) ** 2).sum(axis=1)
    return power / power.sum(axis=-1, keepdims=True)


def test_spectra_stand_by_frequency_and_of_seeds_by_rank(runs):
    figure = figures.embedding_spectrum([runs[0], runs[3]])
    for place, row in enumerate(("y", "y2", "y3")):
        (line,) = lines(figure, "wd 0", row)
        assert np.allclose(line.y, shares_of(runs[0])[place], atol=1e-6)
    assert figure.layout.xaxis3.title.text == "frequency (0 is the constant)"
    folded = figures.embedding_spectrum(runs)
    ordered = np.stack([np.sort(shares_of(run)[2])[::-1] for run in runs[3:]])
    (line,) = lines(folded, "wd 5 (3 seeds)", "y3")
    assert np.allclose(line.y, ordered.mean(axis=0), atol=1e-6)
    assert np.asarray(line.x).tolist() == [1, 2, 3, 4, 5, 6]
    assert folded.layout.xaxis3.title.text == "rank of the frequency, strongest first"


def test_tables_and_curves_in_place_of_runs(runs):
    tables = {"a": neuron_table(runs[0]), "b": neuron_table(runs[3])}
    ((one, *_), (other, *_)) = (
        lines(figures.ipr_histogram(source), name)
        for source, name in ((tables, "a"), ([runs[0], runs[3]], "wd 0"))
    )
    assert np.array_equal(one.y, other.y)
    embeddings = {"a": embedding_table(runs[0]), "b": embedding_table(runs[3])}
    assert named(figures.embedding_spectrum(embeddings)) == ["a", "b"]
    curves = {"a": pruning_curve(runs[0], draws=0), "b": pruning_curve(runs[3], draws=2)}
    figure = figures.pruning_curves(curves)
    assert named(figure) == ["a", "b"]
    assert not [t for t in lines(figure, "a") if t.line.dash == "dot"]
    with pytest.raises(ValueError, match=r"nothing tells '' from the others$"):
        figures.pruning_curves(list(curves.values()))


def test_many_groups_differ_in_colour_or_dash(runs):
    tables = [neuron_table(run, step) for run in runs for step in run.steps[1:3]]
    figure = figures.ipr_histogram({f"table {i}": table for i, table in enumerate(tables)})
    looks = {(t.line.color, t.line.dash) for t in figure.data[:-1]}
    assert len(looks) == 12


REFUSED = [
    ("ipr_histogram: expected at least two to compare, got 1", "ipr", lambda a, b: [a]),
    ("training_curves: expected each once, got 'decay-0-", "training", lambda a, b: [a, a]),
    ("embedding_spectrum: expected spectra over the same elements, got 11 and 10 of first",
     "spectrum", lambda a, b: [a, b]),
    ("embedding_spectrum: expected one group, got cyclic and multiplicative", "spectrum",
     lambda a, b: {"a": embedding_table(a), "b": embedding_table(a, group="multiplicative")}),
    ("embedding_spectrum: expected one r, got 2 and 3", "spectrum",
     lambda a, b: {"a": embedding_table(a), "b": embedding_table(a, r=3)}),
    ("embedding_spectrum: expected networks with the same embeddings, got first operand U",
     "spectrum", lambda a, b: [a, train(tiny_config(
         model={"kind": "transformer", "d_model": 16, "n_heads": 4, "d_mlp": 24}))]),
    ("ipr_histogram: expected one IPR convention, got one-sided DFT, constant included, r = 2 and",
     "ipr", lambda a, b: {"a": neuron_table(a), "b": neuron_table(a, convention="two-sided")}),
    ("training_curves: expected runs with scores after step 0, run has none", "training",
     lambda a, b: [replace(a, path=None, measurements=a.measurements[:1]), b]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "kind", "of"), REFUSED, ids=[one[0] for one in REFUSED])
def test_what_does_not_fit_is_refused_in_one_line(runs, other_p, message, kind, of):
    with pytest.raises(ValueError) as caught:
        DRAW[kind](of(runs[0], other_p))
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_losses_that_differ_or_were_not_measured(runs):
    entropy = train(tiny_config(loss="cross_entropy"))
    for name in ("training_curves", "pruning_curves"):
        with pytest.raises(ValueError, match=rf"^{name}: expected \w+ of one loss, got mse and cr"):
            getattr(figures, name)([runs[0], entropy], "loss")
    bare = {name: pruning_curve(runs[i], draws=0, losses=False) for i, name in enumerate("ab")}
    with pytest.raises(ValueError, match=r"^pruning_curves: expected curves with losses, got some"):
        figures.pruning_curves(bare, "loss")


def test_a_checkpoint_has_no_training_curves(runs):
    pair = [run.checkpoint() for run in runs[:2]]
    with pytest.raises(TypeError, match=r"^training_curves: expected whole runs, got Checkpoint$"):
        figures.training_curves(pair)


def test_options_of_one_run_and_of_several(runs, unchecked):
    table = neuron_table(runs[0])
    with pytest.raises(ValueError, match=r"^classes: expected beside one neuron table, got some"):
        figures.ipr_histogram(runs, classes=3)
    with pytest.raises(ValueError, match=r"^pruned: expected beside one run, got 3 beside several"):
        figures.pruning_curves(runs, pruned=3)
    with pytest.raises(ValueError, match=r"^metric: expected beside several runs, got 'loss' besi"):
        figures.training_curves(runs[0], "loss")
    one = {"ipr": table, "training": runs[0], "pruning": pruning_curve(runs[0], draws=0),
           "spectrum": embedding_table(runs[0])}  # fmt: skip
    for kind, source in one.items():
        with pytest.raises(ValueError, match=r"^fold: expected beside several runs, got False"):
            DRAW[kind](source, fold=False)
    with pytest.raises(ValueError, match=r"fold: expected True or False, got 1$"):
        figures.ipr_histogram(runs, fold=1)


def test_the_figure_is_exported_as_others_are(runs, tmp_path):
    figures.save(figures.ipr_histogram(runs), tmp_path / "a.html")
    assert (tmp_path / "a.html").stat().st_size > 10**6
    assert figures.paper(figures.training_curves(runs)).layout.width == 326


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_a_pdf_is_written(runs, tmp_path):
    figures.save(figures.ipr_histogram(runs), tmp_path / "a.pdf", template="paper")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    figures.training_curves(runs).write_image(str(tmp_path / "b.pdf"))
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def overlaid(runs, other_p):
    """Every overlay of six runs, apart, folded, and of other settings."""
    wide = train(tiny_config(model={"width": 24, "norm": "batch"}, steps=300))
    found = {kind: draw(runs) for kind, draw in DRAW.items()}
    found |= {f"{kind}, apart": draw(runs, fold=False) for kind, draw in DRAW.items()}
    found |= {f"{kind}, other": draw([runs[0], wide]) for kind, draw in DRAW.items()}
    found["losses"] = figures.training_curves(runs, "loss")
    found["compared"] = compare(runs).plot()
    found["compared, one each"] = compare([runs[0], wide]).plot()
    found["compared, one group"] = compare(runs[:3]).plot()
    return found


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize("width", [700, 1400])
def test_no_text_overlaps_or_is_cut_off(overlaid, browser, tmp_path, width):
    assert overlaps(overlaid, browser, tmp_path, width) == {}


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize("columns", [1, 2])
def test_no_text_overlaps_on_paper(overlaid, browser, tmp_path, columns):
    small = {name: figures.paper(figure, columns) for name, figure in overlaid.items()}
    assert overlaps(small, browser, tmp_path, 1000) == {}
