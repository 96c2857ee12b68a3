"""The contracts of networks, rankings, losses and layouts once more, in S4 and D12."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

import interp
import tests.contracts.test_layouts as layouts
import tests.test_import as foreign
from interp.analysis.ablation.ranking import RANKINGS, order_by
from interp.analysis.neurons.read import neuron_table
from interp.exchange import Known, import_checkpoint
from interp.exchange.layouts.known import LAYOUTS
from interp.exchange.plain import write_state
from interp.exchange.publishing import publish
from interp.training.losses.loss import LOSSES
from interp.training.models.analytic import analytic_network
from interp.training.runs.run import Run, load
from interp.training.tasks.finite.names import named_group
from interp.training.tasks.task import make_task
from interp.training.trainer.loop import train, train_many
from tests.conftest import tiny_config
from tests.group_tables import relabelled
from tests.test_import_groups import answering

TASKS = {
    "S4": {"group": "S4"},
    "D12": {"group": "D12", "operation": "x * y^-1"},
}
MODELS = {
    "mlp": {"width": 16},
    "transformer": {"kind": "transformer", "d_model": 8, "n_heads": 2, "d_mlp": 12},
}
QUIET = "ignore::interp.analysis.neurons.classify.NotBimodalWarning"
pytestmark = pytest.mark.filterwarnings(QUIET)

each_group = pytest.mark.parametrize("group", TASKS)
each_kind = pytest.mark.parametrize("kind", MODELS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Run]:
    place = tmp_path_factory.mktemp("groups")
    return {
        (kind, group): train(tiny_config(task=task, model=model), place / f"{kind}-{group}")
        for kind, model in MODELS.items()
        for group, task in TASKS.items()
    }


@each_group
@each_kind
def test_a_run_folder_gives_the_network_back(kind, group, runs):
    run = runs[kind, group]
    found = load(run.path)
    assert found.dataset.task == run.dataset.task == make_task(**TASKS[group])
    pairs = torch.as_tensor(run.dataset.pairs)
    torch.testing.assert_close(found.network()(pairs), run.network()(pairs), rtol=0, atol=0)


@each_group
@each_kind
def test_runs_that_train_together_come_out_as_alone(kind, group):
    task, model = TASKS[group], MODELS[kind]
    configs = [tiny_config(task=task, model=model, seed=s, dtype="float64") for s in (0, 1)]
    for config, found in zip(configs, train_many(configs, run_axis=True), strict=True):
        alone = train(config).network().state_dict()
        for name, tensor in found.network().state_dict().items():
            torch.testing.assert_close(tensor, alone[name], rtol=1e-8, atol=1e-10)


@each_group
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_falls(name, group):
    run = train(tiny_config(task=TASKS[group], loss=name))
    first, last = (run.measurement(step).scores["train"].loss for step in (0, run.last_step))
    assert last < first


@each_group
@pytest.mark.parametrize("name", RANKINGS)
def test_every_ranking_orders_all_neurons(name, group, runs):
    table = neuron_table(runs["mlp", group])
    value = np.asarray(RANKINGS[name](table))
    assert np.isfinite(value).all()
    order = order_by(table, name, "lowest")
    assert sorted(order) == list(range(16))
    assert (np.diff(value[order]) >= 0).all()


@each_group
@each_kind
@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".npz"])
def test_what_is_exported_comes_in_again(suffix, kind, group, runs, tmp_path):
    run = runs[kind, group]
    write_state(run.network(), tmp_path / f"net{suffix}")
    known = Known(model={"n_heads": 2} if kind == "transformer" else {"activation": "square"})
    found = import_checkpoint(
        tmp_path / f"net{suffix}", operation=run.dataset.task.name, known=known
    )
    assert found.run.dataset.task == run.dataset.task
    pairs = torch.as_tensor(run.dataset.task.pairs)
    torch.testing.assert_close(found.run.network().logits(pairs), run.network().logits(pairs))


@pytest.mark.parametrize(("kind", "group"), [("transformer", "D12")])
def test_a_run_is_published_and_comes_in_again(kind, group, runs, tmp_path):
    run = runs[kind, group]
    place = publish(run, tmp_path / "hub")
    title = run.config.task.title
    assert title in (place / "README.md").read_text()
    (file,) = place.rglob("model.safetensors")
    known = Known(model={"n_heads": 2} if kind == "transformer" else {"activation": "square"})
    found = import_checkpoint(file, operation=title, known=known)
    pairs = torch.as_tensor(run.dataset.task.pairs)
    torch.testing.assert_close(found.run.network().logits(pairs), run.network().logits(pairs))


def test_a_transformer_is_reported(runs, tmp_path):
    """Of networks with one table of neurons the pages of groups are the test."""
    text = interp.report(runs["transformer", "D12"], tmp_path / "report.html").read_text()
    assert "x * y^-1 in D12" in text


@each_group
def test_a_solution_is_exported_and_its_group_read_off(group, tmp_path):
    """By construction it is right on all pairs; the file says nothing of the group."""
    task = make_task(group=group)
    write_state(analytic_network(task, 400), tmp_path / "net.safetensors")
    found = import_checkpoint(
        tmp_path / "net.safetensors", known=Known(model={"activation": "square"})
    )
    assert found.group.group.name == group
    np.testing.assert_array_equal(found.run.dataset.task.answers, task.answers)


# --- layouts --------------------------------------------------------------------------------------


@pytest.fixture()
def of_24(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks of the suite of layouts, for 24 operands."""
    task = make_task("x + y", 24)
    pairs = torch.as_tensor(task.pairs)
    hot = functional.one_hot(pairs, 24).double().flatten(1)
    for name, value in {"P": 24, "TASK": task, "PAIRS": pairs, "ONE_HOT": hot}.items():
        monkeypatch.setattr(foreign, name, value)
        if hasattr(layouts, name):
            monkeypatch.setattr(layouts, name, value)


