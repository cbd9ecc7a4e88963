"""Utterances and their intents, as Few-Shot-Intent-Detection holds them."""

from pathlib import Path

import pyarrow as pa

from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.setups.manifest import Manifest
from ray_mtlkd.setups.public.origin import PinnedFiles, PublicData, Tables

_ROOT = "jianguoz/Few-Shot-Intent-Detection/fa9553312b1dba54b1be0aae2d30b13171f898e5"


def _data(task: str, folder: str, licence: str) -> PublicData:
    def read(manifest: Manifest, folders: tuple[Path, ...]) -> Tables:
        """Line by line: an utterance in one file, the name of its class in the other."""
        codes = {name: code for code, name in enumerate(manifest.tasks[task].class_names)}
        found = {}
        for split in SPLITS:
            texts, labels = (_lines(folders[0] / f"Datasets/{folder}/{split}/{name}") for name in ("seq.in", "label"))
            found[split] = pa.table({"text": texts, "label": pa.array([codes[name] for name in labels], pa.int16())})
        return found

    files = tuple(f"Datasets/{folder}/{split}/{name}" for split in SPLITS for name in ("seq.in", "label"))
    return PublicData(licence=licence, sources=(PinnedFiles(root=_ROOT, files=files),), read=read)


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]


DATA = {
    "atis": _data("atis", "ATIS", "none stated; an LDC corpus originally"),
    "snips": _data("snips", "SNIPS", "none stated (sonos/nlu-benchmark)"),
    "banking77": _data("banking77", "BANKING77", "CC BY 4.0 (PolyAI-LDN/task-specific-datasets)"),
    "clinc150": _data("clinc150", "CLINC150", "CC BY 3.0 (clinc/oos-eval)"),
    "hwu64": _data("hwu64", "HWU64", "CC BY 4.0 (xliuhw/NLU-Evaluation-Data)"),
}
