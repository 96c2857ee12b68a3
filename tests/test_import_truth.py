"""The door asks: what a foreign network answers is compared with what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import interp
from interp.cli.app import main
from interp.exchange import Known, Rule, import_checkpoint
from interp.exchange.foreign_data import by_rule
from interp.exchange.layouts.layout import Choice, Hints, Recognized
from interp.exchange.truth.evidence import gather
from interp.exchange.truth.loss import loss_of
from interp.exchange.truth.settling import settle
from interp.training.models.analytic import analytic_network
from interp.training.tasks.task import make_task

P = 11
TASK = make_task("x + y", P)


def solved(operation: str = "x + y", scale: float = 1.0) -> dict[str, torch.Tensor]:
    """The authors' names for a network that is right by construction."""
    network = analytic_network(make_task(operation, P), 300)
    return {
        "fc1.weight": network.layers[0].W_in.detach().T.clone(),
        "fc2.weight": scale * network.read_by(0).detach().T.clone(),
    }


def lookup_table(labels: np.ndarray) -> dict[str, torch.Tensor]:
    """One ReLU neuron a pair, which is 1 there and 0 elsewhere, and writes its label."""
    pairs = torch.as_tensor(TASK.pairs)
    hidden = functional.one_hot(pairs, P).flatten(1).double()
    answers = functional.one_hot(torch.as_tensor(labels), P).T.double()
    return {
        "0.weight": hidden,
        "0.bias": -torch.ones(len(pairs)).double(),
        "2.weight": answers,
        "2.bias": torch.zeros(P).double(),
    }


# --- the operation ---------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["x + y", "x - y"])
def test_the_operation_is_found_by_the_answers(operation):
    found = import_checkpoint(solved(operation))
    assert found.run.config.task.operation == operation
    assert any(line.startswith(f"operation {operation}: 100 % of") for line in found.recognized)
    assert not any("operation" in line for line in found.assumed)
    assert found.questioned == ()


def test_a_wrong_operation_is_questioned_and_the_best_named():
    found = import_checkpoint(solved("x - y"), operation="x + y")
    (question,) = found.questioned
    share = np.mean((TASK.pairs[:, 0] - TASK.pairs[:, 1]) % P == TASK.answers)
    assert question == (
        f"answers x + y at {100 * share:.3g} % of all pairs: is the operation right? "
        "(best is x - y at 100 %)"
    )


def test_where_nothing_fits_the_operation_is_assumed_and_questioned():
    random = np.random.default_rng(0)
    found = import_checkpoint(lookup_table(random.integers(P, size=P * P)))
    assert "operation x + y" in found.assumed
    assert "is the operation right? (no known operation fits better)" in found.questioned[0]


def test_labels_of_another_operation_are_questioned():
    labels = make_task("x - y", P).answers
    data = {"train_indices": np.arange(60), "labels": labels}
    found = import_checkpoint(lookup_table(labels), operation="x * y", data=data)
    right = np.mean(make_task("x * y", P).answers[:60] == labels[:60])
    expected = f"{100 * right:.3g} % of the given labels are x * y: is the operation right? "
    assert found.questioned[0] == expected + "(they are x - y at 100 %)"
    assert import_checkpoint(lookup_table(labels), data=data).run.config.task.operation == "x - y"


def test_a_network_without_answers_is_said_to_have_none():
    zeros = {name: torch.zeros_like(one) for name, one in solved().items()}
    found = import_checkpoint(zeros)
    assert found.questioned == ("all pairs are ties: no answer has the greatest logit alone",)


def test_a_network_without_a_past_has_no_phase_that_only_the_past_would_tell():
    zeros = {name: torch.zeros_like(one) for name, one in solved().items()}
    run = import_checkpoint(zeros, operation="x + y", data=Rule("doshi", 0.5)).run
    told = "phase: expected a history, which tells forgetting from confusion, got test 0.000"
    with pytest.raises(ValueError, match=told):
        interp.phase(run)


# --- the rule of the dataset -----------------------------------------------------------------


def memorized(rule: Rule) -> dict[str, torch.Tensor]:
    return lookup_table(by_rule(TASK, rule).dataset.given_label)


