"""Whatever a command makes appears whole or not at all; the same command mends what a kill left.

The same with real kills, and at every call, is in ``tests/chaos``.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from itertools import pairwise

import pytest

from interp.cli.app import main
from interp.explorer.catalog import Catalog
from interp.training.runs.files import (
    append_bytes,
    make_folder,
    new_folder,
    remove_folder,
    together,
    write_bytes,
)
from interp.training.runs.folder import write_checkpoint
from interp.training.runs.run import load
from interp.training.trainer.loop import train
from tests.conftest import tiny_config
from tests.shim import full_disk, killed, leftovers
from tests.test_structure import MODULES
from tests.writing_commands import (
    COMMANDS,
    Toys,
    check_mended,
    check_whole,
    contents,
    run_quietly,
    toy_sizes,
    toys_in,
    undisturbed,
)


@pytest.fixture(scope="module")
def toys(tiny_run, tmp_path_factory) -> Toys:
    return toys_in(tmp_path_factory.mktemp("toys"), tiny_run)


@pytest.fixture(autouse=True)
def small():
    with toy_sizes():
        yield


# A scoreboard is made of reproductions.
@pytest.mark.parametrize("kind", sorted(COMMANDS.keys() - {"reproduce"}))
def test_killed_in_a_write_or_out_of_space_at_the_end(toys, tmp_path, kind):
    expected, calls = undisturbed(toys, kind, tmp_path / "counted" / "out")
    # Scores are appended; what is made anew is brought to the disk before it gets its name.
    halves = [i for i, pair in enumerate(pairwise(calls), 1) if pair == ("half", "fsync")]
    last = max(i for i, name in enumerate(calls, 1) if name == "replace")

    out = tmp_path / "killed" / "out"
    toys.prepare(kind, out)
    with killed(tmp_path / "killed", halves[len(halves) // 2]):
        run_quietly(toys.command(kind, out))
    assert leftovers(out.parent), "it died in a write"
    assert not [name for name in Catalog(out).contents().runs if ".part" in name]
    check_whole(out, expected)
    check_mended(toys, kind, out, expected)

    out = tmp_path / "full" / "out"
    toys.prepare(kind, out)
    with full_disk(tmp_path / "full", last).between():
        code, lines = run_quietly(toys.command(kind, out))
    assert (code, len(lines)) == (2, 1)
    assert lines[0].endswith("cannot be written (No space left on device)")
    assert leftovers(out.parent) == []
    check_whole(out, expected)
    check_mended(toys, kind, out, expected)


def test_what_is_not_finished_is_no_run(toys, tmp_path, capsys):
    """An import that is killed when all is written but the folder's name."""
    out = tmp_path / "out"
    _, calls = undisturbed(toys, "import", tmp_path / "counted" / "out")
    toys.prepare("import", out)
    with killed(out, len(calls)):
        run_quietly(toys.command("import", out))
    (left,) = out.iterdir()
    assert left.name == ".run.part"
    assert load(left).finished, "it looks like a run, but for its name"
    (out / "notes.txt").touch()
    assert dict(Catalog(out).contents().runs) == {}
    with pytest.raises(SystemExit):
        main(["collect", str(out)])
    assert "expected a sweep or finished run folders, found none" in capsys.readouterr().err


# A run folder that is removed or replaced under a run


@pytest.mark.parametrize("at", [3, 4, 30])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_run_ends_when_its_folder_is_gone(tmp_path, tiny_run, at, replaced):
    """At step 4 nothing is written until step 5, at step 30 only the end."""
    folder, other = tmp_path / "tiny", tiny_config(seed=1)

    def remove(step: int, _: object) -> None:
        if step == at:
            shutil.rmtree(folder)
            if replaced:
                train(other, folder)

    message = "the run folder was removed or replaced during training; the run has ended"
    with pytest.raises(OSError, match=message) as caught:
        train(tiny_config(), folder, remove)
    assert caught.value.filename == str(folder)
    if replaced:
        train(other, tmp_path / "alone" / "tiny")
        assert contents(folder) == contents(tmp_path / "alone" / "tiny")
    else:
        assert list(tmp_path.iterdir()) == []
        train(tiny_config(), folder)
        assert contents(folder) == contents(tiny_run.path)


