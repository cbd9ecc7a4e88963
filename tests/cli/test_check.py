import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from ray_mtlkd.cli import main

SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [16]}
training: {steps: 40, lr: {loguniform: [1e-3, 1e-2]}}
strategies: [sum, joint_kd]
search: {configurations: 2}
replicate: {configurations: 1, seeds: [1, 2]}
"""


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Runs the command on a search space; returns its exit code and what it said."""

    def run(text):
        path = tmp_path / "space.yaml"
        path.write_text(text)
        monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "check", str(path)])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, capsys.readouterr()

    return run


def test_a_sound_space_is_counted(check):
    code, printed = check(SPACE)
    assert code == 0, printed.err
    said = " ".join(printed.out.split())
    assert "8 trials, at most 320 steps of all tasks (1,600 task batches)" in said
    assert "similar: classical models of its 5 tasks will be computed beside the trials" in said
    assert "could distil from" not in said


def test_a_search_that_halves_costs_less_but_for_strategies_that_have_no_early_scores(check):
    halved = SPACE.replace("configurations: 2", "configurations: 16, halving: true")
    code, printed = check(halved.replace("[sum, joint_kd]", "[sum]"))
    assert code == 0, printed.err
    # 16 x 1/16 + 8 x 1/16 + 4 x 1/8 + 2 x 1/4 + 1 x 1/2 = 3 whole trials, each 1/16 rounded up, and 2 replicates
    assert "18 trials, at most 208 steps" in " ".join(printed.out.split())
    code, printed = check(halved.replace("[sum, joint_kd]", "[sequential]"))
    assert "18 trials, at most 720 steps" in " ".join(printed.out.split())


def test_baselines_that_nobody_wants_are_not_announced(check):
    code, said = check(f"{SPACE}classical: false\n")
    assert code == 0, said.err
    assert "8 trials" in said.out
    assert "classical" not in said.out


def test_how_much_room_predictions_take_is_told_where_they_are_kept(check):
    code, printed = check(SPACE)
    assert code == 0, printed.err
    assert "predictions of validation and test rows: 4 files, at most " in " ".join(printed.out.split())
    code, printed = check(f"{SPACE}resources: {{keep_predictions: false}}\n")
    assert code == 0, printed.err
    assert "predictions" not in printed.out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("similar", "simlar"),
        ("hidden: [16]", "hiden: [16]"),
        ("mlp, hidden: [16]", "cnn"),
        ("[sum, joint_kd]", "[{name: static, balancer: {weights: [1, 2]}}]"),
        ("steps: 40", "steps: x, batch_size: 0"),
        ("steps: 40", "steps: 40, batch_size: 30000"),
        (
            "steps: 40",
            "steps: 40, batch_size: {tiny_noisy: 400, small: 9, medium_noisy: 9, large: 9, huge_clean: 9}",
        ),
        (
            "steps: 40",
            "steps: 40, batch_size: {tiny: 4, tiny_noisy: 4, small: 9, medium_noisy: 9, large: 9, huge_clean: 9}",
        ),
        ("steps: 40", "steps: 40, batch_size: {small: 9}"),
    ],
)
def test_mistakes_are_named_on_stderr_and_end_with_exit_code_2(check, old, new, worded):
    code, printed = check(SPACE.replace(old, new))
    assert code == 2
    worded(printed.err)


def test_what_each_task_could_distil_from_is_told_where_it_is_more_than_its_own_rows(check):
    more = SPACE.replace("similar", "diverse").replace("[sum, joint_kd]", "[{name: joint_kd, kd: {rows: ROWS}}]")
    code, printed = check(more.replace("ROWS", "confident"))
    assert code == 0, printed.err
    said = [" ".join(line.replace("│", " ").split()) for line in printed.out.splitlines()]
    assert "diverse churn 300 0 ≤ 22,300 events" in said
    assert "diverse spend 700 0 21,900 events" in said
    assert any(line.startswith("diverse events 1,500 0 0 churn, segment,") for line in said)


def test_who_shares_which_encoder_is_told_where_tasks_read_different_inputs(check, tmp_path):
    rows = {"text": ["pay now", "hello you"] * 6, "x": [0.5, 1.5] * 6, "label": [0, 1] * 6}
    (tmp_path / "d").mkdir()
    for split in ("train", "valid", "test"):
        pq.write_table(pa.table(rows), tmp_path / "d" / f"{split}.parquet")
    task = {"data": "d", "kind": "binary", "label": "label", "metric": "accuracy"}
    tasks = {"both": {"text": ["text"], "columns": {"numeric": ["x"]}}, "one": {"text": ["text"]}}
    manifest = {"name": "shop", "tasks": {name: {**task, **inputs} for name, inputs in tasks.items()}}
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(manifest))
    mixed = "{name: mixed, text: {name: bag, buckets: 100}, columns: mlp}"
    space = SPACE.replace("[similar]", "[shop.yaml]").replace("{name: mlp, hidden: [16]}", mixed)
    code, printed = check(space.replace("{steps: 40", "{steps: 40, batch_size: 4"))
    assert code == 0, printed.err
    said = " ".join(printed.out.split())
    assert "shop: the text encoder is shared by both, one; the columns encoder is used by both alone" in said
