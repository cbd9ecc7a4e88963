import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset.paths import find

FILES = ("b.parquet", "a.parquet", "2024/c.parquet", "2024/05/d.parquet", "note.txt", "_SUCCESS.parquet", ".x.parquet")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["a.parquet", "b.parquet"]),
        ("/", ["a.parquet", "b.parquet"]),
        ("/*.parquet", ["a.parquet", "b.parquet"]),
        ("/[ac]*", ["a.parquet"]),
        ("/*/*.parquet", ["2024/c.parquet"]),
        ("/**/*.parquet", ["2024/05/d.parquet", "2024/c.parquet", "a.parquet", "b.parquet"]),
        ("/2024/**", ["05/d.parquet", "c.parquet"]),
        ("/b.parquet", ["b.parquet"]),
    ],
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_files_are_found_by_folder_name_or_pattern_in_the_order_of_their_names(folder, scheme, pattern, expected):
    storage, names = find(f"{scheme}{folder}{pattern}")
    assert names == expected
    assert storage.filesystem.get_file_info(f"{storage.root}/{names[0]}").is_file


@pytest.mark.parametrize("pattern", ["/2025", "/*.csv"])
def test_no_file_is_an_error_that_names_the_place(folder, pattern, refused):
    with refused() as error:
        find(f"{folder}{pattern}")
    assert error.value.where == f"{folder}{pattern}"


def test_a_storage_s_query_stays_where_it_was():
    with pytest.raises(MtlkdError) as caught:
        find("nowhere://bucket/x/*.parquet?a=b")
    assert caught.value.where == "nowhere://bucket/x?a=b"
