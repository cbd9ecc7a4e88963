"""Manifests of public setups that come with the package; their tables do not."""

from importlib import resources

_FOLDER = resources.files("ray_mtlkd.setups").joinpath("manifests")


def catalogue_names() -> tuple[str, ...]:
    """The public setups, in alphabetical order."""
    return tuple(sorted(file.name.removesuffix(".yaml") for file in _FOLDER.iterdir() if file.name.endswith(".yaml")))


def catalogue_manifest(name: str) -> str:
    """The manifest of a public setup, as it is written."""
    return _FOLDER.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
