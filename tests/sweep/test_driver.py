import os
from pathlib import Path

import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import output
from ray_mtlkd.sweep.archive import Counts
from ray_mtlkd.sweep.driver import drive
from ray_mtlkd.sweep.run import SweepRequest, Unheard
from ray_mtlkd.sweep.work import SweepWork
from ray_mtlkd.sweep_folder import SweepFolder
from tests.setup_files import Files

SPACE = """
name: small
setups: [shop.yaml]
encoder: {name: bag, hidden: [4]}
training: {steps: 4, batch_size: 2, eval_every: 2}
strategies: [sum]
replicate: {configurations: 1, seeds: [1, 2]}
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's folder, which is the current one; a sweep of its search space begins and ends without Ray."""

    def run(work, cluster, begin):
        begin()
        return Counts(ok=work.prepared.plan.size, failed=0)

    monkeypatch.setattr(SweepWork, "run", run)
    found = Files(tmp_path / "home")
    found.folder.mkdir()
    found.write()
    (found.folder / "space.yaml").write_text(SPACE)
    monkeypatch.chdir(found.folder)
    return found


def _drive(space, **target):
    return drive(None, SweepRequest(space=space, **target), listener=Unheard())


def test_a_sweep_goes_on_from_any_folder_by_any_path_and_by_itself(home, tmp_path, monkeypatch):
    out = str(tmp_path / "out")
    _drive(Path("space.yaml"), out=out)
    monkeypatch.chdir(tmp_path)
    for space in (home.folder / "space.yaml", (home.folder / "space.yaml").relative_to(tmp_path), None):
        assert _drive(space, resume="out").uri == out
    monkeypatch.chdir("/")
    assert _drive(None, resume=out).ok == 2


def test_trials_are_called_by_their_setup_s_name_wherever_its_manifest_lies(home, tmp_path, monkeypatch):
    planned = []
    monkeypatch.setattr(
        SweepWork,
        "run",
        lambda work, *_: planned.append(next(work.prepared.plan.distinct()).name) or Counts(ok=0, failed=0),
    )
    home.manifest.rename(home.folder / "renamed.yaml")
    (home.folder / "space.yaml").write_text(SPACE.replace("shop.yaml", "renamed.yaml"))
    _drive(home.folder / "space.yaml", out=str(tmp_path / "out"))
    assert planned == ["shop-sum-c0-s1"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda home: (home.folder / "space.yaml").write_text(SPACE.replace("[1, 2]", "[1, 3]")), "replicate.seeds"),
        (lambda home: home.change("label", [1, 0], splits=("test",)) or home.write(), "setups.shop.tables.intent.test"),
        (lambda home: home.spec.update(metric="macro_f1") or home.write(), "setups.shop.tasks.intent.metric"),
    ],
)
def test_another_sweep_is_refused_by_the_key_that_differs(home, tmp_path, change, named):
    out = str(tmp_path / "out")
    _drive(home.folder / "space.yaml", out=out)
    change(home)
    with pytest.raises(MtlkdError) as caught:
        _drive(home.folder / "space.yaml", resume=out)
    assert caught.value.where == out
    assert named in caught.value.what


def test_a_sweep_grows_by_a_space_that_only_adds_and_keeps_what_it_is_called_by(home, tmp_path, refused):
    out = str(tmp_path / "out")
    space = home.folder / "space.yaml"
    _drive(space, out=out)
    folder = SweepFolder.at(out)
    began = output.read_head(folder)
    space.write_text(SPACE.replace("[1, 2]", "[1, 2, 3]").replace("[sum]", "[sum, pcgrad]"))
    with refused() as caught:
        _drive(space, resume=out)
    assert caught.value.where == out
    assert _drive(space, extend=out).ok == 2 * 3
    assert output.read_head(folder).sweep == began.sweep
    assert _drive(None, resume=out).ok == 2 * 3
    space.write_text(SPACE.replace("steps: 4", "steps: 6"))
    with refused():
        _drive(space, extend=out)


def test_tables_that_moved_are_found_in_the_data_folder(home, tmp_path, monkeypatch, refused):
    out = str(tmp_path / "out")
    _drive(home.folder / "space.yaml", out=out)
    moved = tmp_path / "data" / "shop"
    moved.parent.mkdir()
    home.folder.rename(moved)
    monkeypatch.chdir("/")
    with refused():
        _drive(None, resume=out)
    assert _drive(None, resume=out, data_dir=moved.parent).ok == 2
    assert _drive(None, resume=out).ok == 2  # the sweep knows their place now


def test_a_new_sweep_needs_a_search_space_and_an_old_one_a_sweep(tmp_path, refused):
    with pytest.raises(MtlkdError) as caught:
        SweepRequest(space=None, out="x")
    assert caught.value.where == "SPACE"
    with refused():
        _drive(None, resume=str(tmp_path))


def test_a_sweep_that_is_running_is_refused_before_its_tables_are_read(home, tmp_path, monkeypatch):
    out = str(tmp_path / "out")
    found = []

    def meanwhile(work, cluster, begin):
        begin()
        home.path("train").unlink()
        for target in ({"resume": out}, {"out": out}):
            with pytest.raises(MtlkdError) as caught:
                _drive(home.folder / "space.yaml", **target)
            found.append(caught.value)
        return Counts(ok=0, failed=0)

    monkeypatch.setattr(SweepWork, "run", meanwhile)
    _drive(home.folder / "space.yaml", out=out)
    resumed, new = found
    assert (resumed.where, new.where) == (out, out)
    assert f"process {os.getpid()} on" in resumed.what
    assert not list(Path(out).glob("driver-*"))


def test_of_two_new_sweeps_in_one_folder_the_second_is_refused_also_where_the_first_has_ended(
    home, tmp_path, monkeypatch, refused
):
    out = str(tmp_path / "out")
    run = SweepWork.run

    def after_another(*given):
        monkeypatch.setattr(SweepWork, "run", run)
        assert _drive(home.folder / "space.yaml", out=out).ok
        return run(*given)

    monkeypatch.setattr(SweepWork, "run", after_another)
    with refused():
        _drive(home.folder / "space.yaml", out=out)
