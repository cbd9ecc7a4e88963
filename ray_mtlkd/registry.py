"""Parts by name: this package's, those of packages installed beside it, and anybody's as ``package.module:Name``."""

import functools
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from ray_mtlkd.decode import decode, join, unknown_name
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.serial import plain

T = TypeVar("T")
P = TypeVar("P")

Contract = Callable[[Any], str | None]
"""What is wrong with what a plug-in's name leads to, e.g. ``has no method `weigh```; None where nothing is."""


class Registry(Mapping[str, T], Generic[T]):
    """The parts of one sort.

    As a mapping it holds those of this package alone; `find` also knows entry points of the sort's group and references
    such as ``package.module:Name``. What a name leads to is imported when it is asked for, and not before.

    Args:
        noun: What a part is called in errors, e.g. ``balancer``.
        group: Of entry points, e.g. ``ray_mtlkd.balancers``.
        members: Those of this package.
        contract: Looks at what a plug-in's name leads to.
    """

    def __init__(self, noun: str, *, group: str, members: Mapping[str, T], contract: Contract) -> None:
        self.noun = noun
        self.group = group
        self._members = dict(members)
        self._contract = contract

    def __getitem__(self, name: str) -> T:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def names(self) -> list[str]:
        """Every name that needs no reference: this package's, then those of installed packages."""
        return [*self._members, *(name for name in self._offered() if name not in self._members)]

    def knows(self, name: str) -> bool:
        """Whether `find` would look for something under this name; entry points take longest and come last."""
        return name in self._members or is_reference(name) or name in self._offered()

    def find(self, name: object, *, where: str) -> T:
        """What a name leads to.

        Raises:
            MtlkdError: at ``where``, for a name that nobody knows, a plug-in that cannot be imported, or one that is
                no part of this sort.
        """
        if isinstance(name, str):
            if name in self._members:
                return self._members[name]
            if (offered := self._offered().get(name)) is not None:
                return self._plug_in(name, offered.load, where=where)
            if is_reference(name):
                return self._plug_in(name, lambda: load(name), where=where)
        raise unknown_name(name, self.names(), what=self.noun, where=where)

    def name_of(self, part: object) -> str:
        """The name under which `find` finds a part again, in any process that can import it."""
        for name, member in self._members.items():
            if member is part:
                return name
        reference = f"{getattr(part, '__module__', '')}:{getattr(part, '__qualname__', '')}"
        offered = (name for name, point in self._offered().items() if point.value == reference)
        return next(offered, reference)

    def misfit(self, found: object) -> str | None:
        """What keeps something from being a part of this sort, as far as its class shows; None where nothing does."""
        return self._contract(found)

    def _offered(self) -> dict[str, EntryPoint]:
        return _found(entry_points, self.group, tuple(sys.path))

    def _plug_in(self, name: str, imported: Callable[[], Any], *, where: str) -> T:
        try:
            found: T = imported()
        except Exception as error:  # whatever a module that is not ours raises while it is imported
            raise MtlkdError(
                f"the {self.noun} {name!r} cannot be imported ({type(error).__name__}: {first_line(error)})",
                where=where,
                fix="install its package, or name the folder that its module lies in with --code",
            ) from error
        problem = self._contract(found) or self._name_problem(found)
        if problem is not None:
            raise MtlkdError(
                f"{name!r} is no {self.noun}: {problem}",
                where=where,
                fix="see docs/extending.md for what one has",
            )
        return found

    def _name_problem(self, found: Any) -> str | None:
        """Tables and files call a part by its own name, which must not be that of another."""
        name = getattr(found, "name", "")
        return (
            f"{name!r} is the name of this package's own" if isinstance(name, str) and name in self._members else None
        )


@functools.cache
def _found(
    search: Callable[..., Iterable[EntryPoint]],
    group: str,
    path: tuple[str, ...],  # noqa: ARG001 - that is where it searches
) -> dict[str, EntryPoint]:
    """What packages on the path offer, searched once: all of them are read for that."""
    return {point.name: point for point in search(group=group)}


def import_from(folder: Path) -> str:
    """Let this process import what lies in a folder, before anything of the same name elsewhere; returns its path.

    Raises:
        MtlkdError: where there is no such folder.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such folder"
        raise MtlkdError(what, where=f"--code {folder}", fix="give the folder that your modules and packages lie in")
    path = str(folder.resolve())
    if path not in sys.path:
        sys.path.insert(0, path)
    return path


def is_reference(name: str) -> bool:
    """Whether a name says where to import something from: ``package.module:Name``."""
    module, colon, attribute = name.partition(":")
    return bool(colon) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def load(reference: str) -> Any:
    """What ``package.module:Name`` names.

    Raises:
        ImportError: where there is no such module.
        AttributeError: where the module has no such name.
    """
    module, _, attribute = reference.partition(":")
    found: Any = importlib.import_module(module)
    for name in attribute.split("."):
        found = getattr(found, name)
    return found


def part_of(*attributes: str) -> Contract:
    """The contract of a part that is a frozen dataclass: its fields are hyper-parameters, and it has ``attributes``."""

    def problem(found: Any) -> str | None:
        if not isinstance(found, type):
            return f"it is a {type(found).__name__}, not a class"
        if not is_dataclass(found) or not found.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            return "it is not a frozen dataclass"
        known = {field.name for field in fields(found)}
        missing = [name for name in ("name", *attributes) if name not in known and not hasattr(found, name)]
        return f"it has no `{missing[0]}`" if missing else None

    return problem


def decode_part(registry: Registry[type[P]], value: Any, *, where: str) -> P:
    """A part from YAML: its name, or a mapping of ``name`` and hyper-parameters.

    Raises:
        MtlkdError: where the name is missing or unknown, or a hyper-parameter is wrong.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    given = dict(value) if isinstance(value, Mapping) else {"name": value}
    if "name" not in given:
        raise MtlkdError("missing", where=join(where, "name"), fix="use one of: " + ", ".join(sorted(registry.names())))
    name = given.pop("name")
    kind = registry.find(name, where=join(where, "name") if isinstance(value, Mapping) else where)
    return decode(kind, given, where=where)


def describe_part(registry: Registry[type[P]], part: P) -> dict[str, Any]:
    """What `decode_part` makes the same part of, in any process: its name and all hyper-parameters, as plain data.

    So are parts of the same sort that it has in it.
    """
    values = {each.name: getattr(part, each.name) for each in fields(part)}  # type: ignore[arg-type]  # parts are dataclasses
    inside = {
        name: describe_part(registry, value) for name, value in values.items() if registry.misfit(type(value)) is None
    }
    return {"name": registry.name_of(type(part)), **plain(part), **inside}
