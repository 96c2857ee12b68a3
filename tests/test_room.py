"""Room for words in a paper's column: titles in lines, columns apart; numbers by hand."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest
from plotly.subplots import make_subplots

from interp import figures
from interp.figures.room import break_titles, spread_columns
from interp.figures.template import styled


def two_panels(gap: float) -> go.Figure:
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=gap, subplot_titles=["a", "b"])
    for column in (1, 2):
        figure.add_trace(go.Scatter(x=[1, 2], y=[1, 2]), row=1, col=column)
    figure.update_yaxes(title_text="share")
    return styled(figure, "title", "caption")


def test_columns_move_apart_until_the_words_of_the_right_one_fit():
    """Ticks 26, a line of a title 14, and 4 pixels: 44 of 220 are a fifth of the width."""
    figure = two_panels(0.02)
    spread_columns(figure, 220)
    left, right = figure.layout.xaxis.domain, figure.layout.xaxis2.domain
    assert left == pytest.approx((0, 0.4))
    assert right == pytest.approx((0.6, 1))
    assert [note.x for note in figure.layout.annotations] == pytest.approx([0.2, 0.8])


def test_columns_with_room_stay():
    figure = two_panels(0.4)
    before = [axis.domain for axis in figure.select_xaxes()]
    spread_columns(figure, 220)
    for axis, domain in zip(figure.select_xaxes(), before, strict=True):
        assert axis.domain == pytest.approx(domain)


def test_a_title_is_broken_where_its_panel_ends():
    """Letters of 0.52 · 10 pixels: 20 fit in 104."""
    figure = styled(go.Figure(go.Scatter(x=[1], y=[1])), "title", "caption")
    figure.update_xaxes(title_text="twenty letters stand here, then more")
    break_titles(figure, 104, 10)
    lines = figure.layout.xaxis.title.text.split("<br>")
    assert " ".join(lines) == "twenty letters stand here, then more"
    assert max(map(len, lines)) <= 20 and len(lines) == 2


def test_on_paper_words_above_a_panel_have_room_and_buttons_are_left_out():
    figure = two_panels(0.2)
    figure.update_layout(updatemenus=[{"buttons": [{"label": "x", "method": "skip"}]}])
    drawn = figures.paper(figure)
    assert drawn.layout.margin.t >= 8 + 12, "a line of small type above the panels"
    assert not drawn.layout.updatemenus
    assert len(figure.layout.updatemenus) == 1, "the figure itself is left alone"
