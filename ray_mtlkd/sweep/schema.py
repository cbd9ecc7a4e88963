"""A search-space file before its domains are understood."""

from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from ray_mtlkd.decode import decode, document
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.models.sharing import HardSharing
from ray_mtlkd.ranges import Distinct, Gpus, NonNegativeFloat, PositiveInt
from ray_mtlkd.sweep.names import safe_name


@document
class Search:
    """How configurations are tried.

    Attributes:
        configurations: Per setup and strategy, the same number for all.
        seed: Decides the draws, and is the training seed of the search trials.
    """

    configurations: PositiveInt = 1
    seed: int = 0


@document
class Replicate:
    """How the best configurations run again.

    Attributes:
        seeds: Fresh training seeds, the same for all strategies.
    """

    seeds: Annotated[tuple[int, ...], MinLen(1), Distinct] = (1, 2, 3)


KeepModels = Literal["replicates", "all", "none"]


@document
class Resources:
    """What one trial holds, risks and leaves.

    Attributes:
        cpus: Also its torch threads.
        gpus: Above 0: trials train on a GPU.
        checkpoint_every_s: What a lost worker may cost; 0 writes a checkpoint at each evaluation.
        keep_models: Which trials leave the model that they are measured at: those of the replication, all or none.
    """

    cpus: PositiveInt = 1
    gpus: Gpus = 0.0
    checkpoint_every_s: NonNegativeFloat = 15.0
    keep_models: KeepModels = "replicates"


@document
class SpaceDocument:
    """A search-space file before its domains are understood.

    Attributes:
        classical: Whether the sweep also computes each setup's classical models.
    """

    name: str
    setups: tuple[str, ...]
    strategies: list[Any]
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


_ANY = {"name": "x", "setups": ["x"], "strategies": ["sum"], "encoder": "mlp"}
"""Stands in for what a document must have, while the rest of it is looked at."""


def read_document(value: dict[str, Any], problems: list[MtlkdError]) -> SpaceDocument:
    """The document, or what is left of it without the keys that are wrong, which are added to ``problems``.

    So the errors further down are found as well.
    """
    with gather(problems):
        return decode(SpaceDocument, value, where="")
    sound: dict[str, Any] = {}
    for key, item in value.items():
        ignored: list[MtlkdError] = []
        with gather(ignored):
            decode(SpaceDocument, {**_ANY, key: item}, where="")
            sound[key] = item
    return decode(SpaceDocument, {**_ANY, **sound}, where="")


def shape_problems(raw: SpaceDocument) -> Iterator[MtlkdError]:
    """What is wrong with a document apart from its strategies and hyper-parameters."""
    if not raw.name or not all(letter.isalnum() or letter in "-_." for letter in raw.name):
        yield MtlkdError(
            f"{raw.name!r} cannot name a folder", where="name", fix="use letters, digits, '-', '_' and '.'"
        )
    if not raw.setups:
        yield MtlkdError("no setup", where="setups", fix="name at least one, e.g. [similar]")
    names = [safe_name(setup) for setup in raw.setups]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield MtlkdError(
            f"{name!r} stands here twice", where="setups", fix="name each setup once, each file differently"
        )
    if not raw.strategies:
        yield MtlkdError("no strategy", where="strategies", fix="name at least one, e.g. [sum, joint_kd]")
    if raw.search.seed in raw.replicate.seeds:
        yield MtlkdError(
            f"seed {raw.search.seed} is also the seed of the search",
            where="replicate.seeds",
            fix="replicate on fresh seeds, so that the choice of a configuration cannot favour them",
        )
