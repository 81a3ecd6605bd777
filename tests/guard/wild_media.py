"""Kit of the corpus of unseen forms: a maker of values, packings, images, sounds and films."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import json
import lzma
import quopri
import struct
import tarfile
import urllib.parse
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 4711
NEUTRAL = ("value", "payload", "data", "obs", "m1", "x", "field_7", "content", "blob", "extra", "attr", "raw")


@dataclass(frozen=True)
class WildCase:
    """One row, what is truly in it (``public`` for a look-alike) and how it is packed."""

    kind: str
    truth: str
    row: dict[str, Any]


class Maker:
    """Draws of one seed; every method that returns a case is deterministic in it."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def digits(self, n: int) -> str:
        return "".join(str(d) for d in self.rng.integers(0, 10, n))

    def bytes(self, n: int) -> bytes:
        return self.rng.bytes(n)

    def name(self) -> str:
        return self.pick(NEUTRAL)


# ---------------------------------------------------------------- ways to pack bytes into text


def _wrap(text: str, width: int = 76, end: str = "\r\n") -> str:
    return end.join(text[i : i + width] for i in range(0, len(text), width))


def _uu(data: bytes) -> str:
    lines = [binascii.b2a_uu(data[i : i + 45]).decode() for i in range(0, len(data), 45)]
    return "begin 644 file.bin\n" + "".join(lines) + "`\nend\n"


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("readings.bin", data)
    return out.getvalue()


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a/readings.bin")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _mime(data: bytes) -> str:
    return (
        "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n" + _wrap(_b64(data)) + "\r\n"
    )


def _nest(value: Any, depth: int) -> Any:
    for level in range(depth):
        value = {"n": value} if level % 2 else [1, value, None]
    return value


PACKED: dict[str, Callable[[bytes], Any]] = {
    "base64": _b64,
    "base64url": lambda b: base64.urlsafe_b64encode(b).decode().rstrip("="),
    "base64-unpadded": lambda b: _b64(b).rstrip("="),
    "base64-wrapped": lambda b: _wrap(_b64(b)),
    "base64-spaces": lambda b: _wrap(_b64(b), 64, " "),
    "base64-bom": lambda b: "\ufeff" + _b64(b),
    "base64-blank": lambda b: "  \n\t" + _b64(b) + "\n",
    "base64-quoted": lambda b: '"' + _b64(b) + '"',
    "base64-prefixed": lambda b: "base64:" + _b64(b),
    "mime": _mime,
    "base32": lambda b: base64.b32encode(b).decode(),
    "base32-lower": lambda b: base64.b32encode(b).decode().lower().rstrip("="),
    "base85": lambda b: base64.b85encode(b).decode(),
    "ascii85": lambda b: base64.a85encode(b, adobe=True).decode(),
    "hex": lambda b: b.hex(),
    "hex-upper": lambda b: b.hex().upper(),
    "hex-spaced": lambda b: b.hex(" "),
    "hex-colons": lambda b: b.hex(":"),
    "hex-0x": lambda b: "0x" + b.hex(),
    "hex-bytea": lambda b: "\\x" + b.hex(),
    "hex-each": lambda b: " ".join(f"0x{x:02x}," for x in b),
    "hex-escapes": lambda b: "".join(f"\\x{x:02x}" for x in b),
    "python-bytes": repr,
    "percent": lambda b: urllib.parse.quote(b),  # noqa: PLW0108
    "percent-all": lambda b: "".join(f"%{x:02X}" for x in b),
    "quoted-printable": lambda b: quopri.encodestring(b).decode("ascii"),
    "uuencode": _uu,
    "data-url": lambda b: "data:application/octet-stream;base64," + _b64(b),
    "data-url-percent": lambda b: "data:;charset=latin1," + urllib.parse.quote(b),
    "latin1": lambda b: b.decode("latin-1"),
    "bytes-list": list,
    "signed-bytes-list": lambda b: [x - 256 if x > 127 else x for x in b],
    "bytes-text": lambda b: ",".join(str(x) for x in b),
    "node-buffer": lambda b: {"type": "Buffer", "data": list(b)},
    "bits": lambda b: "".join(f"{x:08b}" for x in b[:600]),
    "octal-escapes": lambda b: "".join(f"\\{x:03o}" for x in b),
    "gzip-base64": lambda b: _b64(gzip.compress(b)),
    "zlib-hex": lambda b: zlib.compress(b).hex(),
    "deflate-base64": lambda b: _b64(zlib.compress(b)[2:-4]),
    "zip-base64": lambda b: _b64(_zip(b)),
    "tar-base64": lambda b: _b64(_tar(b)),
    "tar-gzip-base85": lambda b: base64.b85encode(gzip.compress(_tar(b))).decode(),
    "bz2-base64": lambda b: _b64(bz2.compress(b)),
    "xz-base64": lambda b: _b64(lzma.compress(b)),
    "lzma-alone-hex": lambda b: lzma.compress(b, format=lzma.FORMAT_ALONE).hex(),
    "base64-twice": lambda b: _b64(_b64(b).encode()),
    "base64-of-hex": lambda b: _b64(b.hex().encode()),
    "json-in-json": lambda b: json.dumps({"a": json.dumps({"b": _b64(b)})}),
    "json-thrice": lambda b: json.dumps(json.dumps(json.dumps([_b64(b)]))),
    "nested-12": lambda b: _nest(_b64(b), 12),
    "chunks": lambda b: [_b64(b)[i : i + 64] for i in range(0, len(_b64(b)), 64)],
    "chunks-of-bytes": lambda b: [_b64(b[i : i + 57]) for i in range(0, len(b), 57)],
    "chunk-objects": lambda b: [{"seq": k, "c": _b64(b)[i : i + 80]} for k, i in enumerate(range(0, len(_b64(b)), 80))],
    "in-a-sentence": lambda b: "see attachment " + _b64(b) + " thanks",
    "in-html": lambda b: '<p>hi</p><img alt="" src="data:image/x;base64,' + _b64(b) + '">',
    "in-xml": lambda b: f"<?xml version='1.0'?><r><v enc='b64'>{_b64(b)}</v></r>",
    "in-css-url": lambda b: f"url(data:application/x;base64,{_b64(b)})",
    "csv-in-cell": lambda b: f"id,blob\n1,{_b64(b)}\n2,\n",
}

