"""A file of evidence that is checked without the city: a ZIP of which every byte is accounted for.

The files in it are stored as they are, in the order of their names, with no times and no attributes, so that equal
contents are equal byte for byte. What is read is written again and held against what was read: a changed byte is then
in the contents, which the digests name, or in the packing, which this comparison names.

Source: PKWARE APPNOTE 6.3.10, method 0 (stored).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Final

from cityward.core.errors import UserError

PACKED_BYTES_MAX: Final = 64 * 2**20
"""Largest file that is read."""

FILES_MAX: Final = 10_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[a-z0-9]+)?(?:/[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[a-z0-9]+)?)?")
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_MODE: Final = 0o100644 << 16

_TRY: Final = "Get it again from whoever gave it to you."


def pack(files: Mapping[str, bytes]) -> bytes:
    """The files as one; equal files give equal bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = _UNIX, _MODE
            packed.writestr(entry, files[name])
    return buffer.getvalue()


def unpack(data: bytes) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The files of one, and what is wrong with its packing: a sentence for each part that was changed.

    Nothing is unpacked that was compressed, and no more than the bytes that are there, whatever their lists say.

    Raises
    ------
    UserError
        It is too large, cut off, or not packed by `pack`, so that nothing in it can be told.
    """
    if len(data) > PACKED_BYTES_MAX:
        raise UserError(f"The file has more than {PACKED_BYTES_MAX // 2**20} MB; no liability file has.", _TRY)
    try:
        with zipfile.ZipFile(BytesIO(data)) as packed:
            listed = packed.infolist()
            _check_list(listed, len(data))
            files, wrong = _read(packed, listed)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, RuntimeError):
        raise UserError("The file is cut off, damaged, or no ZIP file.", _TRY) from None
    again = pack(files)
    if not wrong and again != data:
        at = next((at for at, (old, new) in enumerate(zip(data, again, strict=False)) if old != new), len(again))
        wrong.append(f"The packing was changed at byte {at}, {_place(listed, at)}.")
    return files, tuple(wrong)


def _check_list(listed: list[zipfile.ZipInfo], size: int) -> None:
    names = [one.filename for one in listed]
    odd = [name for name in names if not _NAME.fullmatch(name)]
    packed = [
        one.filename for one in listed if one.compress_type != zipfile.ZIP_STORED or one.compress_size != one.file_size
    ]
    if len(names) > FILES_MAX or len(set(names)) < len(names) or odd or packed:
        first = (*odd, *packed, *names)[0] if names else "its list"
        raise UserError(
            f"The file is not packed as cityward packs (see {first[:60]!r}): nothing in it was unpacked.", _TRY
        )
    if sum(one.file_size for one in listed) > size:
        raise UserError("The file says that it holds more than it has bytes: nothing in it was unpacked.", _TRY)


def _read(packed: zipfile.ZipFile, listed: list[zipfile.ZipInfo]) -> tuple[dict[str, bytes], list[str]]:
    files: dict[str, bytes] = {}
    wrong: list[str] = []
    for one in listed:
        try:
            files[one.filename] = packed.read(one)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError, RuntimeError):
            wrong.append(f"{one.filename} was changed: it is not what its checksum says.")
    return files, wrong


def _place(listed: list[zipfile.ZipInfo], at: int) -> str:
    before = [one for one in listed if one.header_offset <= at]
    last = max(before, key=lambda one: one.header_offset, default=None)
    if last is None:
        return "before the first file"
    ends = last.header_offset + 30 + len(last.filename.encode()) + last.file_size
    return f"in the head of {last.filename}" if at < ends else "in the list of files at its end"
