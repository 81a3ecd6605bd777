"""Templates of bodies in the forms that are found in the wild."""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from wild_media import PACKED, Maker, WildCase, _b64


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
