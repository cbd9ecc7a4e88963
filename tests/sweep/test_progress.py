import os
import platform
import sys

import pytest

from ray_mtlkd.cli import main
from ray_mtlkd.seals import sealed_json
from ray_mtlkd.serial import dumps
from ray_mtlkd.sweep import archive, lock, output
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.lock import Claim
from ray_mtlkd.sweep.processes import start_of
from ray_mtlkd.sweep.progress import progress_of
from ray_mtlkd.sweep_folder import SweepFolder


@pytest.fixture
def folder(tmp_path, space_text, record):
    """Of a sweep with two strategies, each with two search and two replicate trials, three of which have ended."""
    found = SweepFolder.at(str(tmp_path / "sweep"))
    content = SweepContent(settings={}, strategies={}, setups={})
    head = output.SweepHead(name="small", began="0123456789abcdef", content=content, versions={})
    output.create(found, head, files={"space.yaml": space_text})
    ended = [
        ("sum", "search", 0, "ok", 0.4),
        ("sum", "replicate", 1, "ok", 0.5),
        ("joint_kd", "search", 0, "failed", None),
    ]
    for strategy, stage, seed, status, score in ended:
        name = f"{strategy}-{stage}-{seed}"
        trial = record(
            trial=name, setup="similar", strategy=strategy, stage=stage, seed=seed, status=status, score=score
        )
        archive.write_records(found, name, [trial])
    for name, steps in (("open", (10, 20)), ("several/one", (30,)), ("several/two", (5, 7)), ("begun", ())):
        place = tmp_path / "sweep" / "checkpoints" / name
        place.mkdir(parents=True)
        for step in steps:
            (place / f"live-{step:08d}.safetensors").write_bytes(b"")
    return found


def _claim(folder, **changes):
    own = {
        "host": platform.node(),
        "machine": lock._machine(),
        "pid": os.getpid(),
        "started": start_of(os.getpid()),
    }
    claim = Claim(name="one", **{**own, **changes})
    folder.root.write("driver-one.json", sealed_json(dumps(claim)))
    return claim


def test_what_has_ended_and_what_is_open_is_counted(folder):
    found = progress_of(folder.uri)
    assert [
        (group.strategy, group.planned, group.ok, group.failed, group.score, group.seeds) for group in found.groups
    ] == [
        ("sum", 4, 2, 0, 0.5, 1),
        ("joint_kd", 4, 0, 1, None, 0),
    ]
    assert (found.planned, found.ended, found.failed) == (8, 3, 1)
    assert {trial.name: trial.step for trial in found.trials} == {"open": 20, "several": 37}
    assert found.drivers == {}


@pytest.mark.parametrize(("changes", "lives"), [({}, True), ({"started": "1"}, False), ({"machine": "another"}, None)])
def test_whether_its_driver_lives_is_told_on_the_same_machine(folder, changes, lives):
    claim = _claim(folder, **changes)
    assert progress_of(folder.uri).drivers == {claim: lives}


def test_a_folder_without_a_sweep_is_refused(tmp_path, refused):
    with refused():
        progress_of(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with refused():
        progress_of(str(tmp_path / "empty"))


def test_the_command_says_who_drives_it_or_how_to_go_on(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ray-mtlkd", "status", folder.uri])

    def said():
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert not end.value.code, printed.err
        return printed.out

    assert f"sweep --resume {folder.uri}" in said()
    claim = _claim(folder)
    running = said()
    assert "3 of 8 trials have ended, 1 of them failed" in running
    assert f"{claim} drives it" in running
    assert "--resume" not in running
