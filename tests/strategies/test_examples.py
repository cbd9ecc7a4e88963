"""What `help` shows of a strategy: its formula or paper, and an example that works."""

import doctest
import importlib

import pytest

from ray_mtlkd.strategies import BALANCERS, CURRICULA
from ray_mtlkd.strategies.balancers import OWN_BALANCERS

EVERY = {**BALANCERS, **CURRICULA}


@pytest.mark.parametrize("name", EVERY)
def test_a_strategy_shows_an_example_that_works(name):
    module = importlib.import_module(EVERY[name].__module__)
    found = doctest.DocTestFinder(recurse=False).find(EVERY[name], EVERY[name].__name__, module=module)
    assert sum(len(test.examples) for test in found) > 0
    assert doctest.testmod(module).failed == 0


PAPERS = {
    "joint_kd": "https://aclanthology.org/2022.naacl-industry.18",
    "sequential_kd": "https://aclanthology.org/2022.naacl-industry.18",
    "single_kd": "arXiv:1907.04829",
    "ensemble_kd": "arXiv:1904.09482",
    "stop_and_go": "arXiv:1912.02315",
}


@pytest.mark.parametrize("name", PAPERS)
def test_a_curriculum_of_a_paper_s_names_it(name):
    assert PAPERS[name] in EVERY[name].__doc__


@pytest.mark.parametrize("name", [name for name, kind in OWN_BALANCERS.items() if kind.facts.paper is not None])
def test_a_balancer_s_docstring_names_the_paper_that_its_facts_name(name):
    where = OWN_BALANCERS[name].facts.paper.split(", ")[-1]
    assert where.startswith(("arXiv:", "https://"))
    assert where in OWN_BALANCERS[name].__doc__
