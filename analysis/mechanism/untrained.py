"""The untrained network, a control: the same architecture with freshly drawn weights."""

from __future__ import annotations

from interp.training.arguments import whole, word
from interp.training.models.kinds import fresh_network
from interp.training.models.network import Network


def untrained(network: Network, init: str | None = None, seed: int = 0) -> Network:
    """A network of the same architecture with initial weights, as a run draws them.

    With the seed of a run's weights it is the run's own network at step 0. It has the precision
    and the device of the network, which is not changed.

    Args:
        network: of a kind that is trained here.
        init: an initialization of its kind; by default the one its model names, which for imported
            weights is an assumption.
        seed: of the weights.

    Raises:
        ValueError: for a network whose initialization is not known, as an adapted module's, or an
            unknown initialization.
    """
    row = network.model.row
    if not row.trains:
        raise ValueError(
            f"untrained: expected a network that is trained here, got {row.noun}, whose "
            "initialization is not known"
        )
    own = network.model.initialization
    return fresh_network(network, own if init is None else word(init, row.inits, "init"), seed)


def untrained_beside(network: Network, seed: int) -> tuple[Network | None, str]:
    """The untrained network where there is one, and what a caption says of it.

    Raises:
        ValueError: for a seed that is no whole number from 0 on.
    """
    whole(seed, "seed")
    model = network.model
    if not model.row.trains:
        return None, f"untrained: not known for {model.row.noun}"
    words = f"untrained: {model.initialization} init, seed {seed}"
    return untrained(network, seed=seed), words
