"""``interp compare`` and its page: tables, files, what is refused, how it looks in a browser."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from interp.analysis.comparison.compare import compare
from interp.cli.app import main
from interp.reporting.compared import write_comparison
from interp.training.runs.run import load
from interp.training.trainer.loop import train
from tests.browser import CHROMIUM, NO_CHROMIUM, foreign_requests, opened_page, settle
from tests.compared_runs import six_runs
from tests.conftest import tiny_config
from tests.test_figure_layout import COLLISIONS
from tests.test_printed_tables import cells

ROOT = Path(__file__).parent.parent
SECTIONS = ["comparison", "training", "losses", "ipr", "pruning", "embedding"]


# Networks of a moment have no two classes, and figures of one run say so.
pytestmark = pytest.mark.filterwarnings(
    "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return six_runs(tmp_path_factory.mktemp("shell"))


@pytest.fixture(scope="module")
def paths(runs):
    return [str(run.path) for run in runs]


def test_tables_in_the_shell(runs, paths, capsys):
    main(["compare", *paths, "--measure", "bands"])
    text = capsys.readouterr().out
    rows = {row[0]: row[1:] for row in reversed(cells(text)) if row}
    both = [row for row in cells(text) if row and row[0] == "test loss"]
    assert rows["wd"] == ["0", "5"] and rows["seeds"] == ["0–2", "0–2"]
    losses = [run.measurement().scores["test"].loss for run in runs]
    mean, least, greatest = sum(losses[:3]) / 3, min(losses[:3]), max(losses[:3])
    assert both[0][1] == f"{mean:.3f} ({least:.3f}–{greatest:.3f})"
    difference = f"{sum(losses[3:]) / 3 - mean:+.3g}"
    assert both[1][1] == difference.replace("-", "−", 1)
    assert "bands.share low" in rows
    assert text.startswith("(x + y) mod 11 · α = 0.6 · ξ = 0.3 · adamw · MLP, N = 16, square")
    assert "of which the smallest possible is 0.25" in text
    assert not re.search(r"[0-9a-f]{12}", text), "no hash"


def test_json_table_and_figures(runs, paths, tmp_path, capsys):
    found = compare(runs)
    table, figure = tmp_path / "a.csv", tmp_path / "a.html"
    main(["compare", *paths, "--json", "--table", str(table), "--figure", str(figure)])
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads(json.dumps(found.to_dict()))
    read = pd.read_csv(table, index_col=0)
    assert list(read["quantity"]) == list(found.to_pandas()["quantity"])
    assert "Runs compared" in figure.read_text()
    titles = {"ipr": "IPR of the neurons", "training": "Training: accuracy"}
    titles |= {"pruning": "Pruning by IPR: accuracy", "spectrum": "Spectrum of the embeddings"}
    for kind, title in titles.items():
        main(["compare", *paths[:2], "--of", kind, "--each", "--figure", str(figure)])
        text = figure.read_text()
        assert title in text and "seed 1" in text
    main(["compare", *paths, "--of", "training", "--metric", "loss", "--figure", str(figure)])
    assert "Training: loss (MSE)" in figure.read_text()
    assert f"written: {figure}" in capsys.readouterr().out


def test_a_step_of_every_run(runs, paths, capsys):
    step = runs[0].steps[1]
    main(["compare", *paths[:2], "--step", str(step), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert f"step {step}" in told["caption"]
    assert [one["step"] for one in told["groups"][0]["runs"]] == [step, step]


def test_the_page_holds_tables_overlays_and_reasons(runs, tmp_path, unchecked):
    other = train(tiny_config(task={"p": 13}))
    pair = [runs[0], other]
    place = write_comparison(pair, compare(pair), tmp_path / "page.html")
    text = place.read_text()
    assert "Not drawn: embedding_spectrum: expected spectra over the same elements" in text
    assert 'id="figure-ipr"' in text and 'id="figure-embedding"' not in text
    assert "p 11 against p 13" in text
    with pytest.raises(TypeError, match=r"^expected a file's name, got int 3$"):
        write_comparison(pair, compare(pair), 3)


def test_the_page_counts_runs_whose_names_are_hashes(runs, tmp_path):
    named, hashed = [], []
    for place, run in enumerate(runs):
        shutil.copytree(run.path, tmp_path / f"{place:016x}")
        hashed.append(load(tmp_path / f"{place:016x}"))
        named.append(run.path.name)
    row = r'<th scope="row">runs</th><td>(.*?)</td><td>(.*?)</td>'
    for given, cells_of_it in ((hashed, ("3", "3")), (runs, (named[:3], named[3:]))):
        text = write_comparison(given, compare(given), tmp_path / "page.html").read_text()
        expected = [one if isinstance(one, str) else ", ".join(one) for one in cells_of_it]
        assert list(re.search(row, text).groups()) == expected
        assert not re.search(r"<td>[^<]*[0-9a-f]{16}", text)


@pytest.fixture(scope="module")
def page_file(runs, tmp_path_factory):
    return write_comparison(runs, compare(runs), tmp_path_factory.mktemp("page") / "page.html")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)
@pytest.mark.parametrize("width", [390, 700, 1400])
def test_the_page_in_a_browser(page_file, browser, width):
    """Every figure is drawn, no text overlaps or is cut, nothing is wider than the screen."""
    with opened_page(browser, viewport={"width": width, "height": 900}) as page:
        page.goto(page_file.as_uri())
        page.wait_for_function("document.documentElement.dataset.ready === 'true'")
        settle(page, ".js-plotly-plot")
        found = {key: page.evaluate(COLLISIONS, f"figure-{key}") for key in SECTIONS}
        assert {key: words for key, words in found.items() if words} == {}
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        drawn = page.evaluate("[...document.querySelectorAll('.js-plotly-plot')].length")
        assert drawn == len(SECTIONS)
        names = page.evaluate(
            "document.getElementById('figure-ipr')._fullData"
            ".filter(t => t.showlegend).map(t => t.name)"
        )
        assert names[:2] == ["wd 0 (3 seeds)", "wd 5 (3 seeds)"]
        caption = page.locator("[aria-labelledby=heading-ipr] .caption").inner_text()
        assert "line: mean over seeds, band: least to greatest" in caption
        assert page.problems == []
        assert foreign_requests(page, page_file.as_uri()) == []


def test_the_guides_page_runs_as_written(tmp_path, monkeypatch, capsys):
    """Its settings are paired by five seeds, so no p is below 2/32."""
    text = (ROOT / "examples/guide/compare.md").read_text()
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, code in re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.S | re.M):
        if language == "python":
            exec(compile(code, "compare.md", "exec"), names)
        elif language == "sh":
            for line in code.splitlines():
                command, *words = shlex.split(line, comments=True)
                assert command == "interp"
                main(words)
    assert names["result"].pairs == (0, 1, 2, 3, 4)
    assert "least_p=0.0625" in capsys.readouterr().out
    made = ["histograms.html", "compared.csv", "losses.html", "seeds.html", "compared.html"]
    assert all((tmp_path / name).exists() for name in made)
