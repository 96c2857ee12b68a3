"""Pruning curves on a grid, and the report of a layer of very many neurons."""

from __future__ import annotations

import base64
import gzip
import json
import re

import numpy as np
import pytest

from interp.analysis.ablation.at_threshold import scores_at
from interp.analysis.ablation.passes import Grid
from interp.analysis.ablation.pruning_curves import pruning_curve
from interp.analysis.mechanism.lazy import lazy_network, lazy_networks
from interp.analysis.neurons.read import neuron_table
from interp.figures import pruning_curves
from interp.reporting import wide
from interp.reporting.report import report
from interp.training.data.splits import SPLITS
from interp.training.trainer.loop import train
from tests.browser import CHROMIUM, NO_CHROMIUM, opened_page
from tests.conftest import tiny_config
from tests.test_errors import refused

WIDTH = 43


@pytest.fixture(scope="module")
def run():
    config = tiny_config(task={"p": 13}, model={"width": WIDTH}, steps=60)
    return train(config)


@pytest.fixture
def few_are_many(monkeypatch):
    monkeypatch.setattr(wide, "WIDE", 40)
    monkeypatch.setattr(wide, "_ROWS", 10)
    monkeypatch.setattr(wide, "_SIZES", 12)


def at(sizes):
    return [int(size) for size in sizes]


def test_a_curve_on_a_grid_is_the_whole_one_there(run):
    whole = pruning_curve(run, draws=5, losses=False)
    found = pruning_curve(run, draws=5, losses=False, sizes=[17], grid=Grid(8, 4))
    assert at(found.sizes) == sorted({0, 6, 12, 18, 25, 31, 37, 43, 17, *found.sizes})
    assert len(found.sizes) <= 8 + 2  # the two-class cut's is there as well
    drawn = found.control.mean.sizes
    assert {0, 14, 17, 29, 43} <= set(at(drawn))
    assert len(drawn) < len(found.sizes)
    for key, curve in found.curves.items():
        for split in SPLITS:
            np.testing.assert_array_equal(
                curve.accuracy[split], whole[key].accuracy[split][found.sizes]
            )
    for band in ("mean", "low", "high"):
        mine, theirs = getattr(found.control, band), getattr(whole.control, band)
        for split in SPLITS:
            np.testing.assert_array_equal(mine.accuracy[split], theirs.accuracy[split][drawn])
    assert f"on a grid of {len(found.sizes)} numbers" in found.method
    assert "grid" not in whole.method


def test_a_grid_with_room_has_every_number(run):
    found = pruning_curve(run, draws=2, losses=False, grid=Grid(500, 500))
    assert at(found.sizes) == at(found.control.mean.sizes) == list(range(WIDTH + 1))


def test_losses_are_summed_at_every_number(run):
    with refused("grid: expected without losses, which are summed at every number"):
        pruning_curve(run, grid=Grid(8, 4))


def test_at_a_threshold_the_nearest_of_each_grid_is_read(run):
    table = neuron_table(run)
    found = pruning_curve(run, draws=5, losses=False, table=table, grid=Grid(8, 4))
    scored = scores_at(found, table, float(np.sort(table.ipr)[27]))  # prunes 27
    assert (scored.pruned, scored.size) == (27, 25)
    places = found.control.mean.sizes
    place = int(np.abs(places - 27).argmin())
    assert scored.mean["test"] == found.control.mean.accuracy["test"][place]


def test_the_band_is_drawn_over_its_own_numbers(run):
    found = pruning_curve(run, draws=5, losses=False, grid=Grid(20, 4))
    band = next(t for t in pruning_curves(found).data if t.name and "random" in t.name)
    sizes = found.control.mean.sizes
    np.testing.assert_array_equal(band.x, [*sizes, *sizes[::-1]])
    assert len(band.y) == len(band.x)