@each_group
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_comes_in_as_a_network_of_the_group(name, group, of_24, tmp_path):
    written = layouts.WRITTEN[name]()
    known = Known(model=written.model)
    found = import_checkpoint(
        written.state, tmp_path / "run", operation=f"x * y in {group}", known=known
    )
    assert found.layout == name
    foreign.assert_same_logits(found, written.logits)
    run = load(tmp_path / "run")
    assert run.dataset.task == make_task(group=group)
    assert run.measurement().scores["all"].accuracy == pytest.approx(
        (written.logits.argmax(dim=1).numpy() == run.dataset.task.answers).mean()
    )


def paired(table: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One neuron a pair: rows that read the first and second operand, and columns of answers."""
    first, second = functional.one_hot(torch.cartesian_prod(*[torch.arange(24)] * 2)).unbind(1)
    answer = functional.one_hot(torch.as_tensor(table.ravel()), 24)
    return first.double(), second.double(), answer.double()


def solved_linear(table: np.ndarray) -> dict[str, torch.Tensor]:
    return answering(table)


def solved_quadratic(table: np.ndarray) -> dict[str, torch.Tensor]:
    """The pair's neuron is 4, those that share an operand 1; these add one vote to each answer."""
    first, second, answer = paired(table)
    return {"fc1.weight": torch.cat([first, second], dim=1), "fc2.weight": answer.T.contiguous()}


def solved_raw(table: np.ndarray) -> dict[str, torch.Tensor]:
    first, second, answer = paired(table)
    tables = {"W_x": torch.eye(24).double(), "W_y": torch.eye(24).double()}
    return {**tables, "W": torch.cat([first, second], dim=1).T.contiguous(), "W_U": answer}


def solved_transformer(table: np.ndarray) -> dict[str, torch.Tensor]:
    """Two heads copy the operands to the last position, by their places; the MLP is one of pairs.

    The stream: 24 of tokens and answers, 24 of each operand there, 3 of positions.
    """
    first, second, answer = paired(table)
    eye, d = torch.eye(24).double(), 75
    state = {
        "embed.W_E": torch.zeros(25, d).double(),
        "pos_embed.W_pos": torch.zeros(3, d).double(),
        **{f"blocks.0.attn.W_{part}": torch.zeros(3, d, 25).double() for part in "QKV"},
        "blocks.0.attn.W_O": torch.zeros(3, 25, d).double(),
        "blocks.0.mlp.W_in": torch.zeros(d, 576).double(),
        "blocks.0.mlp.b_in": -torch.ones(576).double(),
        "blocks.0.mlp.W_out": torch.zeros(576, d).double(),
        "blocks.0.mlp.b_out": torch.zeros(d).double(),
        "unembed.W_U": torch.zeros(d, 24).double(),
    }
    state["embed.W_E"][:24, :24] = state["unembed.W_U"][:24] = eye
    state["pos_embed.W_pos"][:, 72:] = torch.eye(3)
    for head in (0, 1):
        state["blocks.0.attn.W_Q"][head, 74, 0] = 1000
        state["blocks.0.attn.W_K"][head, 72 + head, 0] = 1
        state["blocks.0.attn.W_V"][head, :24, :24] = eye
        state["blocks.0.attn.W_O"][head, :24, 24 * (head + 1) : 24 * (head + 2)] = eye
    state["blocks.0.mlp.W_in"][24:48] = first.T
    state["blocks.0.mlp.W_in"][48:72] = second.T
    state["blocks.0.mlp.W_out"][:, :24] = answer
    return state


SOLVED = {
    "mlp": solved_linear,
    "doshi": solved_quadratic,
    "raw": solved_raw,
    "transformer-lens": solved_transformer,
}


@each_group
@pytest.mark.parametrize("name", SOLVED)
def test_the_group_is_read_off_in_every_layout_that_can_be_written_down(name, group):
    table = relabelled(named_group(group).table, 3)
    known = Known(model={"activation": "square"} if name == "raw" else {})
    found = import_checkpoint(SOLVED[name](table), known=known)
    assert found.layout == name
    assert (found.group.group.name, found.group.form, found.group.share) == (group, "x · y", 1)
    np.testing.assert_array_equal(found.run.dataset.task.answers, table.ravel())
    assert found.run.measurement().scores["all"].accuracy == 1
