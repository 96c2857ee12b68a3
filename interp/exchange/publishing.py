"""A run as a folder fit for a model hub: weights, config, dataset, card, figures, citation."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import yaml

from analysis.classify import classify
from analysis.neurons import neuron_table
from analysis.phases import has_phase, phase
from interp import figures
from interp.figures.export import browser
from interp.words import PAPERS, number, setting
from training.data import SPLIT_MEANING
from training.files import is_vacant, new_folder, write_bytes
from training.folder import fill_run, finish_run, write_checkpoint, write_measurements
from training.run import Run, load


def publish(
    run: Run | Path | str,
    out: Path | str,
    name: str | None = None,
    checkpoints: str = "newest",
    push: str | None = None,
) -> Path:
    """Writes a run as a folder that a model hub takes as it is, and that ``interp.load`` reads.

    Weights as safetensors, ``config.json``, the dataset, scores over training, a card with scores,
    figures and how to cite, and ``CITATION.cff``. Figures are PNG where there is a browser to draw
    them, else HTML. No optimizer states.

    Args:
        run: a finished run or its folder.
        out: a new or empty folder.
        name: in the card; the run's by default.
        checkpoints: ``newest`` or ``all``.
        push: ``user/repository`` on the Hugging Face hub to upload the folder to.

    Raises:
        ValueError: if the run is not finished, ``out`` has contents, or an option is none.
        ImportError: if it is to be uploaded and huggingface_hub is not installed.
    """
    source = run if isinstance(run, Run) else load(run)
    target = Path(out)
    if not source.finished:
        raise ValueError(f"{source.path}: expected a finished run, its last step is to come")
    if checkpoints not in ("newest", "all"):
        raise ValueError(f"checkpoints: expected newest or all, got {checkpoints!r}")
    if not is_vacant(target):
        raise ValueError(f"{target}: expected a new or empty folder, it has contents")
    if push is not None and push.count("/") != 1:
        raise ValueError(f"push: expected user/repository, got {push!r}")
    hub = _hub() if push is not None else None
    title = name or source.name
    with new_folder(target) as folder:
        fill_run(folder, title, source.config, source.dataset)
        for step in source.steps if checkpoints == "all" else source.steps[-1:]:
            write_checkpoint(folder, step, source.network(step), source.config)
        write_measurements(folder, source.measurements)
        finish_run(folder, source.config, source.measurement(), source.seconds or 0.0, title)
        pictures = _draw(source, folder)
        about = _imported(source)
        if about is not None:
            write_bytes(folder / "import.json", about.encode())
        write_bytes(folder / "README.md", _card(source, title, pictures, about).encode())
        write_bytes(folder / "CITATION.cff", _citation(title).encode())
    if hub is not None:
        hub.create_repo(push, exist_ok=True)
        hub.upload_folder(repo_id=push, folder_path=str(target))
    return target


def _hub() -> Any:
    """The hub's client; asked for before anything is written."""
    try:
        return importlib.import_module("huggingface_hub").HfApi()
    except ImportError:
        message = "publish needs huggingface_hub, not installed: pip install interp[hub]"
        raise ImportError(message) from None


def _imported(run: Run) -> str | None:
    """What was told of a run that came from elsewhere."""
    path = None if run.path is None else run.path / "import.json"
    return path.read_text(encoding="utf-8") if path is not None and path.is_file() else None


def _draw(run: Run, folder: Path) -> dict[str, str]:
    """Figures in ``figures/``: file name by what it shows."""
    (folder / "figures").mkdir()
    suffix = "png" if _can_draw() else "html"
    drawn = {}
    if len(run.measurements) > 1:
        drawn["Training"] = ("training", figures.training_curves(run))
    if run.network().layers:
        table = neuron_table(run)
        classes = classify(table, "null")
        drawn["IPR of the neurons"] = ("ipr", figures.ipr_histogram(table, classes))
    from analysis.embedding import embedding_table

    drawn["Spectrum of the embeddings"] = (
        "spectrum",
        figures.embedding_spectrum(embedding_table(run)),
    )
    for name, figure in drawn.values():
        figures.save(figure, folder / "figures" / f"{name}.{suffix}", div_id=name)
    return {words: f"figures/{name}.{suffix}" for words, (name, _) in drawn.items()}


