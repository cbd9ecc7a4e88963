"""What the benchmark of relabelling asks for and makes of the answers; no Ray in here."""

import pytest
import torch

from benchmarks.relabel import LIGHT, Answer, Way, report, request, rows_for, tables
from benchmarks.soft_labels import Agreement, rows
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.sweep.relabel import Relabeller
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS
from ray_mtlkd.training.settings import Relabelling


def test_the_trial_s_own_answer_has_a_row_of_soft_labels_for_each_row_of_the_table():
    asked = request(LIGHT, tables(2500))
    desk = Relabeller(Relabelling(where="inline"), architecture=Architecture(encoder=LIGHT), tables=None, shared=None)
    assert desk(asked).outputs.shape == (2500, 10)


def test_every_process_builds_the_same_teacher():
    first, second = (request(LIGHT, tables(10)).model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_work_is_cut_into_whole_batches_and_is_never_none():
    assert rows_for(1e-9, row_s=1e-3) == BATCH_ROWS
    assert rows_for(10.0, row_s=1e-3) == 10 * BATCH_ROWS


def test_ways_are_compared_with_the_trial_itself_and_with_their_goals():
    answers = {
        "inline": [Answer(seconds=seconds, where="inline: as configured") for seconds in (1.0, 2.0, 9.0)],
        Way(where="pool").name: [Answer(seconds=6.0, where="pool: as configured")],
        "auto": [
            Answer(seconds=seconds, where=f"{where}: estimated")
            for seconds, where in ((2.1, "inline"), (2.5, "shared"))
        ],
    }
    rows = {(row.what, row.unit): row for row in report("a table", answers, goals={"auto": 1.1})}
    assert rows["inline", "s"].figure == 2.0
    assert rows["pool, 2 actors", "x inline"].figure == 3.0
    assert rows["pool, 2 actors", "x inline"].goal is None
    auto = rows["auto", "x inline"]
    assert auto.figure == pytest.approx(1.15)
    assert auto.reached is False
    assert auto.note == "chose inline and shared; shared: estimated"


def test_what_is_stored_is_compared_by_seed_with_all_numbers():
    found = {
        "float32": [Agreement(score=80.0, nbytes=2**21), Agreement(score=90.0, nbytes=2**21)],
        "top 1": [Agreement(score=79.0, nbytes=2**20), Agreement(score=91.5, nbytes=2**20)],
    }
    figures = {(row.what, row.unit): row.figure for row in rows(found)}
    assert figures["float32", "MiB a trial"] == 2.0
    assert figures["top 1", "MiB a trial"] == 1.0
    assert figures["top 1", "points over float32"] == pytest.approx(0.25)
    assert ("float32", "points over float32") not in figures
