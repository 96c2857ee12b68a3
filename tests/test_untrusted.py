"""Files that somebody else wrote: deep, broad, endless or of another kind; refused in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import interp
from interp.analysis.sweeps.options import values_of
from interp.cli.run_flags import _parsed
from interp.explorer.listing import listed_run
from interp.reproduction.recipe import find_recipe, parse_recipe
from interp.training.config.plain_data import read_config
from interp.training.untrusted import MOST_BYTES, parse_json, parse_yaml, read_regular, read_text

DEEP = "[" * 20_000 + "]" * 20_000
# Nine lists of nine of the list before: 387 million entries from 500 letters.
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


@pytest.mark.parametrize("parse", [parse_json, parse_yaml])
def test_what_is_nested_too_deeply_is_refused(parse):
    with pytest.raises(ValueError, match="nested too deeply"):
        parse(DEEP)


def test_the_depth_of_yaml_has_a_limit_of_its_own():
    assert parse_yaml("a: " + "[" * 98 + "]" * 98)["a"] != []
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_yaml("a: " + "[" * 101 + "]" * 101)


@pytest.mark.parametrize("text", [BOMB, "&a [*a]", "a: &a {b: *a}"])
def test_aliases_that_make_much_of_little_are_refused(text):
    with pytest.raises(ValueError, match="aliases make more than 100000 entries of it"):
        parse_yaml(text)


def test_honest_aliases_are_read():
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: [*a, *a]") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": [[1, 2], [1, 2]],
    }
    assert parse_yaml("") is None


@pytest.mark.parametrize("text", [DEEP, BOMB])
def test_every_reader_of_yaml_refuses_them(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    readers = [
        lambda: read_config(path),
        lambda: parse_recipe(text, "own.yaml"),
        lambda: find_recipe(str(path)),
        lambda: values_of([f"steps={text}"]),
        lambda: _parsed(text),
    ]
    for read in readers:
        with pytest.raises(ValueError, match=r"nested too deeply|aliases make more"):
            read()


def test_a_run_with_a_deep_configuration_is_told(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text('{"format": 1, "task": ' + DEEP + "}")
    with pytest.raises(ValueError, match="not a JSON configuration"):
        interp.load(folder)
    assert "not a JSON configuration" in str(listed_run("run", folder))


@pytest.fixture()
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


def test_pipes_and_devices_are_not_waited_for(pipe, tmp_path):
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ValueError, match="expected a regular file, got a pipe or a device"):
            read_text(path)
        with pytest.raises(ValueError, match="expected a regular file"):
            read_config(path)
    with pytest.raises(OSError, match="Is a directory"):
        read_regular(tmp_path)


def test_weights_that_are_a_pipe_are_not_waited_for(tiny_folder, pipe):
    weights = max((tiny_folder / "checkpoints").glob("*/model.safetensors"))
    weights.unlink()
    os.mkfifo(weights)
    with pytest.raises(ValueError, match="expected a regular file"):
        interp.load(tiny_folder).network()
    assert "the newest checkpoint is damaged" in str(listed_run("tiny", tiny_folder))


def test_a_text_without_end_is_refused_unread(tmp_path):
    path = tmp_path / "long.yaml"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ValueError, match=f"expected at most {MOST_BYTES} bytes"):
        read_config(path)


def test_a_grid_whose_base_is_a_device_is_refused(tmp_path):
    from interp.training.sweep.plan.grid import read_grid

    path = tmp_path / "grid.yaml"
    path.write_text("base: /dev/full\naxes: {steps: [1, 2]}\n")
    with pytest.raises(ValueError, match="expected a regular file"):
        read_grid(path)


def test_json_of_many_entries_is_read():
    assert len(parse_json(json.dumps(list(range(200_000))))) == 200_000
