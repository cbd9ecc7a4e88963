"""Setups: named lists of tasks with their tables, from the built-in generator, the catalogue or a user's manifest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.catalogue import catalogue_manifest, catalogue_names
from ray_mtlkd.setups.content import content_of
from ray_mtlkd.setups.features import (
    Featuriser,
    featurise,
    featurise_and_pack,
    fit_featurisers,
    pack_featurisers,
    unpack_featurisers,
)
from ray_mtlkd.setups.files import FolderSource, MemorySource, TableSource, missing_folders
from ray_mtlkd.setups.manifest import Manifest
from ray_mtlkd.setups.manifest_reader import parse_manifest
from ray_mtlkd.setups.pretrained import content_of_encoder
from ray_mtlkd.setups.synthetic import BUILT_IN, generate, manifest_of
from ray_mtlkd.setups.tables import check_inputs, read_setup
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask
from ray_mtlkd.shell import command
from ray_mtlkd.yaml_files import parse_yaml, read_text

__all__ = [
    "BUILT_IN",
    "Featuriser",
    "Manifest",
    "SetupLocation",
    "ValidatedSetup",
    "ValidatedTask",
    "check_inputs",
    "content_of",
    "content_of_encoder",
    "featurise",
    "featurise_and_pack",
    "fit_featurisers",
    "locate",
    "names",
    "pack_featurisers",
    "read",
    "unpack_featurisers",
]

DATA_VARIABLE = "MTLKD_DATA"
"""Environment variable that the command line reads where `--data-dir` is not given."""


@dataclass(frozen=True, kw_only=True)
class SetupLocation:
    """A setup's manifest and where its tables are looked for.

    Attributes:
        folder: Holds a folder for every ``data`` of the manifest; None for a built-in setup, or where no data folder
            is known.
        text: The manifest as it is written; empty for a built-in setup.
        holder: Name of the folder that holds them in the folder of all setups; empty for a built-in setup.
        missing: The ``data`` that are not there.
        beside: Whether the folder is the manifest's own.
        public: Whether the setup is one of the catalogue, whose tables can be fetched.
    """

    manifest: Manifest
    folder: Path | None
    text: str = ""
    holder: str = ""
    missing: tuple[str, ...] = ()
    beside: bool = False
    public: bool = False
    built_in: bool = False


def names() -> tuple[str, ...]:
    """Every setup that needs no manifest of the user's: built-in ones first, then the catalogue."""
    return (*BUILT_IN, *catalogue_names())


def locate(name_or_path: str, *, data_dir: Path | None) -> SetupLocation:
    """A setup's manifest and the place of its tables, without reading them.

    Tables are in ``data_dir/SETUP/DATA``, or in the folder of ``data_dir`` that a manifest of the catalogue names; a
    user's own manifest may also lie beside its ``DATA`` folders, or name the ``folder`` that holds them.

    Raises:
        MtlkdError: where there is no such setup, or its manifest is wrong (ExceptionGroup where it is so in many ways).
    """
    if name_or_path in BUILT_IN:
        return SetupLocation(manifest=manifest_of(name_or_path), folder=None, built_in=True)
    if name_or_path in catalogue_names():
        text = catalogue_manifest(name_or_path)
        manifest = _parse(text, where=f"catalogue/{name_or_path}.yaml")
        holder = manifest.folder or manifest.name
        place = _place(manifest, text, [] if data_dir is None else [data_dir / holder])
        return replace(place, holder=holder, public=True)
    if not name_or_path.endswith((".yaml", ".yml")):
        problem = unknown_name(name_or_path, names(), what="setup", where="setup")
        raise MtlkdError(problem.what, where=problem.where, fix=f"{problem.fix}, or the path of a manifest (.yaml)")
    path = Path(name_or_path)
    text = read_text(path)
    manifest = _parse(text, where=name_or_path)
    own = path.parent / (manifest.folder or "")
    place = _place(manifest, text, [*([] if data_dir is None else [data_dir / manifest.name]), own])
    return replace(place, holder=manifest.name, beside=place.folder == path.parent)


def read(name_or_path: str, *, data_dir: Path | None = None) -> ValidatedSetup:
    """A setup's tables, validated.

    Args:
        name_or_path: One of ``names()``, or the path of a manifest.
        data_dir: Holds a folder for every setup; built-in setups need none.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several, of the manifest or of all its tables.
    """
    if name_or_path in BUILT_IN:
        return read_setup(manifest_of(name_or_path), MemorySource(name_or_path, generate(name_or_path)))
    place = locate(name_or_path, data_dir=data_dir)
    return read_setup(place.manifest, _source(place))


def _parse(text: str, *, where: str) -> Manifest:
    return parse_manifest(parse_yaml(text, where=where), where=where)


def _place(manifest: Manifest, text: str, folders: Sequence[Path]) -> SetupLocation:
    """The first folder that holds all the data, else the first one that holds any, else the first one."""
    data = tuple(dict.fromkeys(spec.data for spec in manifest.tasks.values()))
    missing = [tuple(missing_folders(folder, data)) for folder in folders]
    if not folders:
        return SetupLocation(manifest=manifest, folder=None, text=text, missing=data)
    best = min(range(len(folders)), key=lambda at: len(missing[at]))
    return SetupLocation(manifest=manifest, folder=folders[best], text=text, missing=missing[best])


def _source(place: SetupLocation) -> TableSource:
    """Where the tables come from.

    Raises:
        MtlkdError: saying where to get them, where all of them are missing.
    """
    manifest, folder = place.manifest, place.folder
    everything = {spec.data for spec in manifest.tasks.values()}
    if folder is not None and set(place.missing) < everything:
        return FolderSource(folder)
    if folder is None:
        what, where = "no data folder is known", f"setup {manifest.name}"
        fix = f"name the folder that holds {place.holder}/ with --data-dir or {DATA_VARIABLE}"
    elif place.beside:
        what, where = f"none of the folders {', '.join(sorted(everything))} is here", str(folder.resolve())
        fix = "put the tasks' `data` folders beside the manifest"
    else:
        what, where = f"no tables of setup {manifest.name} here", str(folder)
        fix = f"name the folder that holds {place.holder}/ with --data-dir or {DATA_VARIABLE}"
    if place.public:
        fix += f"; `{command('ray-mtlkd', 'setups', 'fetch', manifest.name)}` fetches them"
    if manifest.source:
        fix += f"; where to get the data: {manifest.source}"
    raise MtlkdError(what, where=where, fix=fix)
