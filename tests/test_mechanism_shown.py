"""Where measures of mechanism are shown: the shell, run folders, histories, report, notebook."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import interp
from interp.analysis.measures import MEASURES
from interp.analysis.mechanism.filtered import filtered
from interp.analysis.trajectory.history import History
from interp.cli.app import main
from interp.figures.history import history as draw_history
from interp.notebook import table_of
from interp.reporting.report import report
from interp.training.evaluation import scores
from interp.training.runs.run import load
from interp.training.trainer.loop import train
from tests.conftest import tiny_config


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main([str(one) for one in arguments])
    return capsys.readouterr().out


# --- interp filter ------------------------------------------------------------------------------


def test_the_g_net_as_a_run_of_its_own(tiny_run, tmp_path, capsys):
    out = tmp_path / "g"
    shown = printed(capsys, "filter", tiny_run.path, "--keep", "2", "--save", out)
    run = load(out)
    expected = scores(filtered(tiny_run, keep=2), tiny_run.dataset)
    assert run.measurement().scores["all"].loss == pytest.approx(expected["all"].loss, rel=1e-5)
    assert run.finished
    assert run.origin.kind == "filtered"
    assert run.origin.words == (
        "filtered from tiny at step 30: G-net, 2 of 5 blocks kept, chosen by answer; nothing was "
        "retrained"
    )
    assert "label vote (control)" in shown
    assert f"{expected['train'].accuracy:.3f}" in shown
    # Taken out of the R-net, the second time round, nothing of these blocks is left.
    again = tmp_path / "r"
    printed(capsys, "filter", out, "--part", "R", "--keep", "2", "--save", again)
    left = load(again)
    for name, weight in left.weights[30].items():
        np.testing.assert_allclose(weight, 0, atol=1e-6, err_msg=name)
    assert left.origin.words.startswith("filtered from g at step 30: R-net, 2 of 5 blocks taken")
    assert "filtered from tiny" in left.origin.words


def test_a_filtered_run_as_json(tiny_run, capsys):
    found = json.loads(printed(capsys, "filter", tiny_run.path, "--by", "random", "--json"))
    assert (found["part"], found["by"], found["step"]) == ("G", "random", 30)
    expected = scores(filtered(tiny_run, by="random"), tiny_run.dataset)["test"].accuracy
    assert found["values"]["left.test_accuracy"] == expected


def test_an_altered_filtering_is_refused(tiny_run, tmp_path, capsys):
    out = tmp_path / "g"
    printed(capsys, "filter", tiny_run.path, "--save", out)
    told = json.loads((out / "pruned.json").read_text())
    told[0]["kept"] = "one"
    (out / "pruned.json").write_text(json.dumps(told))
    with pytest.raises(ValueError, match=r"pruned\.json: expected what was pruned; altered"):
        load(out)


# --- tables in the shell ------------------------------------------------------------------------


def test_accuracies_a_row_each(tiny_run, capsys):
    shown = printed(capsys, "measure", "filtration", tiny_run.path, "--no-strength")
    found = MEASURES["filtration"](tiny_run, strength=False)
    row = next(line for line in shown.splitlines() if line.startswith("│ lazy_g"))
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    wanted = [found.scores["lazy_g"][s].accuracy for s in ("train", "clean", "corrupted", "test")]
    assert cells[2:] == [f"{value:.3f}" for value in wanted]
    assert found.caption in " ".join(shown.split("\n"))


@pytest.mark.filterwarnings("ignore::interp.analysis.neurons.classify.NotBimodalWarning")
@pytest.mark.parametrize("name", ["sparsity", "geometry", "partition", "decoys", "coherence"])
def test_tidy_tables(name, tiny_run, capsys):
    shown = printed(capsys, "measure", name, tiny_run.path)
    heads, rows, rest = table_of(MEASURES[name](tiny_run))
    assert len(heads) >= 5
    assert rest == ""
    assert all(len(row) == len(heads) for row in rows)
    assert len(rows) == len(MEASURES[name](tiny_run).to_pandas())
    assert re.search(r"[│┃] *" + re.escape(heads[0]), shown)
    assert "--table or --json give all values" in shown


def test_controls_are_marked_in_tidy_tables(tiny_run):
    _, rows, _ = table_of(MEASURES["coherence"](tiny_run))
    assert [row[0].endswith("(control)") for row in rows] == [False] * 3 + [True] * 3


# --- over checkpoints ---------------------------------------------------------------------------


def test_histories_lead_with_what_matters(tiny_run, capsys):
    found = interp.history(tiny_run, "progress", per_key=False)
    assert found.names[:3] == (
        "whole.test_accuracy",
        "restricted_all.test_accuracy",
        "restricted_all_lookup.test_accuracy",
    )
    assert set(found.names) == set(found.rows[0])
    shown = printed(capsys, "measure", "progress", tiny_run.path, "--history", "--no-per-key")
    assert "whole." in shown
    assert "excluded_" in shown
    heads, rows, _ = table_of(found)
    assert heads[:2] == ["step", "whole: test accuracy"]
    assert len(rows) == len(tiny_run.steps)
    assert [row[0] for row in rows] == [str(step) for step in tiny_run.steps]


def test_lines_of_controls_are_dotted(tiny_run):
    figure = interp.history(tiny_run, "progress", per_key=False).plot()
    dashes = {trace.name: trace.line.dash for trace in figure.data}
    assert len(dashes) == 6
    assert dashes["held out all: test accuracy"] == "solid"
    assert dashes["held out all lookup: test accuracy"] == "dot"


def test_a_history_without_leading_values_keeps_its_order():
    found = History("own", (0, 1), ({"b": 1.0}, {"b": 2.0, "a": 3.0}), {}, "own · seed 0")
    assert found.names == ("b", "a")
    assert [trace.name for trace in draw_history(found).data] == ["b", "a"]
    assert table_of(found)[0] == ("name", "value")


# --- figures ------------------------------------------------------------------------------------


def test_the_figure_of_filtration_has_a_row_a_network(tiny_run):
    found = MEASURES["filtration"](tiny_run)
    figure = found.plot()
    rows = {label for trace in figure.data if trace.xaxis in (None, "x") for label in trace.y}
    assert len(rows) == len(found.scores)
    test = next(t for t in figure.data if t.name == "test" and t.marker.symbol == "circle")
    accuracy = dict(zip(test.customdata, test.x, strict=True))
    assert accuracy["g"] == found.scores["g"]["test"].accuracy
    below = next(t for t in figure.data if t.name == "test, random blocks")
    assert list(below.x) == [1, 2, 4, 5]
    assert below.y[-1] == found.strength[5]["random"]["test"].accuracy
    assert len(MEASURES["filtration"](tiny_run, strength=False).plot().data) == 6


def test_controls_of_progress_stand_on_the_row_of_what_they_control(tiny_run):
    figure = MEASURES["progress"](tiny_run).plot()
    hollow = [t for t in figure.data if t.marker.symbol == "diamond-open" and t.name == "test"]
    filled = [t for t in figure.data if t.marker.symbol == "circle" and t.name == "test"]
    assert list(hollow[0].y) == list(filled[0].y)
    assert list(hollow[0].customdata) == [f"{name}_lookup" for name in filled[0].customdata]


def test_the_figure_of_coherence(tiny_run):
    found = MEASURES["coherence"](tiny_run)
    bars, own, controls = found.plot().data
    assert sum(bars.y) == np.isfinite(found.error).sum()
    assert own.x[0] == found.values()["coherence"]
    assert list(controls.x) == [
        found.values()[f"coherence_{name}"] for name in ("shuffled", "untrained", "lazy")
    ]


# --- the report ---------------------------------------------------------------------------------


def figures_of(html: str) -> dict:
    start = html.index('id="given">') + len('id="given">')
    return json.loads(html[start : html.index("</script>", start)])["figures"]


def test_the_reports_section(tiny_run, tmp_path):
    html = report(tiny_run, tmp_path / "page.html", draws=2, threshold=0.3).read_text()
    assert '<h2 id="heading-mechanism">Mechanism</h2>' in html
    assert "label vote (control)" in html
    assert {"filtration", "progress"} <= set(figures_of(html))
    assert 'id="figure-filtration"' in html
    bare = report(
        tiny_run, tmp_path / "bare.html", draws=2, threshold=0.3, mechanism=False
    ).read_text()
    assert "heading-mechanism" not in bare
    assert not {"filtration", "progress"} & set(figures_of(bare))


def test_a_report_says_what_is_not_defined(tmp_path):
    run = train(tiny_config(task={"operation": "x**2 + y**2"}), tmp_path / "run")
    html = report(run, draws=2, threshold=0.3).read_text()
    assert "Not defined here: expected a rule whose answers are equally frequent" in html
    assert "filtration" in figures_of(html)


def test_a_run_of_one_checkpoint_has_no_curves_over_steps(tmp_path):
    run = train(tiny_config(schedule={"checkpoints": 0, "evaluations": 2}), tmp_path / "run")
    html = report(run, draws=2, threshold=0.3).read_text()
    assert "Hidden progress" in html


def test_a_truth_value_is_asked_for(tiny_run, tmp_path, monkeypatch):
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises((TypeError, ValueError), match="mechanism"):
        report(tiny_run, tmp_path / "page.html", mechanism="no")


def test_without_test_examples_all_pairs_lead():
    run = train(tiny_config(data={"fraction": 1.0}))
    found = MEASURES["progress"](run)
    assert found.leading()[:2] == ("whole.all_accuracy", "restricted_all.all_accuracy")
    assert "held_out_all.test_accuracy" not in found.leading()
    assert interp.history(run, "filtration", strength=False).main[0] == "whole.all_accuracy"
    assert repr(found).startswith("<Progress: whole.all_accuracy ")


def test_neurons_of_one_ipr_have_no_decoys():
    run = train(tiny_config(model={"width": 1}, steps=1))
    message = "measure decoys: expected two different IPRs, between which to cut"
    with pytest.raises(ValueError, match=message):
        MEASURES["decoys"](run)


def test_draws_that_do_not_fit_are_refused_before_they_are_made(tiny_run, monkeypatch):
    monkeypatch.setattr("interp.training.memory.memory", lambda: 10**6)
    with pytest.raises(MemoryError):
        MEASURES["partition"](tiny_run, draws=10**7)


def test_options_are_told_as_they_are_typed(tiny_run, capsys):
    with pytest.raises(SystemExit):
        main(["measure", "filtration", str(tiny_run.path), "--colour", "red"])
    assert "--lazy-draws" in capsys.readouterr().err


def test_names_in_titles_are_no_markup(tiny_run):
    for name in ("sparsity", "geometry"):
        found = MEASURES[name](tiny_run)
        title = type(found)(**{**vars(found), "name": "<b>&amp;"}).plot().layout.title.text
        assert "&lt;b&gt;&amp;amp;" in title
