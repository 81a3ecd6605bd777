"""Kinds of bytes by how they begin: pictures, sound, film, biometric records and packed files."""

from __future__ import annotations

import re
import struct
from typing import Final

_STARTS: Final = (
    (b"\xff\xd8\xff", "image", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image", "png"),
    (b"GIF87a", "image", "gif"),
    (b"GIF89a", "image", "gif"),
    (b"II*\0", "image", "tiff"),
    (b"MM\0*", "image", "tiff"),
    (b"II+\0", "image", "tiff"),
    (b"MM\0+", "image", "tiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image", "jpeg-2000"),
    (b"\xff\x4f\xff\x51", "image", "jpeg-2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image", "jpeg-xl"),
    (b"8BPS", "image", "psd"),
    (b"farbfeld", "image", "farbfeld"),
    (b"P7\nWIDTH", "image", "pnm"),
    (b"qoif", "image", "qoi"),
    (b"v/1\x01", "image", "openexr"),
    (b"SIMPLE  =", "image", "fits"),
    (b"#?RADIANCE", "image", "hdr"),
    (b"DDS \x7c", "image", "dds"),
    (b"icns", "image", "icns"),
    (b"FLIF", "image", "flif"),
    (b"BPG\xfb", "image", "bpg"),
    (b"gimp xcf", "image", "xcf"),
    (b"AT&TFORM", "image", "djvu"),
    (b"IIRO", "image", "raw"),
    (b"IIRS", "image", "raw"),
    (b"IIU\0", "image", "raw"),
    (b"FUJIFILMCCD-RAW", "image", "raw"),
    (b"\xffWSQ", "biometric", "wsq"),
    (b"\xff\xa0\xff\xa8", "biometric", "wsq"),
    (b"\xff\xa0\xff\xa4", "biometric", "wsq"),
    (b"\xff\xa0\xff\xa6", "biometric", "wsq"),
    (b"fLaC", "audio", "flac"),
    (b"OggS", "audio", "ogg"),
    (b"ID3", "audio", "mp3"),
    (b"#!AMR", "audio", "amr"),
    (b"#!SILK", "audio", "silk"),
    (b"caff\0", "audio", "caf"),
    (b".snd", "audio", "au"),
    (b"ADIF", "audio", "aac"),
    (b"wvpk", "audio", "wavpack"),
    (b"MAC \x96", "audio", "ape"),
    (b"RF64", "audio", "wav"),
    (b"BW64", "audio", "wav"),
    (b"riff\x2e\x91\xcf\x11", "audio", "wav"),
    (b"Creative Voice File", "audio", "voc"),
    (b"\x02dss", "audio", "dss"),
    (b"\x03ds2", "audio", "dss"),
    (b"TTA1", "audio", "tta"),
    (b"MPCK", "audio", "musepack"),
    (b"DSD ", "audio", "dsd"),
    (b"\x7f\xfe\x80\x01", "audio", "dts"),
    (b".RMF\0", "video", "realmedia"),
    (b"DKIF\0\0", "video", "ivf"),
    (b"YUV4MPEG2", "video", "y4m"),
    (b"\0\0\x01\x67", "video", "h264"),
    (b"\0\0\0\x01\x27", "video", "h264"),
    (b"\0\0\x01\x40\x01", "video", "h265"),
    (b"\x1aE\xdf\xa3", "video", "matroska"),
    (b"FLV\x01", "video", "flv"),
    (b"\0\0\x01\xba", "video", "mpeg"),
    (b"\0\0\x01\xb3", "video", "mpeg"),
    (b"\0\0\x01\xb0", "video", "mpeg-4"),
    (b"\0\0\x01\xb6", "video", "mpeg-4"),
    (b"\0\0\0\x01\x09", "video", "h264"),
    (b"\0\0\0\x01\x06", "video", "h264"),
    (b"\0\0\0\x01\x67", "video", "h264"),
    (b"\0\0\0\x01\x40\x01", "video", "h265"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video", "asf"),
)
_BIOMETRIC: Final = (
    b"FMR\0",
    b"FAC\0",
    b"FIR\0",
    b"IIR\0",
    b"VDF\0",
    b"SPR\0",
    b"HND\0",
    b"PLM\0",
    b"FCD\0",
    b"SKE\0",
    b"VIR\0",
    b"DRV\0",
    b"GAT\0",
)
"""Format identifiers of ISO/IEC 19794 records (Source: ISO/IEC 19794-2, -4, -5, -6, -7, -8, -9, -10)."""
_BIOMETRIC_HEAD: Final = re.compile(
    rb"(?:FMR|FAC|FIR|IIR|FMC|VDF|HND|SPR|SKE|VIR|SDI|DNA|GAT|PLM)[\0 "
    rb"][\0 ]?\d{2,3}[\0 ]|(?:FMR|FAC|FIR|IIR) \d\d|CBEFF|<BIR[ >]|BioAPI|"
    rb"BiometricDataBlock"
)
_PACKED: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "lzma"),
    (b"\x28\xb5\x2f\xfd", "locked"),  # Zstandard
    (b"\x04\x22\x4d\x18", "locked"),  # LZ4
    (b"\xff\x06\0\0sNaPpY", "locked"),
    (b"7z\xbc\xaf\x27\x1c", "locked"),
    (b"Rar!\x1a\x07", "locked"),
    (b"MSCF\0\0\0\0", "locked"),
    (b"LZIP\x01", "locked"),
    (b"\x89LZO\0", "locked"),
)
"""Packings by their first bytes; ``locked``: nothing here can open them."""

