"""Figures as files: images of the right size, fonts inside, errors before any work."""

from __future__ import annotations

import json
import re
import struct
import sys

import plotly.graph_objects as go
import pytest

from interp import figures
from interp.cli.app import main
from tests.browser import CHROMIUM, NO_CHROMIUM

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason=NO_CHROMIUM)


@pytest.fixture(scope="module")
def figure(tiny_run):
    return figures.training_curves(tiny_run)


@pytest.fixture(scope="module")
def images(figure, tmp_path_factory):
    """A file of each kind, drawn for a paper."""
    folder = tmp_path_factory.mktemp("images")
    files = {kind: folder / f"figure.{kind}" for kind in ("png", "svg", "pdf")}
    for file in files.values():
        figures.save(figure, file, template="paper")
    return {kind: file.read_bytes() for kind, file in files.items()}


@pytest.mark.browser
@needs_browser
def test_a_png_for_a_paper_has_300_dots_an_inch(images):
    width, height = struct.unpack(">II", images["png"][16:24])
    assert width == pytest.approx(3.4 * 300, abs=4)
    assert height > width / 2


@pytest.mark.browser
@needs_browser
def test_a_pdf_for_a_paper_is_a_column_wide_and_has_its_fonts_inside(images):
    (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", images["pdf"])
    assert float(box[0]) == pytest.approx(3.4 * 72, abs=1)
    assert images["pdf"].startswith(b"%PDF")
    objects = dict(re.findall(rb"\n(\d+) 0 obj\s(.*?)endobj", images["pdf"], re.DOTALL))
    fonts = [one for one in objects.values() if re.search(rb"/Type\s*/Font\b", one)]
    drawn = [one for one in fonts if b"/DescendantFonts" not in one]  # the others stand for these
    assert drawn
    for font in drawn:
        (described,) = re.findall(rb"/FontDescriptor (\d+) 0 R", font)
        (file,) = re.findall(rb"/FontFile[23]? (\d+) 0 R", objects[described])
        assert b"stream" in objects[file]


@pytest.mark.browser
@needs_browser
def test_an_svg_for_a_paper_is_text_and_asks_nothing_of_a_network(images):
    svg = images["svg"].decode()
    assert svg.startswith("<svg")
    assert ">accuracy<" in svg
    assert f'width="{round(3.4 * 96)}"' in svg
    assert not re.findall(r'(?:href|src)="?http', svg)


@pytest.mark.browser
@needs_browser
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_command_writes_images(tiny_run, tmp_path, kind, capsys):
    file = tmp_path / f"spectrum.{kind}"
    main(["spectrum", str(tiny_run.path), "--figure", str(file)])
    start = {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}[kind]
    assert file.read_bytes().startswith(start)
    assert f"written: {file}" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.browser
@needs_browser
def test_several_figures_are_numbered_images(figure, tmp_path):
    names = figures.save_all([figure, figure], tmp_path / "a.svg", "two")
    assert [name.name for name in names] == ["a-1.svg", "a-2.svg"]
    assert all(name.is_file() for name in names)


def test_the_paper_template_leaves_the_figure_alone(figure):
    before = json.loads(figure.to_json())
    wide = figures.paper(figure, columns=2)
    assert json.loads(figure.to_json()) == before
    assert wide.layout.width == 672  # 7 inches of 96 pixels
    assert wide.layout.title.text is None
    assert wide.layout.font.size == pytest.approx(8 * 96 / 72)
    assert [trace.name for trace in wide.data if trace.showlegend] == [
        trace.name for trace in figure.data if trace.showlegend and trace.visible != "legendonly"
    ]


def test_a_number_of_columns_that_is_none():
    with pytest.raises(ValueError, match="columns: expected 1 or 2, got 3"):
        figures.paper(go.Figure(), columns=3)


def refused(arguments, capsys) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_a_name_of_another_kind_is_refused_before_any_work(tiny_run, tmp_path, capsys):
    words = refused(["ipr", str(tiny_run.path), "--figure", str(tmp_path / "a.gif")], capsys)
    assert "a.gif: expected a name that ends in .html or .png or .svg or .pdf" in words


def test_without_kaleido_the_extra_is_named(tiny_run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "kaleido", None)
    words = refused(["ipr", str(tiny_run.path), "--figure", str(tmp_path / "a.png")], capsys)
    assert "need kaleido, not installed: pip install interp[images]" in words


def test_without_a_browser_it_says_what_to_install(tiny_run, tmp_path, capsys, monkeypatch):
    pytest.importorskip("kaleido")
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "no-browser"))
    words = refused(["ipr", str(tiny_run.path), "--figure", str(tmp_path / "a.png")], capsys)
    assert "apt install chromium" in words
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_template_is_refused(figure, tmp_path):
    with pytest.raises(ValueError, match="template: expected screen, paper or paper-wide, got 'x"):
        figures.save(figure, tmp_path / "a.html", template="x")


def test_html_takes_the_template_too(figure, tmp_path):
    figures.save(figure, tmp_path / "a.html", template="paper-wide")
    assert '"width":672' in (tmp_path / "a.html").read_text()[-60_000:]


def test_figures_load_nothing_until_they_are_asked_for():
    from tests.test_structure import run_python

    code = "import interp.figures, sys\nprint(*sorted(sys.modules))"
    loaded = run_python(code).split()
    assert "interp.figures" in loaded
    for heavy in ("torch", "plotly", "pandas"):
        assert heavy not in loaded
    assert sys.modules["interp.figures"].__all__