def _can_draw() -> bool:
    return importlib.util.find_spec("kaleido") is not None and browser() is not None


def _card(run: Run, title: str, pictures: dict[str, str], about: str | None) -> str:
    row = run.measurement()
    front = {
        "library_name": "interp",
        "license": "mit",
        "tags": ["grokking", "memorization", "modular-arithmetic", "mechanistic-interpretability"],
        "model-index": [{"name": title, "results": [_results(run)]}],
    }
    ended = ""
    if has_phase(run):
        found = phase(run)
        ended = f" Phase: {found.name} ({found.reason})."
    table = ["| split | accuracy | loss | what is scored |", "|---|---|---|---|"]
    for split, score in row.scores.items():
        cells = (split, number(score.accuracy), number(score.loss, 5), SPLIT_MEANING[split])
        table.append("| " + " | ".join(cells) + " |")
    parts = [
        "---\n" + yaml.safe_dump(front, sort_keys=False, allow_unicode=True) + "---",
        f"# {title}",
        _story(run, about) + ended,
        f"Scores at step {row.step}, seed {run.config.seed}:",
        "\n".join(table),
        *(_picture(words, place) for words, place in pictures.items()),
        '## Use\n\n```python\nimport interp\n\nrun = interp.load("path/to/this/folder")\n'
        "interp.neuron_table(run).mean_ipr\n```",
        "## Cite\n\n" + "\n".join(f"- {paper}" for paper in PAPERS),
    ]
    return "\n\n".join(parts) + "\n"


def _story(run: Run, about: str | None) -> str:
    if about is None:
        return setting(run.config)
    told = json.loads(about)
    assumed = "; ".join(told["assumed"]) or "nothing"
    return (
        f"A network ({run.config.model.summary}) on ({run.config.task.operation}) mod "
        f"{run.config.task.p}, imported: {'; '.join(told['recognized'])}. Assumed: {assumed}. "
        "How it was trained is not known here; `config.json` has defaults for it."
    )


def _results(run: Run) -> dict[str, Any]:
    task = run.config.task
    known = {split: score.accuracy for split, score in run.measurement().scores.items()}
    return {
        "task": {"type": "modular-arithmetic", "name": f"({task.operation}) mod {task.p}"},
        "dataset": {"name": f"({task.operation}) mod {task.p}", "type": "modular-arithmetic"},
        "metrics": [
            {"type": "accuracy", "name": f"{split} accuracy", "value": round(value, 4)}
            for split, value in known.items()
            if value is not None
        ],
    }


def _picture(words: str, place: str) -> str:
    return f"![{words}]({place})" if place.endswith(".png") else f"[{words}]({place})"


def _citation(title: str) -> str:
    """Citation File Format 1.2: the network, and the paper whose setting it is."""
    content = {
        "cff-version": "1.2.0",
        "message": "Please cite the paper whose setting this network is trained in.",
        "title": title,
        "type": "dataset",
        "authors": [{"name": "the authors of this network"}],
        "preferred-citation": {
            "type": "conference-paper",
            "title": "To grok or not to grok: Disentangling generalization and memorization on "
            "corrupted algorithmic datasets",
            "authors": [
                {"given-names": "Darshil", "family-names": "Doshi"},
                {"given-names": "Aritra", "family-names": "Das"},
                {"given-names": "Tianyu", "family-names": "He"},
                {"given-names": "Andrey", "family-names": "Gromov"},
            ],
            "year": 2024,
            "conference": {"name": "International Conference on Learning Representations"},
            "url": "https://arxiv.org/abs/2310.13061",
        },
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
