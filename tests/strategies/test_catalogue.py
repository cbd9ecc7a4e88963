from pathlib import Path

from ray_mtlkd.cli.step_costs import step_costs
from ray_mtlkd.strategies.balancers import OWN_BALANCERS
from ray_mtlkd.strategies.catalogue import entries, markdown
from ray_mtlkd.strategies.step_costs import StepCosts

COSTS = StepCosts(
    measured="here",
    own_rows={"sum": 1.0, "pcgrad": 1.084, "smooth:mgda": 1.2, "smooth:cagrad": 1.3},
    shared_rows={"sum": 1.0, "pcgrad": 2.4, "smooth:mgda": 2.5, "smooth:cagrad": 2.6},
)
PAGE = Path(__file__).parents[2] / "docs" / "balancers.md"


def test_the_page_shows_what_the_classes_say():
    _, _, rest = PAGE.read_text().partition("<!-- table -->\n")
    table, end, _ = rest.partition("<!-- end -->")
    assert end
    assert table == markdown(step_costs()), "write the page's table anew: ray-mtlkd strategies --markdown"


def test_every_balancer_has_its_entry():
    assert [entry.name.removesuffix(":METHOD") for entry in entries(COSTS)] == list(OWN_BALANCERS)


def test_a_setting_shows_its_range_and_what_it_is_unless_told():
    found = {entry.name: entry.settings for entry in entries(COSTS)}
    assert found["cagrad"] == ("`c` in [0, 1), 0.4",)
    assert found["dwa"] == ("`temperature` in (0, inf), 2.0", "`interval` in [1, inf) whole, 100")
    assert found["gradnorm"][2] == "`optimizer` one of `adam`, `sgd`, adam"
    assert found["static"] == ("`weights` by name, each in (0, inf) or a list, each in (0, inf)",)
    assert found["smooth:METHOD"] == ("`decay` in [0, 1), 0.9",)


def test_a_step_shows_its_cost_on_own_and_shared_rows_a_family_s_by_method_and_what_was_not_measured_none():
    found = {entry.name: entry.step for entry in entries(COSTS)}
    assert found["pcgrad"] == ("1.1 / 2.4",)
    assert found["smooth:METHOD"] == ("mgda 1.2 / 2.5", "cagrad 1.3 / 2.6")
    assert found["mgda"] == ()


def test_every_balancer_s_step_was_measured():
    assert [entry.name for entry in entries(step_costs()) if not entry.step] == []
