"""Somebody else's parts, in files outside the package."""

BALANCER = '''
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights


@dataclass(frozen=True, kw_only=True)
class Halved:
    """Every loss by half."""

    name: ClassVar[str] = "halved"
    needs: ClassVar[Needs] = "losses"

    factor: float = 0.5

    def init(self, num_tasks: int) -> tuple[()]:
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        weights = (self.factor,) * len(signals.tasks)
        return Weights(shared=weights, heads=weights), state
'''

CURRICULUM = '''
from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.strategies.curricula.base import Role
from ray_mtlkd.strategies.curricula.transitions import newly_converged, settle, start_all


@dataclass(frozen=True, kw_only=True)
class ToTheEnd:
    """All tasks train together, whatever is said of them."""

    name: ClassVar[str] = "to_the_end"
    role: ClassVar[Role] = "baseline"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    def begin(self, facts):
        return start_all(facts)

    def advance(self, state, verdicts):
        state = settle(state, newly_converged(state, verdicts), phase="labels")
        return state, ()
'''

ENCODER = '''
from typing import ClassVar

from torch import nn

from ray_mtlkd.data.features import DenseFeatures
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, Forms


class OneLayerNetwork(Encoder):
    def __init__(self, inputs, width):
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.outputs = width

    def forward(self, inputs, tasks):
        return (self.first(inputs.values).relu(),) * len(tasks)

    def width(self, task):
        return self.outputs

    def parts(self, task):
        return (self.first,)


@document
class OneLayer:
    """One layer on the numbers, for all tasks."""

    name: ClassVar[str] = "one_layer"
    forms: ClassVar[Forms] = Forms(rows="Dense", tokens=None)

    hidden: int = 8
    dropout: float = 0.0
    join: int = 4

    @property
    def features(self):
        return DenseFeatures(bins=0)

    def build(self, layouts, kinds):
        return OneLayerNetwork(layouts[0].width, self.hidden)
'''

SHARING = '''
from typing import ClassVar

from torch import nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.heads import Head
from ray_mtlkd.models.sharing import MultitaskModel


class ApartModel(MultitaskModel):
    def __init__(self, encoder, tasks):
        super().__init__()
        self.num_tasks = len(tasks)
        self.networks = nn.ModuleList(encoder.build([layout], [task.kind]) for task, layout in tasks)
        self.heads = nn.ModuleList(Head(task, self.networks[at].width(0)) for at, (task, _) in enumerate(tasks))

    def outputs(self, inputs, tasks):
        return [self.heads[task](self.networks[task](inputs, [0])[0]) for task in tasks]

    def uses(self, task):
        return (*((part,) for part in self.networks[task].parts(0)), (self.heads[task],))


@document
class Apart:
    """Nothing is shared."""

    name: ClassVar[str] = "apart"
    whole_layers: ClassVar[int | None] = None

    def build(self, encoder, tasks):
        return ApartModel(encoder, tasks)
'''

REGULARIZER = '''
from typing import ClassVar

from ray_mtlkd.decode import document


@document
class Decay:
    """A share of the heads' squared norm."""

    name: ClassVar[str] = "decay"

    strength: float = 0.01

    def penalty(self, model):
        return self.strength * sum(p.square().sum() for head in model.heads for p in head.parameters())
'''

KIND = """
from dataclasses import replace

from ray_mtlkd.tasks.kinds.binary import BINARY

VERDICT = replace(BINARY, answer="verdict")
"""

METRIC = """
from ray_mtlkd.tasks.metrics import Metric


def _share_right(task, outputs, labels, offsets):
    return float(((outputs > 0) == (labels > 0)).mean())


SHARE_RIGHT = Metric(
    name="share_right", measures={"binary": _share_right, "their_kind:VERDICT": _share_right}
)
"""

EVERY = {
    "their_balancer": BALANCER,
    "their_curriculum": CURRICULUM,
    "their_encoder": ENCODER,
    "their_sharing": SHARING,
    "their_regularizer": REGULARIZER,
    "their_kind": KIND,
    "their_metric": METRIC,
}
"""By module."""


def write_every(folder):
    """Every sort of part, a module each."""
    for name, source in EVERY.items():
        (folder / f"{name}.py").write_text(source)
