"""What a search-space file may say, before its domains are understood."""

from collections.abc import Iterator
from dataclasses import field, fields
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from annotated_types import Le, MaxLen, MinLen
from pydantic import AfterValidator

from ray_mtlkd.decode import decode, document, refuse
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.judging import Judging
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.ranges import Distinct, Gpus, NonNegativeFloat, OpenShare, PositiveFloat, PositiveInt, Seed
from ray_mtlkd.sweep.halving import halving_rungs
from ray_mtlkd.sweep.tpe import FIRST

Configurations = Annotated[PositiveInt, Le(10_000)]
"""How many of a strategy; each is a trial, and most sweeps have fewer than a hundred."""
Seeds = Annotated[tuple[Seed, ...], MinLen(1), MaxLen(1000), Distinct]


@document
class Search:
    """How configurations are tried.

    Attributes:
        configurations: Per setup and strategy, the same number for all.
        seed: Decides which points of the space they are.
        seeds: Training seeds of each; a configuration's score is its mean over them. More configurations find better
            ones than more seeds of them do at the same cost, since the best are replicated.
        halving: Whether the worse half of the configurations is let go at each rung, so that many cost little; the
            rungs' shares of the budget, ascending, where they are not to be 1/2, 1/4, … down to 1 / configurations.
        sampler: Whether configurations are spread evenly, or all but the first eight follow the scores before them.
    """

    configurations: Configurations = 1
    seed: Seed = 0
    seeds: Seeds = (0,)
    halving: bool | Annotated[tuple[OpenShare, ...], MinLen(1)] = False
    sampler: Literal["spread", "tpe"] = "spread"

    def __post_init__(self) -> None:
        """Refuse rungs out of order, and a sampler that has nothing to learn from or is not there."""
        refuse(self._sampler_problems() if self.sampler == "tpe" else ())
        if isinstance(self.halving, tuple) and list(self.halving) != sorted(set(self.halving)):
            fix = "list the smallest share first, and each once"
            refuse([MtlkdError("not ascending", where="halving", fix=fix)])

    def _sampler_problems(self) -> Iterator[MtlkdError]:
        if find_spec("optuna") is None:
            fix = "pip install 'ray-mtlkd[optuna]', or leave this out"
            yield MtlkdError("tpe needs Optuna, which is not installed", where="sampler", fix=fix)
        if self.halving:
            what = "tpe learns from whole trials, and a search that halves has few"
            yield MtlkdError(what, where="sampler", fix="leave out one of sampler and halving")
        if self.configurations <= FIRST:
            what = f"the first {FIRST} of {self.configurations} configurations are spread, and no more are left"
            yield MtlkdError(what, where="sampler", fix=f"try more than {FIRST} configurations, or leave this out")

    @property
    def rungs(self) -> tuple[float, ...]:
        """Shares of the budget at which configurations are compared before its end."""
        if isinstance(self.halving, tuple):
            return self.halving
        return halving_rungs(self.configurations) if self.halving else ()


@document
class Replicate:
    """How the best configurations run again.

    Attributes:
        configurations: How many of each strategy: the choice between them is made on several seeds, and what it may
            cost is known.
        seeds: Fresh training seeds, the same for all strategies.
    """

    configurations: Configurations = 2
    seeds: Seeds = (1, 2, 3)


def _folder_name(name: str) -> str:
    if not name or not all(letter.isalnum() or letter in "-_." for letter in name):
        refuse([MtlkdError(f"{name!r} cannot name a folder", where="", fix="use letters, digits, '-', '_' and '.'")])
    return name


FolderName = Annotated[str, AfterValidator(_folder_name), "letters, digits, `-`, `_` and `.`"]


KeepModels = Literal["replicates", "all", "none"]


