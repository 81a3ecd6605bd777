"""``[backup]`` of ``city.toml``: where backups go, and how often they are whole."""

from __future__ import annotations

from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class BackupSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where backups go.

    ``repository`` is a folder on another machine (mounted) or ``s3://bucket/prefix``. ``passphrase_file`` opens it: a
    path in the city folder, made at random when it is missing. Snapshots share what they hold for
    ``full_every_days``, then all is written anew under the key of another epoch. ``continuous`` lets ``cityward
    serve`` copy what changes within a second; every ``snapshot_minutes`` that becomes a snapshot of its own.
    """

    repository: Name | None = None
    passphrase_file: Name = "keys/backup.passphrase"  # noqa: S105 (a path)
    full_every_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 7
    continuous: bool = False
    snapshot_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 60
