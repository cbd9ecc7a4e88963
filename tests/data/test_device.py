"""What becomes of a process that asks for a GPU; no GPU is needed here."""

import pytest
import torch

from ray_mtlkd.data.device import choose_device, within_memory


def test_a_process_without_a_gpu_computes_on_the_cpu():
    assert choose_device(0.0) == "cpu"


def test_a_gpu_that_pytorch_does_not_find_is_an_error_that_names_the_build(monkeypatch, refused):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with refused():
        choose_device(0.5)


def test_a_gpu_whose_memory_is_full_is_an_error_that_says_what_to_do(refused):
    with refused(), within_memory():
        raise torch.OutOfMemoryError("tried 2 GiB\nof 1 GiB")


def test_other_errors_are_passed_on():
    with pytest.raises(RuntimeError, match="something else"), within_memory():
        raise RuntimeError("something else")
