"""What every network can do, of whatever kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from jaxtyping import Float, Int

from interp.training.config.sections import ModelConfig
from interp.training.tasks.task import Task

if TYPE_CHECKING:  # who only reads weights need not wait for torch
    from torch import Tensor, nn

    from interp.training.models.hooks import HookPoint
    from interp.training.models.layers.noise import Noise
    from interp.training.models.layers.norm import BatchNorm, LayerNorm


@runtime_checkable
class Layer(Protocol):
    """A hidden layer, as measures see it.

    Attributes:
        index: counted from 0.
        norm: that stands on its neurons, if it is known.
        hook_pre, hook_post: before and after the activation function.
    """

    index: int
    norm: BatchNorm | LayerNorm | None
    hook_pre: HookPoint
    hook_post: HookPoint

    @property
    def width(self) -> int:
        """Number of neurons."""

    @property
    def activation(self) -> str | None:
        """Name of φ; None where it is not known."""


@runtime_checkable
class Network(Protocol):
    """A network on pairs of residues.

    Parameters and hook points have TransformerLens' names. The activations of each hidden layer
    are seen at ``blocks.l.mlp.hook_post``.

    Attributes:
        task: what its residues and answers mean.
        model: the section of a configuration that describes it.
    """

    task: Task
    model: ModelConfig

    def __call__(self, pairs: Int[Tensor, "pair 2"]) -> Float[Tensor, "pair answer"]:
        """Logits by way of every hook point; refuses operands that are no residues."""

    @property
    def layers(self) -> Sequence[Layer]:
        """The hidden layers, first to last; none in a network without neurons."""

    @property
    def width(self) -> int:
        """Neurons in each hidden layer."""

    @property
    def heads(self) -> list[tuple[int, int]]:
        """Attention heads as (block, head); none in a network without attention."""

    @property
    def read_out(self) -> Float[Tensor, "*run feature answer"] | None:
        """The last matrix, which makes the logits; None where it is not known."""

    def logits(
        self, pairs: Int[Tensor, "*run pair 2"], noise: Noise | None = None
    ) -> Float[Tensor, "*run pair answer"]:
        """Logits, for pairs that are known to be right; with ``noise`` in training.

        Parameters and pairs may have a leading run axis.
        """

    def tail(
        self, pairs: Int[Tensor, "pair 2"], layer: int
    ) -> tuple[Float[Tensor, "pair *position neuron"], Callable[[Tensor], Tensor]]:
        """Activations of a hidden layer, and the function to the logits from what they write.

        What the neurons write is their activations times :meth:`read_by`.
        """

    def read_by(self, layer: int) -> nn.Parameter:
        """The matrix that reads a hidden layer's neurons, one row a neuron."""

    def readout(self, layer: int) -> Float[Tensor, "neuron answer"] | None:
        """What each neuron adds to the logits, times its activation; None if they are no sum."""

    # As every torch module

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters by name."""

    def get_parameter(self, target: str) -> nn.Parameter:
        """A parameter by its name."""

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """The parts by name."""

    def get_submodule(self, target: str) -> nn.Module:
        """A part by its name."""

    def buffers(self) -> Iterator[Tensor]:
        """Running statistics."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Parameters and running statistics by name."""

    def double(self) -> Network:
        """The network itself, turned to float64."""

    # As every module with hook points

    def run_with_cache(self, *inputs: Any, **options: Any) -> tuple[Any, Mapping[str, Tensor]]:
        """Logits, and the activations at hook points by name."""

    def run_with_hooks(self, *inputs: Any, **options: Any) -> Any:
        """Logits with activations replaced by hooks."""


def undefined(what: str, network: object) -> ValueError:
    """The error of something that is not defined for a kind of network."""
    return ValueError(f"{what}: not defined for a network of class {type(network).__name__}")
