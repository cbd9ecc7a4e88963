"""Ways of sharing and a penalty as somebody else would write them: what they need is all that a model must give."""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.heads import Head
from ray_mtlkd.models.sharing import SHARING, MultitaskModel, SplitModel
from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.models.sharing.low_level import LowLevel
from ray_mtlkd.models.sharing.soft import SoftSharing


def _built(config, tasks):
    return config.build([layout for _, layout in tasks], [task.kind for task, _ in tasks])


class MixtureModel(MultitaskModel):
    """Experts that all tasks share, and for each task a gate that reads the first one (after Ma et al. 2018, MMoE)."""

    def __init__(self, encoder, tasks, experts):
        super().__init__()
        self.num_tasks = len(tasks)
        self.experts = nn.ModuleList(_built(encoder, tasks) for _ in range(experts))
        widths = [self.experts[0].width(at) for at in range(len(tasks))]
        self.gates = nn.ModuleList(nn.Linear(width, experts) for width in widths)
        self.heads = nn.ModuleList(Head(task, width) for (task, _), width in zip(tasks, widths, strict=True))

    def outputs(self, inputs, tasks):
        said = [expert(inputs, tasks) for expert in self.experts]
        return [
            self._read(task, torch.stack(of, dim=1)) for task, of in zip(tasks, zip(*said, strict=True), strict=True)
        ]

    def _read(self, task, said):
        shares = self.gates[task](said[:, 0]).softmax(dim=1)
        return self.heads[task]((said * shares.unsqueeze(2)).sum(1))

    def uses(self, task):
        layers = zip(*(expert.parts(task) for expert in self.experts), strict=True)
        return (*layers, (self.gates[task],), (self.heads[task],))


@document
class Mixture:
    name: ClassVar[str] = "mixture"
    whole_layers: ClassVar[int | None] = None
    experts: int = 2

    def build(self, encoder, tasks):
        return MixtureModel(encoder, tasks, self.experts)


class SerialModel(SplitModel):
    """Each head also reads what the heads before it say of the same representation."""

    def __init__(self, encoder, tasks):
        super().__init__()
        self.num_tasks = len(tasks)
        self.encoder = _built(encoder, tasks)
        sorts = [(task.kind == "tagging", layout.sorts) for task, layout in tasks]
        self.before = [[b for b in range(at) if sorts[b] == sorts[at]] for at in range(len(tasks))]
        self.heads = nn.ModuleList(
            Head(task, self.encoder.width(at) + sum(tasks[b][0].outputs for b in self.before[at]))
            for at, (task, _) in enumerate(tasks)
        )

    def represent(self, inputs, tasks):
        return tuple((each,) for each in self.encoder(inputs, tasks))

    def read(self, task, representation, inputs):
        said = {}
        for at in (*self.before[task], task):
            earlier = [said[b] if said[b].ndim == 2 else said[b].unsqueeze(1) for b in self.before[at]]
            said[at] = self.heads[at](torch.cat([*representation, *earlier], dim=1))
        return said[task]

    def uses_to_represent(self, task):
        return tuple((part,) for part in self.encoder.parts(task))

    def uses_to_read(self, task):
        return tuple((self.heads[at],) for at in (*self.before[task], task))


@document
class Serial:
    name: ClassVar[str] = "in_turn"
    whole_layers: ClassVar[int | None] = None

    def build(self, encoder, tasks):
        return SerialModel(encoder, tasks)


class StitchedModel(MultitaskModel):
    """Two networks for all tasks, mixed for even and for odd ones (after Misra et al. 2016)."""

    def __init__(self, encoder, tasks):
        super().__init__()
        self.num_tasks = len(tasks)
        self.networks = nn.ModuleList(_built(encoder, tasks) for _ in range(2))
        self.units = nn.ModuleList(nn.Linear(2, 1, bias=False) for _ in range(2))
        self.heads = nn.ModuleList(Head(task, self.networks[0].width(at)) for at, (task, _) in enumerate(tasks))

    def outputs(self, inputs, tasks):
        both = zip(tasks, *(network(inputs, tasks) for network in self.networks), strict=True)
        return [self.heads[t](self.units[t % 2](torch.stack(pair, dim=2)).squeeze(2)) for t, *pair in both]

    def uses(self, task):
        layers = zip(*(network.parts(task) for network in self.networks), strict=True)
        return (*layers, (self.units[task % 2],), (self.heads[task],))


@document
class Stitched:
    name: ClassVar[str] = "stitched"
    whole_layers: ClassVar[int | None] = None

    def build(self, encoder, tasks):
        return StitchedModel(encoder, tasks)


class ApartModel(MultitaskModel):
    """A network a task, and a penalty on the distance between neighbours' layers (after Duong et al. 2015)."""

    def __init__(self, encoder, tasks, strength):
        super().__init__()
        self.num_tasks, self.strength = len(tasks), strength
        self.networks = nn.ModuleList(_built(encoder, [pair]) for pair in tasks)
        self.heads = nn.ModuleList(Head(task, self.networks[at].width(0)) for at, (task, _) in enumerate(tasks))

    def outputs(self, inputs, tasks):
        return [self.heads[task](self.networks[task](inputs, [0])[0]) for task in tasks]

    def uses(self, task):
        return (*((part,) for part in self.networks[task].parts(0)), (self.heads[task],))

    def penalty(self):
        networks = [dict(network.named_parameters()) for network in self.networks]
        distances = [
            (first[name] - second[name]).square().sum()
            for first, second in pairwise(networks)
            for name in first
            if "table" not in name and name in second and first[name].shape == second[name].shape
        ]
        return self.strength * sum(distances)


@document
class Apart:
    name: ClassVar[str] = "apart"
    whole_layers: ClassVar[int | None] = None
    strength: float = 0.1

    def build(self, encoder, tasks):
        return ApartModel(encoder, tasks, self.strength)


@document
class Decay:
    """Half of the squared norm of the heads."""

    name: ClassVar[str] = "decay"
    strength: float = 0.01

    def penalty(self, model):
        return self.strength / 2 * sum(p.square().sum() for head in model.heads for p in head.parameters())


OTHERS = {"mixture": Mixture(), "in_turn": Serial(), "stitched": Stitched(), "apart": Apart()}

LOW = ("yes", "where", "churn", "binary_Dense", "binary_Bag", "tagging_Tokens")
"""Tasks of the tests' tables and examples that `low_level` supervises at the first layer."""

EVERY = (
    {name: config() for name, config in SHARING.items()}
    | {
        "low_level": LowLevel(layers=dict.fromkeys(LOW, 1)),
        "serial": SHARING["serial"](successive=0.1),
        "soft, trace": SoftSharing(norm="trace"),
        "lora": Adapters(form="lora"),
        "shared_lora": Adapters(form="shared_lora"),
    }
    | OTHERS
)
"""This package's own, those whose forms are other models in each form, and others'."""