_ZLIB: Final = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_VIDEO_BRANDS: Final = re.compile(rb"isom|iso\d|mp4\d|avc1|qt  |M4V|3g[p2]|mmp4|dash|f4v|MSNV|XAVC|hvc1")
_AUDIO_BRANDS: Final = re.compile(rb"M4A|M4B|M4P")
_IMAGE_BRANDS: Final = re.compile(rb"hei[cxms]|hev[cx]|mif1|msf1|avi[fs]|crx ")
_BOXES: Final = frozenset({b"moov", b"mdat", b"moof", b"styp", b"sidx", b"wide", b"pnot", b"emsg"})
"""First boxes of films without ``ftyp``, whole or in fragments (Source: ISO/IEC 14496-12)."""
_TEMPLATE: Final = re.compile(rb"\x7f[\x2e\x60\x61](?:[\x08-\x7f]|\x81.|\x82..)[\x02\x5f\x7f\x80-\xa1]", re.DOTALL)
"""Biometric information templates of cards (Source: ISO/IEC 7816-11)."""
_INSIDE: Final = (
    (re.compile(rb"\xff\xd8\xff[\xc0-\xfe]..(?:JFIF|Exif|ICC_P|Adobe|Ducky)", re.DOTALL), "image", "jpeg"),
    (re.compile(rb"\xff\xd8\xff(?:\xdb\0[\x43\x84]|[\xc0\xc2]\0\x11)"), "image", "jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image", "png"),
    (re.compile(rb"GIF8[79]a.{4}[\x70-\xff]", re.DOTALL), "image", "gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image", "webp"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio", "wav"),
    (re.compile(rb"RIFF.{4}AVI ", re.DOTALL), "video", "avi"),
    (re.compile(rb"OggS\0[\0-\x07].{8}", re.DOTALL), "audio", "ogg"),
    (re.compile(rb"fLaC[\0\x80]\0\0\x22"), "audio", "flac"),
    (re.compile(rb"ftyp(?:hei[cxms]|hev[cx]|mif1|msf1|avi[fs])"), "image", "heif"),
    (re.compile(rb"ftyp(?:isom|iso\d|mp4\d|avc1|qt  |M4V |3gp\d)"), "video", "mp4"),
    (re.compile(rb"ftypM4A "), "audio", "aac"),
    (re.compile(rb"\x1aE\xdf\xa3.{1,40}(?:webm|matroska)", re.DOTALL), "video", "matroska"),
    (re.compile(rb"(?i:content-type):\s{0,4}image/(?!svg)"), "image", "mime"),
    (re.compile(rb"(?i:content-type):\s{0,4}audio/"), "audio", "mime"),
    (re.compile(rb"(?i:content-type):\s{0,4}video/"), "video", "mime"),
    (re.compile(rb"/DCTDecode|/JPXDecode|/Subtype\s*/Image"), "image", "pdf-with-image"),
    (re.compile(rb"FMR\0 ?\d\d\0|FAC\0\d\d\d\0|FIR\0\d\d\d\0|IIR\0\d\d\d\0"), "biometric", "iso-19794"),
)
INSIDE_BYTES: Final = 2**20
"""How far into a value the second look for signatures goes."""


_HASH_LONGEST: Final = 80
"""Bytes from which on two of them may stand for a kind: a hash of any size is shorter."""


def kind_of(data: bytes) -> tuple[str, str] | None:
    """Return class and format of ``data`` by its signature, or None."""
    found = _by_start(data) or _by_frame(data)
    if found or len(data) < 32:
        return found
    head = data[:INSIDE_BYTES]
    for pattern, field_class, name in _INSIDE:
        if pattern.search(head):
            return field_class, name
    return ("image", "dicom") if data[128:132] == b"DICM" else None


def packed_as(data: bytes) -> str | None:
    """Return the kind of packing of ``data``: gzip, zlib, zip, bzip2, xz, lzma, tar, locked; or None."""
    for start, name in _PACKED:
        if data.startswith(start):
            return name
    if data[:2] in _ZLIB:
        return "zlib"
    return "tar" if data[257:262] == b"ustar" else None


def _by_start(data: bytes) -> tuple[str, str] | None:
    for start, field_class, name in _STARTS:
        if data.startswith(start):
            return field_class, name
    if data[:4] in _BIOMETRIC or _BIOMETRIC_HEAD.match(data[:64]):
        return "biometric", "iso-19794"
    if data[:4] == b"RIFF" and len(data) >= 12:
        return _RIFF.get(data[8:12])
    return _boxed(data) or _streamed(data) or _recorded(data) or _bitmap(data)


_RIFF: Final = {
    b"WEBP": ("image", "webp"),
    b"WAVE": ("audio", "wav"),
    b"QLCM": ("audio", "qcp"),
    b"AVI ": ("video", "avi"),
}


def _boxed(data: bytes) -> tuple[str, str] | None:
    """Files made of boxes, each with its length and name before it (Source: ISO/IEC 14496-12; EA IFF 85)."""
    if data[:4] == b"FORM" and data[8:12] in (b"AIFF", b"AIFC"):
        return "audio", "aiff"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if _IMAGE_BRANDS.match(brand):
            return "image", "heif"
        return ("audio", "aac") if _AUDIO_BRANDS.match(brand) else ("video", "mp4")
    if data[4:8] in _BOXES and 8 <= int.from_bytes(data[:4]) < 2**31:
        return "video", "mov"
    return None


def _streamed(data: bytes) -> tuple[str, str] | None:
    """Films that are told by what comes again and again in them, or by a version that can be."""
    if any(data[first : first + 2 * stride + 1 : stride] == b"GGG" for first, stride in ((0, 188), (4, 192))):
        return "video", "mpeg-ts"
    if data[:3] in (b"FWS", b"CWS", b"ZWS") and len(data) >= 32 and 3 < data[3] < 60:
        return "video", "swf"
    return ("video", "h264") if _units(data) else None


def _recorded(data: bytes) -> tuple[str, str] | None:
    """Records of biometric exchange (Source: ANSI/NIST-ITL 1; ISO/IEC 7816-11)."""
    if re.match(rb"1\.0?01:\d{1,6}\x1d", data):
        return "biometric", "ansi-nist"
    return ("biometric", "iso-7816-11") if _TEMPLATE.match(data[:8]) else None


def _units(data: bytes) -> bool:
    """Whether ``data`` are units of H.264, each with its length before it (Source: ISO/IEC 14496-15)."""
    at, units = 0, 0
    while at + 5 <= len(data) and units < 3:
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4] & 0x9F
        if not 2 <= size < 2**22 or kind not in (1, 5, 6, 7, 8, 9):
            return False
        at, units = at + 4 + size, units + 1
    return units >= 2


