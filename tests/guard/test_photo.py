"""A photo drawn anew: nothing of the file is left, it is seen the right way up, and bombs are not drawn at all."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from cityward.guard.content import photo
from cityward.guard.content.photo import SIDE_PIXELS, NoPhoto, redrawn

MARK = b"PLANTED-SECRET-51.5N"


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **more: object) -> bytes:
    """Left half red, right half blue."""
    made = Image.new(mode, size, (255, 0, 0) if mode == "RGB" else (255, 0, 0, 255))
    made.paste((0, 0, 255) if mode == "RGB" else (0, 0, 255, 255), (size[0] // 2, 0, *size))
    out = BytesIO()
    made.save(out, kind, **more)
    return out.getvalue()


def full() -> bytes:
    """A JPEG with everything that tells of a person: place, camera, comment, profile, XMP, a small picture, a tail."""
    exif = Image.Exif()
    exif[0x010F] = MARK.decode()  # maker
    exif[0x0112] = 6  # to be turned by a quarter
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 26.0)
    exif.get_ifd(0x8825)[29] = MARK.decode()
    body = picture(exif=exif, icc_profile=MARK * 20, comment=MARK, xmp=b"<x:xmpmeta>" + MARK + b"</x:xmpmeta>")
    assert body.count(MARK) >= 5
    return body + MARK


def test_nothing_of_the_file_is_left_and_it_is_the_right_way_up() -> None:
    drawn = redrawn(full())
    assert MARK not in drawn
    for word in (b"Exif", b"ICC_PROFILE", b"http://ns.adobe.com", b"xmpmeta", b"\xff\xfe"):
        assert word not in drawn
    found = Image.open(BytesIO(drawn))
    assert set(found.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not found.getexif()
    # Turned clockwise: what was on the left is above.
    assert found.size == (40, 60)
    above, below = found.getpixel((20, 5)), found.getpixel((20, 55))
    assert above[0] > 200
    assert above[2] < 60
    assert below[2] > 200
    assert below[0] < 60
    # Markers of a plain JPEG alone, one after the other to its end.
    at, markers = 2, []
    while drawn[at + 1] != 0xDA:
        markers.append(drawn[at + 1])
        at += 2 + struct.unpack(">H", drawn[at + 2 : at + 4])[0]
    assert set(markers) <= {0xE0, 0xDB, 0xC0, 0xC4}
    assert drawn.endswith(b"\xff\xd9")
    assert redrawn(full()) == drawn


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_kinds_become_the_same_and_what_shines_through_is_white(kind: str) -> None:
    clear = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    out = BytesIO()
    clear.save(out, kind, lossless=True)
    found = Image.open(BytesIO(redrawn(out.getvalue())))
    assert found.format == "JPEG"
    assert min(found.getpixel((10, 10))) > 250


def test_text_and_place_of_other_kinds_are_gone_too() -> None:
    from PIL.PngImagePlugin import PngInfo

    told = PngInfo()
    told.add_text("Comment", MARK.decode())
    told.add_itxt("XML:com.adobe.xmp", MARK.decode())
    exif = Image.Exif()
    exif[0x010F] = MARK.decode()
    assert MARK not in redrawn(picture("PNG", pnginfo=told, exif=exif))
    webp = picture("WEBP", exif=exif, xmp=MARK, icc_profile=MARK)
    assert MARK in webp
    assert MARK not in redrawn(webp)


def test_a_large_one_is_made_smaller_and_the_first_picture_of_one_that_moves_counts() -> None:
    found = Image.open(BytesIO(redrawn(picture(size=(4000, 1000)))))
    assert found.size == (SIDE_PIXELS, SIDE_PIXELS // 4)
    frames = [Image.new("RGB", (9, 9), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    out = BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert Image.open(BytesIO(redrawn(out.getvalue()))).getpixel((4, 4))[0] > 200


def png_of(width: int, height: int) -> bytes:
    """A PNG of some bytes that says that it is large."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (7_747, 7_747), (2**31 - 1, 1), (10_000, 6_001)])
def test_a_bomb_is_refused_before_a_pixel_is_drawn(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: object) -> None:
        raise AssertionError("it was drawn")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", drawn)
    with pytest.raises(NoPhoto) as told:
        redrawn(png_of(*size))
    assert told.value.why in ("photo_large", "photo_broken")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "photo_kind"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo_kind"),
        (b"GIF89a" + bytes(50), "photo_kind"),
        (b"%PDF-1.7", "photo_kind"),
        (b"\xff\xd8\xff" + bytes(50), "photo_broken"),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", "photo_broken"),
        (b"\x89PNG\r\n\x1a\n", "photo_broken"),
        (png_of(50, 50)[:60], "photo_broken"),
        (b"\xff\xd8\xff" + bytes(photo.PHOTO_BYTES), "photo_large"),
    ],
)
def test_what_is_no_photo_is_told_apart(body: bytes, why: str) -> None:
    with pytest.raises(NoPhoto) as told:
        redrawn(body)
    assert told.value.why == why


def test_half_a_photo_at_every_cut_is_refused_or_whole() -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        body = picture(kind, size=(64, 64))
        for cut in range(1, len(body) - 1, max(1, len(body) // 40)):
            try:
                redrawn(body[:cut])
            except NoPhoto:
                continue
