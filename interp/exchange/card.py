"""The card of a run that is given to others, or came from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from interp.analysis.caption import place
from interp.analysis.phases.phase import phase_or_none
from interp.training.data.splits import SPLIT_MEANING
from interp.training.runs.run import Run
from interp.words.sentences import PAPERS, number
from interp.words.story import story


def model_card(run: Run, title: str, pictures: Mapping[str, str]) -> str:
    """Markdown with a model hub's front matter: story, scores, pictures, use, citation."""
    row = run.measurement()
    front = {
        "library_name": "interp",
        # Nobody but its authors can give a licence for an imported network.
        **({"license": "mit"} if run.origin.imported is None else {}),
        "tags": ["grokking", "memorization", "modular-arithmetic", "mechanistic-interpretability"],
        "model-index": [{"name": title, "results": [_results(run)]}],
    }
    found = phase_or_none(run)
    ended = "" if found is None else f" Phase: {found.name} ({found.reason})."
    table = ["| split | accuracy | loss | what is scored |", "|---|---|---|---|"]
    for split, score in row.scores.items():
        cells = (split, number(score.accuracy), number(score.loss, 5), SPLIT_MEANING[split])
        table.append("| " + " | ".join(cells) + " |")
    parts = [
        "---\n" + yaml.safe_dump(front, sort_keys=False, allow_unicode=True) + "---",
        f"# {title}",
        story(run) + ended,
        f"Scores at {place(run.seed, row.step).replace(' · ', ', ')}:",
        "\n".join(table),
        *(_picture(words, file) for words, file in pictures.items()),
        '## Use\n\n```python\nimport interp\n\nrun = interp.load("path/to/this/folder")\n'
        "interp.neuron_table(run).mean_ipr\n```",
        "## Cite\n\n" + "\n".join(f"- {paper}" for paper in PAPERS),
    ]
    return "\n\n".join(parts) + "\n"


def _results(run: Run) -> dict[str, Any]:
    task = run.config.task
    known = {split: score.accuracy for split, score in run.measurement().scores.items()}
    return {
        "task": {"type": "modular-arithmetic", "name": task.title},
        "dataset": {"name": task.title, "type": "modular-arithmetic"},
        "metrics": [
            {"type": "accuracy", "name": f"{split} accuracy", "value": round(value, 4)}
            for split, value in known.items()
            if value is not None and (run.knows_data or split == "all")
        ],
    }


def _picture(words: str, file: str) -> str:
    return f"![{words}]({file})" if file.endswith(".png") else f"[{words}]({file})"
