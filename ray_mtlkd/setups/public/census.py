"""Census-Income: the official train and test, with five columns as labels."""

import bz2
import gzip
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ray_mtlkd.setups.manifest import Manifest
from ray_mtlkd.setups.public.origin import PinnedFiles, PublicData, Tables

_NUMBERS = {
    **dict.fromkeys(
        ("age", "wage_per_hour", "capital_gains", "capital_losses", "stock_dividends", "num_emp", "weeks_worked"),
        pa.int32(),
    ),
    **dict.fromkeys(("det_ind_code", "det_occ_code", "own_or_self", "vet_benefits", "year"), pa.int16()),
    "instance_weight": pa.float32(),
}
_COLUMNS = re.findall(
    r"\w+",
    """
    age class_worker det_ind_code det_occ_code education wage_per_hour hs_college marital_stat major_ind_code
    major_occ_code race hisp_origin sex union_member unemp_reason full_or_part_emp capital_gains capital_losses
    stock_dividends tax_filer_stat region_prev_res state_prev_res det_hh_fam_stat det_hh_summ instance_weight
    mig_chg_msa mig_chg_reg mig_move_reg mig_same mig_prev_sunbelt num_emp fam_under_18 country_father country_mother
    country_self citizenship own_or_self vet_question vet_benefits weeks_worked year income_50k
    """,
)
_DEGREES = (
    "Bachelors degree(BA AB BS)",
    "Masters degree(MA MS MEng MEd MSW MBA)",
    "Prof school degree (MD DDS DVM LLB JD)",
    "Doctorate degree(PhD EdD)",
)


def _read(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:
    """Official train; the official test, of which each row is valid or test by chance."""
    train, test = (folder / file for folder, source in zip(folders, _SOURCES, strict=True) for file in source.files)
    classes = manifest.tasks["class_worker"].class_names
    held = _table(test, classes)
    is_valid = pa.array(np.random.RandomState(1).rand(held.num_rows) < 0.5)  # noqa: PLR2004 - what others drew
    return {
        "train": _table(train, classes),
        "valid": held.filter(is_valid),
        "test": held.filter(pc.invert(is_valid)),
    }


def _table(path: Path, classes: tuple[str, ...]) -> pa.Table:
    unpack = {".bz2": bz2.decompress, ".gz": gzip.decompress}[path.suffix]  # twice as fast as Arrow's
    content = unpack(path.read_bytes()).replace(b", ", b",")  # values begin with a blank, and some end with one
    table = pa.csv.read_csv(
        pa.BufferReader(content),
        read_options=pa.csv.ReadOptions(column_names=_COLUMNS),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: _NUMBERS.get(name, pa.string()) for name in _COLUMNS},
            null_values=["NA"],
            strings_can_be_null=True,
        ),
    )
    labels = {
        "y_income": pc.equal(table["income_50k"], "50000+.").cast(pa.int8()),
        "y_never_married": pc.equal(table["marital_stat"], "Never married").cast(pa.int8()),
        "y_college": pc.is_in(table["education"], pa.array(_DEGREES)).cast(pa.int8()),
        "y_weeks_worked": table["weeks_worked"].cast(pa.float32()),
        "y_class_worker": pc.index_in(table["class_worker"], pa.array(classes)).cast(pa.int8()),
    }
    return pa.table({**{name: table[name] for name in _COLUMNS}, **labels})


_SOURCES = (
    PinnedFiles(
        root="mnijhuis-dnb/AI_methods_in_economics_and_finance_research/459848ac5bd4b9a252a1619a67b1535dcbb9ad17",
        files=("data/census-income.data.bz2",),
    ),
    PinnedFiles(
        root="drawbridge/keras-mmoe/2718f56e4313716fd3a86e9510bc2df0cc366238",
        files=("data/census-income.test.gz",),
    ),
)
DATA = {
    "shared": PublicData(
        licence="CC BY 4.0 at UCI (Census-Income, KDD); the repositories that hold it: MIT",
        sources=_SOURCES,
        read=_read,
    )
}
