"""Looks at one value, however deep it is packed, and says what it is; bounded in depth, time and memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from cityward.guard.content import bodies, points, samples, tables, traces, unpack, vectors, words
from cityward.guard.content.finding import MEDIA, PASS, PAYLOADS, Finding, refusal, worst
from cityward.guard.content.magic import kind_of, packed_as
from cityward.guard.content.plain import (
    as_text,
    depth_of,
    entropy,
    is_whole,
    matrix_of,
    number_of,
    printable,
    read_json,
)
from cityward.private.redact import found as persons

CELL_CHARS: Final = 8 * 2**20
"""Longest text or bytes that are looked into; a longer cell is refused."""
DEPTH: Final = 64
"""Most levels of nesting, of every kind together."""
NODES: Final = 200_000
"""Most values of one cell."""
BYTES: Final = 48 * 2**20
"""Most bytes of one cell over all its encodings and packings."""
NAMED_BYTES: Final = 48
"""Bytes of unknown kind under a name that says biometric or media, from which on they are believed to be."""
NAMED_MEDIA_BYTES: Final = 256
"""The same of pictures, sound and film: a ``frame`` of a meter is shorter."""
OPAQUE_BYTES: Final = 1024
"""Bytes of nothing known from which on they are not let pass; readings of a sensor are fewer."""
_PERSONS_CHARS: Final = 20_000

_TOO_DEEP = refusal("unreadable", "nested-too-deep")
_TOO_LARGE = refusal("unreadable", "too-large")
_BOMB = refusal("unreadable", "expands-too-far")
_LOCKED = refusal("opaque", "locked")


class _Enough(Exception):
    """Nothing that is found further on could change the verdict."""


def look(value: Any, name: str = "", *, prose: bool = True) -> Finding:
    """Return what ``value`` is: its class, verdict and rule.

    Parameters
    ----------
    value : object
        A cell: text, bytes, number, list or object as JSON has them.
    name : str
        Name of its column.
    prose : bool
        Whether names and homes of persons are looked for in text.
    """
    looking = _Looking(prose=prose)
    try:
        looking.any(value, words.in_words(name), 0)
    except _Enough:
        pass
    except (RecursionError, MemoryError, OverflowError):
        looking.findings.append(_TOO_DEEP)
    return worst(looking.findings)


class _Looking:
    def __init__(self, *, prose: bool) -> None:
        self.findings: list[Finding] = []
        self.prose = prose
        self.wrapped = 0  # encodings and packings around the value at hand
        self.nodes = NODES
        self.bytes = BYTES

    def add(self, finding: Finding) -> None:
        self.findings.append(finding)
        if finding.verdict == "refuse":
            raise _Enough

    def payload(self, found: tuple[str, str] | None) -> None:
        if found and found[0] == "trace":
            self.add(Finding("trace", "empty", "content-trace 1"))
        elif found:
            self.add(refusal(*found))

    def spend(self, amount: int) -> None:
        self.bytes -= amount
        if self.bytes < 0:
            self.add(_TOO_LARGE)

    def go(self, depth: int, nodes: int = 0) -> None:
        """Stop where it is too deep, or too much."""
        self.nodes -= nodes
        if depth > DEPTH:
            self.add(_TOO_DEEP)
        if self.nodes < 0:
            self.add(_TOO_LARGE)

    def any(self, value: Any, name: str, depth: int) -> None:
        self.go(depth, 1)
        if value is None:
            return
        if isinstance(value, bool | int | float | str):
            self.life(value, name)
        if isinstance(value, bool):
            return
        if isinstance(value, str):
            self.text(value, name, depth)
        elif isinstance(value, bytes | bytearray | memoryview):
            self.binary(bytes(value), name, depth)
        elif isinstance(value, Mapping):
            self.mapping(value, name, depth)
        elif isinstance(value, Sequence | np.ndarray):
            self.sequence(list(value), name, depth)
        elif is_whole(value) and 100_000 <= abs(value) < 10**40:
            self.person(str(int(value)), name)

    def life(self, value: bool | float | str, name: str) -> None:
        """A field of its own for the health, faith, love, origin, union or party of somebody is as if declared."""
        if not name or (isinstance(value, str) and not value.strip()) or words.NOT_LIFE.search(name):
            return
        told = isinstance(value, str) and len(value) < 200 and (special(value) or _ETHNIC.fullmatch(value.strip()))
        if words.LIFE_OF_PERSON.search(name) or (told and words.LIFE.search(name)):
            self.add(Finding("sensitive", "empty", "content-special-category 1"))

    # -- text --------------------------------------------------------------------------------------

    def text(self, text: str, name: str, depth: int) -> None:
        if len(text) > CELL_CHARS:
            self.add(_TOO_LARGE)
        self.spend(len(text))
        self.raw(text, name, depth)
        stripped = text.strip("\ufeff \t\r\n\0")
        if len(stripped) >= 12:
            if self.structured(stripped, name, depth):
                return
            if len(stripped) < 28 and _SHORT_CODE.fullmatch(stripped):
                self.payload(kind_of(unpack.base64_bytes(stripped)))
            if _STREAM.search(stripped):
                self.add(Finding("video", "empty", "content-camera-stream 1"))
            if len(stripped) >= 24:
                self.encoded(stripped, name, depth)
                if self.numbers(stripped, name, depth):
                    return
                if points.of_text(stripped):
                    self.payload(("trace", "trace"))
        self.person(stripped, name)

    def structured(self, text: str, name: str, depth: int) -> bool:
        """Look into JSON, or several lines of it; return whether it was that."""
        if text[0] not in '{["(':
            return False
        if depth_of(text) > 3 * DEPTH:
            self.add(_TOO_DEEP)
        if text[-1] not in '}])"':
            return False
        value = read_json(text)
        if value is None or isinstance(value, int | float):
            return False
        self.any(value, name, depth + 1)
        return True

    def encoded(self, text: str, name: str, depth: int) -> None:
        text = text.replace("\\/", "/")  # as JSON may write a stroke
        whole = True
        for match in unpack.DATA_URL.finditer(text):
            kind = (match[1] or "").split("/")[0].lower()
            data = unpack.of_data_url(match[2], match[3])
            if kind in MEDIA and len(match[3]) >= 8 and "svg" not in match[1]:
                self.add(refusal(kind, "data-url"))
            self.inside(data, name, depth)
            whole = False
        if not whole:
            return
        for data, encoding in unpack.decoded(text):
            if encoding in _GUESSED:
                kind_found = kind_of(data) if len(data) >= 12 else None
                if kind_found and (encoding != "shifted base64" or kind_found[1] != "mp3"):
                    self.add(refusal(*kind_found))
                if encoding != "shifted base64" and packed_as(data) in ("gzip", "zip", "bzip2", "xz"):
                    self.inside(data, name, depth)
                elif encoding != "shifted base64" and len(data) >= 128 and vectors.packed_template(data, name):
                    self.add(refusal("biometric", "packed-template"))
                continue
            if len(data) >= 8:
                self.inside(data, name, depth, long_enough=len(data) * 4 >= len(text) * 0.5)

    def inside(self, data: bytes, name: str, depth: int, *, long_enough: bool = True) -> None:
        self.wrapped += 1
        self.binary(data, name, depth + 1, sure=long_enough)
        self.wrapped -= 1

    def raw(self, text: str, name: str, depth: int) -> None:
        """Bytes that somebody read as text."""
        head = text[:40]
        lost = _SIGNATURE.search(head)
        if lost:
            self.add(refusal(lost.lastgroup or "image", "signature-in-text"))
        if len(text) < unpack.SHORTEST or not _CONTROL.search(text[:400]):
            return
        for encoding in ("latin-1", "cp1252"):
            try:
                data = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            if as_text(data) is None:
                self.inside(data, name, depth)
            return

    def numbers(self, text: str, name: str, depth: int) -> bool:
        """Look at numbers written in text; return whether there is hardly anything else, and nobody's."""
        if re.search(r"[01]{1024}", text) and not words.SERIES.search(name):
            self.add(refusal("biometric", "bits"))
        self.payload(bodies.of_text(text))
        if len(_RIDGES.findall(text[:20_000])) >= points.MINUTIAE_MIN:
            self.add(refusal("biometric", "minutiae"))
        runs = vectors.runs(text)
        for run in runs:
            if vectors.is_template(run, name):
                self.add(refusal("biometric", "embedding"))
            if run.size >= 16 and np.all(run == np.rint(run)):
                self.whole([int(part) for part in run if abs(part) < 2**63], name, depth)
        for records in tables.records(text):
            self.payload(points.of_records(records, name))
        rows = re.split(r"[;\n|]+|\)\s*,?\s*\(|\]\s*,?\s*\[", text)
        if len(rows) >= points.MINUTIAE_MIN:
            matrix = matrix_of([re.findall(r"-?\d+(?:\.\d+)?", row) for row in rows if row.strip()])
            if (
                matrix is not None
                and 2 <= matrix.shape[1] <= 6
                and not re.search(r"\d{4}-\d\d-\d\d|\d\d:\d\d", text[:200])
            ):
                self.payload(points.of_matrix(matrix, name))
        decimals = sum(int(np.any(run != np.rint(run))) * run.size for run in runs)
        return (
            decimals >= vectors.NUMBERS_MIN
            and not points.of_text(text)
            and len(re.sub(r"[\d\s.,;:|eE+-]", "", text)) < 40
        )

    def person(self, text: str, name: str) -> None:
        """Identifiers, names and homes."""
        if _STAMP.fullmatch(text) and not words.BIRTH.search(name):
            return
        part = text[:_PERSONS_CHARS]
        prose = self.prose and " " in part
        spans = persons(part, name, prose=prose) if len(part) >= 5 else []
        for span in spans:
            if self.wrapped:
                verdict = "empty"
            elif span.field_class == "sensitive":
                verdict = "redact"
            elif span.start == 0 and span.end >= len(part) and len(part) < 80:
                verdict = "coarsen" if span.field_class == "location-of-person" else "pseudonymise"
            else:
                verdict = "redact"
            self.add(Finding(span.field_class, verdict, span.rule))
        if not spans and self.prose:
            self.named(part, name)

    def named(self, text: str, name: str) -> None:
        """What only the name of its column tells."""
        if not name or not text or len(text) > 200:
            return
        letters = sum(map(str.isalpha, text))
        if words.BIRTH.search(name) and re.search(r"\d{4}|\d\d[./-]\d\d", text):
            self.add(Finding("personal", "empty", "content-birth-date 1"))
        elif words.HOME.search(name) and re.search(r"\d", text) and letters >= 3:
            self.add(Finding("location-of-person", "coarsen", "content-home 1"))
        elif words.PERSON.search(name) and not words.NOT_PERSON.search(name) and _is_name(text):
            self.add(Finding("personal", "pseudonymise", "content-name 1"))
        elif words.LIFE.search(name) or special(text):
            self.add(Finding("sensitive", "pass", "declare-special-category 1"))

    # -- bytes -------------------------------------------------------------------------------------

    def binary(self, data: bytes, name: str, depth: int, *, sure: bool = True) -> None:
        if len(data) > CELL_CHARS * 2:
            self.add(_TOO_LARGE)
        self.go(depth)
        self.spend(len(data))
        if len(data) >= 8:
            self.payload(kind_of(data))
        packing = packed_as(data)
        if packing and self.packed(data, packing, name, depth):
            return
        text = as_text(data)
        if text is not None:
            if len(text) >= 8:
                self.text(text, name, depth + 1)
            return
        self.measured(data, name, depth, sure=sure)

    def measured(self, data: bytes, name: str, depth: int, *, sure: bool) -> None:
        """Bytes of no known kind that are no text: told by what they measure, by their name, or by nothing."""
        if traces.of_doubles(data):
            self.payload(("trace", "trace"))
        verdict = vectors.packed_template(data, name)
        if verdict:
            self.add(refusal("biometric", "packed-template"))
        if samples.is_sound(data, name):
            self.add(refusal("audio", "samples"))
        if verdict is False:
            return  # numbers of a series
        inflated = unpack.deflated(data) if len(data) >= NAMED_BYTES else b""
        if inflated:
            self.inside(inflated, name, depth)
        elif sure:
            self.named_bytes(data, name)

    def named_bytes(self, data: bytes, name: str) -> None:
        if len(data) >= NAMED_BYTES and (words.BODY.search(name) or not words.OPAQUE.search(name)):
            for pattern, field_class in (
                (words.BIOMETRIC, "biometric"),
                (words.IMAGE, "image"),
                (words.AUDIO, "audio"),
                (words.VIDEO, "video"),
            ):
                if pattern.search(name) and (field_class == "biometric" or len(data) >= NAMED_MEDIA_BYTES):
                    self.add(refusal(field_class, "named-payload"))
        if len(data) >= OPAQUE_BYTES and entropy(data) > 6 and not data.startswith(b"\x30\x82"):
            self.add(Finding("opaque", "empty", "content-opaque 1"))

    def packed(self, data: bytes, packing: str, name: str, depth: int) -> bool:
        """Look into a packed value; return whether it was one."""
        self.wrapped += 1
        try:
            for inner in unpack.unpacked(data, packing):
                if not inner and packing != "zip":
                    return False
                self.binary(inner, name, depth + 1)
        except unpack.Bomb:
            self.add(_BOMB)
        except unpack.Locked:
            self.add(_LOCKED)
        finally:
            self.wrapped -= 1
        return True

    # -- lists and objects -------------------------------------------------------------------------

    def mapping(self, value: Mapping[Any, Any], name: str, depth: int) -> None:
        if len(value) >= vectors.NAMED_MIN and all(str(key).isdigit() for key in value):
            self.sequence(list(value.values()), name, depth + 1)  # a list whose places were made keys
            return
        numbers = [part for part in value.values() if isinstance(part, int | float) and not isinstance(part, bool)]
        if len(numbers) >= vectors.NAMED_MIN:
            dated = sum(bool(re.search(r"\d{4}-\d\d|\d\d:\d\d", str(key))) for key in list(value)[:8]) > 4
            if not dated and vectors.is_template(np.array(numbers, dtype=np.float64), name):
                self.add(refusal("biometric", "embedding"))
        self.payload(bodies.of_keys(value))
        self.payload(points.of_columns(value, name))
        if points.of_feature(value) or traces.of_mapping(value):
            self.payload(("trace", "trace"))
        self.parts(value, name)
        for key, part in value.items():
            told = str(key)
            if len(told) > 20 or "@" in told:
                self.text(told, name, depth + 1)
            self.any(part, f"{name} {words.in_words(told)}"[-200:].strip(), depth + 1)

    def parts(self, value: Mapping[Any, Any], name: str) -> None:
        """Look at lists of numbers under numbered keys as the one list that they were."""
        lists = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], float)]
        if len(lists) > 1 and len({len(part) for part in lists}) <= 2:
            joined = np.array([number_of(number) for part in lists for number in part])
            if not words.SERIES.search(name) and vectors.is_template(joined, name) and joined.size <= vectors.LONGEST:
                self.add(refusal("biometric", "embedding"))

    def sequence(self, values: list[Any], name: str, depth: int) -> None:
        if not values:
            return
        kinds = {type(part) for part in values}
        if kinds <= {int, float, type(None), np.float64, np.float32, np.int64} and kinds != {type(None)}:
            self.vector(values, name, depth)
            return
        if kinds == {str}:
            self.strings(values, name, depth)
            return
        if all(issubclass(kind, Mapping) for kind in kinds):
            self.records(values, name)
        elif all(issubclass(kind, list | tuple) for kind in kinds):
            self.payload(points.of_frames(values, name) or points.of_stamped(values))
            if self.block(values, name):
                return
        else:
            decimals = [part for part in values if isinstance(part, float)]
            if len(decimals) >= vectors.NUMBERS_MIN and vectors.is_template(np.array(decimals), name):
                self.add(refusal("biometric", "embedding"))
        for part in values:
            self.any(part, name, depth + 1)

    def records(self, values: list[Any], name: str) -> None:
        """Objects side by side: what their words, their points and their columns of numbers tell together."""
        self.payload(bodies.of_keys(part for row in values[:600] for part in row.values() if isinstance(part, str)))
        self.payload(points.of_records(values, name))
        for key, numbers in points.numeric_columns(values):
            if vectors.is_template(numbers, f"{name} {key}".strip()):
                self.add(refusal("biometric", "embedding"))

    def vector(self, values: list[Any], name: str, depth: int) -> None:
        self.nodes -= len(values)
        if self.nodes < 0:
            self.add(_TOO_LARGE)
        if len(values) < 16:
            for part in values:
                if part is not None and abs(part) >= 100_000:
                    self.any(part, name, depth + 1)
        elif all(isinstance(part, int) for part in values):
            self.whole(values, name, depth)
        if len(values) >= 10 and words.JOINTS.search(name):
            self.add(refusal("biometric", "landmarks"))
        numbers = np.array([np.nan if part is None else part for part in values], dtype=np.float64)
        if vectors.is_template(numbers, name):
            self.add(refusal("biometric", "embedding"))
        if words.AUDIO.search(name) and samples.is_waveform(numbers):
            self.add(refusal("audio", "samples"))

    def whole(self, values: list[int], name: str, depth: int) -> None:
        """Look at whole numbers that may be bytes, or decimals of which only the bits were written."""
        low, high = min(values, default=0), max(values, default=0)
        if low >= -128 and high <= 255:
            data = bytes(part & 255 for part in values)
            if kind_of(data) or packed_as(data) or printable(data) or samples.is_sound(data, name):
                self.inside(data, name, depth)
            elif len(data) >= 64 and high >= 245 and 0 <= low <= 10 and vectors.packed_template(data, name):
                self.add(refusal("biometric", "packed-template"))
        elif vectors.bits_of_template(values, name):
            self.add(refusal("biometric", "packed-template"))
        elif -(2**15) <= low < -300 and high < 2**15 and samples.is_sound(np.array(values, "<i2").tobytes(), name):
            self.add(refusal("audio", "samples"))

    def strings(self, values: list[str], name: str, depth: int) -> None:
        try:
            numbers = np.array([float(part.replace(",", ".")) for part in values])
        except ValueError:
            pass
        else:
            if vectors.is_template(numbers, name):
                self.add(refusal("biometric", "embedding"))
            if numbers.size >= vectors.NUMBERS_MIN:
                return
        if len(values) > 1 and all(re.fullmatch(r"[A-Za-z0-9+/=_\s-]{4,}|[0-9A-Fa-fx]{2,4}", part) for part in values):
            joined = "".join(values)
            if len(joined) >= 24 and len(joined) <= CELL_CHARS:
                self.encoded(joined, name, depth)
        for part in values:
            self.any(part, name, depth + 1)

    def block(self, values: list[Any], name: str) -> bool:
        """Look at a rectangular block of numbers; return whether it was one."""
        try:
            array = np.array(values, dtype=np.float64)
        except (ValueError, TypeError):
            return False
        self.nodes -= array.size
        if self.nodes < 0:
            self.add(_TOO_LARGE)
        if array.size and array.ndim == 2:
            self._table(array, values, name)
        elif array.size and array.ndim == 3:
            self._volume(array, name)
        return not array.size or array.ndim < 5

    def _table(self, array: points.Matrix, values: list[Any], name: str) -> None:
        if array.shape[1] == 1:
            self.vector(array.ravel().tolist(), name, DEPTH - 4)
        elif array.shape[1] <= 6:
            self.payload(points.of_matrix(array, name))
        elif array.shape[0] <= 4:
            for row_of_few in values:
                self.vector(row_of_few, name, DEPTH - 4)
        else:
            if points.of_pixels(array, name):
                self.add(refusal("image", "pixels"))
            # Rows that follow each other smoothly are a raster; embeddings of several persons do not.
            rows = sum(vectors.is_template(row, name) for row in array[:64])
            whole = array.size <= 4096 and array.shape[1] <= 64
            several = bool(rows) and rows >= 0.5 * min(len(array), 64)
            if several or (whole and vectors.is_template(array.ravel(), name)):
                self.add(refusal("biometric", "embedding"))

    def _volume(self, array: points.Matrix, name: str) -> None:
        if array.shape[0] < 4 and array.shape[2] <= 6:
            for matrix in array:
                self.payload(points.of_matrix(matrix, name))
        self.payload(points.of_volume(array, name))
        rows = array.reshape(-1, array.shape[-1])[:64]
        if array.shape[-1] > 6 and any(vectors.is_template(row, name) for row in rows):
            self.add(refusal("biometric", "embedding"))


