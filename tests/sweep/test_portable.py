from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ray_mtlkd import setups
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.portable import portable, space_of
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.sweep_folder import SweepFolder
from tests.setup_files import Files

SPACE = "name: one\nsetups: [similar, conf/shop.yaml]  # mine\nencoder: bag\nstrategies: [sum]\n"


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A user's folder, which is the current one: a search space, and a manifest with its tables elsewhere in it."""
    home = tmp_path / "home"
    (home / "conf").mkdir(parents=True)
    found = Files(home / "conf")
    found.write()
    (home / "space.yaml").write_text(SPACE)
    monkeypatch.chdir(home)
    return found


def _folder(kind, tmp_path):
    if kind == "local":
        return SweepFolder.at(str(tmp_path / "sweep"))
    return SweepFolder(Storage("fake://bucket/sweep", SubTreeFileSystem(str(tmp_path), LocalFileSystem()), "sweep"))


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_sweep_s_folder_says_the_same_from_anywhere(files, kind, tmp_path, monkeypatch):
    space = read_space("space.yaml")
    before = [setups.content_of(setups.read(name)) for name in space.setups]
    folder = _folder(kind, tmp_path)
    for name, text in portable(
        Path("space.yaml").read_text(), Path("space.yaml"), space.setups, data_dir=None, trackers={}
    ).items():
        folder.root.write(name, text.encode())
    assert "  # mine\n" in folder.root.read("space.yaml").decode()
    files.manifest.unlink()
    monkeypatch.chdir("/")
    with space_of(folder) as path:
        again = read_space(path)
        assert again.content({}) == space.content({})
        assert [setups.content_of(setups.read(name)) for name in again.setups] == before
        assert portable(path.read_text(), path, again.setups, data_dir=None, trackers={}) == {
            "space.yaml": folder.root.read("space.yaml").decode(),
            "manifests/shop.yaml": folder.manifests.read("shop.yaml").decode(),
        }


def test_a_public_setup_is_carried_with_the_folder_of_its_tables(tmp_path):
    (tmp_path / "intents" / "atis").mkdir(parents=True)
    (tmp_path / "intents" / "atis" / "train.csv").write_text("text,intent\n")
    files = portable("setups: [intents]\n", Path("space.yaml"), ["intents"], data_dir=tmp_path, trackers={})
    (tmp_path / "intents.yaml").write_text(files["manifests/intents.yaml"])
    assert setups.locate(str(tmp_path / "intents.yaml"), data_dir=None).folder == tmp_path / "intents"


def test_places_of_trackers_are_carried(files):
    text = f"{SPACE}tracking: {{wandb: runs, mlflow: 'http://host'}}\n"
    carried = portable(text, Path("space.yaml"), ["similar"], data_dir=None, trackers={"wandb": "/there/runs"})
    Path("space.yaml").write_text(carried["space.yaml"])
    found = read_space("space.yaml").tracking
    assert (found.wandb, found.mlflow) == ("/there/runs", "http://host")
