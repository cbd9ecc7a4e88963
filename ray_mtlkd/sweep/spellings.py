"""Domains as other tools spell them, told in the words of a search space."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.yaml_files import parse_yaml

_OWN = ("choice", "grid", "uniform", "loguniform", "randint", "simplex")
_SAME = {
    "categorical": "choice",
    "choices": "choice",
    "options": "choice",
    "values": "choice",
    "grid_search": "grid",
    "gridsearch": "grid",
    "integers": "randint",
    "int_uniform": "randint",
    "log_uniform": "loguniform",
    "log_uniform_values": "loguniform",
    "quniform": "uniform",
    "q_uniform": "uniform",
    "qloguniform": "loguniform",
    "q_log_uniform": "loguniform",
    "qrandint": "randint",
    "lograndint": "loguniform",
    "qlograndint": "loguniform",
}
"""Names in Ray Tune, Optuna and Weights & Biases, and the domain that comes closest."""
_WITHOUT = ("sample_from", "randn", "qrandn", "normal", "lognormal")
"""Domains that a search space does not have."""
_KNOWN = frozenset({*_OWN, *_SAME, *_WITHOUT})
_BESIDE = frozenset({"base", "distribution", "dtype", "log", "q", "size", "step", "type"})
"""What other tools let stand beside a domain's values."""
_BOUNDS = (("min", "max"), ("low", "high"), ("lower", "upper"))
_MOST = 16
"""Values that a fix lists."""
_CALL = re.compile(r"(?P<tune>(?:ray\.)?tune\.)?(?P<name>\w+)\((?P<values>.*)\)", re.DOTALL)


def respelled(value: Any, where: str) -> MtlkdError | None:
    """What another tool's spelling of a domain is called here; None for anything else.

    Args:
        value: What a search space holds at a place: a mapping, or text.
        where: That place.
    """
    if isinstance(value, str):
        return _call(value, where)
    if not isinstance(value, Mapping) or "name" in value:  # with a name it is a part, whose keys are its own
        return None
    keys = {key: _plain(str(key)) for key in value}
    bounds = next((pair for pair in _BOUNDS if set(pair) <= set(keys)), None)
    if bounds is not None and set(keys) <= {*bounds, *_BESIDE}:
        return _error(value, where, _range([value[key] for key in bounds], value))
    named = [key for key in keys if keys[key] in _WITHOUT or (keys[key] in _KNOWN and isinstance(value[key], list))]
    if len(named) != 1 or list(value) in [[own] for own in _OWN]:
        return None
    name = keys.pop(named[0])
    if name not in _OWN and not set(keys) <= _BESIDE:
        return None
    return _error(value, where, _suggestions(name, value[named[0]], value))


def _call(text: str, where: str) -> MtlkdError | None:
    """``tune.choice([1, 2])``, as Python would have it."""
    found = _CALL.fullmatch(text.strip())
    if found is None or where.endswith("label"):
        return None
    name = found["name"].lower()
    if name not in _KNOWN:
        return None
    try:
        given = parse_yaml(f"[{found['values']}]", where=where)
    except MtlkdError:
        given = []
    values = given[0] if len(given) == 1 and isinstance(given[0], list) else given
    return _error(text, where, _suggestions(name, values, {}))


def _plain(key: str) -> str:
    return key.removeprefix("ray.").removeprefix("tune.").lower().replace("-", "_")


def _suggestions(name: str, values: Any, beside: Mapping[Any, Any]) -> Iterator[str]:
    """Leaves of a search space that come close."""
    kind = name if name in _OWN else _SAME.get(name)
    if kind is None or not isinstance(values, list):
        yield "{choice: [first, second]}"
        return
    step = values[2] if name.startswith("q") and len(values) > 2 else beside.get("q", beside.get("step"))  # noqa: PLR2004 - low, high and the step
    if kind in {"choice", "grid"}:
        yield _written({kind: values})
    elif step is not None:
        yield from _steps(values[:2], step)
    else:
        yield _written({"loguniform" if _is_on(beside.get("log")) else kind: values})


def _range(bounds: Sequence[Any], beside: Mapping[Any, Any]) -> Iterator[str]:
    """Two named ends, of which others take the upper one in."""
    about = f"{beside.get('distribution', '')} {beside.get('type', '')} {beside.get('dtype', '')}"
    step = beside.get("q", beside.get("step"))
    if step is not None:
        yield from _steps(bounds, step)
    elif _is_on(beside.get("log")) or "log" in about:
        yield _written({"loguniform": list(bounds)})
    else:
        if "int" not in about:
            yield _written({"uniform": list(bounds)})
        if all(type(bound) is int for bound in bounds):
            yield _written({"randint": [bounds[0], bounds[1] + 1]})


def _steps(bounds: Sequence[Any], step: Any) -> Iterator[str]:
    """A range in steps is a list."""
    try:
        count = round((bounds[1] - bounds[0]) / step)
        values = [round(bounds[0] + at * step, 10) for at in range(min(count, _MOST) + 1)]
    except (TypeError, ArithmeticError, ValueError, IndexError):
        values = []
    yield _written({"choice": values}) if 0 < len(values) <= _MOST else "{choice: [first, second]}"


def _is_on(flag: Any) -> bool:
    return flag is True or str(flag).lower() in {"yes", "on", "1", "true"}


def _error(value: Any, where: str, suggestions: Iterator[str]) -> MtlkdError:
    written = value if isinstance(value, str) else _written(value)
    return MtlkdError(f"{written} is no domain here", where=where, fix=f"write {' or '.join(suggestions)}")


def _written(value: Any) -> str:
    """As it would stand in YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.strip()
