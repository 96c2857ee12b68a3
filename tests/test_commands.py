"""Each command as a user runs it; JSON output is one object and agrees with the API."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.cli.app import main
from interp.training.config.options import option_fields
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.runs.run import Run, load
from tests.curves import curves_of


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Standard output of a command that ends well."""
    capsys.readouterr()
    main([str(a) for a in arguments])
    return capsys.readouterr().out


def run_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    output = run(capsys, *arguments, "--json")
    assert output.count("\n") == 1, "one object, nothing else"
    return json.loads(output)


def test_train_from_file_with_flags(capsys, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("task: {operation: x - y, p: 7}\nmodel: {width: 8}\nsteps: 5\n")
    out = tmp_path / "runs" / "one"
    found = run_json(
        capsys, "train", config, "--out", out, "--data.corruption", "0.35",
        "--optimizer.weight-decay", "2", "--optimizer.betas", "[0.9, 0.99]", "--seed", "4",
    )  # fmt: skip
    saved = load(out)
    assert saved.config.task.operation == "x - y"
    assert saved.config.data.corruption == 0.35
    assert saved.config.optimizer.weight_decay == 2
    assert saved.config.optimizer.betas == (0.9, 0.99)
    assert saved.config.seed == 4
    assert found["scores"] == saved.measurement().scores.to_dict()
    assert found["step"] == 5


def test_every_option_is_a_flag(capsys):
    text = "".join(run(capsys, "train", "--help").replace("│", " ").split())
    for path, _, _ in option_fields():
        assert f"--{path}" in text


def test_train_prints_scores_and_plain_progress(capsys, tmp_path):
    main(["train", "--out", str(tmp_path / "r"), "--task.p", "7", "--model.width", "4",
          "--steps", "20"])  # fmt: skip
    out, err = capsys.readouterr()
    assert "phase:" in out
    assert err.startswith("step 0 of 20")
    assert err.rstrip().splitlines()[-1].startswith("step 20 of 20")


def test_ipr(capsys, tiny_run, tmp_path):
    table = neuron_table(tiny_run)
    figure, csv = tmp_path / "ipr.html", tmp_path / "neurons.csv"
    found = run_json(
        capsys, "ipr", tiny_run.path, "--threshold", "0.3", "--figure", figure, "--table", csv
    )
    np.testing.assert_allclose(found["ipr"], table.ipr)
    assert found["convention"] == "one-sided"
    assert found["step"] == 30
    assert found["classes"]["counts"] == classify(table, 0.3).counts
    assert "Plotly.newPlot" in figure.read_text()
    assert len(csv.read_text().splitlines()) == 17
    text = run(capsys, "ipr", tiny_run.path, "--threshold", "0.3", "--step", "0")
    assert "step 0" in text
    assert "threshold 0.300 (fixed)" in text


def middle(run_: Run) -> float:
    """A threshold that prunes half of the neurons."""
    return float(np.median(neuron_table(run_).ipr))


def test_prune_saves_a_loadable_run(capsys, tiny_run, tmp_path):
    saved = tmp_path / "pruned"
    found = run_json(
        capsys, "prune", tiny_run.path, "--threshold", middle(tiny_run), "--save", saved,
        "--draws", "5",
    )  # fmt: skip
    assert (found["kept"], found["pruned"]) == (8, 8)
    assert (found["threshold"], found["rule"]) == (middle(tiny_run), "fixed")
    assert found["before"] == scores(tiny_run.network(), tiny_run.dataset).to_dict()
    control = pruning_curve(tiny_run, draws=5).control
    for split in SPLITS:
        random = found["control"]["random"][split]["accuracy"]
        assert random["mean"] == pytest.approx(control.mean.accuracy[split][8])
        assert random["low"] == pytest.approx(control.low.accuracy[split][8])
    again = load(saved)
    assert scores(again.network(), again.dataset).to_dict() == found["after"]
    assert neuron_table(again).dead.sum() == 8
    assert again.steps == [30]


def test_prune_prints_a_table(capsys, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    figure = tmp_path / "pruning.html"
    text = run(
        capsys, "prune", tiny_run.path, "--threshold", middle(tiny_run), "--draws", "3",
        "--figure", figure,
    )  # fmt: skip
    for word in ("corrupted", "corrected", "random control", "by weight norm", "seed 0"):
        assert word in text
    assert figure.exists()


def test_spectrum(capsys, tiny_run, tmp_path):
    power = np.abs(np.fft.rfft(curves_of(tiny_run.network()), axis=-1)) ** 2
    for_all = run_json(capsys, "spectrum", tiny_run.path)
    expected = power.sum(axis=1) / power.sum(axis=(1, 2))[:, None]
    np.testing.assert_allclose(for_all["share_of_power"]["answer W"], expected[2])
    figure = tmp_path / "neuron.html"
    one = run_json(capsys, "spectrum", tiny_run.path, "--neuron", 3, "--figure", figure)
    np.testing.assert_allclose(one["share_of_power"]["U"], power[0, 3] / power[0, 3].sum())
    assert figure.exists()
    assert "frequency" in run(capsys, "spectrum", tiny_run.path)


def test_report(capsys, tiny_folder):
    threshold = middle(load(tiny_folder))
    found = run_json(capsys, "report", tiny_folder, "--threshold", threshold, "--draws", "3")
    assert Path(found["report"]) == tiny_folder / "report.html"
    assert "report.html" in run(capsys, "report", tiny_folder, "--threshold", threshold)


def test_report_with_measures(capsys, tiny_folder):
    run_json(capsys, "report", tiny_folder, "--measures", "needed", "embeddings", "--draws", "3")
    text = (tiny_folder / "report.html").read_text()
    assert "<code>needed</code>" in text
    assert "<code>embeddings</code>" in text


def test_demo_at_toy_length(capsys, tmp_path):
    """Everything the demo does, over few steps; its figures are tested in test_training.py."""
    out = tmp_path / "demo"
    found = run_json(capsys, "demo", "--out", out, "--steps", "3")
    assert (out / "report.html").exists()
    assert found["step"] == 3
    assert found["kept"] + found["pruned"] == 500
    shutil.rmtree(out)


def test_a_warning_is_one_line_on_standard_error(capsys, tiny_run):
    """Nearly equal IPRs are not two classes; the automatic threshold says so."""
    capsys.readouterr()
    main(["ipr", str(tiny_run.path), "--step", "0"])
    out, err = capsys.readouterr()
    assert "optimal two-class cut" in out
    assert err.startswith("interp: note: the IPRs do not look like two classes")
    assert err.count("\n") == 1


def test_rounding_may_leave_no_test_example(capsys, tmp_path):
    """Nine tenths of four pairs are all four: the run has scores and a report, but no phase."""
    out = tmp_path / "all"
    found = run_json(
        capsys, "train", "--task.p", "2", "--data.fraction", "0.9", "--model.width", "3",
        "--steps", "2", "--out", out,
    )  # fmt: skip
    assert found["scores"]["test"] == {"accuracy": None, "loss": None}
    assert found["phase"] is None
    main(["train", "--task.p", "2", "--data.fraction", "0.9", "--model.width", "3",
          "--steps", "2", "--out", str(out)])  # fmt: skip
    assert "phase:" not in capsys.readouterr().out
    run(capsys, "report", out, "--draws", "2", "--threshold", "0.999")
    assert (out / "report.html").exists()
