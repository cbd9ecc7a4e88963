"""Changed files: by bytes, as damage leaves them, and by what they say, as somebody who means harm writes them."""

import io
import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

Mutate = Callable[[bytes, random.Random], bytes]
"""A change of a file's content, by chance."""

_INTS = (0, 1, -1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, 2**63 - 1, -(2**63))
_VALUES = (None, True, False, 0, 1, -1, 2, 2**31, 2**63, -(2**64), 10**30, 0.5, -0.0, 1e308, float("nan"), float("inf"))
_TEXTS = ("", " ", "a", "../x", "/etc/passwd", "\0", "\ud800", "é" * 40, "x" * 5000, "sum", "binary", "multiclass")
_TYPES = (pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.binary(), pa.list_(pa.int64()), pa.date32(), pa.null())


def changed_bytes(data: bytes, rng: random.Random) -> bytes:
    """One to four changes of single bits, bytes, numbers or stretches."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if found:
            # the ends of a file say where everything lies
            reach = rng.choice((len(found), len(found), min(len(found), 512)))
            at = rng.randrange(reach)
            rng.choice(_STROKES)(found, at if rng.random() < 0.5 else len(found) - 1 - at, rng)
    return bytes(found)


def _flip(data: bytearray, at: int, rng: random.Random) -> None:
    data[at] ^= 1 << rng.randrange(8)


def _put_byte(data: bytearray, at: int, rng: random.Random) -> None:
    data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))


def _put_number(data: bytearray, at: int, rng: random.Random) -> None:
    width = rng.choice((4, 8))
    data[at : at + width] = (rng.choice(_INTS) % 256**width).to_bytes(width, "little")


def _leave_out(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at : at + rng.choice(_STRETCHES)]


def _double(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = data[max(0, at - rng.choice(_STRETCHES)) : at]


def _add(data: bytearray, at: int, rng: random.Random) -> None:
    data[at:at] = rng.randbytes(rng.choice(_STRETCHES))


def _cut(data: bytearray, at: int, rng: random.Random) -> None:
    del data[at:]


_STRETCHES = (1, 2, 4, 8, 64, 1024)
_STROKES = (_flip, _put_byte, _put_number, _leave_out, _double, _add, _cut)


def changed_json(data: bytes, rng: random.Random) -> bytes:
    """A value, a key or an item of a JSON document put elsewhere, left out, doubled or replaced."""
    value = json.loads(data)
    for _ in range(rng.choice((1, 1, 2))):
        value = _other(value, rng)
    return json.dumps(value).encode()


def _other(value: object, rng: random.Random) -> object:
    """The same with one thing changed, at any depth."""
    if value and isinstance(value, list) and rng.random() < 0.88:
        at = rng.randrange(len(value))
        return [*value[:at], *rng.choice(([], value[at:] * 2, *[[_other(value[at], rng)]] * 4)), *value[at + 1 :]]
    if value and isinstance(value, dict) and rng.random() < 0.88:
        key = rng.choice(list(value))
        rest = {name: each for name, each in value.items() if name != key}
        strange = {**value, rng.choice(_TEXTS[:-4]): odd_value(None, rng)}
        doubled = {**value, key: value[rng.choice(list(value))]}
        return rng.choice((rest, strange, doubled, *[{**value, key: _other(value[key], rng)}] * 4))
    return odd_value(value, rng)


def odd_value(value: object, rng: random.Random) -> object:
    """Something else: close to what it was, or of another type."""
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        return rng.choice((value + 1, value - 1, -value, value * 1000, value / 2, value * value))
    if isinstance(value, str) and value and rng.random() < 0.3:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice(("", "x", "-1", "9")) + value[at + 1 :]
    deep: object = []
    for _ in range(rng.choice((1, 5, 200))):
        deep = [deep]
    return rng.choice((*_VALUES, *_TEXTS[:2], *_TEXTS[3:], [], {}, [1], {"a": 1}, deep))


def changed_table(table: pa.Table, rng: random.Random) -> pa.Table:
    """A column left out, doubled, renamed, of another type, or with other values; rows left out or doubled."""
    return rng.choice(_TURNS)(table, rng.randrange(table.num_columns), rng)


def _without(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    return table.remove_column(at)


def _twice(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    return table.append_column(table.field(at), table.column(at))


def _renamed(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    names = table.column_names
    return table.rename_columns([*names[:at], rng.choice(_TEXTS[3:8]), *names[at + 1 :]])


def _retyped(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    return table.set_column(at, table.column_names[at], pa.nulls(table.num_rows, rng.choice(_TYPES)))


def _cut_rows(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    return table.slice(rng.randrange(table.num_rows + 1))


def _doubled_rows(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    return pa.concat_tables([table, table])


def _told_wrong(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    metadata = table.schema.metadata or {}
    return table.replace_schema_metadata({key: changed_bytes(each, rng) for key, each in metadata.items()})


def _revalued(table: pa.Table, at: int, rng: random.Random) -> pa.Table:
    if not table.num_rows:
        return table
    name, kind = table.column_names[at], table.schema.field(at).type
    values = table.column(at).to_pylist()
    row = rng.randrange(len(values))
    values[row] = _other(values[row], rng)
    for wanted in (kind, None):
        with suppress(pa.ArrowException, TypeError, ValueError, OverflowError):
            return table.set_column(at, name, pa.array(values, wanted))
    return table.set_column(at, name, pa.nulls(table.num_rows, kind))


_TURNS = (_without, _twice, _renamed, _retyped, _cut_rows, _doubled_rows, _told_wrong, _revalued, _revalued, _revalued)


def changed_parquet(data: bytes, rng: random.Random) -> bytes:
    """A whole Parquet file that says something else."""
    buffer = io.BytesIO()
    try:
        pq.write_table(changed_table(pq.read_table(io.BytesIO(data)), rng), buffer)
    except (pa.ArrowException, ValueError, TypeError):  # nothing can be written so
        return changed_bytes(data, rng)
    return buffer.getvalue()


def changed_arrow(data: bytes, rng: random.Random) -> bytes:
    """A whole Arrow file that says something else."""
    sink = io.BytesIO()
    try:
        table = changed_table(pa.ipc.open_file(io.BytesIO(data)).read_all(), rng)
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    except (pa.ArrowException, ValueError, TypeError):  # nothing can be written so
        return changed_bytes(data, rng)
    return sink.getvalue()


def changed_tensors(data: bytes, rng: random.Random) -> bytes:
    """A whole safetensors file with a tensor left out, renamed, cut, turned or of other numbers, or other metadata."""
    size = int.from_bytes(data[:8], "little")
    told = json.loads(data[8 : 8 + size]).get("__metadata__")
    arrays = safetensors.numpy.load(data)
    if not arrays or rng.random() < 0.2:
        return safetensors.numpy.save(arrays, metadata=_told_otherwise(told, rng))
    name = rng.choice(list(arrays))
    array = arrays.pop(name)
    changed = rng.choice(
        (
            None,
            array.reshape(-1)[: rng.randrange(3)],
            array.T,
            array.astype(rng.choice(("float64", "int8", "float16", "bool"))),
            array * 0,
            array[..., None],
        )
    )
    if changed is not None:
        arrays[rng.choice((name, name, "other"))] = np.ascontiguousarray(changed)
    return safetensors.numpy.save(arrays, metadata=told)


def _told_otherwise(told: Mapping[str, str] | None, rng: random.Random) -> dict[str, str]:
    """Metadata that says something else, as JSON where it is that."""
    return {
        key: changed_json(each.encode(), rng).decode() if each.startswith("{") else rng.choice(_TEXTS[:3])
        for key, each in (told or {}).items()
    }
