"""Where a run comes from is said everywhere: trained here, imported, pruned from another."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import interp
from interp.analysis.phases.phase import phase, phase_or_none
from interp.cli.app import main
from interp.exchange import publishing
from interp.exchange.importing import import_checkpoint
from interp.explorer.catalog import Catalog
from interp.explorer.listing import listed_run
from interp.explorer.page import COLUMNS
from interp.explorer.readings import Readings
from interp.explorer.run.panel import run_panel
from interp.explorer.state import RunView
from interp.figures import training_curves
from interp.reporting.report import report
from interp.training.runs.origin import Origin, Pruned, read_origin
from interp.training.runs.run import Run, load
from tests.test_report import given

THRESHOLD = 0.3
NEVER = ("trained for", "trained on (x + y)", "adamw", "learning rate", "It is finished")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, tiny_run: Run) -> SimpleNamespace:
    """A pruned run, one pruned of that, and an imported network whose dataset nobody knows."""
    root = tmp_path_factory.mktemp("origins")
    once, twice, foreign = root / "once", root / "twice", root / "foreign"
    main(["prune", str(tiny_run.path), "--threshold", str(THRESHOLD), "--draws", "1",
          "--save", str(once)])  # fmt: skip
    main(["prune", str(once), "--threshold", "0.31", "--draws", "1", "--save", str(twice)])
    torch.manual_seed(0)
    state = {"fc1.weight": torch.randn(6, 22), "fc2.weight": torch.randn(11, 6)}
    torch.save(state, root / "net.pth")
    import_checkpoint(root / "net.pth", foreign)
    return SimpleNamespace(root=root, once=once, twice=twice, foreign=foreign)


def pruning_words(run: Run) -> str:
    """Counted anew from the network that was pruned."""
    table = interp.neuron_table(run)
    kept = int((table.ipr >= THRESHOLD).sum())
    return (
        f"pruned from tiny at step 30: {kept} of 16 neurons kept (fixed, IPR ≥ 0.300); "
        "nothing was retrained"
    )


def everything(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """All that is said of a run, by where."""
    monkeypatch.setattr(publishing, "_can_draw", lambda: False)
    run = load(folder)
    page = report(run, out / "report.html", threshold="null", draws=1).read_text()
    published = publishing.publish(run, out / "published")
    opened = Readings(Catalog(folder.parent)).open(folder.name)
    return {
        "card": (folder / "README.md").read_text().partition("## Configuration")[0],
        "report": page[: page.index("<main>")],
        "explorer": str(run_panel(RunView(folder.name), opened, None).children[1]),
        "published card": (published / "README.md").read_text(),
        "notebook": run._repr_html_(),
        "training figure": str(training_curves(run).layout.title),
        "report's figures": json.dumps(given(page)["figures"]["training"]["layout"]["title"]),
    }


BRIEF = ("training figure", "report's figures")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    main(list(arguments))
    return capsys.readouterr().out


def test_a_pruned_run_says_so_wherever_it_is_shown(places, tiny_run, tmp_path, monkeypatch):
    found = everything(places.once, tmp_path, monkeypatch)
    for where, text in found.items():
        expected = "pruned" if where in BRIEF else pruning_words(tiny_run)
        assert expected in text, where
        assert not [word for word in NEVER if word in text], where


def test_an_imported_run_says_so_wherever_it_is_shown(places, tmp_path, monkeypatch):
    found = everything(places.foreign, tmp_path, monkeypatch)
    for where, text in found.items():
        said = "imported from net.pth, layout doshi; assumed: activation square"
        assert ("imported" if where in BRIEF else said) in text, where
        assert not [word for word in (*NEVER, "seed 0", "α = 1") if word in text], where
        if where not in BRIEF:
            assert "Which pairs it was trained on is not known" in text, where
            assert "questioned: answers x + y at" in text, where


@pytest.mark.parametrize("command", ["ipr", "prune"])
def test_json_tells_the_origin_and_what_was_assumed(places, tiny_run, capsys, command):
    options = [command, "--threshold", "0.3", "--json"]
    pruned = json.loads(
        printed(capsys, *options[:1], str(places.once), *options[1:2], "0.31", "--json")
    )
    assert pruned["origin"]["kind"] == "pruned"
    assert pruned["origin"]["words"] == pruning_words(tiny_run)
    assert pruned["origin"]["pruned"][0]["neurons"] == 16
    assert pruned["seed"] == tiny_run.config.seed
    alive = interp.neuron_table(places.foreign).ipr
    cut = str((alive.min() + alive.max()) / 2)
    foreign = json.loads(
        printed(capsys, command, str(places.foreign), "--threshold", cut, "--json")
    )
    assert foreign["origin"]["kind"] == "imported"
    assert foreign["origin"]["imported"]["layout"] == "doshi"
    assert any("activation square" in line for line in foreign["origin"]["imported"]["assumed"])
    assert foreign["seed"] is None, "the seed of its training is not known"


def test_the_shell_says_it_before_the_numbers(places, tiny_run, capsys):
    words = printed(capsys, "ipr", str(places.once), "--threshold", "0.3")
    assert words.startswith(f"once: {pruning_words(tiny_run)}\n")
    assert "pruned from" not in printed(capsys, "ipr", str(tiny_run.path), "--threshold", "0.3")


def test_the_explorers_table_says_it_in_place_of_done(places, tiny_run):
    row = listed_run("once", places.once)
    assert (row.status, row.steps, row.seed) == ("pruned", None, tiny_run.config.seed)
    row = listed_run("foreign", places.foreign)
    assert (row.status, row.steps, row.seed, row.weight_decay) == ("imported", None, None, None)
    assert listed_run("tiny", tiny_run.path).status == "done"


def test_a_network_that_was_pruned_twice_tells_both(places, tiny_run):
    first = pruning_words(tiny_run)
    origin = load(places.twice).origin
    assert origin.words.startswith("pruned from once at step 30: ")
    assert origin.words.endswith(f". Before: {first}")


def test_a_pruned_import_is_both(places, tmp_path):
    alive = interp.neuron_table(places.foreign).ipr
    cut = str((alive.min() + alive.max()) / 2)
    main(["prune", str(places.foreign), "--threshold", cut, "--save", str(tmp_path / "less")])
    run = load(tmp_path / "less")
    assert run.origin.kind == "pruned"
    assert "pruned from foreign at step 1: " in run.origin.words
    assert "Before: imported from net.pth" in run.origin.words
    assert run.seed is None
    assert not run.knows_data


def test_an_import_in_memory_says_it_too():
    state = {"fc1.weight": torch.randn(6, 22), "fc2.weight": torch.randn(11, 6)}
    run = import_checkpoint(state).run
    assert "imported from state dict, layout doshi" in run._repr_html_()
    assert "trained for" not in run._repr_html_()


def test_a_known_split_is_told(tmp_path):
    state = {"fc1.weight": torch.randn(6, 22), "fc2.weight": torch.randn(11, 6)}
    run = import_checkpoint(state, data={"train_indices": list(range(40))}).run
    assert "Its training set is 40 of all 121 pairs (α = 0.331)." in run._repr_html_()


def test_folders_of_older_imports_are_read(places, tmp_path):
    about = {"layout": "doshi", "recognized": ["N = 6"], "assumed": [], "dropped": []}
    (tmp_path / "import.json").write_text(json.dumps(about))
    origin = read_origin(tmp_path)
    assert origin.words == "imported, layout doshi; assumed: nothing"
    assert Origin().words == "trained here"


@pytest.mark.parametrize("content", ["[1]", '[{"run": "a"}]', "{"])
def test_an_altered_pruning_is_refused(tmp_path, content):
    (tmp_path / "pruned.json").write_text(content)
    with pytest.raises(ValueError, match=r"pruned\.json: expected what was pruned; altered"):
        read_origin(tmp_path)


def test_a_deeper_layer_is_named():
    told = Pruned("run", 5, 1, 3, 8, 0.25, "fixed")
    assert "3 of 8 neurons of hidden layer 1 kept" in told.words


def test_what_is_not_known_is_no_number_in_the_explorers_table(places, tiny_run):
    row = listed_run("foreign", places.foreign)
    assert (row.fraction, row.corruption, row.train, row.test, row.corrupted) == (None,) * 5
    about = json.loads((places.foreign / "import.json").read_text())
    assert about["dataset_known"] is False
    for column in COLUMNS:
        if column["field"] in ("train", "test", "corrupted"):
            assert column["valueFormatter"]["function"].startswith("params.value == null ? '' :")


def test_a_single_evaluation_is_a_point(places, tiny_run):
    """A line through one point is invisible."""
    assert {trace.mode for trace in training_curves(load(places.once)).data} == {"markers"}
    assert {trace.mode for trace in training_curves(tiny_run).data} == {"lines"}


def test_a_pruned_network_that_lost_both_is_in_no_phase(places, tiny_run):
    """Forgetting and confusion are told apart by what was before, which its folder lacks."""
    run = load(places.once)
    scores = run.measurement().scores
    assert max(scores["train"].accuracy, scores["test"].accuracy) < 0.9
    assert phase_or_none(run) is None
    assert listed_run("once", places.once).state is None
    with pytest.raises(ValueError, match="expected a history, which tells forgetting from confusi"):
        phase(run)
    assert listed_run("tiny", tiny_run.path).state == phase(tiny_run).name


def test_pruning_is_told_by_all_pairs_where_no_split_is_known(places, tmp_path):
    table = interp.neuron_table(places.foreign)
    cut = float(np.median(table.ipr))
    page = report(places.foreign, tmp_path / "report.html", threshold=cut, draws=1).read_text()
    score = interp.scores(load(places.foreign).network(), load(places.foreign).dataset)["all"]
    assert f"moves all accuracy from {score.accuracy:.3f} to " in page


def test_a_network_of_zeros_says_ties_and_dead(tmp_path):
    state = {"fc1.weight": torch.zeros(6, 22), "fc2.weight": torch.zeros(11, 6)}
    import_checkpoint(state, tmp_path / "run")
    page = report(tmp_path / "run", tmp_path / "report.html", draws=1).read_text()
    head = page[: page.index("<main>")]
    assert "all pairs are ties" in head
    assert "Every neuron is dead: it has no power, hence no IPR." in head
