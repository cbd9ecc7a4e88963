"""What the proposed split is worth over one model, measured on fresh seeds, in words."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ray_mtlkd.grouping.findings import Findings
from ray_mtlkd.grouping.trainings import ALONE, SPLIT, TOGETHER
from ray_mtlkd.report import text
from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.summary import Summary

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Which tasks belong together.

    Attributes:
        search: What was found by the search.
        over_together: Of the proposed split, and of a model a task, what each gains over one model for all on test, on
            seeds that the search has not seen; None where that is one model itself, or the two share no finished seed.
        report: Path or URI of the report of those trials.
    """

    search: Findings
    over_together: Mapping[str, Contrast | None]
    report: str

    @property
    def said(self) -> str:
        """In a few sentences, the proposal first."""
        return "\n".join(self._sentences())

    def facts(self) -> bytes:
        """The same as JSON."""
        over = {label: None if found is None else _numbers(found) for label, found in self.over_together.items()}
        splits = [asdict(split) for split in self.search.splits]
        told = {"tasks": self.search.tasks, "proposed": self.search.groups, "splits": splits, "over_one_model": over}
        return json.dumps({**told, "report": self.report}, indent=1).encode()

    def _sentences(self) -> Iterator[str]:
        search, tasks = self.search, len(self.search.tasks)
        if search.label == TOGETHER:
            yield (
                f"one model: no split into up to {_count(len(search.splits))} was estimated to be better on validation"
            )
        elif search.label == SPLIT:
            named = f"{_count(len(search.groups))} models, {_listed(list(map(_braced, search.groups)))}"
            yield _sentence(named, self.over_together[SPLIT], models=len(search.groups))
        yield _sentence(f"one model a task ({tasks})", self.over_together[ALONE], models=tasks)


def verdict(search: Findings, summary: Summary, *, report: str) -> Grouping:
    """What fresh seeds say of what the search found.

    Args:
        summary: Of the trials on fresh seeds, in one setup.
        report: Where they are reported.
    """
    compared = summary.parts[summary.total].comparison
    labels = dict.fromkeys((search.label, ALONE))
    over = {label: None if label == TOGETHER else compared.contrast(label, TOGETHER) for label in labels}
    return Grouping(search=search, over_together=over, report=report)


def _numbers(found: Contrast) -> dict[str, Any]:
    low, high = found.interval or (None, None)
    return {"points": found.mean, "low": low, "high": high, "finding": found.finding, "seeds": found.seeds}


def _sentence(what: str, found: Contrast | None, *, models: int) -> str:
    cost = f"at {'twice' if models == 2 else f'{_count(models)} times'} the serving cost"  # noqa: PLR2004 - a word
    if found is None:
        return f"{what}: not comparable with one model, {cost}"
    return f"{what}: {text.contrast(found, 1)} points over one model {cost}: {found.finding} ({found.seeds} seeds)"


def _braced(group: Sequence[str]) -> str:
    return "{" + ", ".join(group) + "}"


def _listed(groups: Sequence[str]) -> str:
    return " and ".join([", ".join(groups[:-1]), groups[-1]] if len(groups) > 1 else groups)


def _count(number: int) -> str:
    return _COUNTS[number] if number < len(_COUNTS) else str(number)