@document
class Resources:
    """What one trial holds, risks and leaves.

    Attributes:
        cpus: Also its torch threads.
        gpus: Above 0: trials train on a GPU.
        checkpoint_every_s: What a lost worker may cost; 0 writes a checkpoint at each evaluation.
        keep_models: Which trials leave the model that they are measured at: those of the replication, all or none.
        keep_predictions: Whether those of the replication leave what that model predicts of validation and test rows,
            which tells how sure test metrics are.
        cache_gb: What the states of a setup may take that layers of a pretrained encoder make which do not train; where
            they take more, each step computes them.
        gradient_gb: What the tasks' gradients of shared parameters may take of a trial's memory where a balancer
            compares them, or a batch goes through the network in parts; where all of them take more, some parameters
            come at a time: the same numbers but for rounding, and a longer step.
        stall_s: Seconds after which a trial whose process does nothing is ended there, and goes on from its checkpoint;
            one whose shared actors do not answer for so long, or whose pool makes no progress, relabels by itself.
    """

    cpus: PositiveInt = 1
    gpus: Gpus = 0.0
    checkpoint_every_s: NonNegativeFloat = 15.0
    keep_models: KeepModels = "replicates"
    keep_predictions: bool = True
    cache_gb: NonNegativeFloat = 4.0
    gradient_gb: PositiveFloat = 4.0
    stall_s: PositiveFloat = 600.0


@document
class Tracking:
    """Trackers of runs that the sweep's trials are logged with, each by its own library.

    Attributes:
        mlflow: Tracking URI of MLflow, e.g. ``http://host:5000`` or ``sqlite:///runs.db``.
        wandb: Folder of Weights & Biases' offline runs; ``offline``: that of the sweep.
    """

    mlflow: Annotated[str, MinLen(1)] | None = None
    wandb: Annotated[str, MinLen(1)] | None = None


@document
class SpaceDocument:
    """A search-space file, its strategies and hyper-parameters as plain data.

    Attributes:
        name: Also a folder's.
        setups: Names of built-in ones and of the catalogue, or manifests.
        classical: Whether the sweep also computes each setup's classical models.
        report: How its report judges; decides nothing of a trial.
        teachers: By setup and task, folders of soft labels or of a kept model: strategies that distil begin with these
            tasks distilling.
        tracking: Where trials are logged besides; decides nothing of a trial.
    """

    name: FolderName
    setups: Annotated[tuple[str, ...], MinLen(1), MaxLen(1000), Distinct]
    strategies: Annotated[list[Any], MinLen(1), MaxLen(1000)]
    encoder: Any
    sharing: Any = HardSharing.name
    regularizers: list[Any] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    convergence: dict[str, Any] = field(default_factory=dict)
    kd: dict[str, Any] = field(default_factory=dict)
    relabel: dict[str, Any] = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    replicate: Replicate = field(default_factory=Replicate)
    resources: Resources = field(default_factory=Resources)
    classical: bool = True
    report: Judging = field(default_factory=Judging)
    teachers: dict[str, dict[str, str]] = field(default_factory=dict)
    tracking: Tracking = field(default_factory=Tracking)


_ANY = {"name": "x", "setups": ["x"], "strategies": ["sum"], "encoder": "mlp"}
"""Stands in for what a document must have, while the rest of it is looked at."""


def read_document(value: dict[str, Any], problems: list[MtlkdError]) -> SpaceDocument:
    """The document, or what is left of it without the keys that are wrong, which are added to ``problems``.

    So the errors further down are found as well.
    """
    sound: dict[str, Any] = value
    found: list[MtlkdError] = []
    with gather(found):
        decode(SpaceDocument, value, where="")
    if found:
        known = {each.name: value[each.name] for each in fields(SpaceDocument) if each.name in value}
        sound = {**_ANY, **{key: item for key, item in known.items() if _is_sound(key, item)}}
    document = decode(SpaceDocument, sound, where="")
    problems += [*found, *_contradictions(document)]
    return document


def _is_sound(key: str, item: Any) -> bool:
    problems: list[MtlkdError] = []
    with gather(problems):
        decode(SpaceDocument, {**_ANY, key: item}, where="")
    return not problems


def _contradictions(document: SpaceDocument) -> Iterator[MtlkdError]:
    for seed in sorted({*document.search.seeds} & {*document.replicate.seeds}):
        yield MtlkdError(
            f"seed {seed} is also a seed of the search",
            where="replicate.seeds",
            fix="replicate on fresh seeds, so that the choice of a configuration cannot favour them",
        )