# ---------------------------------------------------------------- pictures, sound, film


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _png(m: Maker) -> bytes:
    raw = b"".join(b"\0" + m.bytes(36) for _ in range(12))
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 12, 12, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw)),
        (b"IEND", b""),
    ):
        out += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return out


IMAGES: dict[str, Callable[[Maker], bytes]] = {
    "jpeg": lambda m: b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0H\0H\0\0\xff\xdb\0C\0" + m.bytes(500) + b"\xff\xd9",
    "jpeg-exif": lambda m: b"\xff\xd8\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08" + m.bytes(600) + b"\xff\xd9",
    "jpeg-raw": lambda m: b"\xff\xd8\xff\xdb\0\x84\0" + m.bytes(700) + b"\xff\xd9",
    "png": _png,
    "gif": lambda m: b"GIF89a" + struct.pack("<HHBBB", 20, 20, 0xF7, 0, 0) + m.bytes(800) + b";",
    "webp": lambda m: b"RIFF" + struct.pack("<I", 520) + b"WEBPVP8 " + struct.pack("<I", 508) + m.bytes(508),
    "heic": lambda m: (
        _box(b"ftyp", b"heic\0\0\0\0mif1heic") + _box(b"meta", m.bytes(300)) + _box(b"mdat", m.bytes(400))
    ),
    "avif": lambda m: _box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + _box(b"meta", m.bytes(300)),
    "bmp": lambda m: (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 822, 0, 0, 54, 40, 16, 16, 1, 24, 0, 768, 2835, 2835, 0, 0)
        + m.bytes(768)
    ),
    "tiff-le": lambda m: b"II*\0\x08\0\0\0" + m.bytes(500),
    "tiff-be": lambda m: b"MM\0*\0\0\0\x08" + m.bytes(500),
    "bigtiff": lambda m: b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + m.bytes(500),
    "jxl": lambda m: b"\xff\x0a" + m.bytes(600),
    "jxl-box": lambda m: _box(b"JXL ", b"\r\n\x87\n") + _box(b"ftyp", b"jxl \0\0\0\0jxl ") + m.bytes(300),
    "jp2": lambda m: _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + m.bytes(300),
    "j2k": lambda m: b"\xff\x4f\xff\x51\0\x2f\0\0" + m.bytes(500),
    "dicom": lambda m: b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0" + m.bytes(500),
    "pgm": lambda m: b"P5\n20 20\n255\n" + m.bytes(400),
    "ppm": lambda m: b"P6 12 12 255\n" + m.bytes(432),
    "pgm-ascii": lambda m: b"P2\n# face\n16 16\n255\n" + " ".join(str(x) for x in m.bytes(256)).encode(),
    "ico": lambda m: b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x68\x04\0\0\x16\0\0\0" + m.bytes(1128),
    "svg": lambda m: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/png;base64,'
        + base64.b64encode(_png(m))
        + b'"/></svg>'
    ),
    "psd": lambda m: b"8BPS\0\x01\0\0\0\0\0\0\0\x03" + m.bytes(400),
    "qoi": lambda m: b"qoif" + struct.pack(">IIBB", 20, 20, 3, 0) + m.bytes(400),
    "pcx": lambda m: b"\x0a\x05\x01\x08\0\0\0\0\x13\0\x13\0\x48\0\x48\0" + m.bytes(48) + b"\0\x01" + m.bytes(400),
    "exr": lambda m: b"v/1\x01\x02\0\0\0channels\0chlist\0" + m.bytes(400),
    "wsq": lambda m: b"\xff\xa0\xff\xa8\0\x7aNIST_COM 9\n" + m.bytes(500) + b"\xff\xa1",
    "cr2-raw": lambda m: b"II*\0\x10\0\0\0CR\x02\0" + m.bytes(500),
    "fits": lambda m: b"SIMPLE  =                    T" + b" " * 50 + b"BITPIX  =                    8" + m.bytes(600),
}


