"""Damage, full disks and killed processes: refused or repaired, never passed on."""

from __future__ import annotations

import errno
import io
import itertools
import json
import multiprocessing
import os
import pickle
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import pytest
import safetensors.numpy
import torch

from interp.cli.app import main
from interp.training.config.run_config import RunConfig
from interp.training.runs.files import FORMAT, write_bytes
from interp.training.runs.folder import checkpoint_path, optimizer_path
from interp.training.runs.metadata import append_measurement
from interp.training.runs.run import Run, load
from interp.training.runs.tensor_file import read_tensors, write_tensors
from interp.training.trainer import sink
from interp.training.trainer.loop import DivergenceError, Interrupted, train
from tests.curves import curves_of

from .conftest import tiny_config

ROOT = Path(__file__).parent.parent


def refused(message: str):
    """Expects a ValueError that contains the text."""
    return pytest.raises(ValueError, match=re.escape(message))


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a run folder but DONE, which tells the time that training took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "DONE"
    }


def hidden(folder: Path) -> list[Path]:
    """What a write leaves behind that did not end."""
    return list(folder.rglob(".*"))


def cut_off(folder: Path) -> None:
    """Makes of a finished run one that was stopped after step 10."""
    (folder / "DONE").unlink()
    for path in checkpoint_path(folder, 30).parent.iterdir():
        path.unlink()
    checkpoint_path(folder, 30).parent.rmdir()


# Damage to a tensor file


def altered_copies(raw: bytes):
    """The file with one bit flipped: every bit of its header, one of every byte after it."""
    header = 8 + int.from_bytes(raw[:8], "little")
    for position in range(len(raw)):
        for bit in range(8) if position < header else (position % 8,):
            copy = bytearray(raw)
            copy[position] ^= 1 << bit
            yield position, bytes(copy)


@pytest.fixture()
def unchecked(monkeypatch):
    """Signatures as users meet them, and thousands of calls in a second."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize("content", ["weights", "nothing"])
def test_no_flipped_bit_passes(tiny_run, tmp_path, unchecked, content):
    source = checkpoint_path(tiny_run.path, 30)
    if content == "nothing":  # as an optimizer remembers before its first step
        source = tmp_path / "empty.safetensors"
        write_tensors(source, {}, {"step": "0"})
    truth, about = read_tensors(source)
    copy = tmp_path / "copy.safetensors"
    for position, content in altered_copies(source.read_bytes()):
        copy.write_bytes(content)
        try:
            found, found_about = read_tensors(copy)
        except ValueError as error:
            assert str(error).startswith(f"{copy}: "), position
            assert "\n" not in str(error), position
        else:
            assert found_about == about, position
            assert found.keys() == truth.keys(), position
            for key in truth:
                np.testing.assert_array_equal(found[key], truth[key], strict=True)


def test_flipped_bit_in_the_numbers_is_seen(tiny_run, tmp_path):
    raw = bytearray(checkpoint_path(tiny_run.path, 30).read_bytes())
    raw[-5] ^= 1
    path = tmp_path / "model.safetensors"
    path.write_bytes(raw)
    with refused(f"{path}: contents do not match their digest; the file was altered"):
        read_tensors(path)


def test_truncated_file_is_refused_at_every_length(tiny_run, tmp_path, unchecked):
    raw = checkpoint_path(tiny_run.path, 30).read_bytes()
    path = tmp_path / "model.safetensors"
    for length in {*range(20), *range(20, len(raw), 13), len(raw) - 1}:
        path.write_bytes(raw[:length])
        with refused(f"{path}: not a complete safetensors file ({length} bytes); truncated or "):
            read_tensors(path)


def test_truncated_configuration_is_refused_at_every_length(tiny_folder, unchecked):
    path = tiny_folder / "config.json"
    raw = path.read_bytes().rstrip()
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        with refused("config.json: not a JSON configuration; truncated or altered"):
            load(tiny_folder)


def test_missing_file_and_folder_in_its_place(tmp_path):
    with refused("absent.safetensors: expected a safetensors file, found none"):
        read_tensors(tmp_path / "absent.safetensors")
    with refused(": cannot be read (Is a directory)"):
        read_tensors(tmp_path)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format": str(FORMAT + 1)}, "written in format 2; this version reads up to 1, update in"),
        ({"format": "new"}, "expected a format number, got 'new'"),
        (None, "expected a format number, got None"),
        ({"format": str(FORMAT)}, "contents do not match their digest; the file was altered"),
    ],
)
def test_safetensors_of_others_and_of_the_future(tmp_path, metadata, message):
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors.numpy.save({"w": np.zeros(3)}, metadata=metadata))
    with refused(message):
        read_tensors(path)


class Bomb:
    """Whoever unpickles it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", [*range(pickle.HIGHEST_PROTOCOL + 1), "torch", "old torch"])
