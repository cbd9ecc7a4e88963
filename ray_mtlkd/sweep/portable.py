"""The search space and the manifests of a sweep in its own folder, where they mean the same from anywhere."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ray_mtlkd import setups
from ray_mtlkd.sweep.space import encoder_folders
from ray_mtlkd.sweep_folder import MANIFESTS, SPACE, SweepFolder
from ray_mtlkd.yaml_files import changed, parse_yaml


def portable(
    space_text: str, path: Path, names: Sequence[str], *, data_dir: Path | None, trackers: Mapping[str, str]
) -> dict[str, str]:
    """Files, by their names in a sweep's folder, that say what a search space and its manifests say, from anywhere.

    Args:
        space_text: A search space as it is written.
        path: Where it was read from.
        names: Its setups, manifests as seen from the current folder.
        data_dir: Where the tables of the catalogue's setups are.
        trackers: Their places on this machine, absolute, by key.

    Raises:
        MtlkdError: where a manifest is no longer there or sound; ExceptionGroup of them, where it is so in many ways.
    """
    files = {}
    carried = encoder_folders(parse_yaml(space_text, where=str(path)), path)
    carried |= {("tracking", key): place for key, place in trackers.items()}
    for at, name in enumerate(names):
        place = None if name in setups.BUILT_IN else setups.locate(name, data_dir=data_dir)
        if place is None or place.folder is None:
            continue
        file = f"{MANIFESTS}/{place.manifest.name}.yaml"
        carried["setups", at] = file
        files[file] = changed(place.text, {("folder",): str(place.folder.absolute())})
    return {SPACE: changed(space_text, carried), **files}


@contextmanager
def space_of(folder: SweepFolder) -> Iterator[Path]:
    """The search space in a sweep's folder as a local file, its manifests beside it.

    Raises:
        MtlkdError: where one of them is not what the sweep wrote.
    """
    names = [SPACE, *(f"{MANIFESTS}/{name}" for name in folder.manifests.names())]
    found = {name: folder.described(name) or b"" for name in names}
    if folder.root.is_local:
        yield Path(folder.root.root) / SPACE
        return
    with tempfile.TemporaryDirectory() as local:
        for name, data in found.items():
            path = Path(local) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        yield Path(local) / SPACE