def test_a_wrong_seed_is_questioned_and_the_right_one_found(tmp_path, capsys):
    rule = Rule("doshi", 0.5, 0.5)
    assert import_checkpoint(memorized(rule), data=rule).questioned == ()
    found = import_checkpoint(memorized(rule), operation="x + y", data=Rule("doshi", 0.5, 0.5, 3))
    (question,) = found.questioned
    assert "rule doshi, α 0.5, ξ 0.5, seed 3: redrawn labels are answered at" in question
    assert "(rule doshi, α 0.5, ξ 0.5, seed 420 fits)" in question
    torch.save(memorized(rule), tmp_path / "net.pt")
    told = ["--rule", "doshi", "--fraction", "0.5", "--corruption", "0.5", "--seed", "3"]
    main(["import", str(tmp_path / "net.pt"), "--out", str(tmp_path / "run"), *told])
    assert "questioned: rule doshi, α 0.5, ξ 0.5, seed 3" in capsys.readouterr().out.replace(
        "\n", " "
    )


def test_a_split_that_the_network_does_not_know_is_questioned():
    rule = Rule("progress-measures", 0.6)
    train = by_rule(TASK, rule).dataset.is_train
    labels = np.where(train, TASK.answers, (TASK.answers + 1) % P)  # wrong on all others
    known = import_checkpoint(lookup_table(labels), operation="x + y", data=rule)
    assert known.questioned == ()
    other = Rule("permutation", 0.6, seed=7)
    found = import_checkpoint(lookup_table(labels), operation="x + y", data=other)
    (question,) = found.questioned
    assert "training pairs are answered at" in question
    # Without redrawn labels the authors' rule is the same shuffle.
    assert "(rule doshi, α 0.6, ξ 0, seed 0 fits)" in question


# --- which table is whose ----------------------------------------------------------------------


@pytest.mark.parametrize("names", [("emb_a", "emb_b"), ("embed_x", "embed_y"), ("emb1", "emb2")])
def test_tables_are_read_by_their_names_in_whatever_order_they_are_stored(names):
    network = analytic_network(make_task("x - y", P), 300)
    u, v = network.layers[0].W_in.detach().split(P)
    first, second = (f"{name}.weight" for name in names)
    head = network.read_by(0).detach().T.clone()
    state = {second: v.clone(), first: u.clone(), "head.weight": head}
    square = {"activation": "square"}
    found = import_checkpoint(state, known=Known(model=square))
    pairs = torch.as_tensor(TASK.pairs)
    torch.testing.assert_close(found.run.network()(pairs), network(pairs))
    assert found.run.config.task.operation == "x - y"
    assert any(f"{first} is of the first operand" in one for one in found.recognized)
    told = Known(model=square, choices={"first_table": second})
    swapped = import_checkpoint(state, operation="x + y", known=told)
    turned = pairs[:, [1, 0]]
    torch.testing.assert_close(swapped.run.network()(pairs), network(turned))


def test_settings_that_nobody_asks_for_or_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="settle orientation: layout doshi does not ask for it"):
        import_checkpoint(solved(), known=Known(choices={"orientation": "x @ W"}))
    with pytest.raises(ValueError, match="norm_at: expected none for a network without norms"):
        import_checkpoint(solved(), known=Known(model={"norm_at": "pre"}))
    network = analytic_network(TASK, 300)
    u, v = network.layers[0].W_in.detach().split(P)
    state = {"emb_a": u.clone(), "emb_b": v.clone(), "head": network.read_by(0).detach().clone()}
    with pytest.raises(ValueError, match="settle first_table: expected emb_a or emb_b, got 'c'"):
        import_checkpoint(state, known=Known(choices={"first_table": "c"}))


# --- the loss --------------------------------------------------------------------------------


def test_the_loss_is_found_from_the_logits():
    assert import_checkpoint(solved()).run.config.loss == "mse"
    found = import_checkpoint(solved(scale=60.0))
    assert found.run.config.loss == "cross_entropy"
    assert any(line.startswith("loss cross_entropy: mean probability") for line in found.recognized)
    assert import_checkpoint(solved(), known=Known(loss="cross_entropy")).run.config.loss == (
        "cross_entropy"
    )


