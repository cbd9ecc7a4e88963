"""What `help` shows of a strategy: its formula or paper, and an example that works."""

import doctest
import importlib

import pytest

from ray_mtlkd.strategies import BALANCERS, CURRICULA

EVERY = {**BALANCERS, **CURRICULA}


@pytest.mark.parametrize("name", EVERY)
def test_a_strategy_shows_an_example_that_works(name):
    module = importlib.import_module(EVERY[name].__module__)
    found = doctest.DocTestFinder(recurse=False).find(EVERY[name], EVERY[name].__name__, module=module)
    assert sum(len(test.examples) for test in found) > 0
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("name", ["gradnorm", "pcgrad", "uncertainty", "torchjd", "joint_kd", "sequential_kd"])
def test_a_strategy_of_a_paper_s_names_it(name):
    assert "arXiv:" in EVERY[name].__doc__ or "https://aclanthology.org" in EVERY[name].__doc__
