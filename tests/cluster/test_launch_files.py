"""What `cluster/` offers, held to the schemas of Ray and KubeRay and to the linters of shell scripts and Dockerfiles.

`kuberay_schemas.json.gz` holds the schemas of KubeRay's `RayCluster` and `RayJob` (Apache-2.0, ray-project/kuberay at
feeaf72, `ray-operator/config/crd/bases`) without their descriptions.
"""

import gzip
import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "cluster"
LAUNCHER, KUBERAY = ("aws", "gcp", "machines"), ("raycluster", "rayjob")
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".md")


def _read(name):
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", LAUNCHER)
def test_ray_s_launcher_takes_its_files(name):
    validate_config(prepare_config(_read(name)))


@pytest.mark.parametrize("name", LAUNCHER)
def test_ray_s_launcher_gives_every_node_the_same_token(name):
    found = _read(name)
    assert "~/.ray/auth_token" in found["file_mounts"].values()
    for commands in (found["head_start_ray_commands"], found["worker_start_ray_commands"]):
        (start,) = (each for each in commands if "ray start" in each)
        assert "RAY_AUTH_MODE=token" in start


def _strict(schema):
    """The schema, which refuses keys that it does not know, as `kubectl --validate=strict` does."""
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict_part(key, value) for key, value in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


def _strict_part(key, value):
    if key == "properties":
        return {name: _strict(part) for name, part in value.items()}
    return _strict(value) if key in {"items", "additionalProperties"} else value


@pytest.fixture(scope="module")
def schemas():
    found = json.loads(gzip.decompress((Path(__file__).parent / "kuberay_schemas.json.gz").read_bytes()))
    strict = {kind: _strict(schema) for kind, schema in found.items()}
    for schema in strict.values():
        schema["properties"]["metadata"].pop("additionalProperties", None)
    return strict


@pytest.mark.parametrize("name", KUBERAY)
def test_kuberay_takes_its_files(schemas, name):
    found = _read(f"kuberay/{name}")
    jsonschema.validate(found, schemas[found["kind"]])
    spec = found["spec"].get("rayClusterSpec", found["spec"])
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["rayVersion"] == version("ray")


def test_kuberay_refuses_a_key_with_a_slip(schemas):
    found = _read("kuberay/raycluster")
    found["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["imagee"] = "x"
    with pytest.raises(jsonschema.ValidationError, match="imagee"):
        jsonschema.validate(found, schemas["RayCluster"])


@pytest.mark.parametrize(("linter", "file"), [("shellcheck", "slurm.sh"), ("hadolint", "Dockerfile")])
def test_linters_find_nothing(linter, file):
    done = subprocess.run(
        [Path(sys.executable).parent / linter, FOLDER / file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_of_the_version_of_ray_that_is_installed():
    (pinned,) = re.findall(r"^ray==(.*)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    tags = re.findall(r"rayproject/ray:([\d.]+)-", (FOLDER / "Dockerfile").read_text())
    assert set(tags) == {pinned}


def test_the_image_is_built_from_what_a_checkout_has():
    copied = re.findall(r"^COPY (?:--\S+ )?(.*) \S+$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert sources
    assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_page_says_when_to_take_each_file(path):
    assert f"({path.relative_to(FOLDER)})" in (FOLDER / "README.md").read_text()
