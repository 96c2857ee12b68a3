"""Run configurations: frozen, whole, and checked when made; the only list of options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from interp.training.arguments import shown
from interp.training.config.fields import LATER, Section, unnamed
from interp.training.config.masks import check_masked_examples
from interp.training.config.optimizer import OptimizerConfig
from interp.training.config.places import COPIES, with_places
from interp.training.config.plain_data import with_overrides
from interp.training.config.problems import first_problem
from interp.training.config.resolved import resolved
from interp.training.config.sections import (
    DataConfig,
    DtypeName,
    LossName,
    ModelConfig,
    PrecisionName,
    ScheduleConfig,
    Seeded,
    SeedsConfig,
    TaskConfig,
)
from interp.training.config.start import StartConfig
from interp.training.config.stop import StopConfig
from interp.training.data.dataset import training_size
from interp.training.tasks.task import Task


class RunConfig(Section):
    """Everything that determines a run. The defaults are the paper's MLP without corruption."""

    task: TaskConfig = TaskConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    loss: LossName = Field("mse", description="training loss")
    dtype: DtypeName = Field("float32", description="precision of weights")
    precision: PrecisionName = Field(
        "highest", description="of float32 products; 'high' and 'medium' allow TF32 and bfloat16"
    )
    steps: int = Field(1000, ge=1, le=10**9, description="updates of the weights")
    seed: int = Field(0, ge=0, description="sets every seed that `seeds` leaves open")
    seeds: SeedsConfig = SeedsConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    stop: Annotated[StopConfig, LATER] = StopConfig()
    start: Annotated[StartConfig, LATER] = StartConfig()

    def __init__(self, **values: Any) -> None:
        """Checks every field.

        Raises:
            ValueError: in one line, naming the dotted path, what was expected and what came; an
                unknown key is answered with the nearest one.
        """
        try:
            super().__init__(**resolved(values))
        except ValidationError as error:
            raise ValueError(first_problem(RunConfig, error)) from None

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        return self.check_consistent()

    def check_consistent(self) -> RunConfig:
        """Checks what no section can check by itself.

        Raises:
            ValueError: in one line, naming the dotted path.
        """
        task = self.make_task()
        count = training_size(self.data.fraction, len(task.pairs))
        if self.model.tied and task.n_answers != task.p:
            raise ValueError(
                f"model.tied: expected false for {task.n_answers} answers to {task.p} operands, "
                "which are other tokens"
            )
        self._check_batch(count)
        check_masked_examples(self.model, self.optimizer.batch_size, count)
        if self.optimizer.warmup > self.steps:
            raise ValueError(
                f"optimizer.warmup: expected at most the {self.steps} steps of the run, "
                f"got {self.optimizer.warmup}"
            )
        outside = [s for s in self.schedule.checkpoint_steps if not 0 <= s <= self.steps]
        if outside:
            raise ValueError(
                f"schedule.checkpoint_steps: expected steps from 0 to {self.steps}, "
                f"got {outside[0]}"
            )
        return self

    def _check_batch(self, count: int) -> None:
        batch = self.optimizer.batch_size
        if batch is not None and batch > count:
            raise ValueError(
                f"optimizer.batch_size: expected at most the {count} training examples, got {batch}"
            )
        if self.model.norm == "batch" and (batch or count) < 2:
            raise ValueError(
                "model.norm: expected at least 2 examples in a batch for 'batch', got 1; "
                "one example has no variance"
            )

    def make_task(self) -> Task:
        """The task that the run learns."""
        return self.task.make_task()

    def seed_of(self, purpose: Seeded) -> int:
        """The seed in force for a purpose: its own where given, else the run's."""
        own: int | None = getattr(self.seeds, purpose)
        return self.seed if own is None else own

    def identity(self) -> str:
        """The JSON whose hash names the configuration in a sweep.

        It does not change when fields are added to the configuration: one that came later stands
        in it where it has another value than its default, which keeps the old meaning.
        """
        return self.model_dump_json(exclude=unnamed(self))

    def replace(self, *changes: Any) -> RunConfig:
        """A copy with other values, checked when made: ``config.replace("optimizer.lr", 0.01)``.

        Args:
            changes: dotted paths and their values in turn, or one mapping from paths to values. A
                whole section may be given as a mapping.

        Raises:
            ValueError: as :class:`RunConfig` does; or if a path has no value or is there twice.
        """
        return parse_config(with_overrides(self.to_dict(), _by_path(changes)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON and YAML."""
        return self.model_dump(mode="json")

    def kept(self) -> dict[str, Any]:
        """Plain data as a run folder has it, with the names of its own copies of files."""
        return with_places(self.to_dict(), COPIES)


def parse_config(values: Mapping[str, Any]) -> RunConfig:
    """The configuration that plain data describes.

    Raises:
        ValueError: as :class:`RunConfig` does.
    """
    return RunConfig(**{str(key): value for key, value in values.items()})


def _by_path(changes: tuple[Any, ...]) -> Mapping[str, Any]:
    """Values by dotted path, from paths and values in turn or from a mapping."""
    if len(changes) == 1 and isinstance(changes[0], Mapping):
        return changes[0]
    paths, values = changes[::2], changes[1::2]
    if len(paths) != len(values) or not all(isinstance(path, str) for path in paths):
        raise ValueError(
            "replace: expected dotted paths and their values in turn, or a mapping, "
            f"got {shown(changes)}"
        )
    if len(set(paths)) < len(paths):
        raise ValueError(f"replace: expected each path once, got {', '.join(paths)}")
    return dict(zip(paths, values, strict=True))


def paper_minibatch(batch_size: int) -> dict[str, Any]:
    """Overrides for minibatches as the paper scales them (Doshi et al. 2024, appendix).

    The rate is 0.01 · sqrt(batch / 256); there are 2000 steps, and for batches below 256
    2000 · 256 / batch, so that every batch size sees as many examples.
    """
    return {
        "optimizer.batch_size": batch_size,
        "optimizer.lr": 0.01 * (batch_size / 256) ** 0.5,
        "steps": round(2000 * max(1.0, 256 / batch_size)),
    }
