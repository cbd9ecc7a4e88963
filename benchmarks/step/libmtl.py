"""LibMTL's released classes, stepped as its own Trainer steps them.

Two things keep LibMTL 1.1.5, the newest on PyPI, from running beside a present torch as it is:

- `import LibMTL` fails: its ResNets ask for `torchvision.models.utils`, which torchvision dropped in 0.10. The
  weightings and architectures need none of that, so the package's own ``__init__`` is passed over here.
- GradNorm and PCGrad write into ``param.grad.data`` after `encoder.zero_grad()`, which since torch 2.0 leaves no
  gradient to write into. One method of the model is overridden to zero them instead, as torch did then, and as LibMTL's
  later sources do.

Its Trainer cannot run without a GPU (``cuda:0`` is fixed) nor with a present DataLoader (it calls ``.next()``): what it
does in a step stands here, without its metrics and its sum of losses on the host, so that it costs less than it would.
"""

import importlib
import importlib.util
import sys
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.step.bare import Network
from benchmarks.step.problem import LEARNING_RATE, Problem

_GRADNORM_ALPHA = 1.5
"""LibMTL's default."""


class LibMTL:
    """LibMTL's hard parameter sharing with one of its weightings."""

    def __init__(self, problem: Problem, weighting: str) -> None:
        self._problem = problem
        self._tasks = [table.task.name for table in problem.tables.tasks]
        self._model = _model(problem, weighting, self._tasks)
        self._optimizer = torch.optim.Adam(self._model.parameters(), lr=LEARNING_RATE)
        self._first = True

    def parameters(self) -> list[Tensor]:
        """What is learned, but for a weighting's own parameters."""
        return [*self._model.encoder.parameters(), *self._model.decoders.parameters()]

    def step(self, at: int) -> None:
        """The body of `LibMTL.Trainer.train`: the first step is its epoch 0, every other one belongs to a later one."""
        losses = self._losses_of_all(at) if self._problem.size.shared else self._losses_of_each(at)
        self._model.epoch = 0 if self._first else 1
        if self._first:
            self._model.train_loss_buffer = losses.detach().numpy()[:, None].copy()
            self._first = False
        self._optimizer.zero_grad()
        self._model.backward(losses, alpha=_GRADNORM_ALPHA)
        self._optimizer.step()

    def _losses_of_each(self, at: int) -> Tensor:
        """Its `multi_input`: losses are written into one tensor one by one [T]."""
        losses = torch.zeros(len(self._tasks))
        parts = zip(self._tasks, self._problem.inputs, self._problem.labels, self._problem.draws[at], strict=True)
        for number, (task, inputs, labels, rows) in enumerate(parts):
            losses[number] = cross_entropy(self._model(inputs[rows], task)[task], labels[rows])
        return losses

    def _losses_of_all(self, at: int) -> Tensor:
        """One forward for all tasks [T]."""
        losses = torch.zeros(len(self._tasks))
        draws = self._problem.draws[at]
        found = self._model(self._problem.inputs[0][draws[0]])
        for number, (task, labels, rows) in enumerate(zip(self._tasks, self._problem.labels, draws, strict=True)):
            losses[number] = cross_entropy(found[task], labels[rows])
        return losses


def _model(problem: Problem, weighting: str, tasks: list[str]) -> Any:
    """What `LibMTL.Trainer._prepare_model` makes, on the CPU."""
    network = Network(problem)
    architecture = _part("architecture").HPS
    rule = vars(_part("weighting"))[weighting]

    class Model(architecture, rule):
        def zero_grad_share_params(self) -> None:
            self.encoder.zero_grad(set_to_none=False)

    model = Model(
        task_name=tasks,
        encoder_class=lambda: network.trunk,
        decoders=nn.ModuleDict(dict(zip(tasks, network.heads, strict=True))),
        rep_grad=False,
        multi_input=not problem.size.shared,
        device=torch.device("cpu"),
    )
    model.init_param()
    return model


def _part(name: str) -> Any:
    """A module of LibMTL, without what its package imports first."""
    if "LibMTL" not in sys.modules:
        spec = importlib.util.find_spec("LibMTL")
        if spec is None:
            raise ModuleNotFoundError("LibMTL is not installed", name="LibMTL")
        sys.modules["LibMTL"] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"LibMTL.{name}")
