"""The report: what it says without a script, how numbers are packed, what it refuses."""

from __future__ import annotations

import base64
import gzip
import json
import re

import jaxtyping
import numpy as np
import pytest
import torch

from interp.analysis.ablation.prune import prune
from interp.analysis.measure import Measure
from interp.analysis.measures import MEASURES
from interp.analysis.neurons.classify import NotBimodalWarning, classify
from interp.analysis.neurons.read import neuron_table
from interp.exchange.of_networks import network_run
from interp.reporting.arrays import packed, quantized, share16
from interp.reporting.reading import spread
from interp.reporting.report import report
from interp.training.data.splits import SPLITS
from interp.training.evaluation import scores
from interp.training.runs.folder import CheckpointFolder
from interp.training.runs.run import load
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.curves import curves_of


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


def test_the_threshold_comes_before_the_training_curves(html):
    headings = re.findall(r'id="(heading-[a-z]+)"', html)
    assert headings.index("heading-ipr") < headings.index("heading-training")
    assert headings.index("heading-position") < headings.index("heading-training")


def test_what_the_classes_mean_stands_beside_the_slider(html, tiny_run):
    bar = html[html.index('class="controls"') : html.index('aria-labelledby="heading-ipr"')]
    with pytest.warns(NotBimodalWarning):
        words = classify(neuron_table(tiny_run)).words
    assert words.sentence.partition('"')[0] in bar
    assert ">no two classes</summary>" in bar


