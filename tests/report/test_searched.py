import json

from ray_mtlkd.report.history import trials
from ray_mtlkd.report.load import of
from ray_mtlkd.report.searched import logarithmic, searches


def _rows(made, *configurations, strategy="sum"):
    records = []
    for at, (settings, score) in enumerate(configurations):
        own = {"stage": "search", "config_index": at, "config": json.dumps(settings), "score": score}
        records += made(strategy, seed=0, test=[0.5], **own)
    return records


def test_settings_that_differ_are_told_with_each_configurations_score(made):
    tried = [({"lr": 0.1, "same": 1, "rewind": True}, 0.5), ({"lr": 0.2, "same": 1, "rewind": False, "new": "x"}, 0.7)]
    rows = trials(of(_rows(made, *tried)).table)
    found = searches(rows, "s")["sum"]
    assert found.keys == ("lr", "rewind", "new")
    assert list(found.points.values()) == [(0.1, "true", None), (0.2, "false", "x")]
    assert found.scores == (0.5, 0.7)
    assert searches(rows, "other") == {}


def test_a_single_configuration_is_no_search_and_failed_ones_are_counted(made, failed):
    assert searches(trials(of(_rows(made, ({"lr": 0.1}, 0.5))).table), "s") == {}
    records = _rows(made, ({"lr": 0.1}, 0.5), ({"lr": 0.2}, 0.6), ({"lr": 0.3}, 0.7))
    records = [*records[:2], *failed(records[2:], "loss is NaN")]
    found = searches(trials(of(records).table), "s")["sum"]
    assert (len(found.points), found.failed) == (2, 1)


def test_what_is_drawn_by_the_logarithm_is_known_however_the_space_writes_it(tmp_path):
    (tmp_path / "space.yaml").write_text(
        "training: {lr: {loguniform: [1e-3, 1e-2]}, clip_norm: {uniform: [1, 2]}}\n"
        "kd: {temperature: {min: 1, max: 4, log: true}}\n"
        "strategies: [sum, {name: joint_kd, training: {weight_decay: {log_uniform: [1e-5, 1e-3]}}}]\n"
    )
    assert set(logarithmic([str(tmp_path)])) == {"training.lr", "kd.temperature", "training.weight_decay"}
    assert set(logarithmic([str(tmp_path / "nowhere")])) == set()
