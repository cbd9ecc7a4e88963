from dataclasses import replace

import pytest
import torch

from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.feed import batch_sizes, feed
from ray_mtlkd.training.transfer import transfer_set


def _settings(**changes):
    return Optimization(**{"steps": 10, "eval_every": 5, "batch_size": 20, **changes})


def _all(drawn):
    return [target for batch in drawn for target in batch.targets]


def test_tasks_with_rows_of_their_own_draw_a_batch_each(tables):
    drawn = feed(tables, _settings(), seed=1).draw([0, 2, 3])
    assert [target.task for target in _all(drawn)] == [0, 2, 3]
    assert [len(batch.inputs.values) for batch in drawn] == [20, 20, 20]


def test_tasks_that_share_rows_learn_from_one_batch(shared_tables):
    (batch,) = feed(shared_tables, _settings(), seed=1).draw([0, 1, 2])
    assert len(batch.inputs.values) == 20
    assert [target.task for target in batch.targets] == [0, 1, 2]


def test_a_label_belongs_to_the_input_it_was_given_for(shared_tables):
    supply = feed(shared_tables, _settings(), seed=1)
    for _ in range(12):
        (batch,) = supply.draw([0, 1, 2, 3])
        for target in batch.targets:
            train = shared_tables.tasks[target.task].train
            rows = slice(None) if target.outputs is None else target.outputs
            expected = train.inputs.values[train.row_ids[target.labels]]
            assert torch.equal(batch.inputs.values[rows], expected)


def test_an_epoch_shows_every_label_once(shared_tables):
    supply = feed(shared_tables, _settings(batch_size=16), seed=1)
    seen = [target.labels for _ in range(10) for target in _all(supply.draw([0, 3])) if target.task == 3]
    assert sorted(torch.cat(seen).tolist()) == list(range(len(shared_tables.tasks[3].train)))


def test_a_task_alone_never_gets_a_batch_without_its_labels(shared_tables):
    supply = feed(shared_tables, _settings(batch_size=2), seed=1)
    assert all(len(_all(supply.draw([3]))[0].labels) for _ in range(200))


def test_parts_of_a_batch_are_the_batch(tables, shared_tables):
    for given, tasks in ((tables, [1, 4]), (shared_tables, [0, 1, 3])):
        whole = _all(feed(given, _settings(), seed=3).draw(tasks))
        parts = _all(feed(given, _settings(accumulation=3), seed=3).draw(tasks))
        for target in whole:
            mine = [part for part in parts if part.task == target.task]
            assert torch.equal(torch.cat([part.labels for part in mine]), target.labels)
            assert sum(part.share for part in mine) == pytest.approx(1.0)


def test_a_feed_goes_on_from_where_it_was(tables, shared_tables):
    for given in (tables, shared_tables):
        supply, other = feed(given, _settings(), seed=1), feed(given, _settings(), seed=1)
        for _ in range(11):
            supply.draw([0, 1])
        other.move(supply.drawn)
        first, second = _all(supply.draw([0, 1])), _all(other.draw([0, 1]))
        assert [each.labels.tolist() for each in first] == [each.labels.tolist() for each in second]


def test_parts_without_a_label_of_the_tasks_that_train_are_left_out(shared_tables):
    supply = feed(shared_tables, _settings(batch_size=8, accumulation=8), seed=1)
    for _ in range(60):
        drawn = supply.draw([3])
        assert all(batch.targets for batch in drawn)
        assert sum(target.share for target in _all(drawn)) == pytest.approx(1.0)


def test_shares_of_tagging_count_tokens(shared_words):
    drawn = feed(shared_words, _settings(accumulation=4), seed=1).draw([0, 1])
    for task in (0, 1):
        mine = [target for target in _all(drawn) if target.task == task]
        total = sum(len(target.labels) for target in mine)
        assert [target.share for target in mine] == pytest.approx([len(target.labels) / total for target in mine])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (20, 20)),
        ({"sampling": "proportional"}, (10, 30)),
        ({"sampling": 1.0}, (10, 30)),
        ({"sampling": 2.0}, (15, 25)),
        ({"batch_size": {"yes": 8, "any": 9, "unused": 3}}, (8, 9)),
    ],
)
def test_rows_are_shared_out_by_the_tasks_sizes(tables, changes, expected):
    first, second = (replace(tables.tasks[at]) for at in (0, 2))
    small = replace(first, train=replace(first.train, row_ids=first.train.row_ids[:30]))
    large = replace(second, train=replace(second.train, row_ids=second.train.row_ids[:90]))
    assert batch_sizes(_settings(**changes), replace(tables, tasks=(small, large))) == expected


@pytest.mark.parametrize(
    ("changes", "where"),
    [({"sampling": "proportional"}, "training.sampling"), ({"batch_size": {"yes": 4}}, "training.batch_size")],
)
def test_tasks_that_share_rows_cannot_have_sizes_of_their_own(shared_tables, changes, where, refused):
    with refused() as caught:
        batch_sizes(_settings(**changes), shared_tables)
    assert caught.value.where == where


def test_a_task_without_a_size_is_named(tables, refused):
    with refused():
        batch_sizes(_settings(batch_size={"yes": 4}), tables)


def test_a_task_that_is_taught_draws_each_row_once_an_epoch_and_later_its_own_as_if_nothing_had_been(readable):
    supply, plain, rows = *(feed(readable, _settings(), seed=1) for _ in range(2)), transfer_set(readable, 1, "all")
    supply.teach(1, rows)
    seen = []
    for _ in range(24):  # 480 rows
        (batch,) = supply.draw([1], taught={1})
        (target,) = batch.targets
        expected = readable.tasks[1].train.inputs.values[rows.examples.row_ids[target.labels]]
        assert torch.equal(batch.inputs.values, expected)
        seen.append(target.labels)
    assert torch.equal(torch.cat(seen).sort().values, torch.arange(480))
    assert supply.epochs[1] == 24 * 20 / 100
    first, second = _all(supply.draw([1])), _all(plain.draw([1]))
    assert [each.labels.tolist() for each in first] == [each.labels.tolist() for each in second]


def test_of_rows_in_common_a_task_that_is_taught_learns_from_those_without_its_label_too(shared_tables):
    supply, rows = feed(shared_tables, _settings(), seed=1), transfer_set(shared_tables, 3, "all")
    supply.draw([0, 3])
    supply.teach(3, rows)
    for taught in ({3}, {}, {3}):
        (batch,) = supply.draw([0, 3], taught=taught)
        first, *last = batch.targets
        assert first.task == 0
        target = last[0] if last else first
        if taught:
            assert (target.task, len(target.labels)) == (3, 20)
        else:
            assert all(len(each.labels) < 20 for each in last)
            continue
        at = slice(None) if target.outputs is None else target.outputs
        expected = rows.examples.inputs.values[rows.examples.row_ids[target.labels]]
        assert torch.equal(batch.inputs.values[at], expected)


@pytest.mark.parametrize("which", ["readable", "shared_tables"])
def test_a_feed_that_is_taught_again_goes_on_where_it_was(request, which):
    of = request.getfixturevalue(which)
    rows = transfer_set(of, 1, "all")
    supply, other = (feed(of, _settings(), seed=1) for _ in range(2))
    supply.teach(1, rows)
    for _ in range(11):
        supply.draw([0, 1], taught={1})
    other.move(supply.drawn)
    other.teach(1, rows)
    first, second = _all(supply.draw([0, 1], taught={1})), _all(other.draw([0, 1], taught={1}))
    assert [each.labels.tolist() for each in first] == [each.labels.tolist() for each in second]
