from pathlib import Path

from ray_mtlkd.strategies.balancers import OWN_BALANCERS
from ray_mtlkd.strategies.catalogue import entries, markdown

PAGE = Path(__file__).parents[2] / "docs" / "balancers.md"


def test_the_page_shows_what_the_classes_say():
    _, _, rest = PAGE.read_text().partition("<!-- table -->\n")
    table, end, _ = rest.partition("<!-- end -->")
    assert end
    assert table == markdown(), "write the page's table anew: ray-mtlkd strategies --markdown"


def test_every_balancer_has_its_entry():
    assert [entry.name.removesuffix(":METHOD") for entry in entries()] == list(OWN_BALANCERS)


def test_a_setting_shows_its_range_and_what_it_is_unless_told():
    found = {entry.name: entry.settings for entry in entries()}
    assert found["cagrad"] == ("`c` in [0, 1), 0.4",)
    assert found["dwa"] == ("`temperature` in (0, inf), 2.0", "`interval` in [1, inf) whole, 100")
    assert found["gradnorm"][2] == "`optimizer` one of `adam`, `sgd`, adam"
    assert found["static"] == ("`weights` by name, each in (0, inf) or a list, each in (0, inf)",)
    assert found["smooth:METHOD"] == ("`decay` in [0, 1), 0.9",)
