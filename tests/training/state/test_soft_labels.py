import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from torch.nn import functional

from ray_mtlkd.storage import Storage
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.settings import Distillation
from ray_mtlkd.training.state.soft_labels import checksum, load, save, soft_table
from ray_mtlkd.training.step.losses import distillations

MANY = Task(name="many", kind="multiclass", metric="accuracy", classes=tuple("abcdef"))
LABELS = Task(name="labels", kind="multilabel", metric="f1", classes=tuple("abcdef"))
NUMBER = Task(name="number", kind="regression", metric="rmse")
AT = torch.tensor([4, 0, 4, 6])


@pytest.fixture
def storage(tmp_path):
    return Storage.at(str(tmp_path / "trial"))


@pytest.fixture
def logits():
    return torch.randn(7, 6, generator=torch.Generator().manual_seed(0)) * 3


@pytest.mark.parametrize("task", [MANY, LABELS])
def test_all_numbers_of_a_row_come_back_as_they_were(storage, logits, task):
    table = soft_table(logits, task, Distillation())
    save(storage, "soft.arrow", table)
    assert torch.equal(load(storage, "soft.arrow").take(AT), logits[AT])


def test_one_number_a_row_comes_back_as_it_was(storage):
    numbers = torch.arange(7.0)
    save(storage, "soft.arrow", soft_table(numbers, NUMBER, Distillation(top_k=2)))
    assert torch.equal(load(storage, "soft.arrow").take(AT), numbers[AT])


def test_half_precision_takes_half_the_bytes_and_keeps_three_digits(storage, logits):
    whole, half = (soft_table(logits, MANY, Distillation(soft_labels=name)) for name in ("float32", "float16"))
    assert half.nbytes * 2 == whole.nbytes
    save(storage, "soft.arrow", half)
    found = load(storage, "soft.arrow").take(AT)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, logits[AT], rtol=2**-11, atol=0)  # a half has 11 significant bits


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_k_likeliest_classes_share_all_of_the_probability(storage, logits, k, temperature):
    table = soft_table(logits, MANY, Distillation(top_k=k))
    assert table.values.shape == table.classes.shape == (7, k)
    save(storage, "soft.arrow", table)
    found = (load(storage, "soft.arrow").take(AT) / temperature).softmax(dim=1)
    expected = (logits[AT] / temperature).softmax(dim=1)
    expected = expected.masked_fill(expected < expected.topk(k, dim=1).values[:, -1:], 0.0)
    torch.testing.assert_close(found, expected / expected.sum(dim=1, keepdim=True))


def test_a_student_learns_from_the_classes_that_were_kept(logits):
    student = torch.randn(4, 6, generator=torch.Generator().manual_seed(1), requires_grad=True)
    soft = soft_table(logits, MANY, Distillation(top_k=1)).take(AT)
    (loss,) = distillations([MANY], [student], [soft], temperature=1.0)
    (expected,) = torch.autograd.grad(
        distillations([MANY], [student], [functional.one_hot(logits[AT].argmax(1), 6) * 1e4], temperature=1.0).sum(),
        student,
    )
    (gradient,) = torch.autograd.grad(loss, student)
    torch.testing.assert_close(gradient, expected)
    assert torch.isfinite(loss)


@pytest.mark.parametrize(("task", "k"), [(MANY, 6), (MANY, 99), (LABELS, 2)])
def test_nothing_is_left_out_where_there_are_no_more_classes_or_each_has_its_own_answer(logits, task, k):
    assert soft_table(logits, task, Distillation(top_k=k)).classes is None


def test_a_local_file_is_mapped_and_read_by_arrow(storage, logits):
    before = pa.total_allocated_bytes()
    save(storage, "soft.arrow", soft_table(logits.repeat(20_000, 1), MANY, Distillation()))
    table = load(storage, "soft.arrow")
    assert pa.total_allocated_bytes() - before < 2**20 < table.nbytes
    with pa.memory_map(str(Path(storage.root) / "soft.arrow")) as source:
        assert pa.ipc.open_file(source).read_all().num_rows == 140_000


def test_a_checksum_is_that_of_the_file(storage, logits):
    sha256 = save(storage, "soft.arrow", soft_table(logits, MANY, Distillation()))
    assert sha256 == checksum(storage, "soft.arrow") == hashlib.sha256(storage.read("soft.arrow")).hexdigest()
    assert checksum(storage, "none.arrow") is None


@pytest.mark.parametrize("k", [0, -1])
def test_no_class_is_no_choice(k):
    with pytest.raises(ValueError, match="top_k"):
        Distillation(top_k=k)
