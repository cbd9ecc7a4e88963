import json

import pytest

from ray_mtlkd.report.architectures import architectures
from ray_mtlkd.report.gain_tables import cell
from ray_mtlkd.report.history import trials
from ray_mtlkd.report.load import of
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.summary import summarise
from ray_mtlkd.report.text import NOTHING

LUCK = (0.0, 0.013, -0.008)


def _config(**names):
    """What a trial's record says of an architecture, an ``mlp`` with `hard` sharing unless told."""
    whole = {"encoder": "mlp", "sharing": "hard", **names}
    return json.dumps({**{f"{place}.name": name for place, name in whole.items()}, "training.lr": 0.1})


@pytest.fixture
def shown(made):
    """The text and the summary of some strategies on three seeds: what each is given beside its skill."""

    def show(strategies):
        records = [
            record
            for name, (skill, *columns) in strategies.items()
            for seed, luck in enumerate(LUCK)
            for each in columns or [{}]
            for record in made(name, seed=seed, test=[skill + luck, 0.5], **{"config": _config(), **each})
        ]
        table = of(records).table
        setups = group(table)
        summary = summarise(setups)
        return architectures(setups, summary, trials(table)), summary

    return show


def _tables(text):
    """Of each table, its header, and by its first cell what stands in each row by the columns' titles."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("|"):
            header, _, *rows = [[each.strip() for each in line.strip("|").split("|")] for line in block.splitlines()]
            found.append((header, {row[0]: dict(zip(header, row, strict=True)) for row in rows}))
    return found


def test_what_each_way_of_sharing_gains_under_each_strategy_stands_in_one_cell(shown):
    mmoe = {"config": _config(sharing="mmoe")}
    text, summary = shown(
        {
            "sum": (0.5,),
            "pcgrad": (0.51,),
            "joint_kd": (0.52,),
            "sum mmoe": (0.6, mmoe),
            "pcgrad mmoe": (0.4, mmoe),
            "joint_kd mmoe": (0.5, mmoe),
        }
    )
    assert text.startswith("## Ways of sharing\n")
    ((header, rows),) = _tables(text)
    assert header[0] == "sharing,<br>over `sum`"
    assert header[-3:] == ["`sum`", "`pcgrad`", "`joint_kd`"]
    for row, ending in (("`hard`", ""), ("`mmoe`", " mmoe")):
        for name in ("sum", "pcgrad", "joint_kd"):
            assert rows[row][f"`{name}`"] == cell(summary.cells["s", f"{name}{ending}", "sum"])
    assert rows["`hard`"]["`sum`"] == NOTHING
    assert rows["`mmoe`"]["`sum`"].startswith("+5.00 [")


def test_where_all_strategies_have_one_architecture_there_is_none_to_compare(shown):
    tuned = {"config": json.dumps({"encoder.name": "mlp", "sharing.name": "hard", "encoder.dropout": 0.5})}
    single = {"config": _config(sharing="mmoe")}  # of several models, which share nothing
    assert shown({"sum": (0.5,), "pcgrad": (0.6, tuned), "single_task": (0.7, single)})[0] == ""


def test_several_models_are_a_row_of_their_own_under_their_balancer(shown):
    text, summary = shown(
        {"sum": (0.5,), "sum mmoe": (0.6, {"config": _config(sharing="mmoe")}), "single_task": (0.4,)}
    )
    ((header, rows),) = _tables(text)
    assert [title for title in header if title.startswith("`")] == ["`sum`"]
    assert rows["`single_task`"]["`sum`"] == cell(summary.cells["s", "single_task", "sum"])


def test_strategies_that_meet_in_a_cell_are_told_apart_by_name(shown):
    mmoe = {"config": _config(sharing="mmoe")}
    text, summary = shown({"sum": (0.5,), "sum 4 experts": (0.6, mmoe), "sum 8 experts": (0.7, mmoe)})
    ((_, rows),) = _tables(text)
    said = [f"`{name}` {cell(summary.cells['s', name, 'sum'])}" for name in ("sum 4 experts", "sum 8 experts")]
    assert rows["`mmoe`"]["`sum`"] == "<br>".join(said)


def test_a_column_is_named_by_curriculum_and_balancer(shown):
    mmoe = {"config": _config(sharing="mmoe")}
    both, gram = {"curriculum": "joint_kd", "balancer": "pcgrad"}, {"balancer": "torchjd:UPGrad"}
    text, _ = shown({"sum": (0.5,), "sum mmoe": (0.6, mmoe), "sum both": (0.5, both), "sum gram": (0.5, gram)})
    ((header, _),) = _tables(text)
    assert sorted(header[-3:]) == ["`joint_kd+pcgrad`", "`sum`", "`torchjd:UPGrad`"]


def test_what_never_ran_together_leaves_its_cell_empty(shown):
    text, _ = shown({"sum": (0.5,), "pcgrad": (0.5,), "sum mmoe": (0.6, {"config": _config(sharing="mmoe")})})
    ((_, rows),) = _tables(text)
    assert rows["`mmoe`"]["`pcgrad`"] == ""


def test_architectures_that_differ_in_more_than_sharing_are_named_by_all_that_differs(shown):
    other = {"config": _config(encoder="cnn", sharing="mmoe", **{"regularizers[0]": "l1"})}
    text, _ = shown({"sum": (0.5,), "sum other": (0.6, other)})
    assert text.startswith("## Architectures\n")
    ((header, rows),) = _tables(text)
    assert header[0] == "architecture,<br>over `sum`"
    assert list(rows) == ["`mlp`, `hard`", "`cnn`, `mmoe`, `l1`"]


def test_one_regularizer_more_is_an_architecture_and_none_is_plain(shown):
    text, _ = shown({"sum": (0.5,), "sum l1": (0.6, {"config": _config(**{"regularizers[0]": "l1"})})})
    ((_, rows),) = _tables(text)
    assert list(rows) == ["plain", "`l1`"]


def test_a_strategy_that_replicates_several_architectures_names_them_all(shown):
    both = [{"config_index": at, "config": _config(sharing=name)} for at, name in enumerate(("hard", "ple"))]
    text, _ = shown({"sum": (0.5,), "sum searched": (0.6, *both)})
    ((_, rows),) = _tables(text)
    assert list(rows) == ["`hard`", "`hard` or `ple`"]


def test_parameters_are_told_by_row_and_those_that_train_where_others_do_not(shown):
    def sized(total, trained, sharing="mmoe"):
        return {"parameters": total, "trained_parameters": trained, "config": _config(sharing=sharing)}

    whole = {"sum": (0.5, sized(1000, 1000, "hard")), "sum mmoe": (0.6, sized(4000, 4000))}
    ((header, rows),) = _tables(shown(whole)[0])
    assert [rows[row]["parameters"] for row in ("`hard`", "`mmoe`")] == ["1 000", "4 000"]
    assert "of these train" not in header
    frozen = {**whole, "pcgrad mmoe": (0.5, sized(5000, 20))}
    ((_, rows),) = _tables(shown(frozen)[0])
    told = [rows["`mmoe`"][title] for title in ("parameters", "of these train")]
    assert told == ["4 000 to 5 000", "20 to 4 000"]


def test_a_batch_s_cost_is_over_that_of_the_first_row_under_the_same_strategy_and_seed(shown):
    def took(cpu_s, sharing="hard", batches=100):
        return {"cpu_s": cpu_s, "batches": batches, "config": _config(sharing=sharing)}

    text, _ = shown(
        {
            "sum": (0.5, took(1.0)),
            "pcgrad": (0.5, took(10.0)),
            "sum ple": (0.6, took(3.0, "ple")),
            "pcgrad ple": (0.6, took(100.0, "ple", batches=200)),
        }
    )
    ((_, rows),) = _tables(text)
    # Ratios of 3 and 5, three of each.
    assert rows["`ple`"]["CPU a batch,<br>x `hard`"] == "4.0 (3.0 to 5.0)"
    assert rows["`hard`"]["CPU a batch,<br>x `hard`"] == NOTHING


def test_over_several_setups_gains_alone_are_told_and_each_setup_has_its_own_sizes(made):
    records = [
        record
        for setup in ("s", "t")
        for name, sharing in (("sum", "hard"), ("sum ple", "ple"))
        for seed in range(2)
        for record in made(name, seed=seed, test=[0.5], setup=setup, config=_config(sharing=sharing))
    ]
    table = of(records).table
    setups = group(table)
    text = architectures(setups, summarise(setups), trials(table))
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "## Ways of sharing",
        *(f"### {name}" for name in ("all setups", "s", "t")),
    ]
    whole = ["parameters", "CPU a batch,<br>x `hard`", "`sum`"]
    assert [header[1:] for header, _ in _tables(text)] == [["`sum`"], whole, whole]


def test_without_the_plain_sum_all_is_held_against_the_best_baseline(shown):
    text, summary = shown({"pcgrad": (0.5,), "pcgrad ple": (0.6, {"config": _config(sharing="ple")})})
    ((header, rows),) = _tables(text)
    assert header[0] == "sharing,<br>over the best baseline"
    assert rows["`hard`"]["`pcgrad`"] == cell(summary.cells["s", "pcgrad", "best_baseline"])
