"""Phase error of each neuron, and how far the phases of all neurons agree with the rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from jaxtyping import Bool, Complex, Float

from interp.analysis.caption import place
from interp.analysis.fourier.spectrum import coefficients, dominant_frequency, wrapped
from interp.analysis.measure import measure
from interp.analysis.mechanism.draws import mean_of_draws
from interp.analysis.mechanism.lazy import has_last_matrix, lazy_network
from interp.analysis.mechanism.untrained import untrained_beside
from interp.analysis.neurons.classify import has_cut, two_class_cut
from interp.analysis.neurons.composition import read_curves
from interp.analysis.neurons.read import neuron_table, no_neurons
from interp.training.arguments import MOST_DRAWS, whole
from interp.training.display import Result
from interp.training.randomness import stream
from interp.training.runs.checkpoint import Checkpoint
from interp.training.tasks.groups import GROUPS

if TYPE_CHECKING:
    import pandas as pd

WORDS = {
    "all": "all neurons that have power",
    "high_ipr": "above the two-class cut of the IPR",
    "low_ipr": "below it",
    "shuffled": "curves of different neurons together",
    "untrained": "a network as it starts",
    "lazy": "a lazy network: frozen features, ridge read-out",
}
CONTROLS = ("shuffled", "untrained", "lazy")
NEAR = np.pi / 4
UNIFORM = np.pi**2 / 3  # mean square of an angle that is uniform on the circle


@dataclass(frozen=True)
class Agreement:
    """How far the phases of some neurons agree with the rule.

    Attributes:
        neurons: how many.
        square: mean square of the phase error; π²/3 = 3.29 for phases that have nothing to do
            with each other.
        near: share of neurons whose error is below π/4; 1/4 likewise.
        coherence: Σ wₖ cos eₖ / Σ wₖ with the product of the three amplitudes as wₖ; 0 likewise.
        same: share of neurons whose three curves have the same dominant frequency.
    """

    neurons: float
    square: float | None
    near: float | None
    coherence: float | None
    same: float | None


@dataclass(frozen=True, repr=False)
class Coherence(Result):
    """Phase errors of a layer's neurons, and how they agree, beside controls.

    Attributes:
        error: φu ± φv − φw of each neuron in [−π, π), at the dominant frequency of its answer
            curve; NaN for a neuron with a curve that has no power there.
        agreement: by the names of ``WORDS``.
        caption, name: of the checkpoint.
    """

    error: Float[np.ndarray, " neuron"]
    agreement: Mapping[str, Agreement]
    caption: str
    name: str

    MAIN: ClassVar[tuple[str, ...]] = (
        *("coherence", "coherence_lazy", "coherence_shuffled"),
        *("square", "square_lazy", "square_shuffled"),
    )

    COLUMNS: ClassVar[tuple[str, ...]] = ("what", "neurons", "square", "near", "coherence", "same")

    def values(self) -> dict[str, float | None]:
        """``coherence``, ``square``, ``near``, ``same``; of others with their name behind."""
        found: dict[str, float | None] = {}
        for which, one in self.agreement.items():
            tail = "" if which == "all" else f"_{which}"
            found |= {f"{name}{tail}": value for name, value in vars(one).items()}
        return found

    def to_pandas(self) -> pd.DataFrame:
        """A row a set of neurons, controls marked."""
        import pandas as pd

        rows: dict[str, dict[str, Any]] = {
            which: {"what": WORDS[which], "control": which in CONTROLS, **vars(one)}
            for which, one in self.agreement.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="neurons")


def no_coherence(checkpoint: Checkpoint) -> str | None:
    """Why phases have no relation that is known."""
    reason = no_neurons(checkpoint)
    if reason is not None:
        return reason
    task = checkpoint.task
    if task.p < 4:
        return f"expected a modulus of at least 4, whose curves have phases; got {task.p}"
    if task.operation.second_sign is None or not GROUPS[task.group].is_cyclic:
        return (
            "expected a rule with a known relation of phases, x + y, x - y, x * y or x / y; "
            f"got {task.name}"
        )
    return None


@measure(
    "coherence",
    source="Liu and Lu 2026 (arXiv 2605.18022), phase error; controls of this project",
    refuses=no_coherence,
    version=2,
)
def coherence(
    checkpoint: Checkpoint, *, layer: int = 0, draws: int = 20, seed: int = 0
) -> Coherence:
    """How far the phases of the neurons agree with the rule: φu ± φv = φw, beside controls.

    Args:
        checkpoint: of a network with neurons, whose rule is x ± y, x · y or x / y.
        layer: which hidden layer.
        draws: of shuffled curves, whose means are shown.
        seed: of all controls.
    """
    whole(draws, "draws", least=1, most=MOST_DRAWS)
    table = neuron_table(checkpoint, layer=layer)
    task = checkpoint.task
    sign, group = task.operation.second_sign or 1, task.group
    own = _Phases(with_phases(np.asarray(table.coefficients), table.elements), sign)
    found = {"all": own.agreement()}
    if has_cut(table):
        high = ~table.dead & (table.ipr >= two_class_cut(table.ipr[~table.dead]))
        found |= {"high_ipr": own.agreement(high), "low_ipr": own.agreement(~high & ~table.dead)}
    random = stream(seed, "control")
    shuffled = [own.shuffled(random).agreement() for _ in range(draws)]
    found["shuffled"] = _mean(shuffled)
    for name, spectra in _controls(checkpoint, layer, group, seed):
        found[name] = _Phases(spectra, sign).agreement()
    even = " (of those with a phase)" * (table.elements % 2 == 0)
    words = (
        f"phase errors at the dominant frequency of the answer curve{even}",
        GROUPS[group].words,
    )
    caption = place(checkpoint.seed, checkpoint.step, *words)
    return Coherence(own.error, found, caption, checkpoint.name)


def with_phases(
    spectra: Complex[np.ndarray, "3 neuron frequency"], elements: int
) -> Complex[np.ndarray, "3 neuron phased"]:
    """Without the alternating function of an even group, which has a sign and no phase."""
    return spectra[..., : (elements - 1) // 2 + 1]


def _mean(found: Sequence[Agreement]) -> Agreement:
    """The mean of each value; all draws have it, or none has."""
    return Agreement(**mean_of_draws([vars(one) for one in found]))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class _Phases:
    """Three curves a neuron at the dominant frequency of the third."""

    spectra: Complex[np.ndarray, "3 neuron frequency"]
    sign: int

    @property
    def _at(self) -> Complex[np.ndarray, "3 neuron"]:
        place = np.asarray(dominant_frequency(self.spectra[2]))[None, :, None]
        return np.take_along_axis(self.spectra, np.repeat(place, 3, axis=0), axis=-1)[..., 0]

    @property
    def error(self) -> Float[np.ndarray, " neuron"]:
        a, b, c = np.angle(self._at)
        has_power = (np.abs(self._at) > 0).all(axis=0)
        return np.where(has_power, wrapped(a + self.sign * b - c), np.nan)

    def agreement(self, which: Bool[np.ndarray, " neuron"] | None = None) -> Agreement:
        error, weight = self.error, np.abs(self._at).prod(axis=0)
        among = np.isfinite(error) if which is None else which & np.isfinite(error)
        if not among.any():
            return Agreement(0.0, None, None, None, None)
        error, weight = error[among], weight[among]
        frequencies = np.asarray(dominant_frequency(self.spectra))[:, among]
        return Agreement(
            neurons=float(among.sum()),
            square=float((error**2).mean()),
            near=float((np.abs(error) < NEAR).mean()),
            coherence=float((weight * np.cos(error)).sum() / weight.sum()),
            same=float((frequencies == frequencies[2]).all(axis=0).mean()),
        )

    def shuffled(self, random: np.random.Generator) -> _Phases:
        """Each answer curve with operand curves of other neurons."""
        first, second, answer = self.spectra
        return _Phases(
            np.stack([random.permutation(first), random.permutation(second), answer]), self.sign
        )


def _controls(
    checkpoint: Checkpoint, layer: int, group: str, seed: int
) -> Iterator[tuple[str, Complex[np.ndarray, "3 neuron frequency"]]]:
    """Spectra of networks that learned nothing, where they can be made."""
    network = checkpoint.network
    made = {"untrained": untrained_beside(network, seed)[0]}
    if checkpoint.dataset is not None and has_last_matrix(network):
        made["lazy"] = lazy_network(network, checkpoint.scored_on, seed)
    for name, one in made.items():
        if one is not None:
            curves = np.stack(list(read_curves(one, layer).values))
            elements = len(GROUPS[group].elements(curves.shape[-1]))
            yield name, with_phases(np.asarray(coefficients(curves, group)), elements)