def _bitmap(data: bytes) -> tuple[str, str] | None:
    if data[:2] == b"BM" and len(data) >= 18:
        reserved, offset, header = struct.unpack("<III", data[6:18])
        if header in (12, 40, 52, 56, 64, 108, 124) or (reserved == 0 and 26 <= offset <= 2048):
            return "image", "bmp"
    if data[:4] == b"\0\0\x01\0" and len(data) > 22 and 0 < data[4] < 20 and data[5] == 0 and data[9] == 0:
        return "image", "ico"
    if re.match(rb"\x0a[\x00\x02-\x05]\x01[\x01\x02\x04\x08]", data) and len(data) >= 128:
        return "image", "pcx"
    if data[:2] == b"\xff\x0a" and len(data) >= _HASH_LONGEST:
        return "image", "jpeg-xl"
    if re.match(rb"P[1-7]\s+(?:#[^\n]*\n)?\d{1,5}\s+\d{1,5}\s", data[:64]):
        return "image", "pnm"
    return None


def _by_frame(data: bytes) -> tuple[str, str] | None:
    """MPEG audio and its like have no signature: a frame's header, all of whose fields hold."""
    if len(data) < _HASH_LONGEST:
        return None
    if data[:2] == b"\x0bw" and data[5] >> 3 <= 16 and data[4] >> 6 != 3:
        return "audio", "ac3"
    if data[0] != 0xFF:
        return None
    if data[1] & 0xF6 == 0xF0 and (data[2] >> 2) & 0xF <= 12 and data[1] in (0xF0, 0xF1, 0xF8, 0xF9):
        return "audio", "aac"
    if data[1] & 0xE0 == 0xE0 and (data[1] >> 3) & 3 != 1 and (data[1] >> 1) & 3 == 1:
        bitrate, rate = data[2] >> 4, (data[2] >> 2) & 3
        if 0 < bitrate < 15 and rate != 3:
            return "audio", "mp3"
    return None
