"""Every command once, in a folder of its own: ``python -m tests.chaos.offline PLACE ANSWERS``.

``--alone`` says that this is a network namespace of its own, whose loopback is still down.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import struct
import sys
from pathlib import Path
from typing import Any

import torch
import yaml

from tests.chaos.clients import Client
from tests.chaos.commands import explorer
from tests.chaos.forked import command
from tests.chaos.kinds import GRID, RECIPE, TINY

COMMANDS = """
train config.yaml --out run
train config.yaml --out run
train transformer.yaml --out transformer
ipr run --figure ipr.html --table neurons.csv
ipr run --json
prune run --draws 3 --save pruned --figure pruned.html
spectrum run
spectrum run --neuron 3 --figure neuron.html --template paper
heads transformer
measure
measure needed run --json
measure bands run --history --table bands.parquet
report run --draws 2 --measures bands embeddings
sweep grid.yaml --dry-run
sweep grid.yaml --out sweep --executor serial
sweep grid.yaml --out workers --workers 2
sweep status sweep
collect sweep --workers 1
phases sweep --figure phases.html
reproduce
reproduce recipe.yaml --out tried --executor serial
import net.pth --out taken
export run net.safetensors
publish run published
demo --out demo --steps 3 --json
ipr nowhere
publish run hub --push nobody/nothing
"""
# The one command that is meant to reach a network, where somebody asks for it.
REACHES = "--push"
_FLEETING = (
    (r"\d+(\.\d+)? ?(runs/s|cells/s|s\b|ms\b|min\b)", "TIME"),
    (
        r'"(seconds|training_seconds|date|cells_per_second|seconds_left|dip_p_value)": [^,}]+',
        "TIME",
    ),
    (r"port \d+|127\.0\.0\.1:\d+|token=\S+", "PORT"),
)


def prepare(place: Path) -> None:
    """The files that the commands read."""
    small = {**TINY, "model": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12}}
    whole = {"config": TINY, "grid": GRID, "recipe": RECIPE, "transformer": {**small, "steps": 3}}
    for name, values in whole.items():
        (place / f"{name}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    chance = torch.Generator().manual_seed(0)
    state = {
        "fc1.weight": torch.randn(16, 22, generator=chance),
        "fc2.weight": torch.randn(11, 16, generator=chance),
    }
    torch.save(state, place / "net.pth")


def raise_loopback() -> None:
    """What every machine has, with a network or without."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = struct.pack("16sh", b"lo", 0)
        (flags,) = struct.unpack_from("16xh", fcntl.ioctl(control, 0x8913, asked))
        fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", flags | 1))


def said(line: str) -> dict[str, Any]:
    found = command(line.split())
    words = {"out": found.out, "err": found.err, "escaped": found.escaped or ""}
    for name, text in words.items():
        for pattern, short in _FLEETING:
            text = re.sub(pattern, short, text)
        words[name] = text
    return {"command": line, "code": found.code, **words}


def explored(place: Path) -> dict[str, Any]:
    errors = place / "explorer.txt"
    with explorer(place, errors) as server:
        Client(server.address).load("run", sweep="sweep")
    return {"command": "explore", "code": 0, "err": errors.read_text()}


def main() -> None:
    place, answers = Path(sys.argv[1]), Path(sys.argv[2])
    if "--alone" in sys.argv:
        raise_loopback()
        names = [name for _, name in socket.if_nameindex()]
        assert names == ["lo"], names
    place.mkdir()
    prepare(place)
    os.chdir(place)
    found = [said(line) for line in COMMANDS.strip().splitlines()]
    found.append(explored(place))
    answers.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
