"""What scripts use of the package."""

import doctest
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import ray_mtlkd
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.predict import model_folder
from tests.keeping import TEXT_TASKS, keep_model, text_setup


def test_every_public_name_is_there_and_listed():
    assert dir(ray_mtlkd) == sorted(ray_mtlkd.__all__)
    for name in ray_mtlkd.__all__:
        assert getattr(ray_mtlkd, name) is getattr(ray_mtlkd, name)
    assert ray_mtlkd.__version__ == metadata.version("ray-mtlkd")


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'sweeep'"):
        ray_mtlkd.sweeep  # noqa: B018 - the look-up is the test


def test_the_package_itself_imports_none_of_its_parts():
    code = (
        "import sys, ray_mtlkd; print({n.partition('.')[0] for n in sys.modules} & {'ray', 'torch', 'numpy', 'yaml'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_package_says_that_it_is_typed_and_how_it_is_licensed():
    root = Path(ray_mtlkd.__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert (root / "ray_mtlkd" / "py.typed").exists()
    assert project["tool"]["setuptools"]["package-data"]["ray_mtlkd"] == ["py.typed"]
    assert project["project"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (root / "LICENSE").read_text()


def test_the_example_of_a_kept_model_works(tmp_path):
    kept = keep_model(text_setup(TEXT_TASKS), BagOfNgrams(hidden=(4,), buckets=64), tmp_path / "model")
    assert doctest.testmod(model_folder, extraglobs={"folder": kept.uri}) == (0, 3)
