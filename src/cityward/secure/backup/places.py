"""Where a repository lies: a folder or a bucket. Objects are made once and never written over."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from cityward.core.disk import durable, sync_folder, write_file
from cityward.core.errors import CitywardError, SettingsError, StoreError, UserError

if TYPE_CHECKING:
    from obstore.store import S3Store

INCOMING: Final = "incoming"
"""Where a folder holds what is not whole yet, and probes of its clock; never a part of the repository."""


class Exists(CitywardError):
    """An object of this name is there already; nothing was written."""


class Missing(CitywardError):
    """There is no object of this name."""


@dataclass(frozen=True, slots=True)
class Held:
    """An object: its name, its size, and when the server says that it got it (UTC)."""

    name: str
    size_bytes: int
    at: datetime


class Place(Protocol):
    """What a repository needs of the place where it lies."""

    def put(self, name: str, data: bytes) -> None:
        """Make an object, durably; raises `Exists` when there is one of that name."""

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object; raises `Missing`."""

    def list(self, prefix: str) -> Iterator[Held]:
        """Objects whose names begin with ``prefix`` and a slash, in no order."""

    def now(self) -> datetime:
        """The time by the clock of the server, not ours."""

    def delete(self, name: str) -> None:
        """Delete an object; only who prunes may."""


class FolderPlace:
    """A folder: an object is a file that is linked to its name once it is whole.

    The time of an object is its ``st_ctime``: the file system sets it, and no program can choose it. (A program that
    may change the file can make it later, never earlier; see `cityward.secure.backup.retention`.)
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, data: bytes) -> None:
        """See `Place`."""
        target = self.path / name
        with durable("writing to the repository of backups"):
            waiting = self._waiting(data)
            try:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
                os.link(waiting, target)  # unlike a rename, a link never takes the place of a file
            except FileExistsError:
                raise Exists(f"{name} is in the repository already.") from None
            finally:
                waiting.unlink()
            sync_folder(target.parent)

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Place`."""
        try:
            with durable("reading the repository of backups"), (self.path / name).open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise Missing(f"{name} is not in the repository.") from None
            raise

    def list(self, prefix: str) -> Iterator[Held]:
        """See `Place`."""
        for path in (self.path / prefix).rglob("*"):
            if path.is_file():
                told = path.stat()
                at = datetime.fromtimestamp(told.st_ctime, UTC)
                yield Held(path.relative_to(self.path).as_posix(), told.st_size, at)

    def now(self) -> datetime:
        """See `Place`."""
        with durable("asking the repository for its time"):
            probe = self._waiting(b"")
            try:
                return datetime.fromtimestamp(probe.stat().st_ctime, UTC)
            finally:
                probe.unlink()

    def delete(self, name: str) -> None:
        """See `Place`."""
        with durable("deleting from the repository of backups"):
            (self.path / name).unlink(missing_ok=True)

    def _waiting(self, data: bytes) -> Path:
        waiting = self.path / INCOMING / secrets.token_hex(8)
        waiting.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        write_file(waiting, data)
        return waiting


class S3Place:
    """A bucket of S3, or a prefix in it, by obstore; credentials and region come from its ``AWS_…`` variables.

    ``put`` asks for ``If-None-Match: *``, so that the server itself refuses to write over an object.
    """

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def put(self, name: str, data: bytes) -> None:
        """See `Place`."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            obstore.put(self._store, name, data, mode="create", use_multipart=False)
        except AlreadyExistsError:
            raise Exists(f"{name} is in the repository already.") from None
        except Exception as error:  # noqa: BLE001 (obstore raises its own and others')
            raise _told(error, "written") from None

    def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Place`."""
        import obstore

        try:
            if length is None and not start:
                return bytes(obstore.get(self._store, name).bytes())
            return bytes(obstore.get_range(self._store, name, start=start, length=length))
        except FileNotFoundError:
            raise Missing(f"{name} is not in the repository.") from None
        except Exception as error:  # noqa: BLE001 (as above)
            raise _told(error, "read") from None

    def list(self, prefix: str) -> Iterator[Held]:
        """See `Place`."""
        import obstore

        try:
            for page in obstore.list(self._store, prefix=prefix):
                for one in page:
                    yield Held(one["path"], one["size"], one["last_modified"].astimezone(UTC))
        except Exception as error:  # noqa: BLE001 (as above)
            raise _told(error, "listed") from None

    def now(self) -> datetime:
        """See `Place`."""
        import obstore

        name = f"{INCOMING}/{secrets.token_hex(8)}"
        self.put(name, b"")
        return obstore.head(self._store, name)["last_modified"].astimezone(UTC)

    def delete(self, name: str) -> None:
        """See `Place`."""
        import obstore

        try:
            obstore.delete(self._store, name)
        except Exception as error:  # noqa: BLE001 (as above)
            raise _told(error, "deleted from") from None


def _told(error: Exception, done: str) -> StoreError:
    """The trouble of a bucket, without what a server said: it may repeat a URL with a signature."""
    return StoreError(
        f"The bucket of backups could not be {done} ({type(error).__name__}). Check its name, the network and the "
        "AWS_… variables, then do the same again."
    )


def open_place(url: str) -> Place:
    """The place that ``url`` names: ``s3://bucket/prefix``, or the path of a folder.

    Raises
    ------
    UserError, SettingsError
        The URL is of another kind, or the extra for buckets is not installed.
    """
    scheme, colon, rest = url.partition("://")
    if not colon:
        return FolderPlace(Path(url))
    if scheme == "file":
        return FolderPlace(Path(rest))
    if scheme != "s3":
        raise UserError(f"A repository cannot lie in '{scheme}://'.", "Give a folder, or s3://bucket/prefix.")
    try:
        from obstore.store import S3Store
    except ModuleNotFoundError:
        raise SettingsError("Buckets need obstore.", "Install the extra 'cityward[s3]'.") from None
    bucket, _, prefix = rest.partition("/")
    options: Any = {"conditional_put": "etag"}
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    plain = {"allow_http": True} if endpoint.startswith("http://127.0.0.1") else {}
    return S3Place(
        S3Store(bucket, prefix=prefix.strip("/") or None, config=options, client_options=plain)  # type: ignore[arg-type]
    )
