"""The trainer against a textbook loop, its determinism, and the paper's outcomes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interp.analysis.ablation.by_class import prune_by_class
from interp.analysis.neurons.classify import classify
from interp.analysis.neurons.read import neuron_table
from interp.analysis.phases.phase import phase
from interp.training.config.run_config import parse_config
from interp.training.models.kinds import initial_network
from interp.training.runs.run import Run, load
from interp.training.trainer.loop import dataset_of, train
from interp.training.trainer.schedule import checkpoint_steps, evaluation_steps
from tests.conftest import tiny_config

OPTIMIZERS = {
    "adamw": {"name": "adamw", "lr": 0.01, "weight_decay": 3.0, "betas": [0.8, 0.95], "eps": 1e-6},
    "sgd": {"name": "sgd", "lr": 0.5, "weight_decay": 0.1, "momentum": 0.7},
}


def textbook(config) -> list[np.ndarray]:
    """One-hot inputs, autograd, and the update rules written out; weights after the last step."""
    data = dataset_of(config)
    p = data.task.p
    eye = torch.eye(p, dtype=getattr(torch, config.dtype))
    pairs = torch.as_tensor(data.pairs[data.is_train])
    inputs = torch.cat([eye[pairs[:, 0]], eye[pairs[:, 1]]], dim=1)
    target = torch.as_tensor(data.given_label[data.is_train])
    weights = [w.detach().clone() for w in initial_network(config, data.task).parameters()]
    first = [torch.zeros_like(w) for w in weights]
    second = [torch.zeros_like(w) for w in weights]
    o = config.optimizer
    for step in range(1, config.steps + 1):
        for w in weights:
            w.requires_grad_()
        logits = (inputs @ weights[0]) ** 2 @ weights[1]
        if config.loss == "mse":
            loss = ((logits - eye[target]) ** 2).mean()
        else:
            loss = -torch.log_softmax(logits, 1).gather(1, target[:, None]).mean()
        gradients = torch.autograd.grad(loss, weights)
        for i, (w, g) in enumerate(zip(weights, gradients, strict=True)):
            w = w.detach()
            if o.name == "adamw":
                b1, b2 = o.betas
                first[i] = b1 * first[i] + (1 - b1) * g
                second[i] = b2 * second[i] + (1 - b2) * g**2
                mean, square = first[i] / (1 - b1**step), second[i] / (1 - b2**step)
                w = w * (1 - o.lr * o.weight_decay) - o.lr * mean / (square.sqrt() + o.eps)
            else:
                g = g + o.weight_decay * w
                first[i] = g if step == 1 else o.momentum * first[i] + g
                w = w - o.lr * first[i]
            weights[i] = w
    return [w.numpy() for w in weights]


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_equals_the_textbook(name, loss):
    config = tiny_config(optimizer=OPTIMIZERS[name], loss=loss, dtype="float64")
    found = train(config).network()
    for weight, expected in zip(found.parameters(), textbook(config), strict=True):
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_evaluating_and_saving_more_often_changes_nothing():
    often = {"evaluations": 100, "checkpoints": 30, "checkpoint_steps": [5, 6, 7]}
    rare = {"evaluations": 1, "checkpoints": 0}
    one, two = (train(tiny_config(schedule=schedule)) for schedule in (often, rare))
    for a, b in zip(one.network().parameters(), two.network().parameters(), strict=True):
        assert torch.equal(a, b)
    assert {5, 6, 7} <= set(one.steps)


def test_memory_and_folder_give_the_same_run(tiny_run):
    memory = train(tiny_config())
    assert memory.steps == tiny_run.steps
    assert memory.measurements == tiny_run.measurements
    for step in memory.steps:
        for name, array in memory.weights[step].items():
            np.testing.assert_array_equal(array, tiny_run.weights[step][name])


def test_a_finished_run_is_loaded_not_trained_again(tiny_folder):
    before = (tiny_folder / "DONE").read_bytes()
    again = train(tiny_config(), tiny_folder, progress=lambda *_: pytest.fail("trained again"))
    assert again.finished
    assert (tiny_folder / "DONE").read_bytes() == before


def test_run_folder_says_what_it_is(tiny_run):
    assert tiny_run.path is not None
    assert load(tiny_run.path).config == tiny_config()
    card = (tiny_run.path / "README.md").read_text()
    assert "α = 0.6" in card
    assert "| corrupted |" in card


def test_dataset_survives_the_folder(tiny_run):
    fresh = dataset_of(tiny_config())
    for field in ("pairs", "true_label", "given_label", "is_train", "is_redrawn"):
        np.testing.assert_array_equal(getattr(tiny_run.dataset, field), getattr(fresh, field))


def test_evaluation_schedule_thins_out():
    """Steps t_i = T (i/n)²: the gap at the end is 2T/n = 2000/119."""
    steps = evaluation_steps(1000, 120)
    gaps = np.diff(steps)
    assert steps[0] == 0
    assert steps[-1] == 1000
    assert gaps[:8].max() <= 2
    assert gaps[-1] == pytest.approx(2000 / 119, abs=1)
    assert evaluation_steps(3, 120) == [0, 1, 3]
    assert evaluation_steps(7, 1) == [0, 7]


def test_checkpoint_schedule_is_logarithmic_with_listed_steps():
    steps = checkpoint_steps(1000, 4, (77, 3))
    assert steps == [0, 1, 3, 10, 77, 100, 1000]


# Outcomes of the reference paper (p 97, N 500, α 0.5, ξ 0.35), as lowest and highest accuracy.
# Full inversion has settled, within ±0.03 of the paper's. Partial inversion is still moving at step
# 500, where rounding alone moves a seed by 0.03: the authors' own code gives 0.77–0.79 (corrupted
# 0.34–0.39), a textbook loop (autograd, float32, torch's AdamW) corrupted 0.33–0.38, and seeds
# 0–5 here train 0.762–0.784 (corrupted 0.320–0.382) on an Intel processor, with the arithmetic of
# AVX-512, AVX2 and SSE4.2. The bounds are 0.01 to 0.02 wider than all of these. The 0.44 that the
# paper's figure shows for corrupted is what this setting has near step 300.
PAPER = {
    "partial inversion": (
        5,
        {"train": (0.75, 0.80), "test": (0.97, 1), "corrupted": (0.30, 0.41), "clean": (0.97, 1)},
    ),
    "full inversion": (
        15,
        {"train": (0.623, 0.683), "test": (0.97, 1), "corrupted": (0, 0.037), "clean": (0.97, 1)},
    ),
}


def paper_run(weight_decay: float, steps: int, seed: int, **changes: object) -> Run:
    return train(
        parse_config(
            {
                "data": {"corruption": 0.35},
                "optimizer": {"weight_decay": weight_decay},
                "steps": steps,
                "seed": seed,
                "schedule": {"evaluations": 20, "checkpoints": 2},
                **changes,
            }
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPER)
def test_the_papers_inversions(name):
    """One seed; the spread of several is in the scoreboard, whose recipes ask for it."""
    weight_decay, expected = PAPER[name]
    run = paper_run(weight_decay, 500, seed=0)
    found = run.measurement().scores
    for split, (low, high) in expected.items():
        assert low <= found[split].accuracy <= high, split
    assert phase(run).name == name


@pytest.mark.slow
def test_the_main_job():
    """Coexistence, then pruning the low-IPR neurons: what `interp demo` promises."""
    run = paper_run(0, 1000, 0)
    before = run.measurement().scores
    assert before["train"].accuracy >= 0.96
    assert before["test"].accuracy >= 0.96
    assert before["corrupted"].accuracy >= 0.92
    assert phase(run).name == "coexistence"
    table = neuron_table(run)
    result = prune_by_class(run, table, classify(table))
    assert result.after["corrupted"].accuracy <= 0.03
    assert result.after["corrected"].accuracy >= 0.98
    assert result.after["test"].accuracy >= 0.99
    assert result.pruned >= 300
    assert result.control["test"]["accuracy"]["high"] < 0.5
    # Reference histogram: 341 neurons below 0.15, 144 above 0.4, mean IPR 0.28.
    assert (table.ipr < 0.15).sum() == pytest.approx(341, abs=25)
    assert (table.ipr > 0.4).sum() == pytest.approx(144, abs=20)
    assert table.mean_ipr == pytest.approx(0.28, abs=0.03)
