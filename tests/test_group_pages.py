"""Report, explorer, figures and notebook of runs in S4 and D12: irreps, not waves."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import interp
from interp import figures
from interp.analysis.neurons.read import neuron_table
from interp.cli.app import main
from interp.explorer.app import make_app
from interp.training.trainer.loop import train
from tests.callbacks import Served
from tests.conftest import tiny_config

QUIET = "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
pytestmark = pytest.mark.filterwarnings(QUIET)


@pytest.fixture(scope="module", params=["S4", "D12"])
def run(request, tmp_path_factory):
    config = tiny_config(task={"group": request.param})
    return train(config, tmp_path_factory.mktemp(request.param) / "tiny")


def test_figures_name_irreps_and_elements(run):
    table = neuron_table(run)
    heat = figures.spectra_heatmap(table)
    assert heat.layout.xaxis.title.text == "irrep (0 is trivial)"
    np.testing.assert_array_equal(np.asarray(heat.data[0].customdata)[0], table.block_names)
    drawn = figures.neuron_curves(table, 3)
    weight, wave = drawn.data[:2]
    names = list(run.dataset.task.elements)
    # Coset by coset, or in the order of the group.
    shown = [text.rpartition(", coset ")[0] or text for text in weight.text]
    order = [names.index(one) for one in shown]
    assert sorted(order) == list(range(len(names)))
    best = table.frequency[3]
    assert wave.name == f"its component at {table.block_names[best]}"
    part = table.basis.matrix[:, table.basis.block == best]
    expected = (part @ (part.T @ table.curves[0][3]))[order]
    np.testing.assert_allclose(weight.y, table.curves[0][3][order], rtol=1e-6)
    np.testing.assert_allclose(wave.y, expected, atol=1e-6)
    spectrum = figures.embedding_spectrum(interp.embedding_table(run))
    assert spectrum.layout.xaxis.title.text == "irrep (0 is trivial)"
    assert list(spectrum.data[0].text) == list(table.block_names)
    assert "flat spectrum" in json.dumps(spectrum.to_plotly_json(), default=str)


def test_a_notebook_names_irreps(run):
    html = neuron_table(run)._repr_html_()
    assert "<th>irrep</th>" in html.replace(' scope="col"', "")
    assert "phases" not in html


def test_the_report_holds_names_and_functions(run, tmp_path):
    text = interp.report(run, tmp_path / "report.html").read_text()
    table = neuron_table(run)
    names = re.search(r'"irreps": ?(\[.*?\])', text)
    assert json.loads(names[1]) == list(table.block_names)
    assert '"functions"' in text
    assert f"x * y in {table.group}" in text
    for name in ("characters", "cosets", "curves", "answers"):
        assert f'id="figure-{name}"' in text


def test_the_command_lists_irreps(run, capsys):
    main(["spectrum", str(run.path)])
    told = capsys.readouterr().out
    assert "irrep" in told and "trivial" in told
    main(["spectrum", str(run.path), "--neuron", "2"])
    assert "standard" in capsys.readouterr().out or "D12" in run.config.task.title


def test_the_explorer_opens_it(run):
    served = Served(make_app(run.path.parent))
    panels = served.answer("panels.children", "opened.data", {"opened.data": [{"name": "tiny"}]})
    assert "It is finished." in json.dumps(panels, default=str)
    there = {"steps@tiny.data": run.steps, "step@tiny.value": len(run.steps) - 1}
    spectra = served.answer("spectra", "step@tiny.value", there)["spectra.figure"]
    assert spectra["layout"]["xaxis"]["title"]["text"] == "irrep (0 is trivial)"
    one = served.answer("one-neuron", "neuron@tiny.value", there | {"neuron@tiny.value": 5})
    assert one["one-neuron.figure"]["layout"]["title"]["text"].startswith("Neuron 5 of tiny: IPR ")
