"""Balancers around a balancer: how the one inside is found, and how its state stands in theirs."""

from collections.abc import Mapping
from typing import Any

from ray_mtlkd.decode import decode, refuse, unknown_name
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.strategies.balancers.base import Balancer, Signals, Weights, state_type


def refuse_unfit(method: str, options: Mapping[str, Any]) -> None:
    """Refuse a wrapper whose method is no balancer on the Gramian, or does not take the options.

    Raises:
        RefusedError: with every problem, at ``method`` or below ``options``.
    """
    problems: list[MtlkdError] = []
    with gather(problems):
        inside(method, options)
    refuse(problems)


def inside(method: str, options: Mapping[str, Any]) -> Balancer[Any]:
    """The balancer of this name with these hyper-parameters.

    Raises:
        MtlkdError: where there is none, or it reads no Gramian.
        ExceptionGroup: of ``MtlkdError``, where several options are wrong.
    """
    from ray_mtlkd.strategies.balancers import BALANCERS, FAMILIES  # noqa: PLC0415 - it lists the wrappers too

    family, _, own = method.partition(":")
    if family in FAMILIES and not own:
        raise unknown_name(method, [name for name in BALANCERS if name not in FAMILIES], what="method", where="method")
    given = {**options, "method": own} if family in FAMILIES else dict(options)
    kind = BALANCERS.find(family if family in FAMILIES else method, where="method")
    if kind.needs != "gram":
        usable = sorted(name for name, each in BALANCERS.items() if each.needs == "gram" and name not in FAMILIES)
        raise MtlkdError(f"{method!r} reads no Gramian", where="method", fix=f"use one of: {', '.join(usable)}")
    found: Balancer[Any] = decode(kind, given, where="options")
    return found


def weigh_inside(balancer: Balancer[Any], signals: Signals, state: str) -> tuple[Weights, str]:
    """What the balancer inside makes of a step; its state goes in and comes out as JSON, as its type is its own."""
    before = loads(state_type(balancer), state, where=balancer.name, fix="resume with the configuration of before")
    weights, after = balancer.weigh(signals, before)
    return weights, dumps(after)