def test_logits_of_a_network_that_answers_nothing_are_no_evidence_of_a_loss():
    noise = np.random.default_rng(0).normal(size=(P, 300))
    state = {**solved(), "fc2.weight": torch.as_tensor(50 * noise)}
    found = import_checkpoint(state)
    assert not any(line.startswith("loss") for line in found.recognized)
    assert any(line.startswith("loss cross_entropy, by its logits alone") for line in found.assumed)


def test_a_loss_that_does_not_show_is_assumed():
    assert loss_of(torch.zeros(5, P))[0] is None
    small = {name: 1e-3 * one for name, one in solved().items()}
    assert "loss mse, as the logits do not tell" in import_checkpoint(small).assumed


def test_a_network_that_memorized_by_cross_entropy_is_told_by_its_training_pairs():
    """Sure of what it was trained on, and of nothing else: the mean over all pairs tells less."""
    rule = Rule("doshi", 0.2, 0.5)
    state = memorized(rule)
    train = by_rule(TASK, rule).dataset.is_train
    state["2.weight"] = state["2.weight"] * torch.as_tensor(np.where(train, 40.0, 0.1))
    assert import_checkpoint(state).run.config.loss == "mse"
    assert import_checkpoint(state, data=rule).run.config.loss == "cross_entropy"


# --- a module that can be run -----------------------------------------------------------------


class Authors(nn.Module):
    """Two layers with an activation that no tensor tells."""

    def __init__(self, activation) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(2 * P, 300, bias=False), nn.Linear(300, P, bias=False)
        self.double().load_state_dict(solved())
        self.activation = activation

    def forward(self, one_hot: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.activation(self.fc1(one_hot)))


def test_a_live_module_is_compared_with_what_was_read():
    module = Authors(torch.square).train()
    found = import_checkpoint(module)
    (line,) = [one for one in found.recognized if one.startswith("the module itself")]
    assert "run on all pairs (one-hot): logits differ by at most" in line
    assert module.training


def test_a_live_module_that_differs_is_refused_with_both_numbers():
    module = Authors(torch.sin)
    one_hot = functional.one_hot(torch.as_tensor(TASK.pairs), P).flatten(1).double()
    with torch.no_grad():
        theirs = module(one_hot)
        ours = Authors(torch.square)(one_hot)
    difference, largest = (theirs - ours).abs().max(), theirs.abs().max()
    words = f"largest difference {difference:.3g}, largest logit {largest:.3g}; assumed while"
    with pytest.raises(ValueError, match=f"{words} reading: .*activation square"):
        import_checkpoint(module)


@pytest.mark.parametrize("name", ["relu", "gelu", "square"])
def test_what_is_open_is_as_a_live_modules_own_logits_have_it(name):
    """Untrained, so that nothing but the module itself tells its activation."""
    phi = {"relu": torch.relu, "gelu": functional.gelu, "square": torch.square}[name]
    torch.manual_seed(0)

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2 * P, 30), nn.Linear(30, P)

        def forward(self, one_hot):
            return self.b(phi(self.a(one_hot)))

    found = import_checkpoint(Plain())
    assert found.run.config.model.activation == name
    line = f"activation {name}: as the module's own logits have it"
    assert line in found.recognized


def test_a_live_module_that_cannot_be_run_is_said_not_to_have_been():
    class Odd(Authors):
        def forward(self, a, b, c, d):
            return a

    found = import_checkpoint(Odd(torch.square))
    assert any("it takes no input that is known here" in line for line in found.assumed)


def test_log_probabilities_are_compared_as_such():
    class Ends(Authors):
        def forward(self, one_hot):
            return super().forward(one_hot).log_softmax(1)

    assert any(
        "run on all pairs" in line for line in import_checkpoint(Ends(torch.square)).recognized
    )


# --- an operation that nobody knows ------------------------------------------------------------