def test_a_flat_spectrum_is_said_and_neurons_are_counted_instead(html, tiny_run, tmp_path):
    """Of a network whose neurons share one frequency the spectrum is drawn."""
    assert "No frequency stands out" in html
    assert "embedding" not in given(html)["figures"]
    assert 'id="figure-frequencies"' in html and 'id="figure-embedding"' not in html
    angle = 2 * np.pi * np.arange(11) / 11
    network = tiny_run.network()
    with torch.no_grad():
        for tensor in network.parameters():
            wave = torch.tensor(np.cos(3 * angle), dtype=tensor.dtype)
            operands = tensor.shape[-1] != 11  # of one or of both, below each other
            tensor.copy_(wave.repeat(tensor.shape[0] // 11)[:, None] if operands else wave)
    one = network_run({30: network}, tiny_run.dataset)
    page = report(one, tmp_path / "one.html", 0.5, 2, mechanism=False).read_text()
    assert "No frequency stands out" not in page
    assert 'id="figure-frequencies"' not in page and 'id="figure-embedding"' in page
    assert "embedding" in given(page)["figures"]


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
    assert "Every neuron is dead: it has no power, hence no IPR." in html
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
    with pytest.raises(
        ValueError, match="pruned checkpoints: expected a whole number of at least 0, got"
    ):
        report(tiny_run, tmp_path / "r.html", pruned_checkpoints=-1)
    with pytest.raises(ValueError, match="kept in memory needs a file name"):
        report(train(tiny_config(steps=2)))


def test_no_checkpoint_before_the_newest_needs_a_pruning_curve(tiny_run, tmp_path):
    html = report(tiny_run, tmp_path / "r.html", 0.2, 2, pruned_checkpoints=0).read_text()
    live = given(html)["live"]
    assert live["withPruning"] == [tiny_run.last_step]
    assert len(live["steps"]) == len(tiny_run.steps)


def sections(html: str) -> dict[str, str]:
    """The sections of the measures, by label."""
    found = re.findall(r'<section aria-labelledby="heading-measure-.*?</section>', html, re.S)
    return {re.search("<code>(.*?)</code>", one)[1]: one for one in found}


def rows(section: str) -> dict[str, str]:
    return dict(re.findall("<tr><td>(.*?)</td><td>(.*?)</td></tr>", section))


def fewest_neurons(run, level: float) -> int:
    """One network for each number of pruned neurons."""
    table = neuron_table(run)
    order = np.argsort(table.ipr, kind="stable")
    enough = 0
    for pruned in range(17):
        keep = np.ones(16, bool)
        keep[order[:pruned]] = False
        after = scores(prune(run.network(), keep), run.dataset)
        enough = pruned if after["test"].accuracy >= level else enough
    return 16 - enough


def test_measures_get_a_section_each_with_source_caption_and_numbers(tiny_run, tmp_path):
    table = neuron_table(tiny_run)
    half = prune(tiny_run.network(), table.ipr >= np.median(table.ipr))
    level = scores(half, tiny_run.dataset)["test"].accuracy
    wanted = ["needed", "embeddings", {"needed": {"accuracy": level}}]
    html = report(tiny_run, tmp_path / "r.html", 0.2, 2, measures=wanted).read_text()
    found = sections(html)
    assert list(found) == ["needed", "embeddings", f"needed(accuracy={level})"]
    assert "How few neurons keep the test accuracy" in found["needed"]
    assert (
        "Source: Doshi et al. 2024 (arXiv 2310.13061), figure 32 · IPR: one-sided DFT"
        in (found["needed"])
    )
    assert f"seed 0 · step {tiny_run.last_step}" in found["embeddings"]
    assert rows(found["needed"])["neurons_needed"] == "never"  # 99 % of the test examples
    expected = fewest_neurons(tiny_run, level)
    assert 0 < expected <= 16
    shown = rows(found[f"needed(accuracy={level})"])
    assert shown["neurons_needed"] == f"{expected}"
    assert shown["share_needed"] == f"{expected / 16:.4g}"
    power = np.abs(np.fft.rfft(curves_of(tiny_run.network()), axis=-1)) ** 2
    shares = power / power.sum(axis=-1, keepdims=True)
    iprs = (shares**2).sum(axis=-1)
    assert rows(found["embeddings"])["answer W.mean_ipr"] == f"{iprs[2].mean():.4g}"


def test_the_figure_of_a_measure_is_drawn_unless_it_has_no_points(tiny_run, tmp_path):
    html = report(
        tiny_run, tmp_path / "r.html", 0.2, 2, measures=["needed", "embeddings"]
    ).read_text()
    figures = given(html)["figures"]
    assert "measure-0" not in figures  # it came never, thrice
    assert 'id="figure-measure-0"' not in html
    assert len(figures["measure-1"]["data"]) == 3
    assert "title" not in figures["measure-1"]["layout"]
    assert 'id="figure-measure-1"' in html


def test_without_measures_nothing_of_them_is_in_the_page(html, tiny_run, tmp_path):
    assert not sections(html)
    bare = report(tiny_run, tmp_path / "bare.html", 0.2, 2, mechanism=False).read_text()
    assert "measure" not in bare[: bare.index("<header")]
    assert not sections(bare)


def test_a_measure_without_a_place_on_this_run_says_why(tiny_run, tmp_path):
    found = sections(
        report(tiny_run, tmp_path / "r.html", 0.2, 2, measures=["norms", "heads"]).read_text()
    )
    assert (
        "Not defined here: expected a network with a norm on its neurons, got none."
        in (found["norms"])
    )
    assert "Not defined here: expected a Transformer, got an MLP" in found["heads"]
    assert "<table" not in found["norms"]


def test_a_measure_that_fails_on_this_run_says_why(tmp_path):
    """Every pair is a training example: nothing is left to keep."""
    run = train(tiny_config(data={"fraction": 1.0}))
    found = sections(report(run, tmp_path / "r.html", 0.2, 2, measures="needed").read_text())
    assert "It could not be measured: needed: expected test examples" in found["needed"]


def test_a_doubt_of_a_measure_stands_beside_its_numbers(tiny_run, tmp_path):
    with pytest.warns(NotBimodalWarning):
        classify(neuron_table(tiny_run))
    page = report(tiny_run, tmp_path / "r.html", 0.2, 2, measures=["classes"]).read_text()
    assert "Note: the IPRs do not look like two classes (dip test" in sections(page)["classes"]
    assert rows(sections(page)["classes"])["dead"] == "0"


def test_a_measure_of_ones_own_is_given_as_it_is(tiny_run, tmp_path):
    def seen(checkpoint, *, times: int = 1):
        """<Steps> so far."""
        return {"steps": checkpoint.step * times}

    own = Measure("seen", "checkpoint", "a note & a test", seen)
    html = report(
        tiny_run, tmp_path / "r.html", 0.2, 2, measures=[own, {own: {"times": 2}}]
    ).read_text()
    found = sections(html)
    assert "&lt;Steps&gt; so far <code>" in found["seen"]
    assert "a note &amp; a test · tiny" in found["seen"]
    assert rows(found["seen"]) == {"steps": "30"}
    assert rows(found["seen(times=2)"]) == {"steps": "60"}


NOT_OF_THE_PAPERS_NETWORK = (
    *("norms", "heads", "attention_constancy", "gradient_symmetricity"),
    *("activation_swap", "cosets", "recorded"),
)


def test_every_measure_can_be_shown(tiny_run, tmp_path):
    names = [name for name in MEASURES if MEASURES[name].reads != "sweep"]
    html = report(tiny_run, tmp_path / "r.html", 0.2, 2, measures=names).read_text()
    assert list(sections(html)) == names
    for label, section in sections(html).items():
        assert ("<table" in section) == (label not in NOT_OF_THE_PAPERS_NETWORK), label


def test_a_checkpoint_is_read_once_whatever_is_measured(tiny_folder, monkeypatch):
    read = []
    taken = CheckpointFolder.__getitem__

    def counted(self, step):
        read.append(step)
        return taken(self, step)

    # The check of types would look at the first of a run's checkpoints.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.setattr(CheckpointFolder, "__getitem__", counted)
    run = load(tiny_folder)
    wanted = ["embeddings", "needed", "ipr_history", "pruning_history"]
    report(run, threshold=0.2, draws=2, measures=wanted)
    assert sorted(read) == run.steps


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        (["needed", "embedings"], "got 'embedings'; nearest is embeddings"),
        (["boundary"], "measures: boundary reads a whole sweep, not a run"),
        ([3], "measures: expected names, measures or {name: options}, got 3"),
        (3, "measures: expected names, measures or {name: options}, got 3"),
        ({"needed": 0.9}, "measures.needed: expected a mapping of options, got 0.9"),
        ({"needed": {"acc": 0.9}}, "measure needed: unknown option 'acc'; its options are"),
        ({"needed": {"accuracy": "most"}}, "measure needed: accuracy: input should be"),
    ],
)
def test_measures_that_are_none_are_refused_before_anything_is_read(measures, message, tmp_path):
    with pytest.raises(ValueError, match=re.escape(message)):
        report(tmp_path / "no run there", measures=measures)