def test_pickle_is_refused_unread(tiny_folder, tmp_path, form):
    made = tmp_path / "made"
    if isinstance(form, int):
        content = pickle.dumps(Bomb(made), protocol=form)
    else:
        buffer = io.BytesIO()
        torch.save(Bomb(made), buffer, _use_new_zipfile_serialization=form == "torch")
        content = buffer.getvalue()
    path = checkpoint_path(tiny_folder, 30)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(f"{path}: ")) as caught:
        load(tiny_folder).network()
    expected = {
        0: "not a complete safetensors file",
        1: "not a complete safetensors file",
        "torch": "expected a safetensors file, got a zip archive (torch.save); refused unread",
    }.get(form, "expected a safetensors file, got a pickle; refused unread")
    assert expected in str(caught.value)
    assert not made.exists()
    if isinstance(form, int):
        pickle.loads(content)
        assert made.exists(), "the pickle does what the test is about"


# Tensor files that are whole and do not fit


def change(**changes: np.ndarray | None) -> Callable[[dict[str, np.ndarray]], dict]:
    """Replaces arrays, adds them, or with None takes them away; dots are spelt ``__``."""

    def apply(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        named = {name.replace("__", "."): array for name, array in changes.items()}
        return {k: v for k, v in {**arrays, **named}.items() if v is not None}

    return apply


WEIGHTS = [
    (change(unembed__W_U=None), "tensor unembed.W_U is missing; expected blocks.0.mlp.W_in, unem"),
    (change(bias=np.zeros(16)), "tensor bias is unknown to this network; expected blocks.0.mlp.W"),
    (
        change(unembed__W_U=np.zeros((11, 16))),
        "tensor unembed.W_U: expected shape (16, 11), got (11, 16)",
    ),
    (
        change(blocks__0__mlp__W_in=np.zeros(22 * 16)),
        "tensor blocks.0.mlp.W_in: expected shape (22, 16), got (352,)",
    ),
]


@pytest.mark.parametrize(("altering", "message"), WEIGHTS)
def test_weights_that_do_not_fit(tiny_folder, altering, message):
    path = checkpoint_path(tiny_folder, 30)
    arrays, about = read_tensors(path)
    write_tensors(path, altering(arrays), about)
    with refused(f"{path}: {message}"):
        load(tiny_folder).network(30)
    assert load(tiny_folder).network(10).width == 16, "others are not touched"
    (tiny_folder / "DONE").unlink()
    before = files(tiny_folder)
    with refused(f"{path}: {message}"):
        train(tiny_config(), tiny_folder)
    assert files(tiny_folder) == before


@pytest.mark.parametrize(
    ("altering", "message"),
    [
        (
            change(is_train=None),
            "tensor is_train: expected shape (121,) for x + y mod 11, got none",
        ),
        (
            change(weight=np.ones(121)),
            "tensor weight: expected shape none for x + y mod 11, got (1",
        ),
        (change(given_label=np.zeros(120, dtype=np.int32)), "expected shape (121,) for x + y mod "),
        (change(pairs=np.zeros((2, 121), dtype=np.int32)), "tensor pairs: expected shape (121, 2)"),
    ],
)
def test_dataset_that_does_not_fit(tiny_folder, altering, message):
    path = tiny_folder / "dataset.safetensors"
    arrays, about = read_tensors(path)
    write_tensors(path, altering(arrays), about)
    with refused(f"{path}: ") as caught:
        load(tiny_folder)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("optimizer", "altering", "message"),
    [
        (
            {},
            change(**{"unembed__W_U/exp_avg": None}),
            "tensor unembed.W_U/exp_avg: expected shape (16, 11), got none",
        ),
        (
            {},
            change(**{"unembed__W_U/exp_avg": np.zeros((11, 16))}),
            "tensor unembed.W_U/exp_avg: expected shape (16, 11), got (11, 16)",
        ),
        (
            {"name": "sgd", "momentum": 0.9},
            lambda arrays: {},
            "tensor blocks.0.mlp.W_in/momentum_buffer: expected shape (22, 16), got none",
        ),
        ({"name": "sgd"}, change(speed=np.ones(2)), "tensor speed: expected shape none, got (2,)"),
    ],
)
def test_optimizer_state_that_does_not_fit(tmp_path, optimizer, altering, message):
    config = tiny_config(optimizer=optimizer)
    train(config, tmp_path / "run")
    cut_off(tmp_path / "run")
    path = optimizer_path(tmp_path / "run", 10)
    arrays, about = read_tensors(path)
    write_tensors(path, altering(arrays), about)
    with refused(f"{path}: {message}"):
        train(config, tmp_path / "run")


