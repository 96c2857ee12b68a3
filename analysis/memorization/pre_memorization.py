"""Pre-memorization accuracy: who answered the truth before holding on to the given label?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from interp.analysis.caption import place
from interp.analysis.measure import measure
from interp.analysis.memorization.logits import answers_of, logits_of
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.training.arguments import share
from interp.training.display import Result
from interp.training.runs.run import Run

if TYPE_CHECKING:
    import pandas as pd

TAUS = (0.1, 0.2, 0.3, 0.5)  # a small table of thresholds stands beside the one asked for
# What is compared with τ, by loss. The logits of MSE are to become 0 and 1, of which a softmax over
# p answers is flat.
HELD = {"mse": "logit", "cross_entropy": "probability"}


@dataclass(frozen=True, repr=False)
class PreMemorization(Result):
    """The score of the training examples, and what predicts the test accuracy without it.

    Attributes:
        tau: from which value of its given label on an example counts as memorized.
        each: of every training example at ``tau``, 0 or 1, in the order of the pairs.
        is_wrong: of each, whether its given label is not the true one.
        means: by τ, means of the score over ``all``, ``clean`` and ``wrong`` training examples;
            None where there are none.
        controls: by name, of the newest network: ``test_accuracy``, ``train_accuracy``, the share
            ``answers_truth`` of training examples that it answers truly, ``mean_ipr``; None for
            what does not exist.
        value: what is compared with τ.
        caption: of the run; how many checkpoints.
    """

    tau: float
    each: Bool[np.ndarray, " example"]
    is_wrong: Bool[np.ndarray, " example"]
    means: Mapping[float, Mapping[str, float | None]]
    controls: Mapping[str, float | None]
    value: str
    caption: str

    MAIN: ClassVar[tuple[str, ...]] = ("score", "test_accuracy", "answers_truth")
    COLUMNS: ClassVar[tuple[str, ...]] = ("value", "all", "clean", "wrong")

    @property
    def note(self) -> str:
        """What the controls are."""
        return (
            "controls, of the newest network: accuracies, the share of training examples that it "
            "answers truly whatever was memorized when, mean IPR"
        )

    def values(self) -> dict[str, float | None]:
        """``score``, ``score_clean``, ``score_wrong``, the controls, and ``tau_0.1`` and so on."""
        own = self.means[self.tau]
        return {
            "score": own["all"],
            "score_clean": own["clean"],
            "score_wrong": own["wrong"],
            **self.controls,
            **{f"tau_{tau:g}": self.means[tau]["all"] for tau in TAUS},
        }

    def to_pandas(self) -> pd.DataFrame:
        """A row a threshold, and a row a control."""
        import pandas as pd

        rows = {
            f"tau_{tau:g}": {
                "value": f"score, τ {tau:g}{', asked for' if tau == self.tau else ''}",
                "control": False,
                **means,
            }
            for tau, means in sorted(self.means.items())
        }
        others = {
            name: {"value": name.replace("_", " "), "control": True, "all": value}
            for name, value in self.controls.items()
        }
        return pd.DataFrame.from_dict({**rows, **others}, orient="index").rename_axis(index="what")


def no_time_before(run: Run) -> str | None:
    """Why there is no time before memorization."""
    if len(run.steps) < 2:
        return "expected a run with at least two checkpoints, found one"
    if run.config.loss not in HELD:
        words = " or ".join(HELD)
        return f"expected the loss {words}, by which a label is held, got {run.config.loss}"
    return None


def held(
    logits: Float[Tensor, "example answer"], given: Int[Tensor, " example"], loss: str
) -> Float[np.ndarray, " example"]:
    """How firmly each given label is held: its logit or its probability, see HELD."""
    values = logits if HELD[loss] == "logit" else logits.softmax(dim=-1)
    found: np.ndarray = values.gather(-1, given[:, None])[:, 0].double().cpu().numpy()
    return found


def scored(
    right: Bool[np.ndarray, "step example"], memorized: Bool[np.ndarray, "step example"]
) -> Bool[np.ndarray, " example"]:
    """min(max over the checkpoints at which it is not memorized of right, right at the last one).

    Right: the answer is the true label. An example that is memorized from the first checkpoint on
    has 0, the maximum of nothing.
    """
    found: np.ndarray = (right & ~memorized).any(axis=0) & right[-1]
    return found


@measure(
    "pre_memorization",
    reads="run",
    source="Kang et al. 2024 (arXiv 2411.07681), pre-memorization train accuracy",
    refuses=no_time_before,
)
def pre_memorization(run: Run, *, tau: float = 0.3) -> PreMemorization:
    """Share of training examples that were answered truly before their label was memorized.

    An example counts if the newest network answers its true label, and so did a network that had
    not memorized it: whose value for the given label is below τ. The value is the label's logit
    under MSE, else its probability. Only checkpoints are looked at, the first of them untrained.

    Args:
        run: with at least two checkpoints, better many.
        tau: from which value of its given label on an example counts as memorized.
    """
    tau = share(tau, "tau")
    data = run.dataset
    is_train = data.is_train
    pairs, given = (torch.as_tensor(one[is_train]) for one in (data.pairs, data.given_label))
    right, values = [], []
    for step in run.steps:
        logits = logits_of(run.checkpoint(step).network, pairs)
        right.append(answers_of(logits) == data.true_label[is_train])
        values.append(held(logits, given, run.config.loss))
    answered, firmly = np.stack(right), np.stack(values)
    wrong = data.is_wrong[is_train]
    each = {one: scored(answered, firmly >= one) for one in dict.fromkeys((*TAUS, tau))}
    value = HELD[run.config.loss]
    words = f"memorized: {value} of the given label ≥ {tau:g}", f"{len(run.steps)} checkpoints"
    return PreMemorization(
        tau=tau,
        each=each[tau],
        is_wrong=wrong,
        means={one: _means(found, wrong) for one, found in each.items()},
        controls=_controls(run, answered[-1]),
        value=value,
        caption=place(run.seed, run.last_step, *words),
    )


def _means(
    each: Bool[np.ndarray, " example"], wrong: Bool[np.ndarray, " example"]
) -> dict[str, float | None]:
    parts = {"all": each, "clean": each[~wrong], "wrong": each[wrong]}
    return {name: float(part.mean()) if len(part) else None for name, part in parts.items()}


def _controls(run: Run, right: Bool[np.ndarray, " example"]) -> dict[str, float | None]:
    newest = run.checkpoint()
    return {
        "test_accuracy": newest.scores["test"].accuracy,
        "train_accuracy": newest.scores["train"].accuracy,
        "answers_truth": float(right.mean()),
        "mean_ipr": neuron_table(newest).mean_ipr if no_neurons(newest) is None else None,
    }
