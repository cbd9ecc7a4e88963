"""The models of a sweep on its tables: each distinct one is built once, as far as they are few."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from ray_mtlkd.data.examples import SetupTables, as_tensors
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.strategies.curricula.base import models_of
from ray_mtlkd.sweep.foresight import GradientSizes, idle_regularizers
from ray_mtlkd.sweep.plan import Key, Trial
from ray_mtlkd.training.step.model import model_for, outline

MOST_MODULES = 2000
"""Of all models that are built to see whether they fit: so many take some seconds."""


class BuiltModels:
    """Builds the models of trials, those that several have in common once.

    Attributes:
        sizes: By setup and architecture.
    """

    def __init__(self) -> None:
        self.sizes: dict[tuple[str, Architecture], GradientSizes] = {}
        self._views: dict[Key, SetupTables[Tensor]] = {}
        self._seen: set[tuple[str, Architecture, tuple[tuple[int, ...], ...]]] = set()
        self._idle: dict[str, None] = {}
        self._modules = 0
        self._left = 0

    def check(self, trial: Trial, tables: SetupTables[Any], *, where: str) -> None:
        """Make sure that a trial's models can be built, unless others have taken all the time.

        Raises:
            MtlkdError: where one does not fit its tasks.
            ExceptionGroup: of ``MtlkdError``, where there are several reasons.
        """
        groups, architecture = trial.configuration.strategy.curriculum.groups, trial.configuration.architecture
        names = [table.task.name for table in tables.tasks]
        parts = () if groups is None else tuple(models_of(groups, names))
        if (trial.setup, architecture, parts) in self._seen:
            return
        self._seen.add((trial.setup, architecture, parts))
        if self._modules > MOST_MODULES:
            self._left += 1
            return
        if trial.key not in self._views:
            self._views[trial.key] = as_tensors(tables)
        views, where = self._views[trial.key].tasks, f"{where}: encoder"
        if (trial.setup, architecture) not in self.sizes:
            model = outline(architecture, views, where=where)
            self._modules += sum(1 for _ in model.modules())
            sizes = GradientSizes.of(model)
            model_for(architecture, views)
            self.sizes[trial.setup, architecture] = sizes
            self._idle |= dict.fromkeys(idle_regularizers(trial, model))
        for part in parts:
            model = outline(architecture, [views[task] for task in part], where=where)
            self._modules += sum(1 for _ in model.modules())

    @property
    def warnings(self) -> Iterator[str]:
        """Regularizers that do nothing to a model, and how many models were not built."""
        yield from self._idle
        if self._left:
            yield (
                f"{self._left:,} of {len(self._seen):,} different models were not tried on the tables, since that would"
                " take too long: where one does not fit, its trials fail"
            )
