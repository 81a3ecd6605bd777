"""Templates of bodies and media in forms that were thought of after the rules were mended."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from wild_media import Maker, _box, _pcm, _png
from wild_templates import _half, _unit

SEED = 90210
REPEATS = 3


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _zip_of(data: bytes) -> bytes:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x/y.dat", data)
    return out.getvalue()


def _biometric(m: Maker) -> Iterator[tuple[str, dict[str, Any]]]:
    r, n = m.rng, m.name
    face = _unit(r.normal(0, 1, 512))
    small = _unit(r.normal(0, 1, 128))
    voice = r.normal(0, 1, 192) * 11
    yield (
        "deep-path",
        {n(): {"detections": [{"bbox": [4, 5, 60, 80], "score": 0.98, "feat": [round(x, 5) for x in _half(face)]}]}},
    )
    yield "opensearch-hit", {n(): {"_source": {"vector": _half(small)}, "_score": 1.2}}
    yield "milvus-text", {n(): "FloatVector: [" + " ".join(f"{x:.4f}" for x in face) + "]"}
    yield (
        "redis-escaped",
        {n(): "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in small.astype("<f4").tobytes())},
    )
    yield "msgpack", {n(): _b64(b"\xdc\x00\x80" + b"".join(b"\xca" + struct.pack(">f", x) for x in small))}
    yield "protobuf-packed", {n(): _b64(b"\x0a\x04cam7\x12\x80\x04" + small.astype("<f4").tobytes())}
    yield (
        "pickle",
        {
            n(): _b64(
                b"\x80\x04\x95\x00\x05\0\0\0\0\0\0]\x94(" + b"".join(b"G" + struct.pack(">d", x) for x in small) + b"e."
            )
        },
    )
    yield (
        "uint8-affine",
        {n(): np.clip(np.round((face - face.min()) / np.ptp(face) * 255), 0, 255).astype(int).tolist()},
    )
    yield (
        "uint8-affine-hex",
        {n(): np.clip(np.round((face - face.min()) / np.ptp(face) * 255), 0, 255).astype("u1").tobytes().hex()},
    )
    yield "two-people", {n(): [_half(_unit(r.normal(0, 1, 128))) for _ in range(2)]}
    yield "person-dict", {n(): {"p1": _half(small), "p2": _half(_unit(r.normal(0, 1, 128)))}}
    yield "rows-16x32", {n(): np.round(face.reshape(16, 32), 6).tolist()}
    yield "columns-letter", {f"PC{i + 1}": x for i, x in enumerate(_half(small))}
    yield "columns-bracket", {f"emb[{i}]": f"{x:.7f}" for i, x in enumerate(voice)}
    yield "sql-values", {n(): "INSERT INTO v VALUES (7, ARRAY[" + ", ".join(f"{x:.6f}" for x in small) + "]::float4[])"}
    yield "matlab", {n(): "e = [" + " ".join(f"{x:.4f}" for x in small) + "];"}
    yield "r-vector", {n(): "c(" + ", ".join(f"{x:.6f}" for x in small) + ")"}
    yield "julia", {n(): "Float32[" + ", ".join(f"{x:.6f}f0" for x in small) + "]"}
    yield "go-print", {n(): "[]float32{" + ", ".join(f"{x:.6f}" for x in small) + "}"}
    yield "tabs", {n(): "\t".join(f"{x:.6f}" for x in voice)}
    yield "word2vec-line", {n(): "subject_12 " + " ".join(f"{x:.6f}" for x in face)}
    yield "hex-floats", {n(): " ".join(float(x).hex() for x in small)}
    yield "percent-numbers", {n(): "%2C".join(f"{x:.5f}" for x in small)}
    yield "quoted-list-in-text", {n(): json.dumps(json.dumps([f"{x:.6f}" for x in small]))}
    yield "arrow-ish", {n(): _b64(b"ARROW1\0\0" + b"\0" * 24 + face.astype("<f4").tobytes() + b"ARROW1")}
    yield (
        "safetensors",
        {
            n(): _b64(
                struct.pack("<Q", 56)
                + b'{"e":{"dtype":"F32","shape":[512],"data_offsets":[0,2048]}}'[:56]
                + face.astype("<f4").tobytes()
            )
        },
    )
    yield "gzip-f16-base32", {n(): base64.b32encode(gzip.compress(face.astype("<f2").tobytes())).decode()}
    yield "zlib-url", {n(): base64.urlsafe_b64encode(zlib.compress(face.astype("<f4").tobytes())).decode()}
    yield "bz2-json-hex", {n(): bz2.compress(json.dumps(_half(small)).encode()).hex()}
    yield "dict-sorted-text", {n(): {f"{i:03d}": f"{x:.6f}" for i, x in enumerate(small)}}
    yield "header-and-data", {n(): {"dtype": "float32", "shape": [128], "data": _b64(small.astype("<f4").tobytes())}}
    yield "complex-pairs", {n(): [[a, b] for a, b in small.reshape(64, 2).tolist()]}
    yield "iris-named-list", {"iris_code": r.integers(0, 2, 2048).tolist()}
    yield "iris-base64-mask", {"left_iris": _b64(np.packbits(r.integers(0, 2, 4096)).tobytes())}
    pts = [(int(r.integers(5, 300)), int(r.integers(5, 400)), int(r.integers(0, 360))) for _ in range(40)]
    yield "minutiae-columns", {n(): {"x": [p[0] for p in pts], "y": [p[1] for p in pts], "theta": [p[2] for p in pts]}}
    yield "minutiae-objects-de", {n(): [{"posX": x, "posY": y, "winkel": a, "typ": "Gabelung"} for x, y, a in pts]}
    yield (
        "minutiae-nested-point",
        {n(): [{"position": {"x": x, "y": y}, "direction": a, "minutia_type": 1} for x, y, a in pts]},
    )
    yield "minutiae-xml", {n(): "".join(f'<Minutia X="{x}" Y="{y}" Angle="{a}" Type="End"/>' for x, y, a in pts)}
    yield "minutiae-csv", {n(): "x,y,angle\n" + "\n".join(f"{x},{y},{a}" for x, y, a in pts)}
    body = b"".join(struct.pack(">HHBB", 0x4000 | x, y, a // 2, 80) for x, y, a in pts)
    yield "fmr-in-xml", {n(): f"<Template enc='b64'>{_b64(b'FMR' + bytes(1) + b' 20' + bytes(21) + body)}</Template>"}
    yield "iso-voice", {n(): _b64(b"VDF\0" + b"010\0" + m.bytes(400))}
    yield "ansi-nist", {n(): _b64(b"1.001:200\x1d1.002:0500\x1d1.003:1\x1f1\x1e9\x1f0\x1d9.012:25\x1d" + body)}
    walk = r.uniform(100, 400, (1, 18, 2)) + np.linspace(0, 120, 20)[:, None, None] + r.normal(0, 2, (20, 18, 2))
    yield (
        "openpose",
        {
            n(): {
                "people": [{"pose_keypoints_2d": np.round(np.column_stack([walk[0], np.ones(18)]).ravel(), 2).tolist()}]
            }
        },
    )
    yield (
        "frames-of-points",
        {
            n(): [
                {"frame": i, "pts": [{"x": float(a), "y": float(b)} for a, b in f.round(1)]} for i, f in enumerate(walk)
            ]
        },
    )
    yield (
        "mediapipe-names",
        {n(): {"LEFT_SHOULDER": [0.4, 0.2], "RIGHT_SHOULDER": [0.6, 0.2], "LEFT_HIP": [0.4, 0.5], "NOSE": [0.5, 0.1]}},
    )
    yield (
        "kinect",
        {
            n(): [
                {"JointType": j, "Position": {"X": 0.1, "Y": 0.4, "Z": 2.1}}
                for j in ("SpineBase", "ElbowLeft", "WristLeft", "KneeRight", "AnkleRight", "Head")
            ]
        },
    )
    yield "face-mesh-flat", {"mesh": np.round(r.uniform(0, 1, 468 * 3), 5).tolist()}
    yield (
        "dlib-parts-xml",
        {
            n(): "".join(
                f"<part name='{i:02d}' x='{int(r.integers(80, 300))}' y='{int(r.integers(90, 330))}'/>"
                for i in range(68)
            )
        },
    )
    yield (
        "aws-face",
        {
            n(): {
                "BoundingBox": {"Left": 0.2},
                "Landmarks": [{"Type": t, "X": 0.3, "Y": 0.4} for t in ("eyeLeft", "eyeRight", "mouthLeft", "nose")],
            }
        },
    )
    yield (
        "azure-face",
        {
            n(): {
                "faceLandmarks": {
                    "pupilLeft": {"x": 1.0, "y": 2.0},
                    "noseTip": {"x": 3.0, "y": 1.0},
                    "mouthLeft": {"x": 1.0, "y": 4.0},
                }
            }
        },
    )
    yield "gait-csv-row", {"gait_cycle": ";".join(f"{x:.2f}" for x in 30 + 25 * np.sin(np.arange(100) / 8))}
    yield (
        "snp-text",
        {
            n(): "rsid\tchromosome\tposition\tgenotype\n"
            + "\n".join(f"rs{m.digits(7)}\t1\t{m.digits(6)}\tAG" for _ in range(12))
        },
    )
    yield "fasta", {"genetic_sequence": "".join(m.pick("ACGT") for _ in range(400))}
    yield "voice-matrix", {"voiceprint": r.normal(0, 1, (20, 40)).round(4).tolist()}
    yield "hand-geometry", {n(): _b64(b"HND\0" + b"010\0" + m.bytes(60))}
    yield "sign-bits-named", {"palm_code": np.packbits(r.integers(0, 2, 512)).tobytes().hex()}


def _media(m: Maker) -> Iterator[tuple[str, str, dict[str, Any]]]:
    n = m.name
    jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0H\0H\0\0\xff\xdb\0C\0" + m.bytes(420) + b"\xff\xd9"
    mp4 = _box(b"ftyp", b"mp42\0\0\0\0mp42isom") + _box(b"mdat", m.bytes(400))
    pcm = _pcm(m, 2400)
    yield (
        "hex-dump",
        "image",
        {n(): "\n".join(f"{i:08x}  {jpeg[i : i + 16].hex(' ')}  |...|" for i in range(0, len(jpeg), 16))},
    )
    yield (
        "xxd",
        "image",
        {n(): "\n".join(f"{i:08x}: {jpeg[i : i + 16].hex(' ', 2)}  ......" for i in range(0, len(jpeg), 16))},
    )
    yield "c-array", "image", {n(): "unsigned char a[] = {" + ", ".join(f"0x{b:02X}" for b in jpeg) + "};"}
    yield "decimal-spaces", "image", {n(): " ".join(str(b) for b in jpeg)}
    yield "base64-json-key", "image", {n(): {_b64(jpeg): 1}}
    yield "base64-spaces-4", "image", {n(): " ".join(_b64(jpeg)[i : i + 4] for i in range(0, len(_b64(jpeg)), 4))}
    yield (
        "base64-underscored-lines",
        "image",
        {n(): "\n".join(base64.urlsafe_b64encode(jpeg).decode()[i : i + 50] for i in range(0, 700, 50))},
    )
    yield "base64-prefix-noise", "image", {n(): "image:" + _b64(jpeg)}
    yield "ascii85-plain", "image", {n(): base64.a85encode(jpeg).decode()}
    yield "base32hex", "image", {n(): base64.b32hexencode(jpeg).decode()}
    yield "base16-dashes", "image", {n(): jpeg.hex("-").upper()}
    yield "utf16-base64", "image", {n(): _b64(_b64(jpeg).encode("utf-16"))}
    yield "gzip-of-gzip", "image", {n(): _b64(gzip.compress(gzip.compress(jpeg)))}
    yield "json-in-gzip", "image", {n(): _b64(gzip.compress(json.dumps({"img": _b64(jpeg)}).encode()))}
    yield "array-of-lines", "image", {n(): [_b64(jpeg)[i : i + 76] for i in range(0, len(_b64(jpeg)), 76)]}
    yield "dict-of-parts", "image", {n(): {f"part{i}": _b64(jpeg)[i * 100 : i * 100 + 100] for i in range(7)}}
    yield "dict-of-bytes", "image", {n(): {str(i): b for i, b in enumerate(jpeg)}}
    yield "json-unicode", "image", {n(): jpeg.decode("latin-1")}
    yield "js-unicode-escapes", "image", {n(): "".join(f"\\u{b:04x}" for b in jpeg)}
    yield "html-entities", "image", {n(): "".join(f"&#{b};" for b in jpeg)}
    yield (
        "eml",
        "image",
        {
            n(): f"From: a\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n\r\n{_b64(jpeg)}\r\n--q--"  # noqa: E501
        },
    )
    yield (
        "png-in-pdf",
        "image",
        {n(): _b64(b"%PDF-1.4\n1 0 obj<</Type/XObject/Subtype/Image/Width 20>>stream\n" + _png(m) + b"\nendstream")},
    )
    yield "rtf", "image", {n(): "{\\rtf1{\\pict\\pngblip " + _png(m).hex() + "}}"}
    yield "thumbhash-gray", "image", {"face_crop": m.rng.integers(0, 256, (24, 24)).tolist()}
    yield "rgb-volume", "image", {n(): m.rng.integers(0, 256, (16, 16, 3)).tolist()}
    yield "jpeg-after-id", "image", {n(): f"cam12|2024-05-01T10:00:00Z|{_b64(jpeg)}"}
    yield "markdown", "image", {n(): f"![x](data:image/png;base64,{_b64(_png(m))})"}
    yield "svg-text", "image", {n(): f"<svg><image xlink:href='data:image/jpeg;base64,{_b64(jpeg)}'/></svg>"}
    yield (
        "ole-bmp",
        "image",
        {
            n(): _b64(
                b"BM"
                + struct.pack("<IHHIIiiHHIIiiII", 3126, 0, 0, 54, 124, 32, 32, 1, 24, 0, 3072, 0, 0, 0, 0)
                + m.bytes(3072)
            )
        },
    )
    yield (
        "cursor",
        "image",
        {n(): _b64(b"\0\0\x02\0\x01\0\x10\x10\0\0\x01\0\x01\0\x68\x04\0\0\x16\0\0\0" + m.bytes(1128))},
    )
    yield "webp-lossless", "image", {n(): _b64(b"RIFF" + struct.pack("<I", 400) + b"WEBPVP8L" + m.bytes(392))}
    yield "dng", "image", {n(): _b64(b"II*\0\x08\0\0\0\x2b\0\xfe\0" + m.bytes(800))}
    yield "pam", "image", {n(): _b64(b"P7\nWIDTH 16\nHEIGHT 16\nDEPTH 1\nMAXVAL 255\nENDHDR\n" + m.bytes(256))}
    yield "farbfeld", "image", {n(): _b64(b"farbfeld" + struct.pack(">II", 8, 8) + m.bytes(512))}
    yield "pcm-base64", "audio", {n(): _b64(pcm.tobytes())}
    yield "pcm-big-endian-hex", "audio", {n(): pcm.astype(">i2").tobytes().hex()}
    yield "pcm-list", "audio", {n(): pcm.tolist()}
    yield "pcm-float-list", "audio", {"audio": (pcm / 32768).round(5).tolist()}
    yield "pcm-text", "audio", {n(): ",".join(map(str, pcm.tolist()))}
    yield (
        "opus-in-webm",
        "audio",
        {n(): _b64(b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm" + b"A_OPUS" + m.bytes(300))},
    )
    yield "mp3-url64", "audio", {n(): base64.urlsafe_b64encode(b"ID3\x04\0\0\0\0\0\x23TSSE" + m.bytes(500)).decode()}
    yield "mp2", "audio", {n(): _b64(b"".join(b"\xff\xfd\xa4\x04" + m.bytes(380) for _ in range(3)))}
    yield "aifc", "audio", {n(): _b64(b"FORM" + struct.pack(">I", 420) + b"AIFCFVER" + m.bytes(400))}
    yield "speex", "audio", {n(): _b64(b"OggS\0\x02" + b"\0" * 20 + b"\x01\x50Speex   1.2" + m.bytes(300))}
    yield "w64", "audio", {n(): _b64(b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + m.bytes(300))}
    yield (
        "wav-in-zip-uri",
        "audio",
        {
            n(): "data:application/zip;base64,"
            + _b64(_zip_of(b"RIFF" + struct.pack("<I", 400) + b"WAVEfmt " + m.bytes(400)))
        },
    )
    yield "qcp", "audio", {n(): _b64(b"RIFF" + struct.pack("<I", 400) + b"QLCMfmt " + m.bytes(300))}
    yield "mp4-octets", "video", {n(): list(mp4)}
    yield "mp4-bytes-repr", "video", {n(): str(mp4)}
    yield "mp4-cut", "video", {n(): _b64(mp4[4:])}
    yield "m4v", "video", {n(): _b64(_box(b"ftyp", b"M4V \0\0\0\x01M4V M4A") + m.bytes(300))}
    yield "ts-offset", "video", {n(): _b64(m.bytes(20) + b"".join(b"\x47\x41" + m.bytes(186) for _ in range(6)))}
    yield "h264-sei", "video", {n(): _b64(b"\0\0\0\x01\x09\xf0\0\0\0\x01\x67\x64\0\x28" + m.bytes(300))}
    yield (
        "avcc",
        "video",
        {
            n(): _b64(
                b"\0\0\0\x1e\x67\x64\0\x28" + m.bytes(26) + b"\0\0\0\x05\x68\xee\x3c\xb0\0\0\0\x01\0\x65" + m.bytes(300)
            )
        },
    )
    yield "av1-obu", "video", {n(): _b64(b"\x12\0\x0a\x0b\0\0\0" + m.bytes(400))}
    yield "mpeg4-es", "video", {n(): _b64(b"\0\0\x01\xb0\x01\0\0\x01\xb5" + m.bytes(300))}
    yield "ogv", "video", {n(): _b64(b"OggS\0\x02" + b"\0" * 20 + b"\x01\x2a\x80theora" + m.bytes(300))}
    yield "rm", "video", {n(): _b64(b".RMF\0\0\0\x12\0\x01" + m.bytes(300))}
    yield "dash", "video", {n(): "https://cam.example.org/7/manifest.mpd"}
    yield "rtsp-text", "video", {n(): "live at rtsp://10.4.4.4/stream1 (north gate)"}
