"""Receipts of the ledger for people elsewhere, and the keys that sign it: handed over, retired, or lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.disk import durable, replace_file, sync_folder
from cityward.core.errors import LedgerError, UserError
from cityward.core.receipts import receipt
from cityward.secure.handover import KIND, keep_handover, make_handover, read_handovers
from cityward.secure.keys import create_signer, load_public_key, load_signer, public_bytes
from cityward.secure.ledger import Ledger, adopt, verify
from cityward.secure.note import parse
from cityward.secure.signed_text import verifier_key
from cityward.secure.tlog_proof import tlog_proof

if TYPE_CHECKING:
    from cityward.city.city import City

LOST = "key-lost"
"""Kind of the first entry after a key was lost: what the last checkpoint under it said."""


class LedgerKeys:
    """The keys of the ledger of ``city``, and what is proved with them."""

    def __init__(self, city: City) -> None:
        self._city = city

    def key(self) -> str:
        """Verifier key of the key that signs now: what people elsewhere keep."""
        return verifier_key(self._city.origin, load_public_key(self._city.folder.public_key))

    def handovers(self) -> tuple[str, ...]:
        """Notes by which its key was handed over, the oldest first."""
        return Ledger(self._folder, None).handovers()

    def receipt(self, about: str) -> str:
        """The receipt of an entry, by its number or by what it is about (C2SP tlog-proof).

        With a checkpoint that enough witnesses signed when there is one that covers it.

        Raises
        ------
        UserError
            There is no such entry.
        """
        plain = about.isascii() and about.isdigit() and len(about) < 16
        index = int(about) if plain else self._city.receipt_of(about)
        ledger = Ledger(self._folder, None)
        if index is None or not 0 <= index < ledger.size:
            raise UserError(
                f"The ledger has no entry {'' if plain else 'about '}'{about[:60]}'.",
                "Give the number of an entry, or an identifier such as D-0123456789. A case that was decided with "
                "others has its proof from 'cityward decisions prove'.",
            )
        cosigned = self._city.witnessing.cosigned()
        checkpoint = cosigned if cosigned and parse(cosigned).size > index else ledger.checkpoint()
        return tlog_proof(ledger, index, checkpoint, ledger.handovers())

    def rotate(self) -> int:
        """Hand the log over to a new key, by an entry that both sign; return its index.

        Both keys sign every checkpoint until `retire`. What was interrupted is taken up again where it stopped.

        Raises
        ------
        UserError
            The key before this one still signs too.
        """
        folder = self._city.folder
        following = folder.next_key
        if folder.previous_key.exists() and not following.exists() and self._is_current(folder.signing_key):
            raise UserError("The key before this one still signs beside it.", "Run 'cityward keys retire' first.")
        with self._city.writing():
            if following.exists() or self._is_current(folder.signing_key):
                old = load_signer(folder.signing_key)
                new = load_signer(following) if following.exists() else create_signer(following)
                index = self._announced(new)
                if index is None:
                    index = self._announce(old, new)
                with durable("putting the new key in its place"):
                    folder.previous_key.unlink(missing_ok=True)
                    folder.previous_key.hardlink_to(folder.signing_key)
                    sync_folder(folder.signing_key.parent)
                    following.replace(folder.signing_key)
                    sync_folder(folder.signing_key.parent)
            signer = load_signer(folder.signing_key)
            with durable("putting the new public key in its place"):
                replace_file(folder.public_key, public_bytes(signer.public_key()).hex().encode() + b"\n")
                following.with_suffix(".pub").unlink(missing_ok=True)
            self._city.reopen_ledger()
            found = self._announced(signer)
        if found is None:
            raise LedgerError("The ledger does not tell of its key. Run 'cityward verify'.")
        return found

    def retire(self) -> None:
        """Destroy the secret of the key before this one; what it signed stays valid."""
        if not self._city.folder.previous_key.exists():
            raise UserError("No earlier key signs any more.", "'cityward keys rotate' makes a new one.")
        with self._city.writing(), durable("removing the earlier key"):
            self._city.folder.previous_key.unlink()
            sync_folder(self._city.folder.previous_key.parent)
            self._city.reopen_ledger()

    def replace_lost(self, origin: str) -> int:
        """Begin a new log under a new key and the name ``origin``, when the secret of the old one is lost.

        The new log begins with the entries of the old one, so that every receipt keeps its number, and then says as its
        first own entry which root the old key signed last. Nobody can tell any more, by a signature, that the old log
        ended there: what witnesses signed last is the bound.

        Raises
        ------
        UserError
            The secret is there, or the name is that of the old log.
        LedgerError
            The old log is not whole.
        """
        folder = self._city.folder
        if folder.signing_key.exists():
            raise UserError("The signing key is there.", "'cityward keys rotate' hands the ledger over to a new key.")
        old_key = load_public_key(folder.public_key)
        last = Ledger(self._folder, None)
        following = folder.next_key
        if origin == last.origin and following.exists():  # the new log began, and then something stopped us
            self._put_in_place(following)
            return last.size - 1
        if origin == last.origin or self._city.settings.ledger.origin not in (None, origin):
            raise UserError("A new log needs a new name.", "Write it as origin in [ledger] of city.toml, and give it.")
        found = verify(self._folder, old_key)
        if not found.ok:
            raise LedgerError(f"{found.message} No new log is begun from it; restore a backup.")
        name = public_bytes(old_key).hex()[:8]
        facts: dict[str, str | int] = {
            "origin": last.origin,
            "size": last.size,
            "root": last.root().hex(),
            "key": verifier_key(last.origin, old_key),
            "cosigned": self._city.witnessing.cosigned(),
        }
        entry = receipt(LOST, name, self._city.clock.now(), last.checkpoint().encode(), **facts)
        with durable("beginning a new log"):
            for one in (following, following.with_suffix(".pub")):
                one.unlink(missing_ok=True)  # of an attempt that was interrupted: it signed nothing that counts
            signer = create_signer(following)
            replace_file(folder.public_key.with_name(f"ledger.lost-{name}.pub"), folder.public_key.read_bytes())
            adopt(self._folder, name, signer, origin, entry)
        self._put_in_place(following)
        return last.size

    @property
    def _folder(self) -> Path:
        return self._city.folder.ledger

    def _announced(self, new: Ed25519PrivateKey) -> int | None:
        mine = public_bytes(new.public_key())
        return next((one.index for one in read_handovers(self._folder) if public_bytes(one.new) == mine), None)

    def _announce(self, old: Ed25519PrivateKey, new: Ed25519PrivateKey) -> int:
        ledger = Ledger(self._folder, old, self._city.origin, [new])
        now = self._city.clock.now()
        note = make_handover(ledger.origin, ledger.size, now, old, new)
        (index,) = ledger.append(
            [receipt(KIND, public_bytes(new.public_key()).hex()[:8], now, note.encode(), note=note)]
        )
        with durable("keeping the hand-over of the key"):
            keep_handover(self._folder, note)
        return index

    @durable("putting the new key in its place")
    def _put_in_place(self, following: Path) -> None:
        folder = self._city.folder
        public = load_signer(following).public_key()
        replace_file(folder.public_key, public_bytes(public).hex().encode() + b"\n")
        following.with_suffix(".pub").unlink(missing_ok=True)
        following.replace(folder.signing_key)
        sync_folder(folder.signing_key.parent)

    def _is_current(self, secret: Path) -> bool:
        """Whether the public key in its place is that of the secret."""
        public = load_signer(secret).public_key()
        return public_bytes(public) == public_bytes(load_public_key(self._city.folder.public_key))
