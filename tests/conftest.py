import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small matrices gain nothing from threads, and lose much where the machine is busy."""
    torch.set_num_threads(1)
