"""A run as a folder fit for a model hub: weights, config, dataset, card, figures, citation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from interp import figures
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.exchange.card import model_card
from interp.figures.export import browser
from interp.training.arguments import word
from interp.training.optional import failed, is_there, part
from interp.training.runs.files import is_vacant, make_folder, new_folder, write_bytes
from interp.training.runs.folder import fill_run, finish_run, write_checkpoint
from interp.training.runs.metadata import write_measurements
from interp.training.runs.origin import write_origin
from interp.training.runs.run import Run
from interp.training.runs.subject import as_run


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
        PartError: if it is to be uploaded and huggingface_hub is not there or the hub does not
            take it, or the browser that draws the figures does not start.
    """
    source = as_run(run)
    target = Path(out)
    if not source.finished:
        raise ValueError(f"{source.path}: expected a finished run, its last step is to come")
    word(checkpoints, ("newest", "all"), "checkpoints")
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
        _finish(folder, source, title)
        pictures = _draw(source, folder)
        write_origin(folder, source.origin)
        write_bytes(folder / "README.md", model_card(source, title, pictures).encode())
        write_bytes(folder / "CITATION.cff", _citation(title).encode())
        # Before it has its name: where the upload fails, the same command may be given again.
        if hub is not None:
            _upload(hub, str(push), folder)
    return target


def _finish(folder: Path, source: Run, title: str) -> None:
    """Marks the folder as that of a finished run, which ended as the source did."""
    last, seconds = source.measurement(), source.seconds or 0.0
    finish_run(folder, source.config, last, seconds, title, source.origin, source.stopped)


def _hub() -> Any:
    """The hub's client; asked for before anything is written."""
    return part("huggingface_hub", "hub", "publish").HfApi()


def _upload(hub: Any, name: str, folder: Path) -> None:
    """Uploads a folder.

    Raises:
        PartError: saying why the hub does not take it.
    """
    try:
        hub.create_repo(name, exist_ok=True)
        hub.upload_folder(repo_id=name, folder_path=str(folder))
    except Exception as error:  # no network, no account, no right: each by a class of its own
        advice = "check the network and `hf auth login`, and give the same command again"
        raise failed("push", f"cannot reach {name} on the hub", error, advice) from error


def _draw(run: Run, folder: Path) -> dict[str, str]:
    """Figures in ``figures/``: file name by what it shows."""
    make_folder(folder / "figures")
    suffix = "png" if _can_draw() else "html"
    drawn = {}
    if len(run.measurements) > 1:
        drawn["Training"] = ("training", figures.training_curves(run))
    newest = run.checkpoint()
    if newest.network.layers:
        table = neuron_table(newest)
        classes = classify(table, "null")
        drawn["IPR of the neurons"] = ("ipr", figures.ipr_histogram(table, classes))
    from interp.analysis.neurons.embedding import embedding_table, no_embeddings

    if no_embeddings(newest) is None:
        drawn["Spectrum of the embeddings"] = (
            "spectrum",
            figures.embedding_spectrum(embedding_table(newest)),
        )
    for name, figure in drawn.values():
        figures.save(figure, folder / "figures" / f"{name}.{suffix}", div_id=name)
    return {words: f"figures/{name}.{suffix}" for words, (name, _) in drawn.items()}


def _can_draw() -> bool:
    return is_there("kaleido") and browser() is not None


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
