"""A photo is drawn anew from its pixels: nothing of the file that came is kept, so nothing that it hid is either.

Enters: bytes that somebody calls a photo. Leaves: a JPEG of bounded size without place, time, camera, colour profile,
comment or small picture of itself. Never: a face that is looked for, or a person that is recognised.
"""

from __future__ import annotations

import struct
import zlib
from importlib.util import find_spec
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Final

from cityward.core.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

PHOTO_BYTES: Final = 12 * 2**20
"""What phones make, and no more is read."""

PIXELS_MAX: Final = 60_000_000
"""Looked at before a pixel is drawn: a small file can say that it is a picture of a billion."""

SIDE_PIXELS: Final = 1_600
QUALITY: Final = 82

_MAGIC: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_ONE: Final = Lock()
"""One at a time: a picture of the largest size takes a quarter of a gigabyte while it is drawn."""

_BROKEN: Final = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, AttributeError,
                  OverflowError, RuntimeError, MemoryError, struct.error, zlib.error)  # fmt: skip
"""What a reader of pictures raises at files that are none, or half of one."""


class NoPhoto(UserError):
    """What came cannot be taken as a photo; ``why`` is ``photo_large``, ``photo_kind`` or ``photo_broken``."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"This photo cannot be taken ({why}).", "Send another, or none.")


def photos_taken() -> bool:
    """Whether the library that draws photos is installed (the extra ``photos``)."""
    return find_spec("PIL") is not None


def redrawn(body: bytes) -> bytes:
    """Draw a photo anew; the same bytes give the same photo.

    Parameters
    ----------
    body : bytes
        JPEG, PNG or WebP, at most `PHOTO_BYTES` and `PIXELS_MAX`; of one that moves the first picture counts.

    Returns
    -------
    bytes
        A JPEG whose longer side has at most `SIDE_PIXELS`, turned as its file said that it is to be seen.

    Raises
    ------
    NoPhoto
        It is too large, of another kind, or broken.
    """
    if len(body) > PHOTO_BYTES:
        raise NoPhoto("photo_large")
    if not body.startswith(_MAGIC):
        raise NoPhoto("photo_kind")
    from PIL.Image import DecompressionBombError

    with _ONE:
        try:
            return _drawn(body)
        except NoPhoto:
            raise
        except DecompressionBombError:
            raise NoPhoto("photo_large") from None
        except _BROKEN:
            raise NoPhoto("photo_broken") from None


def _drawn(body: bytes) -> bytes:
    from PIL import Image, ImageOps

    with Image.open(BytesIO(body), formats=_FORMATS) as found:
        width, height = found.size
        if width < 1 or height < 1 or width * height > PIXELS_MAX:
            raise NoPhoto("photo_large")
        found.draft("RGB", (SIDE_PIXELS, SIDE_PIXELS))  # a JPEG is read no finer than it is drawn
        found.load()
        turned = ImageOps.exif_transpose(found)
        turned.thumbnail((SIDE_PIXELS, SIDE_PIXELS))
        plain = _flat(turned)
        # From the pixels alone: what hangs on the picture as it was read stays behind.
        anew = Image.frombytes("RGB", plain.size, plain.tobytes())
    out = BytesIO()
    anew.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _flat(picture: Picture) -> Picture:
    """In red, green and blue, on white where it can be seen through."""
    from PIL import Image

    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        white = Image.new("RGB", seen.size, (255, 255, 255))
        white.paste(seen, mask=seen.getchannel("A"))
        return white
    return picture.convert("RGB")
