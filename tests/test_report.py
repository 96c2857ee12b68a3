"""The report: what it says without a script, how numbers are packed, what it refuses."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import pytest

from interp.analysis.ablation.prune import prune
from interp.analysis.neurons.read import neuron_table
from interp.reporting.arrays import packed, quantized, share16
from interp.reporting.reading import spread
from interp.reporting.report import report
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.trainer.loop import train
from tests.conftest import tiny_config


@pytest.fixture(scope="module")
def html(tiny_run, tmp_path_factory):
    threshold = float(np.median(neuron_table(tiny_run).ipr))
    out = tmp_path_factory.mktemp("report") / "report.html"
    return report(tiny_run, out, threshold=threshold, draws=4).read_text()


def given(html: str) -> dict:
    start = html.index('id="given">') + len('id="given">')
    return json.loads(html[start : html.index("</script>", start)])


def test_the_table_stands_in_the_page_before_any_script_runs(html, tiny_run):
    table = neuron_table(tiny_run)
    network = prune(tiny_run.network(), table.ipr >= np.median(table.ipr))
    before = scores(tiny_run.network(), tiny_run.dataset)
    after = scores(network, tiny_run.dataset)
    for split in SPLITS:
        row = html[html.index(f'<tr data-split="{split}"') :]
        cells = f"<td>{before[split].accuracy:.3f}</td><td>{after[split].accuracy:.3f}</td>"
        assert cells in row[: row.index("</tr>")]


def test_the_header_says_what_was_trained_which_phase_and_why(html, tiny_run):
    story = html[: html.index("<main>")]
    assert "trained for 30 steps on (x + y) mod 11, with 60% of all pairs" in story
    assert "30% of them with a redrawn label" in story
    measured = tiny_run.measurement().scores
    assert f"test {measured['test'].accuracy:.3f} and train" in story
    assert "It is in the phase" in story
    assert "Pruning the 8 of 16 neurons" in story
    assert "(random control" in story


def test_the_whole_configuration_conventions_and_citations_are_there(html, tiny_run):
    start = html.index('<pre id="config">')
    text = html[start + len('<pre id="config">') : html.index("</pre>", start)]
    assert json.loads(text.replace("&quot;", '"')) == tiny_run.config.to_dict()
    assert "one-sided DFT, constant included, r = 2" in html
    assert "arXiv 2310.13061" in html


def test_names_that_are_not_fit_for_html(tmp_path):
    run = train(tiny_config(task={"p": 11, "operation": "x*y"}), tmp_path / "<b>times")
    html = report(run, tmp_path / "r.html", 0.2, draws=2).read_text()
    assert "multiplicative characters" in html
    page = html[: html.index('<script type="text/plain"')]
    assert "<b>times" not in page
    assert given(html)["live"]["run"] == "<b>times"


def test_packed_arrays_can_be_read_back():
    arrays = {
        "a": np.arange(5, dtype=np.uint8),
        "b": np.linspace(-1, 1, 7).reshape(7, 1),
        "c": np.array([[1, -2], [3, 4]], dtype=np.int16),
    }
    places, blob = packed(arrays)
    content = gzip.decompress(base64.b64decode(blob))
    for name, array in arrays.items():
        place = places[name]
        assert place["at"] % array.itemsize == 0
        found = np.frombuffer(content, place["type"], array.size, place["at"])
        np.testing.assert_array_equal(found.reshape(place["shape"]), array)


@pytest.mark.parametrize("bits", [8, 16])
def test_quantized_curves_are_right_to_half_a_step(bits):
    values = np.random.default_rng(0).normal(size=(3, 40))
    values[1] = 0
    integers, scale = quantized(values, bits)
    top = 2 ** (bits - 1) - 1
    back = integers * (scale[:, None] / top)
    step = np.abs(values).max(axis=1, keepdims=True) / top
    assert (np.abs(back - values) <= step * 0.5001).all()


def test_shares_keep_their_gaps():
    found = share16(np.array([0.0, 0.25, 1.0, np.nan]))
    np.testing.assert_allclose(found[:3] / 65534, [0, 0.25, 1], atol=1 / 65534)
    assert found[3] == 65535


def test_checkpoints_are_spread_evenly_and_keep_the_last():
    assert spread([1, 2, 3], 5) == [1, 2, 3]
    assert spread(list(range(10)), 0) == []
    found = spread(list(range(100)), 7)
    assert len(set(found)) == 7
    assert found[-1] == 99
    assert set(np.diff(found)) <= {14, 15}


def test_without_a_cut_the_threshold_is_that_of_noise(tmp_path):
    """Weight decay so strong that every neuron dies: there is a report all the same."""
    run = train(tiny_config(steps=3))
    for weights in run.weights.values():
        for array in weights.values():
            array[:] = 0
    html = report(run, tmp_path / "dead.html", draws=2).read_text()
    assert "Every neuron&#x27;s IPR is below the threshold" in html
    assert "quantile of Gaussian noise" in html


def test_where_the_threshold_leaves_one_class(tiny_run, tmp_path):
    html = report(tiny_run, tmp_path / "r.html", threshold=0.999, draws=2).read_text()
    assert "Every neuron&#x27;s IPR is below the threshold 0.999 (fixed)" in html


def test_a_run_without_a_checkpoint_says_so(tiny_folder):
    for folder in (tiny_folder / "checkpoints").iterdir():
        folder.rename(tiny_folder / folder.name)
    with pytest.raises(ValueError, match="expected a run with a checkpoint, found none yet"):
        report(tiny_folder)
    assert not (tiny_folder / "report.html").exists()


def test_an_unfinished_run_says_so(tiny_folder):
    (tiny_folder / "DONE").unlink()
    assert "It has not finished" in report(tiny_folder, threshold=0.2, draws=2).read_text()


def test_options_out_of_range_are_refused(tiny_run, tmp_path):
    with pytest.raises(ValueError, match="pruned checkpoints: expected 0 or more, got -1"):
        report(tiny_run, tmp_path / "r.html", pruned_checkpoints=-1)
    with pytest.raises(ValueError, match="kept in memory needs a file name"):
        report(train(tiny_config(steps=2)))


def test_no_checkpoint_before_the_newest_needs_a_pruning_curve(tiny_run, tmp_path):
    html = report(tiny_run, tmp_path / "r.html", 0.2, 2, pruned_checkpoints=0).read_text()
    live = given(html)["live"]
    assert live["withPruning"] == [tiny_run.last_step]
    assert len(live["steps"]) == len(tiny_run.steps)
