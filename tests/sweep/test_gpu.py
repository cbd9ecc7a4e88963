import os

import pytest
import torch

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.gpu import relying_on_gpu


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


def test_a_process_goes_on_where_only_memory_is_missing_or_something_else_is_wrong(ends):
    with pytest.raises(MtlkdError, match="memory is full"), relying_on_gpu():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    with pytest.raises(ValueError, match="rows"), relying_on_gpu():
        raise ValueError("rows")
    assert ends == []
