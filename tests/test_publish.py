"""A published run: a folder that loads as it is, with a card that hubs can read."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import interp
from interp.cli.app import main
from interp.exchange import import_checkpoint, publish
from interp.exchange import publishing as module


def front_matter(text: str) -> dict:
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])


@pytest.fixture
def without_a_browser(monkeypatch):
    monkeypatch.setattr(module, "browser", lambda: None)


def test_the_folder_loads_and_says_what_it_is(tiny_folder, tmp_path, without_a_browser):
    run = interp.load(tiny_folder)
    place = publish(run, tmp_path / "out", name="a tiny net")
    again = interp.load(place)
    for name, weight in run.network().state_dict().items():
        assert torch.equal(again.network().state_dict()[name], weight)
    assert again.steps == [run.last_step]
    assert again.measurements == run.measurements
    np.testing.assert_array_equal(again.dataset.given_label, run.dataset.given_label)
    assert not list(place.rglob("optimizer.safetensors"))
    card = (place / "README.md").read_text()
    front = front_matter(card)
    metrics = front["model-index"][0]["results"][0]["metrics"]
    shown = {metric["name"]: metric["value"] for metric in metrics}
    expected = run.measurement().scores["test"].accuracy
    assert shown["test accuracy"] == pytest.approx(expected, abs=1e-4)
    assert front["library_name"] == "interp"
    assert front["license"] == "mit"
    assert "# a tiny net" in card
    assert "arXiv 2310.13061" in card
    for link in re.findall(r"\]\((figures/[^)]+)\)", card):
        assert (place / link).is_file()
    assert "(figures/ipr.html)" in card
    names = {file.name for file in (place / "figures").iterdir()}
    assert names == {"training.html", "ipr.html", "spectrum.html"}
    citation = yaml.safe_load((place / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["preferred-citation"]["authors"][0]["family-names"] == "Doshi"


def test_all_checkpoints(tiny_folder, tmp_path, without_a_browser):
    run = interp.load(tiny_folder)
    assert interp.load(publish(run, tmp_path / "out", checkpoints="all")).steps == run.steps


def test_an_imported_network_says_so(tmp_path, without_a_browser):
    state = {"fc1.weight": torch.randn(6, 22), "fc2.weight": torch.randn(11, 6)}
    import_checkpoint(state, tmp_path / "run", operation="x * y")
    place = publish(tmp_path / "run", tmp_path / "out")
    card = (place / "README.md").read_text()
    assert "imported from state dict, layout doshi; assumed: activation square" in card
    assert "Recognized: state dict: doshi" in card
    assert "(x * y) mod 11" in card
    assert "license" not in front_matter(card)
    assert (place / "import.json").read_bytes() == (tmp_path / "run/import.json").read_bytes()


class Hub:
    calls: list[tuple]

    def __init__(self) -> None:
        Hub.calls = []

    def create_repo(self, name, exist_ok):
        self.calls.append(("create", name, exist_ok))

    def upload_folder(self, repo_id, folder_path):
        self.calls.append(("upload", repo_id, contents(folder_path)))


def contents(folder: Path | str) -> dict[str, bytes]:
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_uploading_goes_through_the_hubs_client(
    tiny_folder, tmp_path, monkeypatch, without_a_browser
):
    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    publish(tiny_folder, tmp_path / "out", push="me/net")
    assert Hub.calls == [
        ("create", "me/net", True),
        ("upload", "me/net", contents(tmp_path / "out")),
    ]


def test_an_upload_that_fails_may_be_tried_again(
    tiny_folder, tmp_path, monkeypatch, without_a_browser
):
    def refused(*arguments: object, **options: object) -> None:
        raise ConnectionError("no route to the hub")

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    with monkeypatch.context() as offline:
        offline.setattr(Hub, "upload_folder", refused)
        with pytest.raises(
            ImportError, match=r"\(ConnectionError: no route to the hub\); check the"
        ):
            publish(tiny_folder, tmp_path / "out", push="me/net")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]
    publish(tiny_folder, tmp_path / "out", push="me/net")
    assert Hub.calls[-1] == ("upload", "me/net", contents(tmp_path / "out"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoints": "some"}, "checkpoints: expected newest or all, got 'some'"),
        ({"push": "net"}, "push: expected user/repository, got 'net'"),
    ],
)
def test_options_that_are_none(tiny_folder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        publish(tiny_folder, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_contents_and_an_unfinished_run_are_refused(tiny_folder, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="expected a new or empty folder, it has contents"):
        publish(tiny_folder, tmp_path)
    (tiny_folder / "DONE").unlink()
    with pytest.raises(ValueError, match="expected a finished run, its last step is to come"):
        publish(tiny_folder, tmp_path / "out")


def test_without_the_hubs_client_nothing_is_written(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="publish needs huggingface_hub, not installed"):
        publish(tiny_folder, tmp_path / "out", push="me/net")
    assert not (tmp_path / "out").exists()


def test_the_commands(tmp_path, capsys, without_a_browser):
    state = {"fc1.weight": torch.randn(6, 22), "fc2.weight": torch.randn(11, 6)}
    torch.save(state, tmp_path / "net.pth")
    file, run, out = (str(tmp_path / name) for name in ("net.pth", "run", "out"))
    main(["import", file, "--out", run, "--rule", "doshi", "--fraction", "0.5", "--p", "11"])
    told = capsys.readouterr().out
    assert "recognized: two layers without biases, N = 6, p = 11" in told
    assert "recognized: dataset: rule doshi, α 0.5, ξ 0, seed 420" in told
    assert "assumed: seed 420, that of the code of rule doshi" in told
    assert "assumed: operation x + y" in told
    assert int(interp.load(run).dataset.is_train.sum()) == 60
    main(["publish", run, out, "--json"])
    assert '"CITATION.cff"' in capsys.readouterr().out
    for arguments, message in (
        (["import", file, "--out", run], "expected a new or empty folder"),
        (["import", file, "--out", out + "2", "--rule", "doshi"], "fraction: expected α of"),
        (
            ["import", file, "--out", out + "2", "--seed", "3"],
            "rule: expected doshi, doshi-transformer, permutation",
        ),
        (
            ["import", file, "--out", out + "2", "--rule", "doshi", "--data", file],
            "data: expected a file or a rule, got both",
        ),
        (["publish", run, out + "2", "--push", "a"], "push: expected user/repository"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