# The score history


def test_half_written_score_line_is_left_out_and_repaired(tiny_folder, tiny_run):
    cut_off(tiny_folder)
    history = tiny_folder / "metrics.jsonl"
    whole = history.read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for cut in [*range(last, len(whole), 50), len(whole) - 1]:
        history.write_bytes(whole[:cut])
        assert load(tiny_folder).measurements == tiny_run.measurements[:-1]
    train(tiny_config(), tiny_folder)
    assert history.read_bytes() == whole
    assert files(tiny_folder) == files(tiny_run.path)


def test_leftovers_of_a_killed_process_are_cleared_away(tiny_folder, tiny_run):
    cut_off(tiny_folder)
    half = tiny_folder / "checkpoints" / ".step-000030.ab12cd34"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    for name in (".metrics.jsonl.ab12cd34", ".README.md.ab12cd34", ".DONE.ab12cd34"):
        (tiny_folder / name).write_bytes(b"half")
    (tiny_folder / ".gitattributes").write_bytes(b"mine")
    assert load(tiny_folder).steps == [0, 1, 3, 10], "a reader does not see them"
    train(tiny_config(), tiny_folder)
    assert [path.name for path in hidden(tiny_folder)] == [".gitattributes"]
    (tiny_folder / ".gitattributes").unlink()
    assert files(tiny_folder) == files(tiny_run.path)


# Two at a time


def test_second_process_in_the_same_folder(tmp_path, tiny_run):
    folder = tmp_path / "tiny"
    attempts = []

    def intrude(step: int, _: object) -> None:
        if step in (0, 5, 30):
            with refused(f"{folder}: another process is training in this folder"):
                train(tiny_config(), folder)
            attempts.append(load(folder).steps)

    train(tiny_config(), folder, intrude)
    assert attempts == [[0], [0, 1, 3], [0, 1, 3, 10, 30]], "reading is allowed"
    assert files(folder) == files(tiny_run.path)


def test_run_that_another_process_finishes_first_is_loaded(tmp_path, monkeypatch, tiny_run):
    """The other one finishes between our look at the folder and our lock."""
    folder = tmp_path / "tiny"
    real = sink._exclusive

    def late(path: Path) -> Any:
        monkeypatch.setattr(sink, "_exclusive", real)
        train(tiny_config(), path)
        return real(path)

    monkeypatch.setattr(sink, "_exclusive", late)
    assert train(tiny_config(), folder).finished
    assert files(folder) == files(tiny_run.path)


# Divergence


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("steps", [1, 30])
def test_divergence_names_the_step_and_keeps_the_last_good_checkpoint(
    tmp_path, loss, optimizer, steps
):
    """One update of this size makes the logits overflow; with one step, nothing follows it."""
    config = tiny_config(loss=loss, optimizer={"name": optimizer, "lr": 1e30}, steps=steps)
    message = "loss is no longer finite at step 1; the checkpoint of step 0 is kept"
    for _ in range(2):  # the same command again ends in the same way
        with pytest.raises(DivergenceError, match=f"^{message}$"):
            train(config, tmp_path / "run")
        found = load(tmp_path / "run")
        assert not found.finished
        assert found.steps == [0]
        assert [row.step for row in found.measurements] == [0]
        assert np.isfinite(curves_of(found.network())).all()
        assert not hidden(tmp_path)


