"""Converts a log as earlier versions of cityward wrote it into tiles, once.

They wrote ``entries`` (the bytes, end to end), ``ends`` (where each ends, 8 bytes), ``leaves`` (32 bytes each) and
``checkpoints``. Everything is verified before and after. The old files go when the new checkpoint is durable; a crash
at any moment leaves either form whole. ``checkpoints`` stays: it is read by `cityward.secure.notes` too.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.disk import replace_file, sync_folder
from cityward.core.errors import LedgerError
from cityward.secure.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash
from cityward.secure.note import ORIGIN, Checkpoint, check, sign
from cityward.secure.notes import Notes
from cityward.secure.tiles import ENTRIES, WIDTH, Edge, Tiles, bundle, edge_files, edge_root, grown
from cityward.secure.verification import verify

_EARLIER: Final = ("leaves", "ends", "entries")
_MARK: Final = "converting"
_END_BYTES: Final = 8
_CHANGED: Final = "The ledger of the earlier version was changed: {}. Restore a backup; nothing was converted."


def lies_in_earlier_form(folder: Path) -> bool:
    """Whether there is something to convert."""
    return any((folder / name).exists() for name in ("ends", "entries"))


def convert(folder: Path, signer: Ed25519PrivateKey, origin: str) -> None:
    """Write the log in ``folder`` as tiles when it lies in the earlier form; raises LedgerError or OSError.

    Parameters
    ----------
    origin : str
        Name of the log from now on; its earlier checkpoints keep theirs.
    """
    if not lies_in_earlier_form(folder):
        return
    if not (folder / "checkpoint").exists():
        newest = _write(folder, signer)
        if newest.size:
            replace_file(folder / "checkpoint", sign(Checkpoint(newest.size, newest.root, origin), signer).encode())
            found = verify(folder, signer.public_key())
            if not found.ok:
                (folder / "checkpoint").unlink()
                raise LedgerError(_CHANGED.format("what was written anew is not the same"))
    for name in (*_EARLIER, _MARK):
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)


def _write(folder: Path, signer: Ed25519PrivateKey) -> Checkpoint:
    """Write tiles beside the earlier files, and return the checkpoint that they add up to."""
    Notes(folder).repair()
    newest = Checkpoint(0, EMPTY_ROOT)
    for note in Notes(folder):
        newest = check(note, signer.public_key(), ORIGIN)
    shutil.rmtree(folder / "tile", ignore_errors=True)
    edge: Edge = ()
    tiles, written = Tiles(folder), 0
    with (
        (folder / "entries").open("rb") as bytes_,
        (folder / "ends").open("rb") as ends,
        (folder / "leaves").open("rb") as leaves,
    ):
        begin = 0
        while written < newest.size:
            width = min(WIDTH, newest.size - written)
            entries: list[bytes] = []
            for _ in range(width):
                end = int.from_bytes(ends.read(_END_BYTES), "big")
                if end < begin:
                    raise LedgerError(_CHANGED.format(f"entry {written + len(entries)} is missing"))
                entries.append(bytes_.read(end - begin))
                begin = end
            hashes = [leaf_hash(entry) for entry in entries]
            if b"".join(hashes) != leaves.read(width * HASH_BYTES):
                raise LedgerError(_CHANGED.format(f"an entry from {written} to {written + width - 1} is another"))
            edge, files = grown(edge, written, hashes)
            written += width
            full = {place: data for place, data in files.items() if place[2] == WIDTH}
            if written == newest.size:
                full |= edge_files(edge, written)
            full[ENTRIES, (written - 1) // WIDTH, width] = bundle(entries)
            tiles.write(full, folder / _MARK, b"")
    if edge_root(edge) != newest.root:
        raise LedgerError(_CHANGED.format("its entries are not those that were signed"))
    return newest
