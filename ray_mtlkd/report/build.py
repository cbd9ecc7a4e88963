"""From sweeps' directories to a folder with the report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report import classical, load, model_to_take, next_seeds
from ray_mtlkd.report.advice import Advice, advise
from ray_mtlkd.report.curve_figure import draw_curves
from ray_mtlkd.report.distilled import cautions
from ray_mtlkd.report.exports import configurations_table, gains_table, strategies_table, tasks_table
from ray_mtlkd.report.figures import as_png, draw_gains, saved, style
from ray_mtlkd.report.files import going_on
from ray_mtlkd.report.history import trials
from ray_mtlkd.report.latex import gains_tex
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.matrix_figure import draw_matrices
from ray_mtlkd.report.page import Images, page
from ray_mtlkd.report.parts import ReportPart, choose, refuse_own_report
from ray_mtlkd.report.row_findings import read_rows
from ray_mtlkd.report.row_noise import RowNoise
from ray_mtlkd.report.runs import Setup, group
from ray_mtlkd.report.searched import logarithmic
from ray_mtlkd.report.section import ALL_SETUPS, RowVariances
from ray_mtlkd.report.sheets import sheet_files
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.report.summary import Summary, summarise
from ray_mtlkd.report.web import web_page
from ray_mtlkd.storage import FILE_NAME, Storage, join_uri, reaching

_LETTERS = 40
"""Of a setup's name in a file name that is not it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the terminal says of a report that was written.

    Attributes:
        page: Path or URI of ``report.html``; the other files lie beside it.
        summary: All gains.
        advice: What to ship.
        failed: Trials that failed, of search and replicate.
        part: A sentence on what it is a part of; empty where it is of everything.
        cautions: Sentences on strategies that hardly distilled, or did not hold what they distilled.
        tables: As they were written, by name: ``gains``, ``strategies``, ``tasks``, ``configurations``, …
    """

    page: str
    summary: Summary
    advice: Advice
    failed: int
    part: str
    cautions: tuple[str, ...]
    tables: Mapping[str, pa.Table] = field(repr=False)

    def table(self, name: str) -> pa.Table:
        """One of the tables.

        Raises:
            MtlkdError: where it has no such table.
        """
        if name not in self.tables:
            raise unknown_name(name, sorted(self.tables), what="table", where="report")
        return self.tables[name]

    def gains_png(self) -> bytes | None:
        """The figure of average gains as PNG; None where no strategies can be compared."""
        if not _is_compared(self.summary):
            return None
        with style():
            return as_png(draw_gains(self.summary))

    def frame(self, name: str) -> Any:
        """One of the tables as a frame of pandas, which must be installed.

        Raises:
            MtlkdError: where it has no such table.
        """
        return self.table(name).to_pandas()


def build(
    results: str | Sequence[str],
    out: str | Path,
    *,
    margin: float | None = None,
    setups: Sequence[str] = (),
    strategies: Sequence[str] = (),
) -> Report:
    """Read the records of these sweeps and write the report, its tables and figures into the folder ``out``.

    ``report.html`` is for a browser, and complete by itself; ``report.md`` says the same. Where a sweep's own report is
    written, its ``models/best/SETUP`` says which model of a setup is to be taken.

    Args:
        results: Sweep directories, folders of Parquet files or files, or one of them; paths or URIs that pyarrow knows.
        out: Folder, made where it is missing; its files are replaced.
        margin: Points of skill within which strategies are as good as each other; None for what the sweeps ask for.
        setups: Names of those to report alone, with ``strategies`` likewise; none for all. Such a part says that it is
            one, and does not go where a sweep's own report lies.

    Raises:
        MtlkdError: where nothing was found, a file is no record, a name is none of a setup or strategy, or ``out``
            cannot be written.
        ExceptionGroup: of ``MtlkdError``, where several files are wrong.
    """
    results = [results] if isinstance(results, str) else results
    part = choose(load.read(results), setups=setups, strategies=strategies)
    if part.said:
        refuse_own_report(results, str(out))
    return _build(part, results, out, margin=margin)


def _build(part: ReportPart, results: Sequence[str], out: str | Path, *, margin: float | None) -> Report:
    records = part.records
    setups = _replicated(records, where=", ".join(results))
    findings = read_rows(results, records)
    rows_of = _row_variances(findings.noise)
    found = summarise(setups, rows=rows_of, margin=next_seeds.margin(results) if margin is None else margin)
    baselines = classical.read(results)
    advice = advise(setups, found, baselines, model_to_take.find(results, records), rows=rows_of, results=results)
    rows, cautious = trials(records.table), cautions(records)
    files, images = _figures(setups, found, records, advice)
    text = page(
        setups,
        summary=found,
        advice=advice,
        records=records,
        trials=rows,
        classical=baselines,
        findings=findings,
        figures=images,
        part=part.said,
        cautions=cautious,
        ahead=[said for given in results if (said := going_on(given)) is not None],
    )
    files["report.html"] = web_page(
        text,
        setups=setups,
        summary=found,
        records=records,
        trials=rows,
        logarithmic=logarithmic(results),
        findings=findings,
        images=images,
        files=files,
    )
    files |= {"report.md": text.encode(), "gains.tex": gains_tex(found)}
    tables = {"gains": gains_table(found), "strategies": strategies_table(setups), "tasks": tasks_table(records.table)}
    tables |= {"configurations": configurations_table(rows), **findings.tables()}
    files |= sheet_files(tables)
    folder = Storage.at(str(out))
    with reaching(folder.uri):
        for name, content in files.items():
            folder.write(name, content)
        model_to_take.name_models(results, folder, advice.models)
    failed = sum(row["status"] != "ok" for row in rows)
    return Report(
        page=join_uri(folder.uri, "report.html"),
        summary=found,
        advice=advice,
        failed=failed,
        cautions=tuple(cautious),
        part=part.said,
        tables=tables,
    )


def summary(records: Records) -> Summary:
    """The gains of all strategies in all setups, from records that ``load.read`` or ``load.of`` gave.

    Raises:
        MtlkdError: where there is no replicate trial.
    """
    return summarise(_replicated(records, where="records"))


def _replicated(records: Records, *, where: str) -> tuple[Setup, ...]:
    if "replicate" in records.table["stage"].unique().to_pylist():
        return group(records.table)
    ended = trials(records.table)
    errors = [row["error"] for row in ended if row["status"] != "ok"]
    what = "no replicate trial yet"
    fix = "finish the sweep with `ray-mtlkd sweep … --resume DIR`: only replicate trials are reported"
    if len(errors) == len(ended):
        what += f", and all {len(ended)} search trials so far failed, the first of them: {errors[0]}"
        fix = "mend that in a new sweep; `ray-mtlkd sweep … --resume DIR` runs only what has not ended or was lost"
    raise MtlkdError(what, where=where, fix=fix)


def _row_variances(noise: RowNoise) -> RowVariances:
    """What test rows do to the strategies of a setup, by the weights of its tasks."""

    def of(setup: Setup, strategies: Sequence[str]) -> Floats:
        weights = next(runs.per_task["weight"][0] for runs in setup.runs if runs.keys)
        return noise.variances(setup.name, strategies, weights=weights)

    return of


def _figures(
    setups: Sequence[Setup], found: Summary, records: Records, advice: Advice
) -> tuple[dict[str, bytes], Images]:
    """Files by name, and the names of images."""
    drawn, names = {}, _file_names([setup.name for setup in setups])
    also = [name for name in (advice.ship or advice.simplest, advice.chosen) if name is not None]
    with style():
        if _is_compared(found):
            drawn["gains", ALL_SETUPS] = ("gains.svg", draw_gains(found))
        for setup in setups:
            figures = {"curves": draw_curves(setup, records, also=also), "tasks": draw_matrices(setup, records)}
            for sort, figure in figures.items():
                if figure is not None:
                    drawn[sort, setup.name] = (f"{sort}-{names[setup.name]}.svg", figure)
        files = {name: saved(figure) for name, figure in drawn.values()}
    return files, {each: name for each, (name, _) in drawn.items()}


def _file_names(setups: Sequence[str]) -> dict[str, str]:
    """By setup, a part of a file name; numbered where its own is none."""
    return {
        name: name if FILE_NAME.fullmatch(name) else f"{at}-{re.sub(r'[^A-Za-z0-9_.-]', '_', name[:_LETTERS])}"
        for at, name in enumerate(setups)
    }


def _is_compared(found: Summary) -> bool:
    return any(cell.skill is not None for cell in found.cells.values())
