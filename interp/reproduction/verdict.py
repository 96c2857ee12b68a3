"""What a reproduction came to: the claim, what was measured, and whether it holds."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from interp.reproduction.criteria import WITH_NULL, Judged, Word, judge
from interp.reproduction.evidence import Evidence
from interp.reproduction.recipe import Budget, Recipe

_CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Verdict:
    """The verdict on a recipe.

    Attributes:
        recipe: what was asked.
        budget: with which grid.
        judged: each criterion with its values.
        word: ``does not hold`` if one criterion does not, else ``undecided`` if one is, else
            ``holds, and so does its null`` if one does so, else ``holds``.
        why: in one sentence.
        seeds: that were asked for.
        cells: number of runs that are done.
        failed: reasons of those that are not.
        training: seconds of each run's training, on one worker, by how it was kept and its
            configuration, so that a run of two recipes can be counted once.
        surroundings: date, versions and hardware.
        figures: what it looks like.
    """

    recipe: Recipe
    budget: Budget
    judged: tuple[Judged, ...]
    word: Word
    why: str
    seeds: tuple[int, ...]
    cells: int
    failed: tuple[str, ...]
    training: Mapping[tuple[str, str], float]
    surroundings: dict[str, str]
    figures: tuple[go.Figure, ...] = ()

    @property
    def seconds(self) -> float:
        """Of training, all runs together."""
        return sum(self.training.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without the figures."""
        return {
            "name": self.recipe.name,
            "label": self.recipe.label,
            "title": self.recipe.title,
            "source": self.recipe.source,
            "claim": self.recipe.claim,
            "budget": self.budget,
            "verdict": self.word,
            "why": self.why,
            "criteria": [one.to_dict() for one in self.judged],
            "note": self.recipe.note,
            "seeds": list(self.seeds),
            "cells": self.cells,
            "failed": list(self.failed),
            "training_seconds": round(self.seconds, 1),
            **self.surroundings,
        }


def verdict(
    recipe: Recipe, evidence: Evidence, budget: Budget, figures: Sequence[go.Figure] = ()
) -> Verdict:
    """Judges every criterion of a recipe."""
    judged = tuple(judge(criterion, evidence) for criterion in recipe.criteria)
    word, why = _together(judged)
    training = {
        (recipe.keep, json.dumps(one.config.to_dict(), sort_keys=True)): one.values.get("seconds")
        for one in evidence.runs
    }
    return Verdict(
        recipe,
        budget,
        judged,
        word,
        why,
        tuple(evidence.asked_seeds),
        len(evidence.runs),
        evidence.failed,
        {run: float(seconds) for run, seconds in training.items() if seconds is not None},
        surroundings(),
        tuple(figures),
    )


def _together(judged: Sequence[Judged]) -> tuple[Word, str]:
    for word in ("does not hold", "undecided"):
        found = [one for one in judged if one.word == word]
        if found:
            first = found[0]
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            return first.word, f"“{first.criterion.says}” {_said(first)}{more}"
    why = f"all {len(judged)} criteria hold for every seed"
    found = [one for one in judged if one.word == WITH_NULL]
    if found:
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        return WITH_NULL, f"{why}, but the null too meets “{found[0].criterion.says}”{more}"
    return "holds", why


def _said(judged: Judged) -> str:
    if judged.why.startswith("of "):
        return f"is true {judged.why}"
    return f"({judged.why})"


def surroundings() -> dict[str, str]:
    """What numbers depend on: date, versions, hardware."""
    name = platform.processor() or platform.machine()
    if _CPU_INFO.exists():
        lines = _CPU_INFO.read_text().splitlines()
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        name = models[0] if models else name
    packages = {one: version(one) for one in ("interp", "torch", "numpy")}
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": name,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **packages,
    }
