import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Matrices of a few numbers: threads only wait for each other, the longer the busier the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
