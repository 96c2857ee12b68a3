"""Ticks of logarithmic axes."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

from interp.figures.template import styled

D2 = ("D2", "complete")


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([1, 500], (1, None)),  # 1, 10, 100
        ([3, 30], D2),  # 5, 10, 20
        ([1, 10**7], (2, None)),  # 1, 100, 10000, …: no more than six
        ([0, 0.01, 1, float("nan")], (1, None)),  # zero has no place on the axis
        ([3, 4], (None, None)),  # plotly's own: evenly spaced numbers
        (["a", "b"], (None, None)),
    ],
)
def test_decades_and_1_2_5_of_few_of_them(values, ticks):
    figure = go.Figure(go.Scatter(x=values, y=values))
    figure.update_yaxes(type="log")
    found = styled(figure, "", "").layout
    assert (found.yaxis.dtick, found.yaxis.minorloglabels) == ticks
    assert found.xaxis.dtick is None, "only logarithmic axes"


def test_ticks_of_ones_own_stay():
    figure = go.Figure(go.Scatter(x=[1, 500], y=[1, 500]))
    figure.update_xaxes(type="log", dtick=3)
    figure.update_yaxes(type="log", tickvals=[1, 7])
    layout = styled(figure, "", "").layout
    assert (layout.xaxis.dtick, layout.yaxis.dtick) == (3, None)


def test_a_range_goes_before_the_values_and_each_axis_has_its_own():
    traces = [go.Scatter(x=[1, 10**6], y=[1, 2]), go.Scatter(x=[1, 5], y=[1, 2], xaxis="x2")]
    figure = go.Figure(traces)
    figure.update_layout(xaxis={"type": "log", "range": [0, 1]}, xaxis2={"type": "log"})
    layout = styled(figure, "", "").layout
    assert layout.xaxis.dtick == "D2"
    assert layout.xaxis2.dtick == "D2"
    figure.update_layout(xaxis={"range": None, "dtick": None})
    assert styled(figure, "", "").layout.xaxis.dtick == 1