def test_divergence_in_memory():
    with pytest.raises(DivergenceError, match="no longer finite at step 1; the checkpoint of step"):
        train(tiny_config(optimizer={"name": "sgd", "lr": 1e30}))


# Ctrl-C


@pytest.mark.parametrize("at", [0, 5, 28])
def test_interrupt_saves_and_resuming_gives_the_same_network(tmp_path, tiny_run, at):
    def press(step: int, _: object) -> None:
        if step == at:
            signal.raise_signal(signal.SIGINT)

    folder, before = tmp_path / "tiny", signal.getsignal(signal.SIGINT)
    message = f"^stopped at step {at + 1} of 30; the same command resumes$"
    with pytest.raises(Interrupted, match=message):
        train(tiny_config(), folder, press)
    assert signal.getsignal(signal.SIGINT) is before
    assert load(folder).last_step == at + 1
    resumed = train(tiny_config(), folder)
    found, expected = files(folder), files(tiny_run.path)
    for step in tiny_run.steps:
        name = f"checkpoints/step-{step:06d}/model.safetensors"
        assert found[name] == expected[name]
    assert resumed.steps == tiny_run.steps
    assert resumed.measurements == tiny_run.measurements
    assert {one.name for one in (folder / "checkpoints").iterdir()} == {
        one.name for one in (tiny_run.path / "checkpoints").iterdir()
    }


def test_second_interrupt_stops_at_once(tmp_path, tiny_run):
    def press_twice(step: int, _: object) -> None:
        if step == 5:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    folder = tmp_path / "tiny"
    with pytest.raises(KeyboardInterrupt) as caught:
        train(tiny_config(), folder, press_twice)
    assert not isinstance(caught.value, Interrupted)
    train(tiny_config(), folder)
    assert files(folder) == files(tiny_run.path)


def test_interrupt_in_memory_says_that_nothing_is_saved():
    def press(step: int, _: object) -> None:
        if step == 0:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted, match=r"^stopped at step 1 of 30; nothing saved$"):
        train(tiny_config(), None, press)


# A full disk

NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def run_command(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[str]]:
    """Exit code of a command and the lines of standard error that report no progress."""
    capsys.readouterr()
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        code = int(ended.code or 0)
    lines = capsys.readouterr().err.splitlines()
    return code, [line for line in lines if not line.startswith("step ")]


def config_file(folder: Path, config: RunConfig) -> Path:
    path = folder / "config.yaml"
    path.write_text(json.dumps(config.to_dict()))
    return path


