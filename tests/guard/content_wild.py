"""Payloads and look-alikes as they are met in the wild, written without reading the rules; no real person is in it.

``python tests/guard/content_wild.py OUT.ndjson [SEED]`` writes one row per case, for ``cityward guard check``.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import io
import json
import lzma
import math
import quopri
import string
import struct
import sys
import tarfile
import urllib.parse
import uuid
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b, md5, sha1, sha256, sha512
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


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.linalg.norm(v)


def arcface(m: Maker) -> np.ndarray:
    return _unit(m.rng.normal(0, 1, 512) * m.rng.uniform(0.6, 1.4, 512))


def arcface_raw(m: Maker) -> np.ndarray:
    return arcface(m) * m.rng.uniform(14, 28)


def facenet(m: Maker) -> np.ndarray:
    return _unit(m.rng.normal(0, 1, int(m.pick([128, 512]))) * m.rng.uniform(0.5, 1.6, 1))


def dlib(m: Maker) -> np.ndarray:
    return m.rng.normal(0, 0.1, 128) + m.rng.normal(0, 0.06, 128)


def vggface(m: Maker) -> np.ndarray:
    return np.maximum(0, m.rng.normal(-0.6, 1.5, 2622))


def dvector(m: Maker) -> np.ndarray:
    return _unit(np.maximum(0, m.rng.normal(0, 1, 256)))


def ecapa(m: Maker) -> np.ndarray:
    return m.rng.normal(0, 1, 192) * m.rng.uniform(8, 25)


def xvector(m: Maker) -> np.ndarray:
    return m.rng.standard_t(8, 512) * 1.7 - 0.2


def sface(m: Maker) -> np.ndarray:
    return m.rng.normal(0, 1, 128) * 0.9


def openface1024(m: Maker) -> np.ndarray:
    return _unit(m.rng.normal(0.02, 1, 1024))


VECTORS = {"arcface": arcface, "arcface-raw": arcface_raw, "facenet": facenet, "dlib": dlib, "vggface": vggface,
           "dvector": dvector, "ecapa": ecapa, "xvector": xvector, "sface": sface, "v1024": openface1024}  # fmt: skip


def _int8(v: np.ndarray) -> np.ndarray:
    return np.clip(np.round(v / np.abs(v).max() * 127), -128, 127).astype("i1")


def _npy(v: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, v)
    return out.getvalue()


def _npz(v: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, e=v)
    return out.getvalue()


def _half(v: np.ndarray) -> list[float]:
    return [float(x) for x in v]


WRITTEN: dict[str, Callable[[np.ndarray, Maker], dict[str, Any]]] = {
    "list": lambda v, m: {m.name(): _half(v)},
    "list-4-decimals": lambda v, m: {m.name(): [round(x, 4) for x in _half(v)]},
    "list-f32": lambda v, m: {m.name(): _half(v.astype("f4"))},
    "list-of-text": lambda v, m: {m.name(): [f"{x:.6f}" for x in v]},
    "nested-list": lambda v, m: {m.name(): [[_half(v)]]},
    "column-vector": lambda v, m: {m.name(): [[x] for x in _half(v)]},
    "rows-of-8": lambda v, m: {m.name(): [_half(v)[i : i + 8] for i in range(0, len(v), 8)]},
    "f32-base64": lambda v, m: {m.name(): _b64(v.astype("<f4").tobytes())},
    "f64-base64": lambda v, m: {m.name(): _b64(v.astype("<f8").tobytes())},
    "f16-base64": lambda v, m: {m.name(): _b64(v.astype("<f2").tobytes())},
    "f32-be-base64": lambda v, m: {m.name(): _b64(v.astype(">f4").tobytes())},
    "bf16-base64": lambda v, m: {m.name(): _b64((v.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes())},
    "i8-list": lambda v, m: {m.name(): _int8(v).tolist()},
    "i8-base64": lambda v, m: {m.name(): _b64(_int8(v).tobytes())},
    "f32-hex": lambda v, m: {m.name(): v.astype("<f4").tobytes().hex()},
    "f16-hex": lambda v, m: {m.name(): v.astype("<f2").tobytes().hex()},
    "milli-ints": lambda v, m: {m.name(): np.round(v * 10000).astype(int).tolist()},
    "dict-by-index": lambda v, m: {m.name(): {str(i): x for i, x in enumerate(_half(v))}},
    "dict-by-name": lambda v, m: {m.name(): {f"d{i}": x for i, x in enumerate(_half(v))}},
    "index-value-pairs": lambda v, m: {m.name(): [[i, x] for i, x in enumerate(_half(v))]},
    "index-value-objects": lambda v, m: {m.name(): [{"i": i, "v": x} for i, x in enumerate(_half(v))]},
    "libsvm": lambda v, m: {m.name(): "1 " + " ".join(f"{i + 1}:{x:.6g}" for i, x in enumerate(v))},
    "commas": lambda v, m: {m.name(): ",".join(f"{x:.6f}" for x in v)},
    "spaces": lambda v, m: {m.name(): " ".join(f"{x:.8g}" for x in v)},
    "semicolons-comma-decimals": lambda v, m: {m.name(): ";".join(f"{x:.5f}".replace(".", ",") for x in v)},
    "newlines": lambda v, m: {m.name(): "\n".join(repr(float(x)) for x in v)},
    "pipes": lambda v, m: {m.name(): "|".join(f"{x:.5f}" for x in v)},
    "numpy-str": lambda v, m: {m.name(): np.array2string(v, threshold=10**6)},
    "numpy-repr": lambda v, m: {
        m.name(): "array(" + np.array2string(v, threshold=10**6, separator=", ") + ", dtype=float32)"
    },
    "tensor-repr": lambda v, m: {m.name(): "tensor([[" + ", ".join(f"{x:.4f}" for x in v) + "]], device='cuda:0')"},
    "pgvector": lambda v, m: {m.name(): "[" + ",".join(f"{x:.7g}" for x in v) + "]"},
    "pg-array": lambda v, m: {m.name(): "{" + ",".join(f"{x:.7g}" for x in v) + "}"},
    "geojson-properties": lambda v, m: {
        m.name(): {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [-7.1, 43.2]},
            "properties": {"id": 12, "e": _half(v)},
        }
    },
    "columns-e": lambda v, m: {"id": 4} | {f"e{i}": x for i, x in enumerate(_half(v))},
    "columns-padded": lambda v, m: {f"dim_{i:04d}": x for i, x in enumerate(_half(v))},
    "columns-text": lambda v, m: {f"c{i}": f"{x:.6f}" for i, x in enumerate(v)},
    "columns-16-chunks": lambda v, m: {f"part{i}": _half(a) for i, a in enumerate(np.array_split(v, 16))},
    "scientific": lambda v, m: {m.name(): " ".join(f"{x:.6e}" for x in v)},
    "npy-base64": lambda v, m: {m.name(): _b64(_npy(v.astype("f4")))},
    "npz-base64": lambda v, m: {m.name(): _b64(_npz(v.astype("f4")))},
    "gzip-json": lambda v, m: {m.name(): _b64(gzip.compress(json.dumps({"v": _half(v)}).encode()))},
    "json-text": lambda v, m: {m.name(): json.dumps({"model": "r100", "data": [round(x, 6) for x in _half(v)]})},
    "yaml": lambda v, m: {m.name(): "vec:\n" + "\n".join(f"  - {x:.6f}" for x in v)},
    "xml": lambda v, m: {m.name(): "<v>" + "".join(f"<e>{x:.6f}</e>" for x in v) + "</v>"},
    "csv-cell": lambda v, m: {m.name(): 'id,vec\n7,"' + ",".join(f"{x:.5f}" for x in v) + '"'},
    "shortened-in-sentence": lambda v, m: {m.name(): "match found, vector " + " ".join(f"{x:.5f}" for x in v) + " end"},
    "after-id-list": lambda v, m: {m.name(): ["cam-7", 1714000000, *_half(v)]},
    "f32-as-u32-list": lambda v, m: {m.name(): v.astype("<f4").view("<u4").tolist()},
    "f32-bytes-list": lambda v, m: {m.name(): list(v.astype("<f4").tobytes())},
    "sign-bits-hex": lambda v, m: {"face_hash": np.packbits(v > 0).tobytes().hex()},
}


def _minutiae(m: Maker, n: int = 30) -> list[tuple[int, int, int, int]]:
    return [
        (
            int(m.rng.integers(10, 380)),
            int(m.rng.integers(10, 480)),
            int(m.rng.integers(0, 360)),
            int(m.rng.integers(1, 3)),
        )
        for _ in range(n)
    ]


def _fmr(m: Maker, version: bytes = b" 20\0") -> bytes:
    body = b""
    for x, y, a, t in _minutiae(m, 35):
        body += struct.pack(">HHBB", (t << 14) | x, y, a // 2, 60)
    head = (
        b"FMR\0"
        + version
        + struct.pack(">IHHHHHBB", 28 + len(body), 0, 400, 500, 197, 197, 1, 0)
        + bytes([1, 0, 80, 35])
    )
    return head + body + b"\0\0"


def _iris_code(m: Maker) -> bytes:
    bits = np.repeat((m.rng.normal(0, 1, (32, 16)) > 0).astype("u1"), 4, axis=1)
    flip = m.rng.random(bits.shape) < 0.12
    return np.packbits(bits ^ flip).tobytes()


def _keypoints(m: Maker, n: int, frames: int, dims: int = 2) -> np.ndarray:
    base = m.rng.uniform(100, 500, (1, n, dims))
    drift = np.linspace(0, 160, frames)[:, None, None] * np.array([1.0] + [0.1] * (dims - 1))
    swing = 18 * np.sin(np.linspace(0, 12, frames)[:, None, None] + m.rng.uniform(0, 6, (1, n, 1)))
    return base + drift + swing + m.rng.normal(0, 1, (frames, n, dims))


COCO = ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"]  # fmt: skip  # noqa: E501


def _bodies(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    r = _minutiae(m)
    yield (
        "minutiae-objects",
        {m.name(): [{"x": x, "y": y, "angle": a, "type": ("ending", "bifurcation")[t - 1]} for x, y, a, t in r]},
    )
    yield "minutiae-short-keys", {m.name(): [{"x": x, "y": y, "t": a, "k": t} for x, y, a, t in r]}
    yield (
        "minutiae-theta",
        {
            m.name(): {
                "w": 400,
                "h": 500,
                "pts": [{"X": x, "Y": y, "theta": round(math.radians(a), 4), "q": 70} for x, y, a, t in r],
            }
        },
    )
    yield "minutiae-lists", {m.name(): [list(q) for q in r]}
    yield "minutiae-text", {m.name(): ";".join(f"{x},{y},{a},{'EB'[t - 1]}" for x, y, a, t in r)}
    yield (
        "minutiae-mindtct",
        {
            m.name(): "\n".join(
                f"{i} : {x}, {y} : {a // 12} : 0.{x % 90 + 10} :{('RIG', 'BIF')[t - 1]} : APP : {i}"
                for i, (x, y, a, t) in enumerate(r)
            )
        },
    )
    yield "minutiae-xyt", {m.name(): "\n".join(f"{x} {y} {a} {40 + t}" for x, y, a, t in r)}
    for pack in ("base64", "hex", "gzip-base64", "bytes-list", "base32", "percent-all"):
        yield f"iso-19794-2/{pack}", {m.name(): PACKED[pack](_fmr(m))}
        yield f"iso-19794-2-2011/{pack}", {m.name(): PACKED[pack](_fmr(m, b"030\0"))}
        yield (
            f"iso-19794-6/{pack}",
            {m.name(): PACKED[pack](b"IIR\x00010\x00" + struct.pack(">IHHBB", 700, 1, 1, 0, 0) + m.bytes(600))},
        )
        yield (
            f"iso-19794-5/{pack}",
            {m.name(): PACKED[pack](b"FAC\x00010\x00" + struct.pack(">IH", 700, 1) + m.bytes(600))},
        )
        yield f"iris-code/{pack}", {str(m.pick(["iris", "code", "left_eye", "value"])): PACKED[pack](_iris_code(m))}
    yield (
        "iso-compact-card",
        {
            "fingerprint_template": _b64(
                bytes(v % 256 for q in r for v in (q[0] // 2, q[1] // 2, (q[3] << 6) | q[2] // 6))
            )
        },
    )
    yield (
        "cbeff",
        {
            m.name(): _b64(
                b"\x7f\x2e\x82\x01\x20\x81\x01\x08\x82\x01\x08\x87\x02\x01\x01\x88\x02\0\x05\x5f\x2e" + m.bytes(250)
            )
        },
    )
    yield "iris-bits", {m.name(): "".join(f"{x:08b}" for x in _iris_code(m))}
    yield "iris-bit-list", {m.name(): np.unpackbits(np.frombuffer(_iris_code(m), "u1")).tolist()}
    yield "iris-rows", {m.name(): [_iris_code(m)[i : i + 32].hex() for i in range(0, 256, 32)]}
    for n, frames in ((17, 12), (33, 8), (25, 10), (14, 12)):
        k = _keypoints(m, n, frames)
        yield f"gait-{n}", {m.name(): np.round(k, 2).tolist()}
        yield (
            f"gait-{n}-flat",
            {
                "keypoints": np.round(
                    np.concatenate([k, np.full((frames, n, 1), 0.9)], 2).reshape(frames, -1), 2
                ).tolist()
            },
        )
    k = _keypoints(m, 17, 10)
    yield (
        "gait-named",
        {
            m.name(): [
                {"t": f / 25, "joints": {j: [round(float(a), 1) for a in p] for j, p in zip(COCO, row, strict=True)}}
                for f, row in enumerate(k)
            ]
        },
    )
    yield (
        "gait-csv",
        {
            m.name(): "frame,"
            + ",".join(f"{j}_x,{j}_y" for j in COCO)
            + "\n"
            + "\n".join(f"{f}," + ",".join(f"{v:.1f}" for v in row.ravel()) for f, row in enumerate(k))
        },
    )
    yield (
        "gait-columns",
        {f"{j}_{a}": round(float(k[0, i, b]), 1) for i, j in enumerate(COCO) for b, a in enumerate("xy")},
    )
    yield (
        "gait-angles",
        {
            m.name(): {
                "left_knee": (30 + 28 * np.sin(np.linspace(0, 20, 60))).round(2).tolist(),
                "right_knee": (30 + 28 * np.cos(np.linspace(0, 20, 60))).round(2).tolist(),
                "cadence": 112,
                "stride_length": 1.31,
            }
        },
    )
    pose = _keypoints(m, 33, 1, 3)[0] / 640
    yield (
        "pose-objects",
        {m.name(): [{"x": a, "y": b, "z": c, "visibility": 0.98} for a, b, c in pose.round(5).tolist()]},
    )
    yield "face-68", {m.name(): np.round(_keypoints(m, 68, 1)[0]).astype(int).tolist()}
    yield "face-68-objects", {m.name(): [{"x": int(a), "y": int(b)} for a, b in _keypoints(m, 68, 1)[0]]}
    yield (
        "face-468",
        {
            m.name(): [
                {"x": round(a, 6), "y": round(b, 6), "z": round(c, 6)}
                for a, b, c in (_keypoints(m, 468, 1, 3)[0] / 700).tolist()
            ]
        },
    )
    yield (
        "face-5",
        {
            m.name(): {
                "box": [10, 20, 90, 110],
                "landmarks": {
                    "left_eye": [33, 41],
                    "right_eye": [61, 42],
                    "nose": [47, 60],
                    "mouth_left": [36, 80],
                    "mouth_right": [58, 79],
                },
            }
        },
    )
    mfcc = m.rng.normal(0, 1, (40, 13)) * np.geomspace(60, 4, 13) + np.array([-300.0] + [0.0] * 12)
    yield "mfcc-frames", {m.name(): mfcc.round(3).tolist()}
    yield "mfcc-named", {"mfcc": mfcc.mean(0).round(3).tolist()}
    yield (
        "voice-features",
        {m.name(): {"f0": 121.3, "jitter": 0.012, "shimmer": 0.034, "hnr": 17.2, "formants": [512, 1490, 2477, 3401]}},
    )
    yield (
        "dna-str",
        {
            m.name(): {
                "D3S1358": [15, 17],
                "vWA": [16, 18],
                "FGA": [21, 24],
                "TH01": [6, 9.3],
                "D8S1179": [13, 14],
                "AMEL": "XY",
            }
        },
    )
    yield "palm-vein", {"palm_vein_template": _b64(m.bytes(400))}
    yield "ear-vector-neutral", {m.name(): (m.rng.normal(0, 1, 64)).tolist()}
    yield "keystrokes", {"keystroke_dynamics": m.rng.gamma(4, 30, 60).round(1).tolist()}


def _biometric(m: Maker) -> Iterator[WildCase]:
    vectors = list(VECTORS)
    for i, (kind, write) in enumerate(WRITTEN.items()):
        for j in range(2):
            source = vectors[(i * 3 + j * 7) % len(vectors)]
            yield WildCase(f"{source}/{kind}", "biometric", write(VECTORS[source](m), m))
    for kind, row in _bodies(m):
        yield WildCase(kind, "biometric", row)
    for pack in (
        "json-in-json",
        "nested-12",
        "xz-base64",
        "bz2-base64",
        "zip-base64",
        "tar-gzip-base85",
        "uuencode",
        "base64-twice",
        "chunks",
        "mime",
        "quoted-printable",
        "data-url",
        "base64-bom",
        "hex-bytea",
    ):
        yield WildCase(f"arcface-f32/{pack}", "biometric", {m.name(): PACKED[pack](arcface(m).astype("<f4").tobytes())})


# ---------------------------------------------------------------- who somebody is


def _luhn(body: str) -> str:
    total = 0
    for i, c in enumerate(reversed(body)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d - 9 if d > 9 else d
    return body + str(-total % 10)


def _iban(country: str, bban: str) -> str:
    number = int("".join(str(int(c, 36)) for c in bban + country + "00"))
    return f"{country}{98 - number % 97:02d}{bban}"


def _mod11(body: str, weights: list[int]) -> int:
    return sum(int(c) * w for c, w in zip(body, weights, strict=True)) % 11


def _cpf(m: Maker) -> str:
    b = m.digits(9)
    for start in (10, 11):
        r = _mod11(b, list(range(start, 1, -1)))
        b += str(0 if r < 2 else 11 - r)
    return b


def _cnpj(m: Maker) -> str:
    b = m.digits(8) + "0001"
    for w in ([5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]):
        r = _mod11(b, w)
        b += str(0 if r < 2 else 11 - r)
    return f"{b[:2]}.{b[2:5]}.{b[5:8]}/{b[8:12]}-{b[12:]}"


def _nif_pt(m: Maker) -> str:
    b = "2" + m.digits(7)
    r = 11 - _mod11(b, list(range(9, 1, -1)))
    return b + str(0 if r > 9 else r)


def _rut(m: Maker) -> str:
    b = str(int(m.rng.integers(5_000_000, 25_000_000)))
    s = sum(int(c) * (2 + i % 6) for i, c in enumerate(reversed(b)))
    d = 11 - s % 11
    return f"{int(b):,}".replace(",", ".") + "-" + ("0" if d == 11 else "K" if d == 10 else str(d))


def _cuil(m: Maker) -> str:
    while True:
        b = "20" + m.digits(8)
        d = 11 - _mod11(b, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2])
        if d != 10:
            return f"{b[:2]}-{b[2:]}-{0 if d == 11 else d}"


def _dni(m: Maker) -> str:
    n = int(m.digits(8))
    return f"{n:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}"


def _nie(m: Maker) -> str:
    n = int(m.digits(7))
    return f"X{n:07d}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}"


def _nir(m: Maker) -> str:
    b = f"{m.pick('12')}{m.rng.integers(40, 99):02d}{m.rng.integers(1, 13):02d}75{m.digits(3)}{m.digits(3)}"
    return f"{b} {97 - int(b) % 97:02d}"


def _steuer(m: Maker) -> str:
    while True:
        d = [int(x) for x in m.rng.permutation(10)]
        if d[0] == 0:
            continue
        d[9] = d[int(m.rng.integers(0, 8))]
        product = 10
        for x in d:
            s = (x + product) % 10 or 10
            product = s * 2 % 11
        return "".join(map(str, d)) + str((11 - product) % 10)


def _bsn(m: Maker) -> str:
    while True:
        b = m.digits(9)
        if sum(int(c) * w for c, w in zip(b, [9, 8, 7, 6, 5, 4, 3, 2, -1], strict=True)) % 11 == 0 and b[0] != "0":
            return b


def _nhs(m: Maker) -> str:
    while True:
        b = "4" + m.digits(8)
        d = 11 - _mod11(b, list(range(10, 1, -1)))
        if d != 10:
            b += str(0 if d == 11 else d)
            return f"{b[:3]} {b[3:6]} {b[6:]}"


def _pesel(m: Maker) -> str:
    b = f"{m.rng.integers(50, 99):02d}{m.rng.integers(1, 13):02d}{m.rng.integers(1, 29):02d}" + m.digits(4)
    return b + str(-sum(int(c) * w for c, w in zip(b, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3], strict=True)) % 10)


_D = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6], [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],  # noqa: E501
      [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1], [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],  # noqa: E501
      [8, 7, 6, 5, 9, 3, 2, 1, 0, 4], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]  # fmt: skip
_P = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5, 7, 6, 2, 8, 3, 0, 9, 4], [5, 8, 0, 3, 7, 9, 6, 1, 4, 2], [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],  # noqa: E501
      [9, 4, 5, 3, 1, 2, 6, 8, 7, 0], [4, 2, 8, 6, 5, 7, 3, 9, 0, 1], [2, 7, 9, 3, 8, 0, 6, 4, 1, 5], [7, 0, 4, 6, 9, 1, 3, 2, 5, 8]]  # fmt: skip  # noqa: E501


def _aadhaar(m: Maker) -> str:
    body = "5" + m.digits(10)
    for last in "0123456789":
        c = 0
        for i, x in enumerate(reversed(body + last)):
            c = _D[c][_P[i % 8][int(x)]]
        if c == 0:
            n = body + last
            return f"{n[:4]} {n[4:8]} {n[8:]}"
    raise AssertionError


def _codice_fiscale(m: Maker) -> str:
    body = (
        "".join(m.pick("BCDFGLMNPRST") for _ in range(6))
        + f"{m.rng.integers(50, 99):02d}{m.pick('ABCDEHLMPRST')}{m.rng.integers(1, 29):02d}H{m.digits(3)}"
    )
    odd = dict(
        zip(
            string.digits + string.ascii_uppercase,
            [
                1,
                0,
                5,
                7,
                9,
                13,
                15,
                17,
                19,
                21,
                1,
                0,
                5,
                7,
                9,
                13,
                15,
                17,
                19,
                21,
                2,
                4,
                18,
                20,
                11,
                3,
                6,
                8,
                12,
                14,
                16,
                10,
                22,
                25,
                24,
                23,
            ],
            strict=True,
        )
    )
    total = sum(odd[c] if i % 2 == 0 else (int(c) if c.isdigit() else ord(c) - 65) for i, c in enumerate(body))
    return body + chr(65 + total % 26)


def _curp(m: Maker) -> str:
    return f"{''.join(m.pick('ABCDGHLMPRS') for _ in range(1))}A{m.pick('BCDGLM')}{m.pick('JMRS')}{m.rng.integers(50, 99):02d}{m.rng.integers(1, 13):02d}{m.rng.integers(1, 29):02d}{m.pick('HM')}DF{''.join(m.pick('BCDFGLMNPRST') for _ in range(3))}0{m.digits(1)}"  # noqa: E501


def _mrz(m: Maker) -> str:
    def check(s: str) -> str:
        return str(sum((0 if c == "<" else int(c, 36)) * (7, 3, 1)[i % 3] for i, c in enumerate(s)) % 10)

    number, birth, end = "X" + m.digits(8), "740812", "310415"
    second = number + check(number) + "UTO" + birth + check(birth) + "F" + end + check(end) + "<" * 14 + "0"
    second += check(second[:10] + second[13:20] + second[21:43])
    return "P<UTOERIKSSON<<ANNA<MARIA".ljust(44, "<") + "\n" + second


def _uk_nino(m: Maker) -> str:
    d = m.digits(6)
    return f"{m.pick(['AB', 'JH', 'PX', 'SC'])} {d[:2]} {d[2:4]} {d[4:]} {m.pick('ABCD')}"


IDENTIFIERS: dict[str, Callable[[Maker], str]] = {
    "email": lambda m: f"{m.pick(['lena', 'jo.smith', 'm_garcia', 'x+tag'])}{m.digits(2)}@{m.pick(['mail', 'gmx', 'correo'])}.{m.pick(['com', 'de', 'es', 'co.uk'])}",  # noqa: E501
    "email-at-dot": lambda m: f"lena.k{m.digits(2)} (at) mail (dot) com",
    "email-at-word": lambda m: f"jonas{m.digits(2)} at gmail dot com",
    "email-es": lambda m: f"marta{m.digits(2)} arroba correo punto es",
    "email-brackets": lambda m: f"tom{m.digits(2)}[at]posteo[dot]de",
    "email-fullwidth": lambda m: f"tom{m.digits(2)}＠gmail．com",
    "email-zero-width": lambda m: f"tom{m.digits(2)}\u200b@\u200bgmail.\u200bcom",
    "email-cyrillic": lambda m: f"t\u043em{m.digits(2)}@gm\u0430il.com",
    "email-percent": lambda m: f"tom{m.digits(2)}%40gmail.com",
    "email-entity": lambda m: f"tom{m.digits(2)}&#64;gmail&#46;com",
    "email-mailto": lambda m: f"mailto:tom{m.digits(2)}@gmail.com?subject=x",
    "email-unicode": lambda m: f"jürgen{m.digits(2)}@müller.de",
    "email-spaces": lambda m: f"tom{m.digits(2)} @ gmail . com",
    "phone-e164": lambda m: "+4917" + m.digits(8),
    "phone-es": lambda m: f"6{m.digits(2)} {m.digits(2)} {m.digits(2)} {m.digits(2)}",
    "phone-us": lambda m: f"({m.pick([212, 415, 617])}) 5{m.digits(2)}-{m.digits(4)}",
    "phone-us-dots": lambda m: f"415.5{m.digits(2)}.{m.digits(4)}",
    "phone-fr": lambda m: f"06 {m.digits(2)} {m.digits(2)} {m.digits(2)} {m.digits(2)}",
    "phone-de": lambda m: f"0171/{m.digits(7)}",
    "phone-br": lambda m: f"(11) 9{m.digits(4)}-{m.digits(4)}",
    "phone-uk": lambda m: f"07{m.digits(3)} {m.digits(6)}",
    "phone-00": lambda m: f"0034 6{m.digits(2)} {m.digits(3)} {m.digits(3)}",
    "phone-pt": lambda m: f"91{m.digits(1)} {m.digits(3)} {m.digits(3)}",
    "phone-in": lambda m: f"+91 98{m.digits(3)} {m.digits(5)}",
    "phone-cn": lambda m: f"+86 138 {m.digits(4)} {m.digits(4)}",
    "phone-it": lambda m: f"+39 3{m.digits(2)} {m.digits(7)}",
    "phone-tel-url": lambda m: f"tel:+34-6{m.digits(2)}-{m.digits(6)}",
    "phone-fullwidth": lambda m: "＋３４ ６１２ ３４５ ６７８",
    "phone-whatsapp": lambda m: f"https://wa.me/3461{m.digits(7)}",
    "iban-de": lambda m: _iban("DE", m.digits(18)),
    "iban-es-spaces": lambda m: _group(_iban("ES", m.digits(20)), 4),
    "iban-gb": lambda m: _group(_iban("GB", "NWBK" + m.digits(14)), 4),
    "iban-fr-lower": lambda m: _iban("FR", m.digits(23)).lower(),
    "iban-dashes": lambda m: _group(_iban("DE", m.digits(18)), 4, "-"),
    "card-visa": lambda m: _luhn("4" + m.digits(14)),
    "card-spaces": lambda m: _group(_luhn("52" + m.digits(13)), 4),
    "card-amex": lambda m: _luhn("37" + m.digits(12)),
    "card-dots": lambda m: _group(_luhn("4" + m.digits(14)), 4, "."),
    "ssn": lambda m: f"{m.rng.integers(100, 660)}-{m.rng.integers(10, 99)}-{m.rng.integers(1000, 9999)}",
    "dni": _dni,
    "dni-dotted": lambda m: (lambda d: f"{d[:2]}.{d[2:5]}.{d[5:8]}-{d[8]}")(_dni(m)),  # noqa: PLC3002
    "nie": _nie,
    "nif-pt": lambda m: "NIF " + _nif_pt(m),
    "cpf": lambda m: (lambda c: f"{c[:3]}.{c[3:6]}.{c[6:9]}-{c[9:]}")(_cpf(m)),  # noqa: PLC3002
    "cpf-plain": lambda m: "CPF " + _cpf(m),
    "steuer-id": lambda m: "Steuer-ID " + _steuer(m),
    "nir": _nir,
    "cedula-co": lambda m: f"C.C. {m.rng.integers(10, 99)}.{m.digits(3)}.{m.digits(3)}",
    "rut": _rut,
    "cuil": _cuil,
    "curp": _curp,
    "rfc": lambda m: f"GARM{m.rng.integers(50, 99)}{m.rng.integers(1, 13):02d}{m.rng.integers(1, 29):02d}A{m.digits(1)}9",  # noqa: E501
    "codice-fiscale": _codice_fiscale,
    "bsn": lambda m: "BSN " + _bsn(m),
    "nino": _uk_nino,
    "nhs": lambda m: "NHS no. " + _nhs(m),
    "pesel": lambda m: "PESEL " + _pesel(m),
    "aadhaar": _aadhaar,
    "pan-in": lambda m: f"ABCP{m.pick('KLMN')}{m.digits(4)}F",
    "ahv-ch": lambda m: (lambda b: f"756.{b[3:7]}.{b[7:11]}.{b[11:]}{-sum(int(c) * (1, 3)[i % 2] for i, c in enumerate(b)) % 10}")("756" + m.digits(9)),  # noqa: E501, PLC3002
    "personnummer-se": lambda m: (lambda b: f"{b[:6]}-{b[6:]}")(_luhn(f"8{m.digits(1)}0{m.rng.integers(1, 10)}1{m.digits(1)}" + m.digits(3))),  # noqa: E501, PLC3002
    "mrz": _mrz,
    "passport": lambda m: f"passport no. C{m.digits(8)}",
    "passport-de": lambda m: f"Reisepass C01X{m.digits(4)}K",
    "licence-uk": lambda m: f"driving licence MORGA{m.digits(6)}SM9IJ",
    "name-marker": lambda m: f"Mrs {m.pick(['Anna Kowalska', 'Ingrid Berg', 'Joan Whitfield'])} called",
    "name-es": lambda m: f"me llamo {m.pick(['Carmen Ruiz', 'José Antonio Pérez'])} y vivo aquí",
    "name-de": lambda m: f"mein Name ist {m.pick(['Ulrike Schäfer', 'Jens Köhler'])}",
    "name-fr": lambda m: f"je m'appelle {m.pick(['Chloé Martin', 'Didier Lefèvre'])}",
    "name-pt": lambda m: f"o meu nome é {m.pick(['João Ferreira', 'Inês Carvalho'])}",
    "name-signed": lambda m: f"The lamp is out since Monday.\nKind regards,\n{m.pick(['Peter Hollis', 'Nadia Farouk'])}",  # noqa: E501
    "birth-date": lambda m: f"born on {m.rng.integers(1, 28)} March 19{m.rng.integers(40, 99)}",
    "birth-date-es": lambda m: f"fecha de nacimiento: {m.rng.integers(10, 28)}/0{m.rng.integers(1, 9)}/19{m.rng.integers(40, 99)}",  # noqa: E501
    "social-handle": lambda m: f"instagram: @lena_k{m.digits(2)}",
    "profile-url": lambda m: f"https://www.facebook.com/lena.kovac.{m.digits(2)}",
    "bank-routing": lambda m: f"account number {m.digits(10)}, sort code 20-{m.digits(2)}-{m.digits(2)}",
    "bitcoin": lambda m: "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
}  # fmt: skip


def _group(text: str, n: int, by: str = " ") -> str:
    return by.join(text[i : i + n] for i in range(0, len(text), n))


DEVICES: dict[str, Callable[[Maker], str]] = {
    "imei": lambda m: _luhn("35" + m.digits(12)),
    "imei-dashes": lambda m: (lambda d: f"{d[:2]}-{d[2:8]}-{d[8:14]}-{d[14]}")(_luhn("35" + m.digits(12))),  # noqa: PLC3002
    "imsi": lambda m: "IMSI 21407" + m.digits(10),
    "mac": lambda m: m.bytes(6).hex(":"),
    "mac-dashes": lambda m: m.bytes(6).hex("-").upper(),
    "mac-cisco": lambda m: (lambda h: f"{h[:4]}.{h[4:8]}.{h[8:]}")(m.bytes(6).hex()),  # noqa: PLC3002
    "mac-plain": lambda m: "mac=" + m.bytes(6).hex(),
    "eui64": lambda m: m.bytes(8).hex(":"),
    "idfa": lambda m: "IDFA " + str(uuid.UUID(bytes=m.bytes(16), version=4)).upper(),
    "gaid": lambda m: "gaid:" + str(uuid.UUID(bytes=m.bytes(16), version=4)),
    "android-id": lambda m: "android_id=" + m.bytes(8).hex(),
    "ipv4": lambda m: f"83.{m.rng.integers(1, 250)}.{m.rng.integers(1, 250)}.{m.rng.integers(1, 250)}",
    "ipv4-port": lambda m: f"client 83.{m.rng.integers(1, 250)}.{m.rng.integers(1, 250)}.9:51514",
    "ipv6": lambda m: "2a02:" + ":".join(m.bytes(2).hex() for _ in range(7)),
    "ipv6-short": lambda m: f"2a02:8109::{m.bytes(2).hex()}",
    "ipv4-mapped": lambda m: f"::ffff:83.12.{m.rng.integers(1, 250)}.7",
    "iccid": lambda m: _luhn("8934" + m.digits(14)),
    "vin": lambda m: "WVWZZZ1KZ6W" + m.digits(6),
    "meid": lambda m: "MEID A0000" + m.bytes(5).hex()[:9].upper(),
    "ble": lambda m: f"bluetooth {m.bytes(6).hex(':').upper()} rssi -67",
    "serial": lambda m: f"phone serial number: F2LX{m.digits(4)}JCLH",
    "user-agent-cookie": lambda m: f"_ga=GA1.2.{m.digits(9)}.16{m.digits(8)}",
}
PLATES: dict[str, Callable[[Maker], str]] = {
    "es": lambda m: f"{m.digits(4)} {''.join(m.pick('BCDFGHJKLMNPRSTVWXYZ') for _ in range(3))}",
    "es-old": lambda m: f"M-{m.digits(4)}-ZX",
    "de": lambda m: f"{m.pick(['B', 'HH', 'M', 'KI'])}-{m.pick(['AB', 'XY', 'K'])} {m.rng.integers(100, 9999)}",
    "uk": lambda m: (
        f"{m.pick(['AB', 'LK', 'YD'])}{m.pick(['12', '67', '71'])} {''.join(m.pick('ABCDEFGHJKLMNOPRSTUVWXYZ') for _ in range(3))}"  # noqa: E501
    ),
    "fr": lambda m: f"{m.pick(['AB', 'FG', 'EK'])}-{m.digits(3)}-{m.pick(['CD', 'XT', 'ZM'])}",
    "it": lambda m: f"{m.pick(['AB', 'FG', 'EK'])} {m.digits(3)} {m.pick(['CD', 'XT', 'ZM'])}",
    "pt": lambda m: f"{m.digits(2)}-{m.pick(['AB', 'XZ'])}-{m.digits(2)}",
    "pt-new": lambda m: f"AA-{m.digits(2)}-{m.pick(['BC', 'XZ'])}",
    "nl": lambda m: f"{m.pick(['GB', 'KL'])}-{m.digits(3)}-{m.pick('BDF')}",
    "br": lambda m: f"{m.pick(['ABC', 'KXT', 'RIO'])}-{m.digits(4)}",
    "br-mercosul": lambda m: f"{m.pick(['ABC', 'KXT', 'RIO'])}{m.digits(1)}{m.pick('ABCDEF')}{m.digits(2)}",
    "ar": lambda m: f"A{m.pick('BCDEF')} {m.digits(3)} {m.pick(['CD', 'XT', 'ZM'])}",
    "cl": lambda m: f"{m.pick(['BB', 'GK'])}{m.pick(['CL', 'TR'])}-{m.digits(2)}",
    "co": lambda m: f"{m.pick(['ABC', 'KXT'])} {m.digits(3)}",
    "pl": lambda m: f"{m.pick(['WA', 'KR', 'PO'])} {m.digits(5)}",
    "us-ca": lambda m: f"{m.pick('5678')}{''.join(m.pick('ABCDEFGH') for _ in range(3))}{m.digits(3)}",
    "in": lambda m: f"MH {m.digits(2)} {m.pick(['AB', 'CD'])} {m.digits(4)}",
    "se": lambda m: f"{m.pick(['ABC', 'KXT'])} {m.digits(2)}{m.pick('ABCDEF')}",
    "ch": lambda m: f"{m.pick(['ZH', 'BE', 'GE'])} {m.digits(6)}",
    "ru": lambda m: f"А{m.digits(3)}ВС77",
    "at": lambda m: f"W-{m.digits(5)}K",
}
PLATE_TEXTS = ("the car with plate {} blocks the ramp", "el coche con matrícula {} está en el carril bici",
               "das Auto mit dem Kennzeichen {} parkt auf dem Gehweg", "la voiture immatriculée {} est sur le trottoir",
               "o carro de matrícula {} está na passadeira", "the vehicle {} parked on the pavement")  # fmt: skip
TEXTS = (
    "Please call back: {}.",
    "Hola, mis datos: {} gracias",
    "Meine Angaben: {}, danke.",
    "Voici mes coordonnées : {}",
    "Segue o contacto {} obrigado",
    "{}",
)


def _identifiers(m: Maker) -> Iterator[WildCase]:
    for i, (kind, make) in enumerate(IDENTIFIERS.items()):
        yield WildCase(kind, "personal", {m.name(): make(m)})
        yield WildCase(f"{kind}/text", "personal", {"description": TEXTS[i % 5].format(make(m))})
        if i % 4 == 0:
            yield WildCase(f"{kind}/nested", "personal", {m.name(): {"a": [{"b": make(m)}]}})
        if i % 6 == 0:
            yield WildCase(f"{kind}/base64", "personal", {m.name(): _b64(("contact: " + make(m)).encode())})
    for i, (kind, make) in enumerate(DEVICES.items()):
        yield WildCase(kind, "device", {m.name(): make(m)})
        yield WildCase(f"{kind}/text", "device", {"note": TEXTS[(i + 2) % 5].format(make(m))})
    for i, (kind, make) in enumerate(PLATES.items()):
        yield WildCase(f"plate-{kind}/text", "number-plate", {"note": PLATE_TEXTS[i % 6].format(make(m))})
        yield WildCase(
            f"plate-{kind}/column",
            "number-plate",
            {str(m.pick(["plate", "matricula", "kennzeichen", "licence_plate"])): make(m)},
        )
    for text in (
        "I live at 14 Elm Street, flat 3", "Vivo en la calle Mayor 14, 3º B", "Ich wohne in der Lindenstraße 14",
        "J'habite au 14 rue des Lilas, 3e étage", "Moro na Rua das Flores, 14, 2º esq", "my home address: 22 Baker Road, N1 4QX",  # noqa: E501
        "mi domicilio es Avenida de la Paz 7", "unsere Wohnung, Goethestr. 5, 2. OG links", "mon domicile : 8 bis avenue Foch",  # noqa: E501
        "minha casa fica na Avenida Brasil 1200, apto 41", "deliver to my house, 14 Elm Street", "mi vecina del 3º B de la calle Luna 5",  # noqa: E501
    ):  # fmt: skip
        yield WildCase("address-of-person", "location-of-person", {"description": text})


SPECIAL_TEXT = {
    "health": ("my mother has dementia and cannot cross", "mi padre tiene cáncer y va en silla de ruedas", "meine Frau ist an Krebs erkrankt", "je suis diabétique et j'ai besoin d'un banc", "o meu filho tem epilepsia", "I am HIV positive", "tengo depresión desde marzo", "ich bin schwanger und die Treppe ist gesperrt", "mon mari est handicapé", "sou autista e o barulho incomoda"),  # noqa: E501
    "religion": ("as a Muslim I cannot park there on Fridays", "soy católica y voy a misa", "ich bin evangelisch", "je suis juif et j'ai peur", "sou evangélico e vou ao culto"),  # noqa: E501
    "union": ("I am a member of the union Unison", "soy afiliado de Comisiones Obreras", "ich bin Mitglied der Gewerkschaft ver.di", "je suis syndiqué à la CGT", "sou sindicalizado na CUT"),  # noqa: E501
    "orientation": ("I am gay and was insulted here", "soy lesbiana y me insultaron", "ich bin schwul", "je suis bisexuelle", "sou homossexual"),  # noqa: E501
    "ethnicity": ("I am of Roma origin", "soy gitano y no me atienden", "ich bin türkischer Herkunft", "je suis d'origine maghrébine", "sou de etnia cigana"),  # noqa: E501
    "political": ("I vote for the Labour Party", "soy militante del PSOE", "ich bin Mitglied der CDU", "je suis membre du parti socialiste", "sou filiado ao PT"),  # noqa: E501
}  # fmt: skip
SPECIAL_FIELDS = {
    "religion": "catholic", "diagnosis": "F32.1", "diagnostico": "diabetes tipo 2", "Konfession": "ev", "religião": "católica",  # noqa: E501
    "orientation_sexuelle": "gay", "sexual_orientation": "lesbian", "ethnicity": "roma", "etnia": "gitana", "race": "black",  # noqa: E501
    "union_member": True, "Gewerkschaft": "IG Metall", "afiliacion_sindical": "CCOO", "political_party": "green", "parti_politique": "PS",  # noqa: E501
    "disability": "blind", "discapacidad": 65, "Behinderungsgrad": 50, "medication": "insulin", "icd10": "E11.9", "hiv_status": "positive",  # noqa: E501
    "blood_type": "0+", "patient": {"condition": "asthma"}, "confession": "musulmane", "partido": "PSOE", "health_condition": "pregnant",  # noqa: E501
    "handicap": "moteur", "krankheit": "Krebs", "genetic_marker": "BRCA1", "criminal_record": "theft 2009",
}  # fmt: skip


def _special(m: Maker) -> Iterator[WildCase]:
    for kind, texts in SPECIAL_TEXT.items():
        for text in texts:
            yield WildCase(f"{kind}/text", "sensitive", {"description": text})
    for field, value in SPECIAL_FIELDS.items():
        yield WildCase(f"field-{field}", "sensitive", {field: value})


def _walk(m: Maker, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    step = m.rng.normal(0, 0.0004, (n, 2)) + m.rng.normal(0, 0.0003, 2)
    return np.array([-7.2, 43.3]) + np.cumsum(step, 0), 1_714_000_000 + np.cumsum(m.rng.integers(10, 60, n))


def _iso(t: float) -> str:
    return str(np.datetime64(int(t), "s")) + "Z"


def polyline(points: np.ndarray) -> str:
    """Google's encoded polyline of ``points`` (n, 2) as lon, lat."""
    out, last = [], [0, 0]
    for lon, lat in points:
        for k, v in enumerate((lat, lon)):
            now = round(v * 1e5)
            delta, last[k] = now - last[k], now
            delta = ~(delta << 1) if delta < 0 else delta << 1
            while delta >= 0x20:
                out.append(chr((0x20 | (delta & 0x1F)) + 63))
                delta >>= 5
            out.append(chr(delta + 63))
    return "".join(out)


