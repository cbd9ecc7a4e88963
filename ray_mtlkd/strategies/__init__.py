"""Strategies: a curriculum (when each task trains, and on which targets) times a balancer (how losses become a step).

To add one: a file in ``balancers/`` or ``curricula/``, a test beside the others, a line in that folder's registry; or a
file anywhere else, see ``docs/extending.md``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_mtlkd.decode import decode, join, unknown_keys, unknown_name
from ray_mtlkd.errors import MtlkdError, gather, raise_all, without_repeats
from ray_mtlkd.registry import Registry
from ray_mtlkd.serial import plain
from ray_mtlkd.strategies.balancers import BALANCERS, FAMILIES, OWN_BALANCERS, Balancer
from ray_mtlkd.strategies.balancers.base import Signals, state_type
from ray_mtlkd.strategies.curricula import CURRICULA, Curriculum
from ray_mtlkd.strategies.curricula.base import TaskFacts, models_of

__all__ = [
    "BALANCERS",
    "CURRICULA",
    "FAMILIES",
    "NAMED",
    "Strategy",
    "decode_strategy",
    "describe_strategy",
    "fit_tasks",
]

NAMED: dict[str, tuple[str, str]] = {
    **{name: ("joint", name) for name in OWN_BALANCERS if name not in FAMILIES},
    "joint_kd": ("joint_kd", "sum"),
    "sequential_kd": ("sequential_kd", "sum"),
    "single_kd": ("single_kd", "sum"),
    "ensemble_kd": ("ensemble_kd", "sum"),
    "single_task": ("single_task", "sum"),
    "split": ("split", "sum"),
    "stop": ("stop", "sum"),
    "stop_and_go": ("stop_and_go", "sum"),
    "rewind_only": ("rewind_only", "sum"),
    "sequential": ("sequential", "sum"),
}
"""Pairs with a name of their own: curriculum, balancer."""

_KEYS = ("name", "label", "curriculum", "balancer")


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A curriculum times a balancer.

    Attributes:
        name: What it is called in tables and figures.
    """

    name: str
    curriculum: Curriculum
    balancer: Balancer[Any]

    @property
    def references(self) -> tuple[str, str]:
        """Curriculum and balancer, each by a name under which it is found again where it can be imported."""
        return _reference(self.curriculum, CURRICULA), _reference(self.balancer, BALANCERS)


def decode_strategy(value: Any, *, where: str, beside: Sequence[str] = ()) -> Strategy:
    """A strategy from YAML data whose domains are resolved.

    Either a named strategy (its name, or a mapping with ``name`` and hyper-parameters under ``curriculum`` and
    ``balancer``), or a pair (``curriculum`` and ``balancer``, each a name or a mapping with ``name``; ``joint`` and
    ``sum`` where one is left out). ``label`` sets the display name. Somebody else's balancer, as
    ``package.module:Name`` or by its entry point, may stand where a named strategy does: it is then ``joint``'s.

    Args:
        value: The data.
        where: Its place, for errors.
        beside: Keys that stand beside a strategy's own, for others to read.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        raise MtlkdError(
            f"{value!r} is not a strategy",
            where=where,
            fix="give a name, or a mapping with `name`, or with `curriculum` and `balancer`",
        )
    problems = list(_key_problems(given, where, beside=beside))
    parts: list[Any] = []
    with gather(problems):
        named_at = where if isinstance(value, str) else join(where, "name")
        curriculum_name, balancer_name = _pair(given, where=where, named_at=named_at)
        with gather(problems):
            parts.append(_decode_part(given, "curriculum", registry=CURRICULA, name=curriculum_name, where=where))
        with gather(problems):
            parts.append(_decode_part(given, "balancer", registry=BALANCERS, name=balancer_name, where=where))
    raise_all(where, problems)
    curriculum, balancer = parts
    name = given.get("label", _display_name(curriculum.name, balancer.name))
    return Strategy(name=name, curriculum=curriculum, balancer=balancer)


def describe_strategy(strategy: Strategy) -> dict[str, Any]:
    """What `decode_strategy` makes the same strategy of, in any process, as plain data."""
    return {
        "label": strategy.name,
        "curriculum": _described(strategy.curriculum, CURRICULA),
        "balancer": _described(strategy.balancer, BALANCERS),
    }


def fit_tasks(strategy: Strategy, facts: Sequence[TaskFacts], *, where: str) -> None:
    """Check that a strategy fits a setup's tasks, before anything is started.

    Raises:
        MtlkdError: the only problem, at its path below ``where``.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    problems: list[MtlkdError] = []
    models: list[tuple[int, ...]] = []
    with gather(problems):
        models = models_of(strategy.curriculum.groups, [fact.name for fact in facts])
    for model in models:
        with gather(problems):
            _take_a_step(strategy.balancer, [facts[task].name for task in model])
    with gather(problems):
        state_type(strategy.balancer)
    with gather(problems):
        strategy.curriculum.begin(facts)
    told = [MtlkdError(each.what, where=join(where, each.where), fix=each.fix) for each in problems]
    raise_all(where, without_repeats(told))