@pytest.mark.parametrize(
    ("fine", "name"),
    [
        (0, ""),
        (1, ""),
        (3, ""),
        (4, "/metrics.jsonl"),
        (5, "/checkpoints/step-000000"),
        (6, "/checkpoints/step-000000"),
        (10, "/checkpoints/step-000003"),
        (14, "/checkpoints/step-000030"),
        (15, "/README.md"),
        (16, "/DONE"),
    ],
)
def test_full_disk_while_training(tmp_path, capsys, monkeypatch, tiny_run, fine, name):
    """The disk takes so many files; the next one, and all after it, find no space."""
    folder, count, real = tmp_path / "tiny", itertools.count(), os.fsync

    def fsync(descriptor: int) -> None:
        if next(count) >= fine:
            raise NO_SPACE
        real(descriptor)

    config = config_file(tmp_path, tiny_config())
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fsync)
        code, lines = run_command(capsys, "train", config, "--out", folder)
    assert (code, lines) == (
        2,
        [f"interp: {folder}{name}: cannot be written (No space left on device)"],
    )
    assert not hidden(tmp_path)
    assert folder.exists() == (fine >= 4), "a run folder appears whole or not at all"
    if folder.exists():
        left = load(folder)
        assert not left.finished
        for step in left.steps:
            assert np.isfinite(curves_of(left.network(step))).all()
    assert run_command(capsys, "train", config, "--out", folder) == (0, [])
    assert files(folder) == files(tiny_run.path)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("prune RUN --threshold 0.3 --draws 2 --save OUT", "OUT"),
        ("report RUN --threshold 0.3 --draws 2 --out OUT.html", "OUT.html"),
        ("ipr RUN --threshold 0.3 --figure OUT.html", "OUT.html"),
        ("ipr RUN --threshold 0.3 --table OUT.parquet", "OUT.parquet"),
        ("ipr RUN --threshold 0.3 --table OUT.csv", "OUT.csv"),
    ],
)
def test_full_disk_while_writing_results(tmp_path, capsys, monkeypatch, tiny_run, arguments, name):
    def fsync(descriptor: int) -> None:
        raise NO_SPACE

    monkeypatch.setattr(os, "fsync", fsync)
    places = {"RUN": str(tiny_run.path), "OUT": str(tmp_path / "out")}
    for short, long in places.items():
        arguments, name = arguments.replace(short, long), name.replace(short, long)
    assert run_command(capsys, *arguments.split()) == (
        2,
        [f"interp: {name}: cannot be written (No space left on device)"],
    )
    assert not list(tmp_path.iterdir())


def test_old_content_stays_when_the_new_cannot_be_written(tmp_path, monkeypatch):
    def fsync(descriptor: int) -> None:
        raise NO_SPACE

    path = tmp_path / "file"
    write_bytes(path, b"old")
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=r"cannot be written \(No space left on device\)") as caught:
        write_bytes(path, b"new")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# Other processes. A fork server has loaded torch once, so each costs only a fork; it has started
# no thread that a fork would lose.


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.test_faults", "torch._dynamo"])
    return context


