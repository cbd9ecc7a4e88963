import pytest
import typer
from typer.testing import CliRunner

from ray_mtlkd.cli.step_costs import step_costs
from ray_mtlkd.cli.strategies import strategies
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies import BALANCERS, CURRICULA
from ray_mtlkd.strategies.catalogue import markdown

RUNNER = CliRunner(env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def app():
    made = typer.Typer()
    made.command()(strategies)
    return made


def test_every_curriculum_and_balancer_is_listed(app):
    result = RUNNER.invoke(app, [], catch_exceptions=False)
    assert result.exit_code == 0
    cost, *_ = step_costs().of("pcgrad")
    for part in (*BALANCERS, *CURRICULA, "arXiv:2110.14048", "c in [0, 1), 0.4", "no conflict", cost):
        assert part in result.output


def test_one_by_its_name_shows_its_paper_and_formula(app):
    result = RUNNER.invoke(app, ["mgda"], catch_exceptions=False)
    assert result.output.startswith("mgda: ")
    assert "w^T G w" in result.output


def test_the_table_of_the_docs_is_printed_as_it_is(app):
    assert RUNNER.invoke(app, ["--markdown"], catch_exceptions=False).output == markdown(step_costs())


def test_an_unknown_name_lists_the_known_ones(app, worded):
    with pytest.raises(MtlkdError) as caught:
        RUNNER.invoke(app, ["cagard"], catch_exceptions=False)
    assert caught.value.where == "NAME"
    worded(caught.value)