def _pcm(m: Maker, n: int = 1200, rate: int = 8000) -> np.ndarray:
    t = np.arange(n) / rate
    f0 = m.rng.uniform(90, 240) * (1 + 0.03 * np.sin(2 * np.pi * 4 * t))
    tone = sum(np.sin(2 * np.pi * k * f0 * t + m.rng.uniform(0, 6)) / k for k in range(1, 12))
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * m.rng.uniform(3, 6) * t)
    return (tone * swell * 4000 + m.rng.normal(0, 120, n)).astype("<i2")


def _wav(m: Maker) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setparams((1, 2, 8000, 0, "NONE", ""))
        f.writeframes(_pcm(m).tobytes())
    return out.getvalue()


AUDIO: dict[str, Callable[[Maker], bytes]] = {
    "wav": _wav,
    "rf64": lambda m: b"RF64\xff\xff\xff\xffWAVEds64" + m.bytes(400),
    "mp3-id3": lambda m: b"ID3\x03\0\0\0\0\0\x21TIT2\0\0\0\x04\0\0\0abc\xff\xfb\x90\x64" + m.bytes(600),
    "mp3": lambda m: b"".join(b"\xff\xfb\x90\x64" + m.bytes(413) for _ in range(4)),
    "flac": lambda m: b"fLaC\0\0\0\x22" + m.bytes(500),
    "ogg-vorbis": lambda m: b"OggS\0\x02" + b"\0" * 8 + m.bytes(12) + b"\x01\x1e\x01vorbis" + m.bytes(400),
    "ogg-opus": lambda m: b"OggS\0\x02" + b"\0" * 8 + m.bytes(12) + b"\x01\x13OpusHead\x01\x01" + m.bytes(400),
    "amr": lambda m: b"#!AMR\n" + b"".join(b"\x3c" + m.bytes(31) for _ in range(12)),
    "amr-wb": lambda m: b"#!AMR-WB\n" + m.bytes(400),
    "aac-adts": lambda m: b"".join(b"\xff\xf1\x50\x80\x20\x1f\xfc" + m.bytes(250) for _ in range(4)),
    "m4a": lambda m: _box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom") + _box(b"moov", m.bytes(300)),
    "caf": lambda m: b"caff\0\x01\0\0desc" + m.bytes(400),
    "aiff": lambda m: b"FORM" + struct.pack(">I", 420) + b"AIFFCOMM" + m.bytes(400),
    "au": lambda m: b".snd" + struct.pack(">IIIII", 24, 400, 1, 8000, 1) + m.bytes(400),
    "midi-like-voc": lambda m: b"Creative Voice File\x1a\x1a\0\x0a\x01" + m.bytes(400),
    "wma-asf": lambda m: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + m.bytes(400),
    "ac3": lambda m: b"\x0b\x77" + m.bytes(2) + b"\x14\x40" + m.bytes(500),
    "pcm16": lambda m: _pcm(m, 1600).tobytes(),
    "pcm8": lambda m: ((_pcm(m, 2000) >> 8) + 128).astype("u1").tobytes(),
    "ape": lambda m: b"MAC \x96\x0f\0\0" + m.bytes(400),
    "wavpack": lambda m: b"wvpk" + m.bytes(400),
    "gsm-dss": lambda m: b"\x02dss" + m.bytes(600),
}

