"""Arrow columns in plain types: a value is the same however a writer encodes it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece and in a plain type (see `plain`)."""
    if not isinstance(column, pa.ChunkedArray):
        return plain(column)
    chunks = [plain(chunk) for chunk in column.chunks] or [plain(pa.array([], _storage(column.type)))]
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def plain(column: pa.Array) -> pa.Array:
    """A column whose values are no dictionary codes, run ends, views or extensions, at any depth of lists.

    Strings and bytes that needed this are large ones afterwards; lists of such are large lists.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(kind):
        return plain(column.dictionary).take(column.indices)
    if pa.types.is_run_end_encoded(kind):
        return plain(pc.run_end_decode(column))
    if _is_bytes_view(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.large_binary() if _is_bytes_view(kind) else pa.large_string())
    if is_list(kind) and not _is_plain(kind):
        return _lists(column)
    return column


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists, of whatever encoding."""
    tests = (
        *(pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list),
        *(pa.types.is_list_view, pa.types.is_large_list_view),
    )
    return any(test(kind) for test in tests)


def list_offsets(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where each row's elements begin in ``column.flatten()`` [N+1] int64; a null list has none."""
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def _lists(column: pa.Array) -> pa.Array:
    made = pa.LargeListArray.from_arrays(pa.array(list_offsets(column)), plain(column.flatten()))
    gaps = column.is_null()
    return pc.if_else(gaps, pa.scalar(None, made.type), made) if column.null_count else made


def _is_plain(kind: pa.DataType) -> bool:
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind):
        return False
    if is_list(kind):
        return _is_plain(kind.value_type)
    return not (
        isinstance(kind, pa.BaseExtensionType)
        or pa.types.is_dictionary(kind)
        or pa.types.is_run_end_encoded(kind)
        or pa.types.is_string_view(kind)
        or _is_bytes_view(kind)
    )


def _is_bytes_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary_view(kind) or pa.types.is_fixed_size_binary(kind))


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
