"""Train tables of which only some rows are drawn."""

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd.setups.content import content_of
from ray_mtlkd.setups.subsets import draw_rows

TEXTS = [f"mail {at}" for at in range(40)]


@pytest.fixture
def mail(files):
    files.change("text", TEXTS, splits=("train",))
    files.change("label", [at % 2 for at in range(40)], splits=("train",))
    return files


def _texts(setup):
    (task,) = setup.tasks
    return task.splits["train"].inputs["text"].to_pylist()


def test_a_draw_is_in_the_table_s_order_and_holds_every_smaller_one():
    table = pa.table({"at": np.arange(50)})
    draws = [draw_rows(table, rows, where="mail").column("at").to_pylist() for rows in (3, 20, 50)]
    assert [len(draw) for draw in draws] == [3, 20, 50]
    assert all(draw == sorted(set(draw)) for draw in draws)
    assert set(draws[0]) < set(draws[1])
    assert draws[1] != list(range(20))


def test_only_train_is_drawn_from_and_everything_else_is_as_if_its_file_held_no_more(mail):
    mail.spec["rows"] = 12
    drawn = mail.written()
    (task,) = drawn.tasks
    assert len(task.splits["train"].labels) == 12
    assert len(task.splits["valid"].labels) == 2
    mail.tables["train"] = draw_rows(pa.table(mail.tables["train"]), 12, where="mail").to_pydict()
    del mail.spec["rows"]
    alone, before = content_of(mail.written()), content_of(drawn)
    assert [path for path in alone if alone[path] != before[path]] == ["tasks.intent.rows"]


def test_all_splits_of_labels_and_inputs_are_drawn_together(mail):
    mail.spec["rows"] = 12
    (task,) = mail.written().tasks
    train = task.splits["train"]
    assert [int(text.split()[1]) % 2 for text in train.inputs["text"].to_pylist()] == train.labels.tolist()


def test_another_file_format_gives_the_same_rows(mail):
    mail.spec["rows"] = 12
    before = _texts(mail.written())
    mail.path("train").unlink()
    lines = [f"{text},{at % 2}" for at, text in enumerate(TEXTS)]
    mail.path("train", ".csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    assert _texts(mail.read()) == before


def test_more_rows_than_there_are_is_an_error_that_says_how_many_there_are(mail, worded):
    mail.spec["rows"] = 41
    problem = mail.problem()
    assert problem.where.endswith("mail/train.parquet")
    worded(problem)


def test_a_problem_of_drawn_rows_says_that_its_row_numbers_are_theirs(mail):
    mail.spec["rows"] = 12
    mail.change("label", [None] * 40, splits=("train",))
    assert "train.parquet (12 of its rows)" in mail.problem().where