def test_a_checkpoint_makes_no_run_folder(tmp_path, tiny_run):
    with pytest.raises(OSError, match=r"cannot be written \(No such file or directory\)"):
        write_checkpoint(tmp_path / "gone", 0, tiny_run.network(), tiny_run.config)
    assert list(tmp_path.iterdir()) == []


# The hidden names


def test_two_who_write_the_same_do_not_meet(tmp_path):
    """Each has a place of its own; whoever is last gives the name."""
    path = tmp_path / "run"
    with new_folder(path) as first:
        (first / "mine").write_bytes(b"first")
        with pytest.raises(ValueError, match="stopped"), new_folder(path) as second:
            assert second != first
            assert os.listdir(second) == []
            raise ValueError("stopped")
        assert (first / "mine").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["run"]


def test_what_several_killed_processes_left_goes_with_the_next(tmp_path):
    """Two at once, both killed: the next one uses a place again, and clears the other."""
    path = tmp_path / "file"
    for name in (".file.part", ".file.part-2", ".file.part-3"):
        (tmp_path / name).write_bytes(b"a longer half of what it was to be")
    (tmp_path / ".file.partly").write_bytes(b"somebody else's")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == [".file.partly", "file"]


def test_more_at_once_than_there_are_names(tmp_path):
    path, blocks = tmp_path / "run", [new_folder(tmp_path / "run") for _ in range(5)]
    places = {block.__enter__() for block in blocks}
    assert len(places) == 5
    blocks[0].__exit__(None, None, None)
    for block in blocks[1:]:
        assert not block.__exit__(ValueError, ValueError("stopped"), None)
    assert os.listdir(tmp_path) == [path.name]


def test_a_link_in_the_hidden_place_is_not_followed(tmp_path):
    (tmp_path / ".file.part").symlink_to(tmp_path / "theirs")
    for content in (None, b"theirs"):
        if content is not None:
            (tmp_path / "theirs").write_bytes(content)
        write_bytes(tmp_path / "file", b"mine")
        assert (tmp_path / "theirs").exists() == (content is not None)
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert not (tmp_path / "file").is_symlink()


def test_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"")
        with new_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


# Together