def _take_a_step(balancer: Balancer[Any], names: Sequence[str]) -> None:
    """Make sure that a balancer fits the tasks of a model, whose gradients are as long as each other and orthogonal."""
    tasks = tuple(range(len(names)))
    ones = (1.0,) * len(names)
    step = Signals(
        tasks=tasks,
        losses=ones,
        regression=(False,) * len(names),
        names=tuple(names),
        skills=(None,) * len(names),
        norms=ones,
        gram=tuple(tuple(float(at == other) for other in tasks) for at in tasks),
    )
    balancer.weigh(step, balancer.init(len(names)))


def _key_problems(given: Mapping[Any, Any], where: str, *, beside: Sequence[str]) -> Iterator[MtlkdError]:
    yield from unknown_keys(given, (*_KEYS, *beside), what="key", where=where)
    label = given.get("label", "label")
    if not isinstance(label, str) or not label:
        yield MtlkdError(f"{label!r} is not a name", where=join(where, "label"), fix="give text")


def _pair(given: Mapping[str, Any], *, where: str, named_at: str) -> tuple[str, str]:
    """Names of curriculum and balancer, as far as the strategy's own name, which stands at ``named_at``, says."""
    if "name" not in given:
        if "curriculum" not in given and "balancer" not in given:
            raise MtlkdError("no strategy is named", where=where, fix="add `name`, or `curriculum` and `balancer`")
        return "joint", "sum"
    name = given["name"]
    if isinstance(name, str) and name in NAMED:
        return NAMED[name]
    if isinstance(name, str) and _family(name, BALANCERS) is not None:
        return "joint", name
    if isinstance(name, str) and name not in BALANCERS and BALANCERS.knows(name):
        BALANCERS.find(name, where=named_at)  # what is wrong with it stands where it is named
        return "joint", name
    others = [known for known in _valid_names(BALANCERS) if known not in BALANCERS]
    raise unknown_name(name, [*NAMED, *others], what="strategy", where=named_at)


def _decode_part(given: Mapping[str, Any], what: str, *, registry: Registry[Any], name: str, where: str) -> Any:
    """The curriculum or the balancer; ``name`` is what it is called where it does not say so itself."""
    at = join(where, what)
    value = given.get(what, {})
    value = {"name": value} if isinstance(value, str) else value
    if not isinstance(value, Mapping):
        raise MtlkdError(f"{value!r} is not a {what}", where=at, fix="give a name, or a mapping with `name`")
    own_name = str(value.get("name", name))
    if "name" in given and own_name != name:
        raise MtlkdError(
            f"the strategy {given['name']!r} has the {what} {name!r}, not {own_name!r}",
            where=at,
            fix="leave out the strategy's `name` to pair freely; `label` says what to call the pair",
        )
    fields_given = {key: item for key, item in value.items() if key != "name"}
    family = _family(own_name, registry)
    if family is not None and "method" in fields_given:
        raise MtlkdError("the name already says the method", where=join(at, "method"), fix="remove this key")
    if family is not None:
        return decode(registry[family], {**fields_given, "method": own_name.removeprefix(f"{family}:")}, where=at)
    if own_name in FAMILIES or not registry.knows(own_name):
        raise unknown_name(own_name, _valid_names(registry), what=what, where=at)
    return decode(registry.find(own_name, where=at), fields_given, where=at)


def _reference(part: Any, registry: Registry[Any]) -> str:
    """What the registry finds a part by; of a family, the method too."""
    own: str = part.name
    return own if type(part) in registry.values() else registry.name_of(type(part))


def _described(part: Any, registry: Registry[Any]) -> dict[str, Any]:
    """What the registry finds a part by, and all hyper-parameters but those that this says."""
    reference = _reference(part, registry)
    said = {"method"} if _family(reference, registry) else set()
    return {"name": reference, **{key: value for key, value in plain(part).items() if key not in said}}


def _family(name: str, registry: Registry[Any]) -> str | None:
    """``torchjd`` of ``torchjd:UPGrad``; None for any other name."""
    family, colon, method = name.partition(":")
    return family if colon and method and family in FAMILIES and family in registry else None


def _valid_names(registry: Registry[Any]) -> list[str]:
    return [f"{name}:METHOD" if name in FAMILIES else name for name in registry.names()]


def _display_name(curriculum: str, balancer: str) -> str:
    """The pair's own name where it has one, else ``curriculum+balancer``, without the curriculum where it is joint."""
    for name, pair in NAMED.items():
        if pair == (curriculum, balancer):
            return name
    return balancer if curriculum == "joint" else f"{curriculum}+{balancer}"
