"""Balancer and curriculum states as JSON data and back, exact to the bit."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from ray_mtlkd.decode import join
from ray_mtlkd.errors import MtlkdError

S = TypeVar("S")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def dump_state(state: object) -> Json:
    """A state as JSON data: tuples become lists, dataclasses objects by field. JSON keeps a float's every bit.

    Raises:
        TypeError: where a state is not plain data.
    """
    if state is None or isinstance(state, bool | int | float | str):
        return state
    if isinstance(state, tuple):
        return [dump_state(item) for item in state]
    if is_dataclass(state) and not isinstance(state, type):
        return {part.name: dump_state(getattr(state, part.name)) for part in fields(state)}
    raise TypeError(f"a state is made of tuples, numbers, text, None and dataclasses, not of {type(state).__name__}")


def load_state(like: S, data: Json, *, where: str = "state") -> S:
    """The inverse of `dump_state`.

    Args:
        like: A state of the same strategy and the same number of tasks, e.g. what `init` returns: it says which
            dataclasses to build.
        data: What `dump_state` returned, before or after it went through JSON.
        where: What to call the data in an error.

    Raises:
        MtlkdError: where the data are of another shape.
    """
    return cast("S", _load(like, data, where))


def _load(like: Any, data: Json, where: str) -> object:
    if isinstance(like, tuple):
        if not isinstance(data, list) or len(data) != len(like):
            raise _misfit(where)
        return tuple(_load(part, item, join(where, at)) for at, (part, item) in enumerate(zip(like, data, strict=True)))
    if is_dataclass(like):
        names = [part.name for part in fields(like)]
        if not isinstance(data, Mapping) or set(data) != set(names):
            raise _misfit(where)
        # `like` is an instance, whose type takes its own fields.
        build = cast("Any", type(like))
        return build(**{name: _load(getattr(like, name), data[name], join(where, name)) for name in names})
    if isinstance(data, list | dict):
        raise _misfit(where)
    return data


def _misfit(where: str) -> MtlkdError:
    return MtlkdError(
        "what was saved does not fit this strategy and these tasks",
        where=where,
        fix="resume with the configuration that the checkpoint was written under",
    )
