"""The step costs that this package was measured to have; `benchmarks.balancer_cost` writes them."""

from importlib import resources

from ray_mtlkd.serial import loads
from ray_mtlkd.strategies.step_costs import StepCosts

FILE = "step_costs.json"


def step_costs() -> StepCosts:
    """Of this package's balancers."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return loads(StepCosts, text, where=FILE, fix="write it anew: python -m benchmarks.balancer_cost")
