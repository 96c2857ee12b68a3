"""Values of options as people type them and as runs have them: text, lists, unset, one element."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

import interp
from interp import figures
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.caption import percent
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.embedding import embedding_table
from interp.analysis.neurons.read import neuron_table
from interp.analysis.sweeps.axes import Axes, base_values, plane
from interp.analysis.sweeps.bootstrap import Bootstrap
from interp.analysis.sweeps.boundary import critical
from interp.analysis.sweeps.diagram import phase_diagram
from interp.analysis.sweeps.options import values_of
from interp.analysis.sweeps.refine import refine
from interp.cli.app import main
from interp.experiments.plan import parse_experiment
from interp.experiments.run import experiment
from interp.explorer.overlay import settings_of
from interp.explorer.thresholds import ruled, threshold_by
from interp.figures.diagram.scale import scales
from interp.reporting.report import report
from interp.training.config.run_config import RunConfig
from interp.training.trainer.loop import train
from interp.words.flat import flat_spectrum
from interp.words.sentences import setting
from tests.conftest import tiny_config
from tests.sweep_results import from_rows, made

ALPHA, XI, BATCH, LR = "data.fraction", "data.corruption", "optimizer.batch_size", "optimizer.lr"
EXPERIMENT = """
name: unset
title: t
source: nobody
claim: none
base: {task: {p: 5}, model: {width: 4}, steps: 4, schedule: {checkpoints: 0}}
axes: {AXES}
seeds: 2
stages: [{name: only, says: one}]
values: [train_accuracy]
"""


@pytest.mark.parametrize(
    ("axes", "places"),
    [
        ("optimizer.batch_size: [null, 4]", ["4", "None"]),
        ("optimizer.betas: [[0.9, 0.98], [0.5, 0.5]]", ["[0.5, 0.5]", "[0.9, 0.98]"]),
    ],
)
def test_conditions_that_are_unset_or_lists_have_a_row_each(axes, places, tmp_path, capsys):
    """Each mean is that of the two runs of its condition, whose scores stand in their folders."""
    asked = parse_experiment(EXPERIMENT.replace("AXES", axes), "unset.yaml")
    found = experiment(asked, tmp_path / "out", machine="serial")
    (path,) = asked.axes
    table = found.table("only")
    assert len(table) == 2
    for value in asked.axes[path]:
        runs = [interp.load(one) for one in found.stages["only"]["run"]]
        section, _, key = path.partition(".")
        own = [r for r in runs if _plain(getattr(getattr(r.config, section), key)) == value]
        mean = np.mean([r.measurement().scores["train"].accuracy for r in own])
        assert len(own) == 2
        said = json.dumps(value) if isinstance(value, list) else value
        row = table[table[path].isna() if said is None else table[path] == said]
        assert row["train_accuracy"].tolist() == pytest.approx([mean])
    assert len(found.plot().data) == 2
    assert all(len(one.y) == 1 for one in found.plot().data)
    (tmp_path / "mine.yaml").write_text(EXPERIMENT.replace("AXES", axes))
    main(["experiment", str(tmp_path / "mine.yaml"), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert [line for line in places if line in printed] == places


def test_an_unset_option_stands_beside_numbers_that_stay_as_they_are(tmp_path):
    text = EXPERIMENT.replace("AXES", "optimizer.batch_size: [4, 8, null]")
    found = experiment(parse_experiment(text, "unset.yaml"), tmp_path / "a", machine="serial")
    names = [f"only.train_accuracy batch {size}" for size in (4, 8, None)]
    assert list(dict.fromkeys(found.values())) == names
    stage = "{name: only, says: one, axes: {optimizer.batch_size: [4, 8, null]}}"
    text = EXPERIMENT.replace("axes: {AXES}\n", "").replace("{name: only, says: one}", stage)
    found = experiment(parse_experiment(text, "unset.yaml"), tmp_path / "a", machine="serial")
    figure = found.plot()
    assert list(figure.data[0].x) == ["4", "8", "None"]
    assert figure.layout.xaxis.type == "category"


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def test_a_threshold_is_typed_as_a_number(tiny_run, capsys):
    table = neuron_table(tiny_run)
    cut = float(np.median(table.ipr))
    main(["measure", "classes", str(tiny_run.path), "--threshold", str(cut), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["values"]["threshold"] == cut
    main(["measure", "classes", str(tiny_run.path), "--threshold", "null", "--json"])
    assert json.loads(capsys.readouterr().out)["rule"].endswith("Gaussian noise")


def test_cells_are_found_by_what_was_typed():
    rates = made({ALPHA: (0.2, 0.4), XI: (0.1, 0.3), LR: (0.001, 0.01)}, 1, lambda *_: "confusion")
    for text in ("1e-2", "0.01", "1.0e-2", "10e-3"):
        found = plane(rates, Axes(ALPHA, XI, where=values_of([f"{LR}={text}"])), [])
        assert {row[LR] for row in found.rows} == {0.01}
    with pytest.raises(ValueError, match=r"optimizer.lr = slow; there are 0.001, 0.01"):
        plane(rates, Axes(ALPHA, XI, where=values_of([f"{LR}=slow"])), [])
    betas = made(
        {ALPHA: (0.2, 0.4), XI: (0.1, 0.3), "optimizer.betas": ("[0.9, 0.98]", "[0.9, 0.999]")},
        1,
        lambda *_: "confusion",
    )
    found = plane(betas, Axes(ALPHA, XI, where=values_of(["optimizer.betas=[0.9, 0.98]"])), [])
    assert {row["optimizer.betas"] for row in found.rows} == {"[0.9, 0.98]"}


def test_a_dense_diagram_names_the_values_of_its_cells():
    decays = (0.01, 0.1, 1.0, 10.0)
    results = made({ALPHA: (0.2, 0.4), "optimizer.weight_decay": decays}, 1, lambda *_: "confusion")
    axes = (ALPHA, "optimizer.weight_decay")
    every = figures.dense_phase_diagram(phase_diagram(results, *axes)).data
    (cells,) = (one for one in every if one.type == "heatmap")
    assert (tuple(cells.x), tuple(cells.y)) == ((0.2, 0.4), decays)
    assert "%{y:.12~g}" in cells.hovertemplate


def test_what_lies_beyond_the_grid_is_of_the_grid():
    """ξ has ten values at three α, four at two more, one below and one above."""
    places = [(a, x / 20) for a in (0.2, 0.3, 0.4) for x in range(10)]
    places += [(a, x / 5) for a in (0.1, 0.9) for x in range(4)]
    rows = [((a, x, 0), {"state": "confusion"}) for a, x in places]
    diagram = phase_diagram(from_rows((ALPHA, XI), rows))
    x, _ = scales(diagram)
    assert x.base == (0.1, 0.2, 0.3, 0.4, 0.9)
    low, high = x.edges[[0, -1]]
    assert all(low < point.x < high for point in diagram.points)
    # One that a refinement put between two others still is not.
    assert base_values([1, 1, 1, 1, 2, 3, 3, 3, 3]) == [1, 3]
    assert base_values([0.1] * 10 + [0.5] * 4 + [0.3]) == [0.1, 0.5]
    assert base_values([64] * 10 + [None] * 10 + [128] * 3 + [96]) == [64, 128, None]
    assert base_values(["add"] * 10 + ["sub"] * 3) == ["add", "sub"]


def test_means_of_fewer_seeds_than_a_point_has_say_so():
    def row(decay, seed):
        scores = {"train_accuracy": 1.0, "test_accuracy": 0.5, "corrupted_accuracy": 0.5}
        return {"state": "confusion", "mean_ipr": 0.1, "ipr_convention": "one-sided", **scores}

    places = [(a, x, seed) for a in (0.2, 0.4) for x in (0.1, 0.3) for seed in range(3)]
    whole = [(place, row(*place[1:])) for place in places]
    figure = figures.phase_scores(phase_diagram(from_rows((ALPHA, XI), whole)))
    assert figure.layout.title.subtitle.text.startswith("mean of 3 seeds a point · IPR")
    some = [(place, "failed" if place[2] and place[0] == 0.2 else given) for place, given in whole]
    diagram = phase_diagram(from_rows((ALPHA, XI), some))
    figure = figures.phase_scores(diagram)
    said = "mean of 3 seeds a point, those without a score left out"
    assert figure.layout.title.subtitle.text.startswith(said)
    told = [text for trace in figure.data for text in np.ravel(trace.customdata)]
    assert sum("1 of 3 seeds" in one for one in told) == 2 * 4  # points, in a row a quantity


def test_a_refinement_leaves_out_what_is_no_number():
    def outcome(size, corruption, seed):
        return "memorization" if size is not None and size > 20 else "coexistence"

    results = made({BATCH: (16, 64, None), XI: (0.1, 0.3)}, 1, outcome)
    new = refine(results, BATCH, XI)
    assert {one[BATCH] for one in new} == {40}


def test_percent_has_as_many_digits_as_the_share(tiny_run):
    shares = (0.5, 0.004, 0.995, 0.999, 0.975, 0.07, 1.0)
    assert [percent(one) for one in shares] == [
        *("50%", "0.4%", "99.5%", "99.9%", "97.5%", "7%", "100%")
    ]
    words = classify(neuron_table(tiny_run), "null", quantile=0.9999).rule
    assert words == "99.99% quantile of Gaussian noise"
    told = setting(tiny_config(data={"fraction": 0.995, "corruption": 0.004}))
    assert "with 99.5% of all pairs" in told
    assert "0.4% of them with a redrawn label" in told
    results = made({ALPHA: (0.2, 0.4), XI: (0.1, 0.3)}, 3, lambda *_: "coexistence")
    assert "99.9% bootstrap interval" in critical(results, bootstrap=Bootstrap(0.999, 5000)).caption


def test_runs_that_share_a_label_keep_their_settings():
    runs = {
        name: SimpleNamespace(label="α 0.5 · seed 0", run=train(tiny_config(model={"width": w})))
        for name, w in (("a/1", 8), ("b/1", 12))
    }
    found = settings_of(runs)
    assert [one["model"]["width"] for one in found.values()] == [8, 12]
    assert len(set(found)) == 2
    for rate, name in ((0.0012345678, "a/1"), (0.0012345671, "b/1")):
        runs[name].run = train(tiny_config(optimizer={"lr": rate}))
    found = settings_of(runs)  # whose labels have six digits
    assert [one["optimizer"]["lr"] for one in found.values()] == [0.0012345678, 0.0012345671]


@pytest.mark.filterwarnings("ignore:the IPRs do not look like two classes")
def test_over_one_element_there_is_no_noise(tmp_path):
    config = RunConfig(
        task={"p": 2, "operation": "x * y"},
        data={"fraction": 1.0},
        model={"width": 3},
        steps=2,
    )
    run = train(config, tmp_path / "run")
    table = neuron_table(run)
    assert table.elements == 1
    assert report(run, tmp_path / "report.html").is_file()
    assert threshold_by(table, "auto") == threshold_by(table, "null") == 0.5
    assert ruled(table, 0.5).classes.threshold == 0.5
    assert flat_spectrum(embedding_table(run)) == ""
    assert [one.name for one in figures.ipr_histogram(table).data] == ["all neurons (3)"]


def test_options_that_would_go_unheeded_are_refused(tiny_run, tmp_path, capsys):
    for command, words in (
        (["experiment", "--table", "t.csv", "--seeds", "3"], "a name beside --seeds, --table"),
        (["train", "--out", str(tmp_path / "r"), "--records", "5"], "beside --record, got 5 alone"),
    ):
        with pytest.raises(SystemExit):
            main(command)
        assert words in capsys.readouterr().err
    curves = pruning_curve(tiny_run, draws=2, losses=False)
    with pytest.raises(ValueError, match="expected curves with losses, got some without"):
        figures.pruning_curves(curves, "loss")
    figure = figures.training_curves(tiny_run)
    (page,) = figures.save_all([figure], tmp_path / "page.html", "t", template="paper")
    figures.save(figure, tmp_path / "one.html", template="paper")
    width = figures.paper(figure, 1).layout.width
    assert width is not None
    assert all(f'"width":{width}' in one.read_text() for one in (page, tmp_path / "one.html"))


def test_brackets_and_colons_are_letters_of_a_table(tmp_path, capsys):
    run = train(tiny_config(), tmp_path / "x[old] :x:")
    main(["prune", str(run.path), "--threshold", "0.3"])
    printed = capsys.readouterr().out
    assert "x[old] :x:" in printed
