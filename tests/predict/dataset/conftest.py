import pytest

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from tests.keeping import TAG_TASKS, TEXT_TASKS, keep_diverse, keep_model, rows_of_diverse, text_setup


@pytest.fixture(scope="session")
def diverse(tmp_path_factory):
    """A model of five tasks of five kinds, over vectors."""
    return keep_diverse(tmp_path_factory.mktemp("kept") / "diverse")


@pytest.fixture(scope="session")
def diverse_rows():
    """Columns that it reads, by task."""
    return rows_of_diverse()


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A model over n-grams of texts and pairs."""
    encoder = BagOfNgrams(hidden=(8,), buckets=256)
    return keep_model(text_setup(TEXT_TASKS), encoder, tmp_path_factory.mktemp("kept") / "texts")


@pytest.fixture(scope="session")
def words(tmp_path_factory):
    """A model over words in order, which also tags them."""
    encoder = Cnn(embedding=4, channels=4, widths=(1, 3), wide=4)
    return keep_model(text_setup(TAG_TASKS), encoder, tmp_path_factory.mktemp("kept") / "words")


@pytest.fixture
def planned(tmp_path):
    """Plans to relabel a folder into ``out``."""

    def make(kept, folder, task, *, out="out", rows_per_part=2048, **settings):
        return plan(
            model=kept.uri,
            data=str(folder),
            out=str(tmp_path / out),
            settings=Settings(task=task, **settings),
            rows_per_part=rows_per_part,
        )

    return make