def _command_with_small_files(answer: Connection, limit: int, arguments: list[str]) -> None:
    """Runs a command that may write no file of more than ``limit`` bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    code, sys.stderr = 0, io.StringIO()
    try:
        main(arguments)
    except SystemExit as ended:
        code = int(ended.code or 0)
    answer.send((code, sys.stderr.getvalue()))


@pytest.mark.parametrize(
    ("limit", "optimizer", "name"),
    [
        (500, "adamw", ""),  # config.json
        (2000, "adamw", ""),  # dataset.safetensors
        (3000, "adamw", "/checkpoints/step-000000"),  # model.safetensors
        (5000, "adamw", "/checkpoints/step-000001"),  # optimizer.safetensors, empty at step 0
        (4500, "sgd", "/metrics.jsonl"),  # which grows line by line, so a part of one is left
    ],
)
def test_file_size_limit(tmp_path, processes, limit, optimizer, name):
    config = tiny_config(optimizer={"name": optimizer})
    expected = train(config, tmp_path / "whole" / "tiny")
    folder = tmp_path / "tiny"
    ours, theirs = processes.Pipe()
    arguments = ["train", str(config_file(tmp_path, config)), "--out", str(folder)]
    process = processes.Process(
        target=_command_with_small_files, args=(theirs, limit, arguments), daemon=True
    )
    process.start()
    theirs.close()
    code, err = ours.recv()
    process.join()
    assert code == 2
    assert [line for line in err.splitlines() if not line.startswith("step ")] == [
        f"interp: {folder}{name}: cannot be written (File too large)"
    ]
    assert not hidden(tmp_path)
    if name == "/metrics.jsonl":
        assert not (folder / "metrics.jsonl").read_bytes().endswith(b"\n"), "half a line"
    if name:
        left = load(folder)
        assert left.measurements == expected.measurements[: len(left.measurements)]
        for step in left.steps:
            assert np.isfinite(curves_of(left.network(step))).all()
    train(config, folder)
    assert files(folder) == files(tmp_path / "whole" / "tiny")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _training_that_dies(folder: Path, where: str, count: int) -> None:
    """Trains and is killed at the ``count``-th time that it comes to a place."""
    times = itertools.count(1)
    progress = None
    if where == "step":

        def progress(step: int, _: object) -> None:
            if step == count:
                _die()
    elif where == "append":

        def half(run: Path, measurement: Any) -> None:
            if next(times) == count:
                with (run / "metrics.jsonl").open("ab") as file:
                    file.write(json.dumps(measurement.to_dict()).encode()[:99])
                _die()
            append_measurement(run, measurement)

        sink.append_measurement = half
    else:
        real = getattr(os, where)

        def fatal(*arguments: Any) -> None:
            if next(times) == count:
                _die()
            real(*arguments)

        setattr(os, where, fatal)
    train(tiny_config(), folder, progress)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("fsync", 1),  # config.json of a folder that is being made
        ("fsync", 4),  # its README.md
        ("replace", 5),  # the folder about to appear
        ("fsync", 5),  # a run without checkpoints
        ("fsync", 7),  # half a checkpoint, step 0
        ("replace", 9),  # the checkpoint about to appear
        ("append", 2),
        ("step", 2),
        ("fsync", 13),  # half of step 10
        ("step", 17),
        ("append", 10),  # scored at the last step, not saved
        ("fsync", 15),
        ("step", 30),
        ("fsync", 16),  # the model card
        ("replace", 23),  # DONE about to appear
    ],
)
def test_killed_training_resumes_bit_for_bit(tmp_path, processes, tiny_run, where, count):
    folder = tmp_path / "tiny"
    process = processes.Process(target=_training_that_dies, args=(folder, where, count))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    if folder.exists():
        left = load(folder)
        assert not left.finished
        assert left.measurements == tiny_run.measurements[: len(left.measurements)]
        for step in left.steps:
            left.network(step)
    assert train(tiny_config(), folder).finished
    assert files(folder) == files(tiny_run.path)
    assert not hidden(folder)


# The command as a user starts and stops it


START = "from interp.cli.app import main; main()"


def longer_config() -> RunConfig:
    """Of a size at which there is time to stop it."""
    size = {"task": {"p": 31}, "model": {"width": 128}}
    return tiny_config(**size, steps=1500, schedule={"evaluations": 30, "checkpoints": 8})


@pytest.fixture(scope="module")
def longer_run(tmp_path_factory) -> Run:
    return train(longer_config(), tmp_path_factory.mktemp("uninterrupted") / "longer")


def stopped_command(folder: Path, number: signal.Signals) -> tuple[int, str]:
    """Exit code and last line of ``interp train``, sent a signal at a tenth of its steps."""
    config = config_file(folder.parent, longer_config())
    process = subprocess.Popen(
        [sys.executable, "-c", START, "train", str(config), "--out", str(folder)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    with process:
        assert process.stderr is not None
        lines = iter(process.stderr)
        for line in lines:
            if line.startswith("step 150 of 1500"):
                process.send_signal(number)
                break
        rest = list(lines)
    return process.returncode, rest[-1] if rest else ""


def test_command_killed_and_started_again(tmp_path, longer_run):
    folder = tmp_path / "longer"
    code, _ = stopped_command(folder, signal.SIGKILL)
    assert code == -signal.SIGKILL
    left = load(folder)
    assert not left.finished
    assert left.steps == longer_run.steps[: len(left.steps)]
    train(longer_config(), folder)
    assert files(folder) == files(longer_run.path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_interrupted_and_started_again(number, tmp_path, longer_run):
    folder = tmp_path / "longer"
    code, line = stopped_command(folder, number)
    assert code == 130
    stopped = load(folder).last_step
    assert line == f"interp: stopped at step {stopped} of 1500; the same command resumes\n"
    train(longer_config(), folder)
    final = "checkpoints/step-001500/model.safetensors"
    assert files(folder)[final] == files(longer_run.path)[final]
    scheduled = {row.step: row for row in load(folder).measurements}
    assert all(scheduled[row.step] == row for row in longer_run.measurements)


def test_weights_of_another_step_are_refused(tiny_folder):
    """A file that was copied over another one is whole, and still wrong."""
    shutil.copy(checkpoint_path(tiny_folder, 0), checkpoint_path(tiny_folder, 30))
    with pytest.raises(ValueError, match="expected weights of step 30, got 0's"):
        load(tiny_folder).network()