def geohash(lon: float, lat: float, n: int = 8) -> str:
    lo, la, bits, out = [-180.0, 180.0], [-90.0, 90.0], 0, ""
    for i in range(n * 5):
        span, v = (lo, lon) if i % 2 == 0 else (la, lat)
        mid = sum(span) / 2
        bits = bits * 2 + (v >= mid)
        span[0 if v >= mid else 1] = mid
        if i % 5 == 4:
            out, bits = out + "0123456789bcdefghjkmnpqrstuvwxyz"[bits], 0
    return out


def _nmea(lon: float, lat: float, t: float) -> str:
    body = f"GPRMC,{_iso(t)[11:19].replace(':', '')},A,{int(lat):02d}{lat % 1 * 60:07.4f},N,{int(-lon):03d}{-lon % 1 * 60:07.4f},W,3.1,84.4,230524,,"  # noqa: E501
    check = 0
    for c in body:
        check ^= ord(c)
    return f"${body}*{check:02X}"


def _traces(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    p, t = _walk(m)
    iso = [_iso(x) for x in t]
    xy = p.round(6).tolist()
    both = list(zip(xy, t.tolist(), iso, strict=True))
    yield "objects", {m.name(): [{"lat": y, "lon": x, "time": s} for (x, y), _, s in both]}
    yield "objects-unix", {m.name(): [{"latitude": y, "longitude": x, "ts": u} for (x, y), u, _ in both]}
    yield "objects-short", {m.name(): [{"y": y, "x": x, "t": u * 1000} for (x, y), u, _ in both]}
    yield "triples", {m.name(): [[x, y, u] for (x, y), u, _ in both]}
    yield "triples-time-first", {m.name(): [[s, y, x] for (x, y), _, s in both]}
    yield "seconds-from-start", {m.name(): [[x, y, u - int(t[0])] for (x, y), u, _ in both]}
    yield (
        "coord-times",
        {
            m.name(): {
                "type": "Feature",
                "properties": {"coordTimes": iso},
                "geometry": {"type": "LineString", "coordinates": xy},
            }
        },
    )
    yield "linestring-m", {m.name(): "LINESTRING M (" + ", ".join(f"{x} {y} {u}" for (x, y), u, _ in both) + ")"}
    yield "linestring-zm", {m.name(): "LINESTRING ZM (" + ", ".join(f"{x} {y} 12 {u}" for (x, y), u, _ in both) + ")"}
    yield "geojson-4d", {m.name(): {"type": "LineString", "coordinates": [[x, y, 10.0, u] for (x, y), u, _ in both]}}
    yield (
        "gpx",
        {
            m.name(): "<gpx><trk><trkseg>"
            + "".join(f'<trkpt lat="{y}" lon="{x}"><time>{s}</time></trkpt>' for (x, y), _, s in both)
            + "</trkseg></trk></gpx>"
        },
    )
    yield (
        "kml",
        {
            m.name(): "<gx:Track>"
            + "".join(f"<when>{s}</when><gx:coord>{x} {y} 0</gx:coord>" for (x, y), _, s in both)
            + "</gx:Track>"
        },
    )
    yield (
        "tcx",
        {
            m.name(): "".join(
                f"<Trackpoint><Time>{s}</Time><Position><LatitudeDegrees>{y}</LatitudeDegrees><LongitudeDegrees>{x}</LongitudeDegrees></Position></Trackpoint>"
                for (x, y), _, s in both
            )
        },
    )
    yield "nmea", {m.name(): "\r\n".join(_nmea(x, y, u) for (x, y), u, _ in both)}
    yield "polyline-times", {m.name(): {"route": polyline(p), "times": t.tolist()}}
    yield "polyline-deltas", {m.name(): {"poly": polyline(p), "start": iso[0], "dt": np.diff(t).tolist()}}
    yield "geohashes", {m.name(): [[geohash(x, y), u] for (x, y), u, _ in both]}
    yield "geohash-text", {m.name(): ";".join(f"{s}={geohash(x, y)}" for (x, y), _, s in both)}
    yield "parallel-lists", {m.name(): {"lat": [q[1] for q in xy], "lon": [q[0] for q in xy], "t": t.tolist()}}
    yield "csv", {m.name(): "time,lat,lon\n" + "\n".join(f"{s},{y},{x}" for (x, y), _, s in both)}
    yield "text-lines", {m.name(): "\n".join(f"{s} {y} {x}" for (x, y), _, s in both)}
    yield (
        "cells",
        {
            m.name(): [
                {"t": u, "mcc": 214, "mnc": 7, "lac": 3012, "cid": int(50000 + i // 4)}
                for i, (_, u, _) in enumerate(both)
            ]
        },
    )
    yield (
        "projected",
        {
            m.name(): [
                {"easting": round(500000 + x * 80000, 1), "northing": round(y * 111000, 1), "timestamp": s}
                for (x, y), _, s in both
            ]
        },
    )
    yield "h3", {m.name(): [[f"8a{(0x39_54_00_00_00 + i * 77):011x}ff", s] for i, (_, _, s) in enumerate(both)]}
    yield "moving-features", {m.name(): {"type": "MovingPoint", "coordinates": xy, "datetimes": iso}}
    yield (
        "points-with-times",
        {
            m.name(): {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": {"type": "Point", "coordinates": q}, "properties": {"at": s}}
                    for q, _, s in both
                ],
            }
        },
    )
    yield (
        "google-takeout",
        {
            m.name(): {
                "locations": [
                    {"latitudeE7": int(y * 1e7), "longitudeE7": int(x * 1e7), "timestampMs": str(u * 1000)}
                    for (x, y), u, _ in both
                ]
            }
        },
    )
    yield "stays", {m.name(): [{"place": [x, y], "arrive": s, "leave": _iso(u + 900)} for (x, y), u, s in both[:6]]}
    yield "packed", {m.name(): _b64(gzip.compress(json.dumps([[x, y, u] for (x, y), u, _ in both]).encode()))}
    yield "f64-binary", {m.name(): _b64(np.column_stack([p, t]).astype("<f8").tobytes())}
    yield "ewkt-trajectory", {m.name(): "[" + ", ".join(f"POINT({x} {y})@{s}" for (x, y), _, s in both) + "]"}
    yield "dict-by-time", {m.name(): {s: [x, y] for (x, y), _, s in both}}
    yield "json-text", {m.name(): json.dumps([{"lat": y, "lng": x, "at": s} for (x, y), _, s in both])}


def positives(seed: int = SEED) -> Iterator[WildCase]:
    m = Maker(seed)
    yield from _media(m)
    yield from _biometric(m)
    yield from _identifiers(m)
    yield from _special(m)
    for _ in range(2):
        for kind, row in _traces(m):
            yield WildCase(f"trace-{kind}", "trace", row)


# ---------------------------------------------------------------- look-alikes


def _series(m: Maker, n: int) -> Iterator[tuple[str, list[Any]]]:
    t = np.arange(n)
    yield "temperature", (18 + 6 * np.sin(t / 12) + m.rng.normal(0, 0.3, n)).round(2).tolist()
    yield "vibration", (np.sin(t * 0.7) * np.exp(-t / 90) + m.rng.normal(0, 0.02, n)).round(4).tolist()
    yield "spectrum", (np.abs(np.fft.rfft(m.rng.normal(0, 1, 2 * n)))[:n] / (1 + t / 20)).round(5).tolist()
    yield "histogram", m.rng.poisson(40 * np.exp(-(((t - n / 2) / (n / 6)) ** 2))).tolist()
    yield "load_profile", (300 + 120 * np.sin(t / 15) + m.rng.normal(0, 8, n)).round(1).tolist()
    yield "prices", (80 + np.cumsum(m.rng.normal(0, 0.6, n))).round(2).tolist()
    yield "returns", np.diff(80 + np.cumsum(m.rng.normal(0, 0.6, n + 1))).round(2).tolist()
    yield "demand_forecast", m.rng.gamma(4, 12, n).round(1).tolist()
    yield "one_hot", [int(i == n // 3) for i in range(n)]
    p = m.rng.dirichlet(np.full(n, 0.1))
    yield "probabilities", p.tolist()
    yield "uniform_weights", (m.rng.random(n) / n).tolist()
    yield "counts", m.rng.poisson(7, n).tolist()
    yield "noise_db", (55 + 8 * m.rng.standard_normal(n)).round(1).tolist()
    yield "flags", m.rng.integers(0, 2, n).tolist()
    yield "status_codes", m.rng.choice([200, 201, 404, 500], n).tolist()
    yield "deviations", (m.rng.normal(0, 1.4, n)).round(1).tolist()
    yield "autocorrelation", (np.cos(t / 9) * np.exp(-t / 40)).tolist()
    yield "elevation", (200 + np.cumsum(m.rng.normal(0, 1.1, n))).round(1).tolist()
    yield "percentiles", np.sort(m.rng.gamma(2, 9, n)).round(3).tolist()
    yield "unix_times", (1_714_000_000 + np.cumsum(m.rng.integers(1, 900, n))).tolist()
    yield "acceleration", (9.81 + m.rng.normal(0, 0.05, n)).tolist()
    yield "residual_load", (np.convolve(m.rng.normal(0, 1, n + 9), np.ones(10) / 10, "valid")).tolist()
    yield "ids", m.rng.integers(10000, 99999, n).tolist()


def _road(m: Maker, n: int = 40) -> list[list[float]]:
    heading = np.cumsum(m.rng.normal(0, 0.15, n))
    return (
        (np.array([2.1, 41.3]) + np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]) * 0.0003, 0))
        .round(6)
        .tolist()
    )


def _strings(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    b = m.bytes(64)
    yield "md5", {"checksum": md5(b).hexdigest()}  # noqa: S324
    yield "sha1", {m.name(): sha1(b).hexdigest()}  # noqa: S324
    yield "sha256", {m.name(): sha256(b).hexdigest()}
    yield "sha512", {m.name(): sha512(b).hexdigest()}
    yield "sha256-base64", {m.name(): _b64(sha256(b).digest())}
    yield "sri", {m.name(): "sha384-" + _b64(m.bytes(48))}
    yield "blake2", {m.name(): blake2b(b).hexdigest()}
    yield "hash-list", {m.name(): [sha256(m.bytes(4)).hexdigest() for _ in range(20)]}
    yield "uuid", {m.name(): str(uuid.UUID(bytes=m.bytes(16), version=4))}
    yield "uuid-plain", {m.name(): m.bytes(16).hex()}
    yield "uuids", {m.name(): [str(uuid.UUID(bytes=m.bytes(16), version=4)) for _ in range(10)]}
    yield "ulid", {m.name(): "01HX" + "".join(m.pick("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(22))}
    yield "object-id", {m.name(): m.bytes(12).hex()}
    yield "git", {"commit": m.bytes(20).hex()}
    yield "etag", {m.name(): f'W/"{m.bytes(8).hex()}"'}
    yield "ssh-key", {m.name(): "ssh-ed25519 " + _b64(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + m.bytes(32)) + " door"}
    yield (
        "pem-key",
        {
            "public_key": "-----BEGIN PUBLIC KEY-----\n"
            + _wrap(_b64(bytes.fromhex("30820122300d06092a864886f70d01010105000382010f00") + m.bytes(270)), 64, "\n")
            + "\n-----END PUBLIC KEY-----"
        },
    )
    yield "signature", {"signature": _b64(m.bytes(64))}
    yield "signature-rsa", {"signature": _b64(m.bytes(256))}
    yield "signature-hex", {"sig": m.bytes(64).hex()}
    yield "text-base64", {m.name(): _b64(b"The pump at the north basin runs at 42 Hz; next service is in May.")}
    yield (
        "json-base64",
        {m.name(): _b64(json.dumps({"level_m": 1.24, "rain": [0, 0, 0.2, 0.4], "pump": "on"}).encode())},
    )
    yield (
        "json-gzip",
        {
            m.name(): _b64(
                gzip.compress(json.dumps({"level": [round(float(x), 2) for x in m.rng.gamma(3, 1, 50)]}).encode())
            )
        },
    )
    yield "protobuf-ish", {"frame": _b64(b"\x08\x96\x01\x12\x07station\x1d\0\0\xb4\x41")}
    yield "lora-payload", {"data": _b64(m.bytes(11))}
    yield "lora-hex", {"frm_payload": m.bytes(12).hex()}
    yield "tile", {m.name(): f"14/{m.rng.integers(8000, 9000)}/{m.rng.integers(5000, 6000)}"}
    yield "quadkey", {m.name(): "".join(m.pick("0123") for _ in range(14))}
    yield "geohash", {m.name(): geohash(2.1, 41.3)}
    yield "plus-code", {m.name(): "8FH495XW+2Q"}
    yield "route", {"route": str(m.pick(["N-634", "A-8", "M32", "L14", "B 96", "C5", "E70", "AP-7"]))}
    yield "route-neutral", {m.name(): str(m.pick(["N-634", "A-8", "M32", "line 14", "B 96", "AS-114"]))}
    yield "ean", {m.name(): "4006381333931"}
    yield "isbn", {m.name(): "978-3-16-148410-0"}
    yield "issn", {m.name(): "ISSN 0317-8471"}
    yield "doi", {m.name(): "10.1016/j.trc.2014.03.012"}
    yield "invoice", {"invoice": f"INV-2024-{m.digits(6)}"}
    yield "order-no", {m.name(): f"order {m.digits(8)}"}
    yield "ticket", {m.name(): f"TCK{m.digits(7)}"}
    yield "part-no", {m.name(): f"{m.digits(3)}-{m.digits(4)}-{m.digits(2)}"}
    yield "sap-no", {"asset": f"100{m.digits(9)}"}
    yield "station-code", {m.name(): f"ES{m.digits(4)}A"}
    yield "lamp-id", {m.name(): f"LP-{m.digits(5)}"}
    yield "parcel-cadastre", {m.name(): f"{m.digits(7)}UF{m.digits(4)}S0001WX"}
    yield "vat-company", {"vat_id": "DE" + m.digits(9)}
    yield "lei", {m.name(): "529900T8BM49AURSDO55"}
    yield "bic", {m.name(): "DEUTDEFF500"}
    yield "version", {m.name(): f"{m.rng.integers(1, 9)}.{m.rng.integers(1, 30)}.{m.rng.integers(1, 99)}"}
    yield "version-4", {"firmware": "2.14.3.117"}
    yield "cron", {m.name(): "0 5 * * 1-5"}
    yield "date", {m.name(): "2024-05-23"}
    yield "date-time", {m.name(): "2024-05-23T08:14:22.123456+02:00"}
    yield "date-compact", {m.name(): "20240523081422"}
    yield "dates", {m.name(): [f"2024-{a:02d}-{b:02d}" for a in range(1, 13) for b in (1, 15)]}
    yield "week", {m.name(): "2024-W21-4"}
    yield "duration", {m.name(): "PT15M30S"}
    yield "interval", {m.name(): "2024-05-23T08:00Z/2024-05-23T09:00Z"}
    yield "unix-ms", {m.name(): 1_714_000_000_000 + int(m.rng.integers(10**6))}
    yield "unix-ns", {m.name(): str(1_714_000_000_123_456_000 + int(m.rng.integers(10**6)))}
    yield "colour", {m.name(): "#" + m.bytes(3).hex()}
    yield "colours", {m.name(): ["#" + m.bytes(3).hex() for _ in range(40)]}
    yield "rgb-list", {m.name(): m.rng.integers(0, 256, (20, 3)).tolist()}
    yield "colormap", {"colormap": [[i, 255 - i, (i * 2) % 256] for i in range(0, 256, 4)]}
    yield "coordinate", {m.name(): [2.17, 41.38]}
    yield "point", {m.name(): {"type": "Point", "coordinates": [2.1734, 41.3851]}}
    yield "wkt-point", {m.name(): "POINT (2.1734 41.3851)"}
    road = _road(m)
    yield "road-linestring", {m.name(): {"type": "LineString", "coordinates": road}}
    yield "road-wkt", {m.name(): "LINESTRING (" + ", ".join(f"{x} {y}" for x, y in road) + ")"}
    yield (
        "road-z",
        {
            m.name(): {
                "type": "LineString",
                "coordinates": [[x, y, round(20 + i * 0.3, 1)] for i, (x, y) in enumerate(road)],
            }
        },
    )
    yield "polygon", {m.name(): {"type": "Polygon", "coordinates": [[*road, road[0]]]}}
    yield (
        "multipolygon-wkt",
        {m.name(): "MULTIPOLYGON (((" + ", ".join(f"{x} {y}" for x, y in [*road, road[0]]) + ")))"},
    )
    yield "road-polyline", {"shape": polyline(np.array(road))}
    yield (
        "road-feature",
        {
            m.name(): {
                "type": "Feature",
                "geometry": {"type": "LineString", "coordinates": road},
                "properties": {"name": "Main Street", "surveyed": "2024-05-01", "lanes": 2},
            }
        },
    )
    yield (
        "gtfs-shape",
        {
            "shape": [
                {"shape_pt_lat": y, "shape_pt_lon": x, "shape_pt_sequence": i, "shape_dist_traveled": i * 31}
                for i, (x, y) in enumerate(road)
            ]
        },
    )
    yield (
        "stations",
        {
            "stations": [
                {"id": f"s{i}", "lat": y, "lon": x, "updated": "2024-05-23T08:00:00Z"}
                for i, (x, y) in enumerate(m.rng.normal([2.1, 41.3], 0.05, (20, 2)).round(5).tolist())
            ]
        },
    )
    yield (
        "stop-times",
        {"timetable": [{"stop": f"st{i}", "arr": f"{7 + i // 12:02d}:{i * 5 % 60:02d}:00"} for i in range(24)]},
    )
    yield "timetable-text", {m.name(): "07:02 07:17 07:32 07:47 08:02 08:17 08:32 08:47"}
    yield "opening-hours", {"opening_hours": "Mo-Fr 08:00-18:00; Sa 09:00-13:00"}
    yield "matrix", {"od": m.rng.poisson(9, (12, 12)).tolist()}
    yield (
        "distance-matrix",
        {m.name(): np.abs(np.subtract.outer(m.rng.gamma(4, 200, 15), m.rng.gamma(4, 200, 15))).round(1).tolist()},
    )
    yield "grid", {"grid": (20 + m.rng.normal(0, 1, (16, 16))).round(2).tolist()}
    yield "polynomial", {"coefficients": m.rng.normal(0, 1, 6).tolist()}
    yield "calibration", {"calibration": {"a": 1.0023, "b": -0.0041, "c": 3.2e-5}}
    yield "weather", {m.name(): {"t": 17.2, "rh": 61, "p": 1014.2, "wind": {"dir": 220, "speed": 4.1}}}
    yield "weekly", {m.name(): {f"h{i}": int(x) for i, x in enumerate(m.rng.poisson(30, 168))}}
    yield (
        "columns-hours",
        {
            f"h{i}": round(float(x), 1)
            for i, x in enumerate(40 + 20 * np.sin(np.arange(168) / 4) + m.rng.normal(0, 2, 168))
        },
    )
    yield "columns-sensors", {f"s{i}": round(float(x), 2) for i, x in enumerate(m.rng.normal(20, 2, 130))}
    yield "url", {m.name(): "https://data.example.org/dataset/air?station=12&from=2024-05-01"}
    yield "url-page-pdf", {m.name(): "https://www.example.org/reports/2024/annual.pdf"}
    yield "png-link", {m.name(): "https://www.example.org/map/legend.png"}
    yield "filename", {m.name(): "readings_20240523_0814.csv.gz"}
    yield "sql", {m.name(): "select station, avg(no2) from air group by station"}
    yield "html", {m.name(): "<p>The bridge is closed until <b>May 5</b>.</p>"}
    yield "emoji", {m.name(): "🚲 lane blocked 🚧🚧"}
    yield "bit-flags", {"mask": "0110" * 32}
    yield "availability-bits", {"seats": "".join(m.pick("01") for _ in range(336))}
    yield "rle", {m.name(): "12x0,3x1,44x0,7x1,9x0"}
    yield "bbox", {"bbox": [2.05, 41.32, 2.23, 41.47]}
    yield "camera-count", {m.name(): {"camera": "c12", "bicycles": 14, "cars": 220, "faces_stored": 0}}
    yield "phone-of-office", {"description": "The city hall is at 010 (short number), desk 4."}
    yield "money", {m.name(): "1 234 567,89 EUR"}
    yield "big-number", {m.name(): "12 345 678 901"}
    yield "population", {"population": "3 223 334"}
    yield "jwt-header-only", {m.name(): "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9"}
    yield "nuts", {m.name(): "ES511"}
    yield "postcode", {"postcode": str(m.pick(["08001", "33001", "SW1A 1AA", "1010-001", "75004"]))}
    yield "hs-code", {m.name(): "8703.23.19.00"}
    yield "cpv", {m.name(): "45233140-2"}
    yield "lab-result-water", {"water_lab": {"e_coli": 3, "nitrate": 12.1, "ph": 7.4}}
    yield (
        "kept-words",
        {
            "topic": str(
                m.pick(
                    [
                        "health centre opening hours",
                        "union street",
                        "church square",
                        "party tent permits",
                        "St Mary's hospital parking",
                    ]
                )
            )
        },
    )
    yield (
        "park-names",
        {
            "name": str(
                m.pick(["Plaza de la Iglesia", "Rue de l'Hôpital", "Synagogengasse", "Rua da Igreja", "Mosque Lane"])
            )
        },
    )
    yield "species", {"tree": "Platanus × hispanica"}
    yield "race-event", {"event": "10 km race on Sunday, road closed"}
    yield "disabled-bays", {"disabled_bays": 4}
    yield "party-count", {"votes": {"turnout": 0.61, "valid": 12000}}
    yield "air-pm", {"PM10": 22.1, "PM2.5": 12.4, "NO2": 31}
    yield "model-weights", {"model_weights": m.rng.normal(0, 0.05, 512).astype("f4").tolist()}
    yield "word-vector-topic", {"topic_weights": m.rng.dirichlet(np.ones(128)).round(5).tolist()}
    yield "sbom", {m.name(): {"purl": "pkg:pypi/numpy@1.26.4", "sha256": sha256(b).hexdigest()}}
    yield "bluetooth-version", {m.name(): "Bluetooth 5.2"}
    yield "private-ip-range", {m.name(): "10.0.0.0/8"}
    yield "time-hh", {m.name(): "08:15:30"}
    yield "ratio", {m.name(): "16:9"}
    yield "dim", {m.name(): "1200x800x25 mm"}
    yield "iso-wk", {m.name(): "2024-144"}
    yield "lines-of-bus", {"lines": ["14", "14N", "27", "H16", "V15", "D40"]}
    yield "odd-hex", {m.name(): "0x1F"}
    yield "dev-eui", {m.name(): "gateway gw-07"}
    yield "bus-vehicle", {"vehicle": f"bus {m.digits(4)}"}


COMPLAINTS = (
    "The street light at the corner of Elm Street and Oak Avenue is broken since Monday.",
    "Hay un bache muy grande en la calle Mayor, a la altura del número 14.",
    "Der Mülleimer in der Lindenstraße quillt seit drei Tagen über.",
    "Le feu rouge de l'avenue Foch ne marche plus depuis le 12 mai.",
    "A iluminação da Rua das Flores está avariada desde o dia 3.",
    "Bus 14 was 25 minutes late at 08:15 on 23 May 2024.",
    "Tree fell on the cycle path near kilometre 3.4 of the AS-114.",
    "Noise from the bar after 23:30, third time this week!",
    "La fuente de la plaza de España no tiene agua.",
    "Bitte die Ampel an der Goethestraße prüfen, die Grünphase dauert nur 5 Sekunden.",
    "The ramp of the health centre is too steep for wheelchairs.",
    "El parque junto a la iglesia de San Juan está sucio.",
    "Order 20240523-118 was delivered to the depot.",
    "There are 12 345 678 reasons to fix the A-8, but 3 would do.",
    "O autocarro 728 não parou na paragem de Belém.",
    "La rampe devant la mairie est cassée, attention aux vélos.",
    "The playground has 3 broken swings and 1 broken slide.",
    "Se ha roto la tubería de 200 mm entre los números 10 y 22.",
    "Die Haltestelle Rathaus ist nicht barrierefrei.",
    "Graffiti on the wall of Park Lane 5 car park, level -2.",
)


def look_alikes(seed: int = SEED) -> Iterator[WildCase]:  # noqa: C901
    m = Maker(seed + 1)
    for n in (128, 256, 512):
        for kind, values in _series(m, n):
            yield WildCase(f"{kind}-{n}", "public", {kind: values})
            yield WildCase(f"{kind}-{n}/neutral", "public", {m.name(): values})
    for n in (128, 192):
        for kind, values in _series(m, n):
            yield WildCase(f"{kind}-{n}/text", "public", {m.name(): ",".join(str(v) for v in values)})
    for n in (128, 256):
        for kind, values in _series(m, n):
            if kind in ("temperature", "prices", "counts", "noise_db", "elevation", "load_profile", "vibration"):
                yield WildCase(f"{kind}-{n}/f32", "public", {m.name(): _b64(np.array(values, "<f4").tobytes())})
                yield WildCase(
                    f"{kind}-{n}/f64-gzip", "public", {m.name(): _b64(gzip.compress(np.array(values, "<f8").tobytes()))}
                )
                yield WildCase(f"{kind}-{n}/dict", "public", {m.name(): {str(i): v for i, v in enumerate(values)}})
    for _ in range(2):
        for kind, row in _strings(m):
            yield WildCase(kind, "public", row)
    for text in COMPLAINTS:
        yield WildCase("complaint", "public", {"description": text})


def wild(seed: int = SEED) -> list[WildCase]:
    return [*positives(seed), *look_alikes(seed)]


def main() -> None:
    cases = wild(int(sys.argv[2]) if len(sys.argv) > 2 else SEED)
    with open(sys.argv[1], "w", encoding="utf-8") as out:  # noqa: PTH123
        for case in cases:
            out.write(json.dumps(case.row) + "\n")
    print(f"{sum(c.truth != 'public' for c in cases)} hidden, {sum(c.truth == 'public' for c in cases)} look-alikes")


if __name__ == "__main__":
    main()
