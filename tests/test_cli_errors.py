"""Bad input at the command line: one line, exit code 2, and nothing written or damaged."""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path

import jaxtyping
import pytest
import torch

from interp.cli.app import main
from interp.training.runs.folder import checkpoint_path

TINY = """
task: {p: 11}
data: {fraction: 0.6, corruption: 0.3}
model: {width: 16}
steps: 30
schedule: {evaluations: 10, checkpoints: 4}
"""


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file with its bytes, every folder with None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    """The only line that a refused command prints."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    assert out == ""
    assert err.startswith("interp: ") and err.endswith("\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err.removeprefix("interp: ").rstrip("\n")


@pytest.fixture()
def desk(tmp_path, monkeypatch) -> Path:
    """The folder that a user works in: a configuration, a note, nothing else."""
    # As users have it: nothing checks the types of arguments before the code does.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    Path("notes").mkdir()
    Path("notes/note.txt").write_text("mine")
    return tmp_path


TRAINING = [
    ("--task.p=1", "task.p: expected a number ≥ 2 and ≤ 2048, got 1"),
    ("--task.p=12 --task.operation=x/y", "task.p: 'x / y' needs a prime modulus, got 12"),
    ("--task.p=2.5", "task.p: expected a whole number, got 2.5"),
    ("--task.p=eleven", "task.p: expected a whole number, got 'eleven'"),
    ("--task.operation=x//y", "task.operation: unknown operation 'x//y'; expected one of 'x + y'"),
    ("--task.operation=x+", "task.operation: 'x+' is no polynomial in x and y (column 3)"),
    ("--task.operation=__import__('os').mkdir('made')", "task.operation: \"__import__('os').mkdir"),
    ("--task.operation=x**99999999", "expected powers of at most 64, got 99999999"),
    ("--task.operation=1or", "task.operation: '1or' is no polynomial in x and y"),
    ("--data.fraction=1.1", "data.fraction: expected a number ≥ 0 and ≤ 1, got 1.1"),
    ("--data.fraction=-1", "data.fraction: expected a number ≥ 0 and ≤ 1, got -1"),
    ("--data.fraction=nan", "data.fraction: expected a number ≥ 0 and ≤ 1, got 'nan'"),
    ("--data.fraction=0", "data.fraction: 0.0 of 121 pairs leaves an empty training set"),
    ("--data.corruption=2", "data.corruption: expected a number ≥ 0 and ≤ 1, got 2"),
    ("--data.corruption=-0.1", "data.corruption: expected a number ≥ 0 and ≤ 1, got -0.1"),
    ("--data.corruption=some", "data.corruption: expected a number, got 'some'"),
    (
        "--data.kind=mixed",
        "data.kind: expected 'uniform', 'wrong', 'symmetric', 'blocks' or 'given', got 'mixed'",
    ),
    ("--data.corruptoin=0.1", "got --data.corruptoin; nearest is --data.corruption"),
    ("--data.fraction", "--data.fraction: expected a value, got none"),
    ("--model.width=0", "model.width: expected a number ≥ 1, got 0"),
    ("--model.width=true", "model.width: expected no truth value, got True"),
    ("--model.n_heads 3", "model.n_heads: expected no value for kind mlp, got 3"),
    ("--model.kind=transformer", "model.width: expected no value for kind transformer, got 16"),
    ("--model.depth=1", "model.depth: expected a number ≥ 2 and ≤ 32, got 1"),
    ("--model.dropout=1", "model.dropout: expected a number ≥ 0 and < 1, got 1"),
    ("--model.dropout=-0.5", "model.dropout: expected a number ≥ 0 and < 1, got -0.5"),
    ("--model.init=mup", "model.init: expected auto, paper, he, lazy for kind mlp, got 'mup'"),
    ("--model.bias=perhaps", "model.bias: expected true or false, got 'perhaps'"),
    (
        "--model.norm=batch --optimizer.batch_size=1",
        "model.norm: expected at least 2 examples in a batch for 'batch', got 1; one example has",
    ),
    ("--optimizer.batch_size=74", "expected at most the 73 training examples, got 74"),
    ("--optimizer.batch-size=few", "optimizer.batch_size: expected a whole number, got 'few'"),
    ("--optimizer.warmup=31", "optimizer.warmup: expected at most the 30 steps of the run, got 31"),
    ("--optimizer.decayed=[attn.*]", "optimizer.decayed: pattern 'attn.*' fits none of blocks.0.m"),
    ("--optimizer.decayed=W", "optimizer.decayed: expected a list, got 'W'"),
    ("--optimizer.name=lion", "optimizer.name: expected 'adamw', 'adam', 'sgd' or 'muon', got 'l"),
    ("--device=tpu", "device: expected auto, cpu or cuda, got 'tpu'"),
    ("--optimizer.lr=fast", "optimizer.lr: expected a number, got 'fast'"),
    ("--optimizer.betas=[0.9,1.5]", "optimizer.betas: expected two numbers ≥ 0 and < 1, got [0.9,"),
    ("--optimizer.betas=[0.9]", "optimizer.betas: expected two numbers ≥ 0 and < 1, got [0.9]"),
    ("--schedule.checkpoint_steps=[31]", "checkpoint_steps: expected steps from 0 to 30, got 31"),
    ("--schedule.checkpoint-steps=5", "schedule.checkpoint_steps: expected a list, got 5"),
    ("--steps=0", "steps: expected a number ≥ 1 and ≤ 1e+09, got 0"),
    ("--steps=1" + "0" * 400, "steps: expected a number ≥ 1 and ≤ 1e+09, got 1000"),
    ("--seed=-1", "seed: expected a number ≥ 0, got -1"),
    ("--nonsense=1", "train: expected one of its options, got --nonsense; nearest is --seed"),
    ("surplus", "train: expected no more arguments, got 'surplus' besides"),
]


@pytest.mark.parametrize(("flags", "message"), TRAINING)
def test_train_refuses_a_flag(desk, capsys, flags, message):
    before = contents(desk)
    assert message in complaint(capsys, "train", "tiny.yaml", "--out", "new", *flags.split())
    assert contents(desk) == before


TRANSFORMERS = [
    ("--model.n_heads 3", "model.n_heads: expected a divisor of d_model = 8, got 3"),
    ("--model.n_heads 0", "model.n_heads: expected a number ≥ 1, got 0"),
    ("--model.width 16", "model.width: expected no value for kind transformer, got 16"),
    ("--model.depth 3", "model.depth: expected no value for kind transformer, got 3"),
    (
        "--model.init he",
        "model.init: expected auto, transformer_lens, mup, doshi for kind transformer, go",
    ),
    (
        "--model.d_mlp 0 --model.dropout 0.5",
        "model.dropout: expected 0 for an attention-only network, which has no neurons, got 0.5",
    ),
    (
        "--model.d_mlp 0 --model.norm batch",
        "model.norm: expected none or layer for an attention-only network, got 'batch'",
    ),
    ("--model.attention masked", "model.attention: expected 'bidirectional' or 'causal', got 'mas"),
]


@pytest.mark.parametrize(("flags", "message"), TRANSFORMERS)
def test_train_refuses_a_flag_of_a_transformer(desk, capsys, flags, message):
    model = "model: {kind: transformer, d_model: 8, n_heads: 2, d_mlp: 12}"
    Path("tiny.yaml").write_text(TINY.replace("model: {width: 16}", model))
    before = contents(desk)
    assert message in complaint(capsys, "train", "tiny.yaml", "--out", "new", *flags.split())
    assert contents(desk) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there to be used")
def test_train_refuses_a_gpu_that_is_absent(desk, capsys):
    before = contents(desk)
    found = complaint(capsys, "train", "tiny.yaml", "--out", "new", "--device", "cuda")
    assert found == "device: cuda was asked for, but torch finds no CUDA device; use cpu or auto"
    assert contents(desk) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "configuration run.yaml: no such file"),
        ("task: {p: [", "configuration run.yaml: not valid YAML (line 1: "),
        ("- p", "configuration run.yaml: expected a mapping of fields, got list"),
        ("97", "configuration run.yaml: expected a mapping of fields, got int"),
        ("a: !!python/object/apply:os.mkdir ['made']", "not valid YAML (line 1: could not determ"),
        ("data: {corruptoin: 1}", "data.corruptoin: unknown configuration key; nearest is data.c"),
        ("width: 16", "width: unknown configuration key; nearest is model.width"),
        ("data: 0.5", "data: expected a mapping of fields, got 0.5"),
        ("optimizer: {lr: fast}", "optimizer.lr: expected a number, got 'fast'"),
        ("model: {width: yes}", "model.width: expected no truth value, got True"),
    ],
)
def test_train_refuses_a_file(desk, capsys, content, message):
    if content is not None:
        Path("run.yaml").write_text(content)
    before = contents(desk)
    assert message in complaint(capsys, "train", "run.yaml", "--out", "new")
    assert contents(desk) == before


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("notes", "notes: expected a new folder or a run, it holds something else"),
        ("tiny.yaml", "tiny.yaml: expected a new folder or a run, it holds something else"),
        ("tiny.yaml/run", "tiny.yaml/run: expected a place in a folder, that is a file"),
    ],
)
def test_train_refuses_a_place(desk, capsys, out, message):
    before = contents(desk)
    assert complaint(capsys, "train", "tiny.yaml", "--out", out) == message
    assert contents(desk) == before


def test_train_refuses_a_folder_of_another_run(desk, capsys, tiny_run):
    before = contents(tiny_run.path)
    for flag, difference in (
        ("--task.operation=x-y", "task.operation is 'x + y' there, 'x-y' was asked for"),
        ("--optimizer.lr=0.5", "optimizer.lr is 0.01 there, 0.5 was asked for"),
        ("--seeds.split=3", "seeds.split is None there, 3 was asked for"),
        ("--steps=31", "steps is 30 there, 31 was asked for"),
        ("--model.norm=layer", "model.norm is 'none' there, 'layer' was asked for"),
    ):
        found = complaint(capsys, "train", "tiny.yaml", "--out", tiny_run.path, flag)
        assert found == f"{tiny_run.path}: holds another run's configuration: {difference}"
    assert contents(tiny_run.path) == before


def test_train_refuses_a_folder_in_use(desk, capsys, tiny_folder):
    (tiny_folder / "DONE").unlink()
    before = contents(tiny_folder)
    with (tiny_folder / "config.json").open("rb") as other_process:
        fcntl.flock(other_process, fcntl.LOCK_EX)
        found = complaint(capsys, "train", "tiny.yaml", "--out", tiny_folder)
    assert found == f"{tiny_folder}: another process is training in this folder"
    assert contents(tiny_folder) == before


def test_not_enough_memory_is_one_line(desk, capsys):
    found = complaint(capsys, "train", "tiny.yaml", "--out", "new", "--model.width=9" + "0" * 14)
    assert found.startswith("not enough memory (")
    assert not (desk / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nonsense", "expected one of demo, train, ipr, prune, filter"),
        ("train", "train: expected --out, got none"),
        ("ipr", "ipr: expected RUN, got none"),
        ("demo --steps 0 --out new", "steps: expected a number ≥ 1 and ≤ 1e+09, got 0"),
        ("demo --steps many --out new", "--steps: expected a whole number, got 'many'"),
        ("demo --seed=-1 --out new", "seed: expected a number ≥ 0, got -1"),
    ],
)
def test_command_refuses(desk, capsys, arguments, message):
    before = contents(desk)
    assert message in complaint(capsys, *arguments.split())
    assert contents(desk) == before


THRESHOLD = "threshold: expected auto, null or an IPR between 0 and 1, got "

READING = [
    (
        "measure needed RUN --layers 3",
        "measure needed: expected one of its options, got --layers; --help lists them; its own "
        "options: --accuracy",
    ),
    ("ipr RUN --step 7", "no checkpoint at step 7; expected one of 0, 1, 3, 10, 30"),
    ("ipr RUN --step last", "--step: expected a whole number, got 'last'"),
    ("prune RUN --step 31", "no checkpoint at step 31; expected one of 0, 1, 3, 10, 30"),
    ("spectrum RUN --step -1", "step: expected a whole number of at least 0, got -1"),
    ("ipr RUN --step=-1", "step: expected a whole number of at least 0, got -1"),
    ("prune RUN --step=-1", "step: expected a whole number of at least 0, got -1"),
    ("measure needed RUN --step=-1", "step: expected a whole number of at least 0, got -1"),
    ("measure phase RUN --at=-1", "step: expected a whole number of at least 0, got -1"),
    ("export RUN new.safetensors --step=-1", "step: expected a whole number of at least 0, got -1"),
    ("heads RUN --step=-1", "step: expected a whole number of at least 0, got -1"),
    ("ipr RUN --threshold high", THRESHOLD + "'high'"),
    ("ipr RUN --threshold nan", THRESHOLD + "nan"),
    ("ipr RUN --threshold inf", THRESHOLD + "inf"),
    ("prune RUN --threshold 1", THRESHOLD + "1.0"),
    ("prune RUN --threshold -0.2", THRESHOLD + "-0.2"),
    ("report RUN --threshold 0", THRESHOLD + "0.0"),
    ("prune RUN --threshold 0.999 --save new", "threshold 0.999 prunes every neuron of 16; IPRs"),
    ("prune RUN --threshold 0.001 --save new", "threshold 0.001 prunes no neuron of 16; IPRs"),
    (
        "prune RUN --threshold 0.3 --draws -1",
        "draws: expected a whole number of at least 1, got -1",
    ),
    ("prune RUN --threshold 0.3 --draws 0", "draws: expected a whole number of at least 1, got 0"),
    ("prune RUN --draws few", "--draws: expected a whole number, got 'few'"),
    (
        "report RUN --threshold 0.3 --draws -5",
        "draws: expected a whole number of at least 0, got -5",
    ),
    ("prune RUN --threshold 0.3 --save notes", "notes: expected a new or empty folder, it has"),
    ("prune RUN --threshold 0.3 --save RUN", "expected a new or empty folder, it has contents"),
    ("prune RUN --threshold 0.3 --save tiny.yaml/x", "expected a place in a folder, that is a f"),
    (
        "prune RUN --threshold 0.3 --save new --figure a.gif",
        "figure a.gif: expected a name that ends in .html",
    ),
    ("ipr RUN --threshold 0.3 --figure a.jpg", "figure a.jpg: expected a name that ends in .html"),
    (
        "ipr RUN --threshold 0.3 --figure none/a.html",
        "figure none/a.html: expected an existing folder, none is none",
    ),
    (
        "ipr RUN --threshold 0.3 --figure a.html --table a.xlsx",
        "table a.xlsx: expected a name that ends in .parquet or .csv",
    ),
    (
        "ipr RUN --threshold 0.3 --table none/a.csv",
        "table none/a.csv: expected an existing folder, none is none",
    ),
    ("spectrum RUN --figure a", "figure a: expected a name that ends in .html"),
    ("report RUN --threshold 0.3 --out a.pdf", "report a.pdf: expected a name that ends in .html"),
    (
        "report RUN --threshold 0.3 --out none/a.html",
        "report none/a.html: expected an existing folder, none is none",
    ),
    ("spectrum RUN --neuron 16", "neuron: expected 0 to 15, got 16"),
    ("spectrum RUN --neuron -1 --figure a.html", "neuron: expected 0 to 15, got -1"),
    ("ipr notes", "notes: expected a run folder (with config.json), found none"),
    ("prune missing", "missing: expected a run folder (with config.json), found none"),
    ("report tiny.yaml", "tiny.yaml: expected a run folder (with config.json), found none"),
]


@pytest.mark.parametrize(("arguments", "message"), READING)
def test_reading_refuses(desk, capsys, tiny_run, arguments, message):
    before = contents(desk), contents(tiny_run.path)
    words = arguments.replace("RUN", str(tiny_run.path)).split()
    assert message in complaint(capsys, *words)
    assert (contents(desk), contents(tiny_run.path)) == before


def newer_format(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "format": 2}))


def truncate(folder: Path) -> None:
    path = checkpoint_path(folder, 30)
    path.write_bytes(path.read_bytes()[:1000])


def flip_a_bit(folder: Path) -> None:
    path = checkpoint_path(folder, 30)
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


DAMAGES = [
    (newer_format, "config.json: written in format 2; this version reads up to 1, update interp"),
    (
        lambda folder: (folder / "config.json").write_text('{"format": 1,'),
        "config.json: not a JSON configuration; truncated or altered",
    ),
    (
        lambda folder: (folder / "dataset.safetensors").unlink(),
        "dataset.safetensors: expected a safetensors file, found none",
    ),
    (
        lambda folder: checkpoint_path(folder, 30).unlink(),
        "step-000030/model.safetensors: expected a safetensors file, found none",
    ),
    (truncate, "model.safetensors: not a complete safetensors file (1000 bytes); truncated"),
    (flip_a_bit, "model.safetensors: contents do not match their digest; the file was altered"),
    (
        lambda folder: checkpoint_path(folder, 30).write_bytes(b"\x80\x04K\x01."),
        "model.safetensors: expected a safetensors file, got a pickle; refused unread",
    ),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_damaged_run_is_refused_by_every_command(desk, capsys, tiny_folder, damage, message):
    damage(tiny_folder)
    (tiny_folder / "DONE").unlink()
    before = contents(desk)
    for command in ("ipr", "prune", "spectrum", "report", "train tiny.yaml --out"):
        assert message in complaint(capsys, *command.split(), tiny_folder)
    assert contents(desk) == before


def test_a_run_without_the_newest_checkpoint_says_which_it_has(desk, capsys, tiny_folder):
    shutil.rmtree(checkpoint_path(tiny_folder, 30).parent)
    found = complaint(capsys, "ipr", tiny_folder, "--step", "30")
    assert found.endswith("no checkpoint at step 30; expected one of 0, 1, 3, 10")


def test_weights_of_another_network_are_refused_by_every_command(desk, capsys, tiny_folder):
    Path("other.yaml").write_text(
        TINY.replace("width: 16", "kind: transformer, d_model: 8, n_heads: 2, d_mlp: 12")
    )
    main(["train", "other.yaml", "--out", "other"])
    path = checkpoint_path(tiny_folder, 30)
    path.write_bytes(checkpoint_path(desk / "other", 30).read_bytes())
    (tiny_folder / "DONE").unlink()
    before = contents(desk)
    message = f"{path}: tensor blocks.0.attn.W_K is unknown to this network; expected blocks.0."
    for command in ("ipr", "prune", "spectrum", "report", "train tiny.yaml --out"):
        assert complaint(capsys, *command.split(), tiny_folder).startswith(message)
    assert contents(desk) == before


def test_diverging_training_exits_with_1(desk, capsys):
    Path("wild.yaml").write_text(TINY + "optimizer: {name: sgd, lr: 1.0e+30}\n")
    with pytest.raises(SystemExit) as ended:
        main(["train", "wild.yaml", "--out", "new"])
    assert ended.value.code == 1
    out, err = capsys.readouterr()
    assert out == ""
    # Progress lines may stand before it.
    assert err.splitlines()[-1] == (
        "interp: loss is no longer finite at step 1; the checkpoint of step 0 is kept"
    )
    assert "Traceback" not in err