def test_together_is_all_or_nothing(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(ValueError, match="stopped"), together():
        write_bytes(tmp_path / "a", b"new")
        with new_folder(tmp_path / "b") as folder:
            write_bytes(folder / "inside", b"there at once")
            assert (folder / "inside").read_bytes() == b"there at once"
        raise ValueError("stopped")
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
    with together(), together():
        write_bytes(tmp_path / "a", b"new")
        with new_folder(tmp_path / "b"):
            pass
        assert sorted(os.listdir(tmp_path)) == [".a.part", ".b.part", "a"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    write_bytes(tmp_path / "a", b"after it")
    assert (tmp_path / "a").read_bytes() == b"after it"


def test_together_tidies_up_after_a_name_that_cannot_be_given(tmp_path):
    (tmp_path / "b" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="cannot be written") as caught, together():
        for name in ("a", "b", "c"):
            write_bytes(tmp_path / name, b"")
    assert caught.value.filename == str(tmp_path / "b")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


# Folders


def test_a_file_where_a_folder_is_to_be(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for place in (tmp_path / "file", tmp_path / "file" / "folder"):
        message = re.escape(f"{place}: expected a folder, or a place for one; found a file")
        with pytest.raises(ValueError, match=message):
            make_folder(place)


def test_a_removed_folder_is_never_seen_in_part(tmp_path):
    place = tmp_path / "run"
    (place / "a").mkdir(parents=True)
    (place / "b").write_bytes(b"")
    with killed(tmp_path, 4):  # in the middle of it
        remove_folder(place)
    assert not place.exists()
    assert leftovers(tmp_path) != []
    with new_folder(place):
        pass
    assert os.listdir(tmp_path) == ["run"]
    remove_folder(place)
    remove_folder(place)
    assert os.listdir(tmp_path) == []


def test_nothing_is_appended_to_a_file_that_is_gone(tmp_path):
    with pytest.raises(OSError, match=r"cannot be written \(No such file or directory\)"):
        append_bytes(tmp_path / "metrics.jsonl", b"")
    assert list(tmp_path.iterdir()) == []


# Nothing is written in another way

CHANGING = {"write_text", "mkdir", "makedirs", "touch", "unlink", "rmdir", "symlink_to", "tofile"}
CHANGING |= {"write_html", "write_image", "save_file", "hardlink_to"}
# These make bytes, if they are given something in memory.
ENCODING = {"to_csv", "to_parquet", "write_table", "savez", "np.save", "torch.save"}
OWN = {"interp.training.runs.files", "interp.training.runs.unfinished"}
ELSEWHERE = {
    ("interp.training.runs.folder", "unlink"),  # optimizer states that no resume needs
    ("interp.training.trainer.sink", "shutil.rmtree"),  # what a killed training left
    ("interp.training.trainer.sink", "unlink"),
    ("interp.training.sweep.claims", "open"),  # empty files, to be locked
    ("interp.training.sweep.store", "open"),
    ("interp.training.sweep.store", "os.replace"),  # a whole folder moves
    ("interp.training.sweep.store", "unlink"),
    ("interp.training.sweep.store", "makedirs"),  # of another file system
    ("interp.training.sweep.executors.work", "os.replace"),  # what is damaged is set aside
    ("interp.cli.terminal", "os.open"),  # /dev/null
    ("interp.training.sweep.plan.manifest", "write_table"),  # the rest in memory
    ("interp.training.tasks.table_file", "np.save"),
    ("interp.analysis.neurons.rows", "write_table"),
    ("interp.analysis.sweeps.sweep", "to_csv"),
    ("interp.cli.neurons", "to_parquet"),  # of a neuron table, which is written whole
    ("interp.cli.neurons", "write_table"),  # the one of the commands, as in the next
    ("interp.cli.pairs", "write_table"),
    ("interp.cli.repairing", "write_table"),
    ("interp.cli.retraining", "write_table"),
    ("interp.cli.experiment", "write_table"),
    ("interp.cli.compare", "write_table"),
    ("interp.cli.measures", "write_table"),
    ("interp.cli.parameters", "to_csv"),
    ("interp.cli.parameters", "to_parquet"),
    ("interp.exchange.plain", "savez"),
    ("interp.exchange.plain", "torch.save"),
}


def changes(node: ast.Call) -> str | None:
    """The name of a call that changes something on a disk; None of one that does not."""
    whole, name = ast.unparse(node.func), ast.unparse(node.func).rpartition(".")[2]
    module = whole.rpartition(".")[0]
    if module == "os":
        reading = name == "open" and "O_RDONLY" in ast.unparse(node)
        calls = ("open", "replace", "rename", "remove", "mkdir", "makedirs", "unlink", "rmdir")
        return whole if name in calls and not reading else None
    if module in ("shutil", "tempfile"):
        return whole if name not in ("which", "gettempdir", "get_terminal_size") else None
    if name == "open":
        told = [*node.args, *(one.value for one in node.keywords)]
        modes = [one.value for one in told if isinstance(one, ast.Constant)]
        return name if any(set("wax+") & set(str(mode)) for mode in modes) else None
    if name == "write_bytes":
        return whole if module else None  # the bare name is ours
    return next((one for one in (whole, name) if one in CHANGING | ENCODING), None)


def test_a_call_that_writes_is_seen():
    seen = ["os.open(p, os.O_WRONLY)", "p.mkdir()", "open(p, 'w')", "p.open(mode='ab')"]
    seen += ["p.write_bytes(b)", "shutil.copytree(a, b)", "frame.to_csv(p)", "torch.save(state, p)"]
    for code in seen:
        assert changes(ast.parse(code, mode="eval").body) is not None, code
    for code in (
        "os.open(p, os.O_RDONLY)",
        "p.open('rb')",
        "open(p)",
        "text.replace(a, b)",
        "write_bytes(p, b)",
    ):
        assert changes(ast.parse(code, mode="eval").body) is None, code


def test_everything_is_written_in_one_place():
    found = {
        (module, name)
        for module, path in MODULES.items()
        if module not in OWN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and (name := changes(node)) is not None
    }
    assert found == ELSEWHERE