_GUESSED: Final = frozenset({"shifted base64", "base85", "base32hex"})
"""Encodings that nearly any text decodes in: what comes out counts only if it shows what it is."""
_STREAM: Final = re.compile(
    r"\b(?:rtsps?|rtmps?|mms|srt)://\S{4,}|https?://[^\s?#]{4,200}?(?:\.m3u8|\.mpd|/mjpe?g\b|\.mjpe?g|/video\.cgi|/nphMotionJpeg)",
    re.IGNORECASE,
)
"""Addresses at which a camera can be watched; that of one picture of traffic is none."""
_RIDGES: Final = re.compile(r"(?<![A-Za-z])(?:RIG|BIF|bifurcation|ridge ?ending|ridge_ending)(?![A-Za-z])")
_ETHNIC: Final = re.compile(
    r"(?:black|white|asian|latin[oax]|hispanic|caucasian|afric\w+|afro\w*|arab\w*|gitan[oa]|roma(?:ni)?|indigen\w*|indígena|"
    r"negr[oa]|blanc[oa]|branc[oa]|mestiz[oa]|pard[oa]|amarel[oa]|mulat[oa]|schwarz|weiß)",
    re.IGNORECASE,
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_SIGNATURE: Final = re.compile(
    r"(?P<image>JFIF|Exif\0|PNG\r?\n\x1a|IHDR|WEBPVP8|ftyp(?:heic|mif1|avif))|(?P<audio>WAVEfmt|OpusHead|\x01vorbis)|"
    r"(?P<video>ftyp(?:isom|iso\d|mp4\d|qt|3gp|M4)|matroska|webm)"
)
"""What is left of a signature where bytes that are no text were replaced."""

_SHORT_CODE: Final = re.compile(r"[A-Za-z0-9+/_-]{14,27}={0,2}")
_STAMP: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?|[-+]?\d{0,5}(?:\.\d{1,17})?"
)
"""Stamps and measured values: frequent, and nobody's."""

