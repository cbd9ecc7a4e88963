import os
from types import SimpleNamespace

import pytest
import ray
import torch

from ray_mtlkd.cluster.gpu import relying_on_gpu
from ray_mtlkd.errors import gather


@pytest.fixture
def ends(monkeypatch):
    """Exit codes with which this process would have ended."""
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def test_a_process_whose_gpu_fails_says_how_and_ends_as_if_it_had_been_lost(ends, capsys):
    with relying_on_gpu():
        raise torch.AcceleratorError("an illegal memory access was encountered")
    assert ends == [1]
    assert "an illegal memory access was encountered" in capsys.readouterr().err


@pytest.mark.parametrize("restarted", [False, True])
def test_an_actor_of_a_pool_starts_again_once_and_then_says_what_is_wrong(ends, monkeypatch, restarted, worded):
    context = SimpleNamespace(was_current_actor_reconstructed=restarted)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: context)
    problems = []
    with gather(problems), relying_on_gpu(of_a_pool=True):
        raise torch.AcceleratorError("no kernel image is available\nCompile with TORCH_USE_CUDA_DSA")
    assert (ends, len(problems)) == (([], 1) if restarted else ([1], 0))
    for problem in problems:
        worded(problem)


def test_a_process_goes_on_where_only_memory_is_missing_or_something_else_is_wrong(ends, refused):
    with refused(), relying_on_gpu():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    with pytest.raises(ValueError, match="rows"), relying_on_gpu():
        raise ValueError("rows")
    assert ends == []