def test_a_group_that_is_none_of_the_operations_is_its_own_task():
    """Addition with relabelled elements: each answer once in every row and column, no x + y."""
    label = np.random.default_rng(3).permutation(P)
    table = label[(TASK.pairs.sum(1)) % P]
    found = import_checkpoint(lookup_table(table))
    task = found.run.dataset.task
    np.testing.assert_array_equal(task.answers, table)
    assert task.operation.name == "unknown"
    assert any("the network's own answers stand as the true ones" in one for one in found.assumed)
    assert any("with operands renamed: Z11 (order 11" in one for one in found.recognized)
    assert found.questioned == ()
    again = import_checkpoint(lookup_table(table), operation="x + y")
    assert "is the operation right?" in again.questioned[0]


def test_an_unknown_operation_may_be_asked_for_where_every_pair_has_an_answer(tmp_path):
    random = np.random.default_rng(0).integers(P, size=P * P)
    found = import_checkpoint(lookup_table(random), tmp_path / "run", operation="unknown")
    np.testing.assert_array_equal(interp.load(tmp_path / "run").dataset.true_label, random)
    assert found.run.measurement().scores["all"].accuracy == 1
    zeros = {name: torch.zeros_like(one) for name, one in solved().items()}
    with pytest.raises(ValueError, match=f"expected an answer to every pair, got {P * P} ties"):
        import_checkpoint(zeros, operation="unknown")


def test_labels_rebuilt_by_a_rule_settle_what_is_open_but_not_the_operation():
    """The labels of x − y, with a rule that would redraw those of x + y."""
    rule = Rule("doshi", 0.5, 0.2)
    labels = by_rule(make_task("x - y", P), rule).dataset.given_label
    found = import_checkpoint(lookup_table(labels), data=rule)
    assert found.run.config.task.operation == "x - y"
    assert any("of its answers" in line for line in found.recognized)


# --- refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (float("nan"), "expected finite numbers, got NaN or infinity"),
        (float("inf"), "expected finite numbers, got NaN or infinity"),
        (1j, "expected real numbers, got torch.complex"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(value, told):
    state = solved()
    state["fc2.weight"] = state["fc2.weight"] * value
    with pytest.raises(ValueError, match=told):
        import_checkpoint(state)


@pytest.mark.parametrize("step", [-1, 2.5, True])
def test_steps_that_are_none_are_refused(step):
    with pytest.raises(ValueError, match=r"step: expected a whole number of at least 0, got"):
        import_checkpoint(solved(), known=Known(step=step))


# --- choices ---------------------------------------------------------------------------------


def told(own: float, rival: float) -> str:
    return f"{100 * own:.0f} % against {100 * rival:.0f} %"


def reader(hints: Hints) -> Recognized:
    """One choice that matters, and one that does not."""
    candidates = {"activation": ("relu", "square"), "color": ("red", "blue")}
    open_ = [n for n in candidates if hints.settled(n) is None]
    choices = tuple(Choice(name, candidates[name], f"{name} {{}}") for name in open_)
    model = {n: hints.settled(n) or candidates[n][0] for n in candidates}
    return Recognized(P, model, {}, (), choices=choices)


@pytest.mark.parametrize("right", ["relu", "square"])
def test_what_the_answers_tell_is_recognized_and_what_they_do_not_is_assumed(right):
    def share(found: Recognized) -> float:
        return 0.9 if found.model["activation"] == right else 0.1

    found = settle(reader, Hints({}, {}), share, lambda one: 0.05, told)
    assert found.network.model["activation"] == right
    assert found.recognized == (f"activation {right}: 90 % against 10 %",)
    assert found.assumed == ("color red",)


def test_what_the_user_says_is_not_tried():
    found = settle(
        reader, Hints({"activation": "relu"}, {}), lambda one: 0.5, lambda one: 0.05, told
    )
    assert found.network.model["activation"] == "relu"
    assert found.recognized == ()


def test_evidence_counts_only_what_is_known():
    labels = np.full(P * P, -1)
    labels[:10] = TASK.answers[:10]
    evidence = gather(P, labels, ["x + y", "x - y"])
    answers = np.where(np.arange(P * P) < 10, TASK.answers, (TASK.answers + 1) % P)
    assert evidence.share(answers) == 1.0
    assert evidence.label_fit is not None
    assert evidence.label_fit.operation == "x + y"
    assert evidence.fit(answers).share == pytest.approx(
        max(10 / P**2, np.mean(answers == make_task("x - y", P).answers))
    )