_SPECIAL: Final = re.compile(
    r"\b(?:hiv|aids|cancer|diabet\w+|depression|schizophren\w+|epileps\w+|"
    r"pregnan\w+|disabled|wheelchair user|muslim|jewish|catholic|protestant|"
    r"hindu|buddhist|atheist|gay|lesbian|"
    r"bisexual|transgender|trade union member|"
    r"vih|sida|c[aá]ncer|embarazada|discapacitad[oa]|musulm[aá]n|jud[ií][oa]|"
    r"cat[oó]lic[oa]|gr[aá]vida|deficiente|mu[cç]ulman[oa]|"
    r"krebs|schwanger|behindert|muslim(?:in|isch)?|j[uü]disch|katholisch|"
    r"evangelisch|schwul|lesbisch|gewerkschaftsmitglied|"
    r"s[ée]ropositif|enceinte|handicap[ée]e?|musulmane?|juive?|catholique|"
    r"homosexuel(?:le)?|diagnosed with|diagn[oó]stic[oa]d[oa] (?:de|con|"
    r"com))\b",
    re.IGNORECASE,
)


def special(text: str) -> bool:
    """Whether words of a special category (Source: Regulation (EU) 2016/679, article 9(1)) stand in ``text``."""
    return bool(_SPECIAL.search(text))


def _is_name(text: str) -> bool:
    return (
        bool(re.fullmatch(r"[^\W\d_][\w.'’-]*(?:,? [^\W\d_][\w.'’-]*){0,5}", text)) and text.casefold() not in _NOBODY
    )


_NOBODY: Final = frozenset(
    [
        "unknown",
        "anonymous",
        "none",
        "null",
        "n/a",
        "na",
        "yes",
        "no",
        "true",
        "false",
        "other",
        "open",
        "closed",
        "city",
        "resident",
        "citizen",
        "public",
        "desconocido",
        "anonimo",
        "anónimo",
        "unbekannt",
        "anonym",
        "inconnu",
        "web",
        "phone",
        "app",
    ]
)


__all__ = ["PASS", "PAYLOADS", "look", "special"]