VIDEO: dict[str, Callable[[Maker], bytes]] = {
    "mp4": lambda m: _box(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41") + _box(b"mdat", m.bytes(500)),
    "mp4-moov-first": lambda m: _box(b"moov", _box(b"mvhd", m.bytes(100)) + m.bytes(200)) + _box(b"mdat", m.bytes(300)),
    "mp4-fragment": lambda m: (
        _box(b"styp", b"msdh\0\0\0\0msdhmsix") + _box(b"moof", m.bytes(200)) + _box(b"mdat", m.bytes(300))
    ),
    "mov": lambda m: _box(b"ftyp", b"qt  \0\0\x02\0qt  ") + _box(b"wide", b"") + _box(b"mdat", m.bytes(500)),
    "avi": lambda m: b"RIFF" + struct.pack("<I", 600) + b"AVI LIST" + m.bytes(600),
    "webm": lambda m: (
        b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm" + m.bytes(500)
    ),
    "mkv": lambda m: b"\x1a\x45\xdf\xa3\xa3B\x86\x81\x01B\x82\x88matroska" + m.bytes(500),
    "mpeg-ts": lambda m: b"".join(b"\x47\x40" + m.bytes(186) for _ in range(5)),
    "m2ts": lambda m: b"".join(m.bytes(4) + b"\x47\x40" + m.bytes(186) for _ in range(5)),
    "mpeg-ps": lambda m: b"\0\0\x01\xba\x44\0\x04\0\x04\x01" + m.bytes(500),
    "mpeg-es": lambda m: b"\0\0\x01\xb3\x14\0\xf0\x13" + m.bytes(500),
    "flv": lambda m: b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x12" + m.bytes(500),
    "h264": lambda m: (
        b"\0\0\0\x01\x67\x42\0\x1e" + m.bytes(12) + b"\0\0\0\x01\x68\xce\x38\x80\0\0\0\x01\x65\x88" + m.bytes(500)
    ),
    "h265": lambda m: (
        b"\0\0\0\x01\x40\x01\x0c\x01"
        + m.bytes(20)
        + b"\0\0\0\x01\x42\x01"
        + m.bytes(20)
        + b"\0\0\x01\x26\x01"
        + m.bytes(500)
    ),
    "3gp": lambda m: _box(b"ftyp", b"3gp4\0\0\0\0isom3gp4") + _box(b"mdat", m.bytes(400)),
    "wmv": lambda m: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + m.bytes(500),
    "ivf": lambda m: b"DKIF\0\0\x20\0VP80\xa0\0\x78\0" + m.bytes(500),
    "mjpeg": lambda m: (
        b"--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0\0\x10JFIF\0" + m.bytes(500) + b"\r\n--frame\r\n"
    ),
    "y4m": lambda m: b"YUV4MPEG2 W16 H16 F25:1 Ip A1:1 C420\nFRAME\n" + m.bytes(384),
    "swf": lambda m: b"CWS\x0a\xff\0\0\0" + zlib.compress(m.bytes(400)),
}


def _media(m: Maker) -> Iterator[WildCase]:
    packs = list(PACKED)
    turn = 0
    for truth, makers in (("image", IMAGES), ("audio", AUDIO), ("video", VIDEO)):
        for kind, make in makers.items():
            for _ in range(3):
                pack = packs[turn % len(packs)]
                turn += 1
                yield WildCase(f"{kind}/{pack}", truth, {m.name(): PACKED[pack](make(m))})
    for scheme in ("rtsp://admin:pass@10.2.3.4:554/Streaming/Channels/101", "https://cams.example.org/c12/live/index.m3u8",
                   "https://10.1.2.3/axis-cgi/mjpg/video.cgi?resolution=640x480"):  # fmt: skip
        yield WildCase("camera-pointer", "video", {m.name(): scheme})


# ---------------------------------------------------------------- templates of bodies
