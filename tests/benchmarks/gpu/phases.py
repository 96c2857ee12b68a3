"""The paper's diagram of weight decay, 1,292 runs of 2000 steps, or as much as the time allows."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from math import sqrt
from typing import Any

from interp.training.config.run_config import RunConfig
from interp.training.trainer.loop import train_many
from tests.benchmarks.diagram import Diagram, phase_name
from tests.benchmarks.gpu.item import Found, Items, Place

TOY = Diagram(alphas=2, xis=2, decays=(0, 5), p=7, width=8, steps=6)
_TRIED = (10, 110)  # steps of the runs that are tried before
_SPARE = 1.25  # times what the trial says, since smaller cohorts take longer


def items() -> Items:
    return {"the paper's diagram": diagram}


def diagram(place: Place) -> Found:
    """Trains one α after the other, each as a cohort, until the time is over."""
    started, whole = time.perf_counter(), TOY if place.toy else Diagram()
    expected = estimated(whole, place)
    left = place.seconds - (time.perf_counter() - started)
    chosen = fitting(whole, expected, left)
    cells: list[dict[str, Any]] = []
    began = time.perf_counter()
    trained = 0.0  # the α of the columns that are done, to which their time is proportional
    for column in chosen.columns():
        spent, own = time.perf_counter() - began, column[0].data.fraction
        if trained and spent * (1 + own / trained) > left:
            break
        trained += own
        outcomes = train_many(column, device=place.device, run_axis=True)
        cells += [
            _cell(config, phase_name(one)) for config, one in zip(column, outcomes, strict=True)
        ]
    seconds = time.perf_counter() - began
    values = {
        "runs": len(cells),
        "runs asked for": whole.alphas * whole.xis * len(whole.decays),
        "steps": chosen.steps,
        "seconds": seconds,
        "runs·steps/s": len(cells) * chosen.steps / seconds,
        "whole, expected seconds": expected,
        "phases": dict(Counter(cell["phase"] for cell in cells)),
        "cells": cells,
    }
    failed = any(cell["phase"].startswith("failed") for cell in cells)
    note = f"{chosen.alphas} α × {chosen.xis} ξ × {len(chosen.decays)} weight decays"
    return Found(values, False if failed else None, note)


def estimated(whole: Diagram, place: Place) -> float:
    """Seconds of the whole diagram, from its middle column, which is of average cost.

    Two trials tell apart what a step costs and what happens once.
    """
    column = whole.columns()[whole.alphas // 2]
    few, many = (max(1, min(steps, whole.steps)) for steps in _TRIED)
    _trial(column[:1], few, place)  # starts what starts once a process
    short, long = (_trial(column, steps, place) for steps in (few, many))
    each = max(0.0, (long - short) / max(1, many - few))
    return whole.alphas * (short + (whole.steps - few) * each)


def _trial(column: list[RunConfig], steps: int, place: Place) -> float:
    configs = [one.replace("steps", steps).replace("schedule.evaluations", 2) for one in column]
    started = time.perf_counter()
    train_many(configs, device=place.device, run_axis=True)
    return time.perf_counter() - started


def fitting(whole: Diagram, expected: float, left: float) -> Diagram:
    """The diagram with fewer α and ξ, and then fewer steps, so that it is done in time."""
    share = left / (_SPARE * expected)
    if share >= 1:
        return whole
    side = sqrt(max(share, 0.0))
    alphas, xis = (max(min(3, n), int(n * side)) for n in (whole.alphas, whole.xis))
    rest = share * whole.alphas * whole.xis / (alphas * xis)
    steps = whole.steps if rest >= 1 else max(1, int(whole.steps * rest))
    return replace(whole, alphas=alphas, xis=xis, steps=steps)


def _cell(config: RunConfig, phase: str) -> dict[str, Any]:
    data = config.data
    return {
        "fraction": data.fraction,
        "corruption": data.corruption,
        "weight_decay": config.optimizer.weight_decay,
        "phase": phase,
    }
