"""The one error type: what is wrong, where, and how to fix it."""

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType


class MtlkdError(Exception):
    """Something a user can fix.

    Args:
        what: The fact, e.g. ``"3 weights for 5 tasks"``.
        where: A YAML path, ``file:column``, or the name of the part, e.g. ``"strategies[2].balancer.weights"``.
        fix: What to do about it, as an imperative.
    """

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(what, where, fix)
        self.what = what
        self.where = where
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.fix}" if self.where else f"{self.what}; {self.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the keyword-only arguments when the error crosses a process border."""
        return _rebuild, (self.what, self.where, self.fix)


def _rebuild(what: str, where: str, fix: str) -> MtlkdError:
    return MtlkdError(what, where=where, fix=fix)


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def raise_all(title: str, problems: Sequence[MtlkdError]) -> None:
    """Raise every problem of one file together; do nothing where there is none.

    Raises:
        MtlkdError: the only problem, as it is.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ExceptionGroup(title, list(problems))


def within(place: str, problems: Iterable[MtlkdError]) -> list[MtlkdError]:
    """The same problems, each said to be in ``place``."""
    return [MtlkdError(p.what, where=f"{place}: {p.where}" if p.where else place, fix=p.fix) for p in problems]


def without_repeats(problems: Iterable[MtlkdError]) -> list[MtlkdError]:
    """Each problem once: one in a place that several parts share is found by each of them."""
    return list({str(problem): problem for problem in problems}.values())


class gather:  # noqa: N801 - reads as a verb where it is used
    """Add what is raised inside the block, one error or a group, to ``problems``, and go on after the block."""

    def __init__(self, problems: list[MtlkdError]) -> None:
        self._problems = problems

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, MtlkdError):
            self._problems.append(error)
            return True
        if not isinstance(error, BaseExceptionGroup):
            return False
        mistakes, rest = error.split(MtlkdError)
        if mistakes is not None:
            self._problems.extend(flatten(mistakes))
        if rest is not None:
            raise rest
        return True


def flatten(group: BaseExceptionGroup[MtlkdError]) -> Iterator[MtlkdError]:
    """The errors in a group and in the groups inside it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from flatten(error)
        else:
            yield error
