import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.report import build
from ray_mtlkd.report.load import of
from ray_mtlkd.report.parts import choose

pytestmark = pytest.mark.usefixtures("_figures_unsaved")
NAMES = ("sum", "pcgrad", "joint_kd")


def _trials(made):
    yield from (made(name, seed=seed, test=[0.5], setup="one") for name in NAMES for seed in (1, 2))
    yield from (made(name, seed=seed, test=[0.5], setup="two") for name in NAMES[:2] for seed in (1, 2))


@pytest.fixture
def records(made):
    return of([record for trial in _trials(made) for record in trial])


def _chosen(part):
    table = part.records.table
    return set(zip(table["setup"].to_pylist(), table["strategy"].to_pylist(), strict=True))


def test_what_is_named_is_left_and_the_sentence_says_of_how_much(records):
    part = choose(records, setups=["one"], strategies=["sum", "joint_kd"])
    assert _chosen(part) == {("one", "sum"), ("one", "joint_kd")}
    assert "1 of 2 setups (`one`) and 2 of 3 strategies (`sum`, `joint_kd`)" in part.said
    assert _chosen(choose(records, setups=[], strategies=["sum"])) == {("one", "sum"), ("two", "sum")}


@pytest.mark.parametrize(("setups", "strategies"), [([], []), (["two", "one"], []), ([], NAMES)])
def test_everything_is_no_part(records, setups, strategies):
    part = choose(records, setups=setups, strategies=strategies)
    assert part.said == ""
    assert part.records.table.equals(records.table)


def test_unknown_names_list_the_valid_ones_all_together(records, worded):
    with pytest.raises(ExceptionGroup) as caught:
        choose(records, setups=["ones"], strategies=["sum", "joint"])
    worded("\n".join(map(str, caught.value.exceptions)))


def test_a_strategy_that_is_in_no_named_setup_is_told_with_those_that_are(records, refused):
    with refused():
        choose(records, setups=["two"], strategies=["joint_kd"])


def test_a_part_is_reported_without_the_rest_and_not_in_the_place_of_the_whole(made, write, tmp_path):
    sweep = write(tmp_path / "run", _trials(made))
    found = build([str(sweep)], tmp_path / "out", setups=["one"], strategies=["sum", "pcgrad"])
    assert set(found.table("tasks")["strategy"].to_pylist()) == {"sum", "pcgrad"}
    assert found.summary.setups == ("one",)
    assert (tmp_path / "out" / "report.md").read_text(encoding="utf-8").split("\n\n")[1] == f"> {found.part}"
    with pytest.raises(MtlkdError) as caught:
        build([str(sweep)], sweep / "report", setups=["one"])
    assert caught.value.where == str(sweep / "report")
    assert not (sweep / "report").exists()
    assert build([str(sweep)], sweep / "report").part == ""
