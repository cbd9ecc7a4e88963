import pytest

from ray_mtlkd.data.inputs import Layout
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.build import build, check_encoder
from ray_mtlkd.models.encoders import decode_encoder
from ray_mtlkd.tasks.task import Task

DENSE = Layout(form="Dense", width=3)
BAG = Layout(form="Bag", buckets=9)
TOKENS = Layout(form="Tokens", width=2, buckets=9)


def task(name, kind):
    return Task(name=name, kind=kind, metric="-", classes=("O", "B-x"))


def test_a_kind_that_the_encoder_does_not_serve_names_the_encoders_that_do():
    with pytest.raises(MtlkdError) as caught:
        build(decode_encoder("bag", where="encoder"), [(task("tags", "tagging"), TOKENS)])
    assert str(caught.value) == (
        "encoder bag, task tags: bag does not serve tagging tasks; use an encoder that does: mlp, cnn, transformer"
    )


def test_a_form_that_the_encoder_does_not_read_names_the_encoders_that_do():
    with pytest.raises(MtlkdError) as caught:
        build(decode_encoder("mlp", where="encoder"), [(task("topic", "multiclass"), BAG)])
    assert str(caught.value) == (
        "encoder mlp, task topic: mlp does not read inputs of form Bag; use an encoder that does: bag"
    )


def test_all_tasks_that_do_not_fit_are_named_together():
    tasks = [(task("a", "binary"), DENSE), (task("b", "binary"), BAG), (task("c", "tagging"), TOKENS)]
    with pytest.raises(ExceptionGroup) as caught:
        build(decode_encoder("mlp", where="encoder"), tasks)
    assert [error.where for error in caught.value.exceptions] == ["encoder mlp, task b", "encoder mlp, task c"]


def test_a_form_that_nobody_reads_asks_for_other_inputs():
    problems = list(check_encoder(decode_encoder("cnn", where="encoder"), [(task("a", "tagging"), BAG)]))
    assert [problem.fix for problem in problems] == ["give the task other inputs"]


def test_tasks_that_fit_have_no_problem():
    assert not list(check_encoder(decode_encoder("cnn", where="encoder"), [(task("a", "tagging"), TOKENS)]))
