"""A report on some setups and strategies alone, which says so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.report import text
from ray_mtlkd.report.load import Records
from ray_mtlkd.storage import Storage, reaching
from ray_mtlkd.sweep_folder import SweepFolder


@dataclass(frozen=True, kw_only=True)
class ReportPart:
    """Records of what was chosen.

    Attributes:
        said: A sentence on what they are a part of, as Markdown; empty where they are all.
    """

    records: Records
    said: str


def choose(records: Records, *, setups: Sequence[str], strategies: Sequence[str]) -> ReportPart:
    """The records of these setups and strategies; where no names are given, of all.

    Raises:
        MtlkdError: where a name is not among the records, or no strategy is in a setup.
        ExceptionGroup: of ``MtlkdError``, where several names are not.
    """
    whole = records.table
    table, told, problems = whole, [], []
    for column, what, names in (("setup", "setup", setups), ("strategy", "strategy", strategies)):
        known = whole[column].unique().to_pylist()
        problems += [unknown_name(name, known, what=what, where=f"--{what}") for name in names if name not in known]
        if names:
            table = table.filter(pc.is_in(table[column], pa.array(names, pa.string())))
            plural = "setups" if what == "setup" else "strategies"
            shown = text.listed(text.code(name) for name in dict.fromkeys(names))
            told.append(f"{len(set(names))} of {len(known)} {plural} ({shown})")
    raise_all("names", problems)
    if not table.num_rows:
        where, wanted = ", ".join(setups), ", ".join(strategies)
        there = whole.filter(pc.is_in(whole["setup"], pa.array(setups, pa.string())))["strategy"].unique().to_pylist()
        what = f"no trial of {wanted} in {where}"
        raise MtlkdError(what, where="--strategy", fix=f"use one of: {', '.join(sorted(there))}")
    if table.num_rows == whole.num_rows:
        return ReportPart(records=records, said="")
    said = (
        f"**This is a part**: {' and '.join(told)} of these sweeps. Its intervals hold together for what is shown "
        "here, so that they may be narrower than those of the whole report: what was chosen after seeing that is to be "
        "judged there."
    )
    return ReportPart(records=replace(records, table=table), said=said)


def refuse_own_report(results: Sequence[str], out: str) -> None:
    """Make sure that a part does not take the place of a sweep's own report.

    Raises:
        MtlkdError: where ``out`` is the folder of one.
    """
    folder = Storage.at(out)
    for sweep in map(SweepFolder.at, results):
        with reaching(sweep.uri):
            is_own = not sweep.root.is_file and sweep.report.root == folder.root
        if is_own:
            what = "a report on a part would take the place of the whole one"
            raise MtlkdError(what, where=folder.uri, fix="give another folder")
