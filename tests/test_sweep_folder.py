import pytest
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.output import SweepHead, create
from ray_mtlkd.sweep_folder import SPACE, SweepFolder

PARTS = ("records", "classical", "models", "tensorboard", "tune", "report")


@pytest.mark.parametrize("part", PARTS)
def test_a_query_stays_behind_the_name_of_every_folder(part, tmp_path):
    bucket = SubTreeFileSystem(str(tmp_path), LocalFileSystem())
    folder = SweepFolder(Storage("fake://bucket/one?endpoint_override=here:9000", bucket, "one"))
    found = getattr(folder, part)
    assert found.uri == f"fake://bucket/one/{part}?endpoint_override=here:9000"
    found.write("a", b"words")
    assert (tmp_path / "one" / part / "a").read_bytes() == b"words"


@pytest.mark.parametrize("damage", [b"name: two\n", None])
def test_what_describes_a_sweep_is_read_as_it_was_written_or_refused(tmp_path, damage, refused):
    folder = SweepFolder.at(str(tmp_path))
    content = SweepContent(settings={}, strategies={}, setups={})
    assert folder.described(SPACE) is folder.head() is None
    create(folder, SweepHead(name="one", began="0", content=content, versions={}), files={SPACE: "name: one\n"})
    assert folder.described(SPACE) == b"name: one\n"
    assert folder.described("manifests/other.yaml") is None
    (tmp_path / SPACE).unlink()
    if damage is not None:
        folder.root.write(SPACE, damage)
    with refused() as caught:
        folder.described(SPACE)
    assert caught.value.where == str(tmp_path / SPACE)


def test_every_trial_has_checkpoints_of_its_own(tmp_path):
    folder = SweepFolder.at(str(tmp_path))
    folder.checkpoints("one").write("a", b"1")
    folder.checkpoints("two").write("a", b"2")
    assert (tmp_path / "checkpoints" / "one" / "a").read_bytes() == b"1"


def test_a_traceback_lies_where_its_name_says(tmp_path):
    name = SweepFolder.at(str(tmp_path)).write_traceback("t", "line 1")
    assert (tmp_path / name).read_text() == "line 1"