def test_lazy_networks_of_several_labels_are_those_of_each(run):
    network, data = run.network(), run.dataset
    shuffled = np.random.default_rng(0).permutation(data.given_label)
    made = lazy_networks(network, data, 5, [data.given_label, shuffled])
    alone = [lazy_network(network, data, 5, labels) for labels in (data.given_label, shuffled)]
    for one, other in zip(made, alone, strict=True):
        for name, weight in one.state_dict().items():
            np.testing.assert_allclose(weight, other.state_dict()[name], rtol=1e-6, atol=1e-9)
    first, second = (one.read_out.detach() for one in made)
    assert not np.allclose(first, second)


def test_rows_of_many_spectra_are_means_of_neighbours_by_ipr(run, few_are_many):
    table = neuron_table(run)
    (rows,) = wide.spectra_of([table])
    assert rows.shape[0] == 10
    # 43 neurons in 10 rows: three of five, seven of four; the lowest IPR first.
    order = np.argsort(table.ipr)
    for row, some in ((0, order[:5]), (2, order[10:15]), (3, order[15:19]), (9, order[39:])):
        expected = table.shares[some].mean(axis=0) * 255
        np.testing.assert_allclose(rows[row], expected, rtol=0, atol=0.5 + 1e-9)


def test_few_neurons_have_a_row_each(run):
    table = neuron_table(run)
    (rows,) = wide.spectra_of([table])
    np.testing.assert_array_equal(rows, np.rint(table.shares * 255))


def written(run, folder) -> str:
    return report(run, folder / "report.html", threshold=0.3).read_text()


def arrays_of(page: str) -> dict[str, np.ndarray]:
    (given,) = re.findall(r'id="given">(.*?)</script>', page, re.DOTALL)
    (blob,) = re.findall(r'id="arrays">(.*?)</script>', page, re.DOTALL)
    raw = gzip.decompress(base64.b64decode(blob))
    places = json.loads(given)["live"]["arrays"]
    return {
        name: np.frombuffer(raw, one["type"], int(np.prod(one["shape"])), one["at"]).reshape(
            one["shape"]
        )
        for name, one in places.items()
    }


def test_a_report_of_many_neurons_shows_a_part_and_says_so(run, few_are_many, tmp_path):
    page = written(run, tmp_path)
    assert f"This layer has {WIDTH} neurons, of which a part is drawn: spectra as 10 rows" in page
    assert "beside 6 random prunings" in page
    found, checkpoints = arrays_of(page), len(run.steps)
    assert found["shares"].shape == (checkpoints, 10, 7)
    assert found["newest_curves"].dtype == np.int8
    assert "curves" not in found
    sizes = len(found["sizes"])
    assert 12 <= sizes <= 15
    assert found["newest_after"].shape == (len(SPLITS), sizes)
    assert found["right"].shape == (wide.CHECKPOINTS, len(SPLITS), sizes)


def test_a_report_of_few_neurons_says_nothing_of_parts(run, tmp_path):
    page = written(run, tmp_path)
    assert "of which a part is drawn" not in page
    found = arrays_of(page)
    assert found["shares"].shape[1] == WIDTH
    assert found["newest_curves"].dtype == np.int16
    assert at(found["sizes"]) == list(range(WIDTH + 1))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
def test_the_page_of_many_neurons_in_a_browser(run, few_are_many, tmp_path, browser):
    file = report(run, tmp_path / "report.html", threshold=0.3)
    table = neuron_table(run)
    with opened_page(browser, viewport={"width": 1200, "height": 900}) as page:
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=true]")
        page.locator("#figure-spectra").scroll_into_view_if_needed()
        page.wait_for_selector("#figure-spectra .main-svg")
        (heat,) = page.evaluate(
            "report.drawn?.spectra?.data ?? document.querySelector('#figure-spectra').data"
        )
        assert len(heat["z"]) == 10
        # From the highest IPR down; its neuron is the middle one of the row.
        order = np.argsort(table.ipr)
        assert heat["customdata"][0][0] == order[39 + 2]
        assert heat["customdata"][9][0] == order[2]
        expected = table.shares[order[39:]].mean(axis=0)
        np.testing.assert_allclose(heat["z"][0], expected, rtol=0, atol=0.5 / 255 + 1e-6)
        assert page.problems == []
