import pytest

from ray_mtlkd import report
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report import next_seeds, searched

pytestmark = pytest.mark.usefixtures("_figures_unsaved")


@pytest.fixture
def undecided(made, write, tmp_path):
    """A sweep that cannot tell yet."""
    levels = {"sum": (0.5, 0.5, 0.5, 0.51), "stop": (0.51, 0.49, 0.52, 0.53)}
    trials = [
        made(name, seed=seed, test=[level]) for name, values in levels.items() for seed, level in enumerate(values)
    ]
    return write(tmp_path / "my run", iter(trials))


def test_the_seeds_that_would_tell_are_given_with_the_command_that_runs_them(undecided, tmp_path):
    said = report.build([str(undecided)], tmp_path / "out").advice.said
    more = int(said.removeprefix("**Not told yet: run ").split()[0])
    seeds = ", ".join(map(str, range(4 + more)))
    assert f"`replicate: {{seeds: [{seeds}]}}`" in said
    assert f"`ray-mtlkd sweep SPACE.yaml --extend '{undecided}'`" in said


def test_of_several_sweeps_no_command_would_do(made, setups_of):
    assert next_seeds.said(2, setups_of(made("sum", seed=1, test=[0.5])), ["a", "b"]) == ""


def test_the_margin_is_what_the_sweeps_ask_for(undecided, tmp_path):
    assert next_seeds.margin([str(undecided)]) == 0.5
    (undecided / "space.yaml").write_text("name: x\nreport: {margin: 40}\n")
    assert next_seeds.margin([str(undecided)]) == 40
    assert report.build([str(undecided)], tmp_path / "out").advice.ship == "sum"
    assert report.build([str(undecided)], tmp_path / "out", margin=0.1).advice.ship is None


def test_a_margin_that_is_none_is_an_error(undecided):
    (undecided / "space.yaml").write_text("report: {margin: wide}\n")
    with pytest.raises(MtlkdError) as error:
        next_seeds.margin([str(undecided)])
    assert error.value.where == "report.margin"


@pytest.mark.parametrize(
    "content", [b"report: \xff", b"- a", b"~: 1", b"a: " + b"[" * 60], ids=["no UTF-8", "list", "key", "deep"]
)
def test_what_no_sweep_left_as_its_search_space_is_an_error(undecided, content, refused):
    (undecided / "space.yaml").write_bytes(content)
    with refused():
        next_seeds.margin([str(undecided)])
    with refused():
        searched.logarithmic([str(undecided)])
