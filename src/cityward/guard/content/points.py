"""Lists of points: minutiae of fingers, landmarks of faces and bodies, pixels, and traces of movement."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cityward.guard.content import traces, vectors, words

Matrix = NDArray[np.float64]

MINUTIAE_MIN: Final = 8
TRACE_MIN: Final = 3
_LANDMARKS: Final = frozenset({5, 21, 29, 33, 68, 98, 106, 194, 468, 478})
"""Points of face models in use; of the small ones only beside a telling name."""

_MODELS: Final = _LANDMARKS | {13, 14, 15, 16, 17, 18, 19, 25, 26, 133, 543}
_FACES: Final = frozenset({68, 98, 106, 194, 468, 478})
_SEEN: Final = re.compile(r"(?:^| )(?:visibility|presence|confidence|conf|likelihood|score|prob|c)$")
_LAT: Final = re.compile(
    r"(?:^| )(?:lat|latitude|latitud|breite|y|northing|norte|hochwert|lat deg|latitude degrees)(?: ?e7)?$"
)
_LON: Final = re.compile(
    r"(?:^| )(?:lon|lng|long|longitude|longitud|länge|laenge|x|easting|este|rechtswert|longitude degrees)(?: ?e7)?$"
)
_TIME: Final = re.compile(
    r"(?:^| )(?:t|ts|time|times|timestamp|timestamp ms|at|when|date|datetime|"
    r"seen|seen at|seenat|recorded at|recordedat|hora|fecha|zeit|zeitpunkt|"
    r"heure|epoch|utc|gps time|observed at|start|arriv\w*(?: at)?|"
    r"depart\w*|leave|left(?: at)?|exited(?: at)?|llegada|ankunft|entered|entered at|check ?in(?: at)?|from|begin|"
    r"begins|tst|stamp|.{1,40} (?:time|date|at|timestamp|utc|ts|ms))$"
)
_FIXED: Final = re.compile(
    r"(?:^| )(?:stop|station|sensor|depot|site|asset|incident|request|"
    r"case|ticket|complaint|service)(?: (?:id|name|code|no|number|type))?$"
)
_CELL: Final = re.compile(
    r"(?:^| )(?:cid|ci|eci|cell(?: ?id)?|cellid|lac|tac|enb(?: id)?|bssid|celda|antenna(?: id)?|tower(?: id)?|zelle|"
    r"wifi ap|ap)$"
)
_POSITION: Final = re.compile(
    r"(?:^| )(?:from|to|origin|destination|origen|destino|geom|geog|start|end|loc|location|pos|position|point|coord|"
    r"coords|coordinates|geo|gps|latlng|latlon|lonlat|place|geometry)$"
)
_ANGLE: Final = re.compile(
    r"(?:^| )(?:angle|theta|direction|dir|orientation|ang|a|rotation|phi|winkel|angulo|ángulo|heading deg)$"
)
_X: Final = re.compile(r"(?:^| )(?:x|px|pos ?x|x ?coord|col)$")
_Y: Final = re.compile(r"(?:^| )(?:y|py|pos ?y|y ?coord|row)$")


def of_matrix(matrix: Matrix, name: str) -> tuple[str, str] | None:  # noqa: PLR0911 - one kind a line
    """Return class and rule of rows of 2 to 6 numbers, or None."""
    height, width = matrix.shape
    if not np.all(np.isfinite(matrix)):
        return None
    if (
        width == 2
        and np.array_equal(np.diff(matrix[:, 0]), np.ones(height - 1))
        and vectors.is_template(matrix[:, 1], name)
    ):
        return "biometric", "embedding"  # numbered, one a line
    if width <= 4 and vectors.is_template(matrix.ravel(), name) and abs(np.linalg.norm(matrix) - 1) < 0.02:
        return "biometric", "embedding"
    if 3 <= width <= 6 and _minutiae(matrix, name):
        return "biometric", "minutiae"
    if width >= 3 and (_timed_points(matrix) or (width == 3 and _from_start(matrix))):
        return "trace", "trace"
    if words.GAIT.search(name) and height >= 5 and width <= 4 and not _on_earth(matrix[:, :2]):
        return "biometric", "landmarks"
    colours = width == 3 and bool(np.all(matrix == np.rint(matrix))) and matrix.max() <= 255
    if height in (68, 468, 478) and width in (2, 3) and not colours and _face_like(matrix):
        return "biometric", "landmarks"
    return ("biometric", "landmarks") if words.BIOMETRIC.search(name) and height in _LANDMARKS else None


def _from_start(matrix: Matrix) -> bool:
    """Whether places on earth have the seconds since the first beside them, and no heights, numbers or lengths."""
    places, since = matrix[:, :2], matrix[:, 2]
    steps = np.diff(since)
    if since.size < 5 or since[0] != 0 or np.any(steps <= 0) or np.any(since != np.rint(since)) or np.all(steps == 1):
        return False
    if not _on_earth(places) or not np.any(places != np.rint(places)):
        return False
    east, north = np.diff(places, axis=0).T
    along = np.hypot(east, north)
    for shrunk in (1.0, np.cos(np.radians(places[0, 1])), np.cos(np.radians(places[0, 0]))):
        paces = steps / np.maximum(np.hypot(east * shrunk, north), 1e-9)
        if np.std(paces) < 0.15 * np.mean(paces):
            return False  # lengths along a road
    if np.ptp(along) == 0 or np.ptp(steps) == 0:
        return bool(np.ptp(steps) == 0)
    return abs(float(np.corrcoef(along, steps)[0, 1])) < 0.9


def of_volume(volume: Matrix, name: str) -> tuple[str, str] | None:
    """Return class and rule of a block of numbers in three dimensions, or None."""
    frames, middle, inner = volume.shape
    flat = volume.reshape(-1, inner)
    whole = bool(np.all(volume == np.rint(volume)))
    if whole and inner in (3, 4) and min(frames, middle) >= 8 and volume.min() >= 0 and 100 < volume.max() <= 255:
        return "image", "pixels"
    ring = np.array_equal(volume[:, 0], volume[:, -1])
    if frames < 4 or not 5 <= middle <= 543 or inner not in (2, 3, 4) or ring:
        return None
    body = words.GAIT.search(name) or middle in (13, 17, 18, 25, 33, 68, 468)
    return ("biometric", "gait") if body or not _on_earth(flat[:, :2]) else None


def of_frames(frames: Sequence[Any], name: str) -> tuple[str, str] | None:
    """As `of_volume`, of lists of objects with ``x`` and ``y``: joints of a body, picture by picture."""
    first = frames[0]
    if len(frames) < 4 or not 5 <= len(first) <= 543 or not isinstance(first[0], Mapping):
        return None
    if any(len(frame) != len(first) for frame in frames) or not {"x", "y"} <= set(first[0]):
        return None
    joints = [_columns(frame, ("x", "y")) for frame in frames if all(isinstance(joint, Mapping) for joint in frame)]
    whole = [matrix for matrix in joints if matrix is not None]
    return of_volume(np.array(whole), name) if len(whole) == len(frames) else None


def of_stamped(rows: Sequence[Any]) -> tuple[str, str] | None:
    """As `of_matrix`, of rows whose time is written: ``["2014-06-01T08:00Z", 41.88, -87.62]``."""
    first = rows[0]
    if len(rows) >= TRACE_MIN and traces.of_codes(rows):
        return "trace", "trace"
    if len(rows) < TRACE_MIN or not 3 <= len(first) <= 8 or any(len(row) != len(first) for row in rows):
        return None
    times = [at for at, part in enumerate(first) if isinstance(part, str) and re.match(rf"{_STAMP}|\d\d:\d\d", part)]
    numbers = [at for at, part in enumerate(first) if isinstance(part, int | float) and not isinstance(part, bool)]
    if len(times) != 1 or len({str(row[times[0]]) for row in rows}) < TRACE_MIN:
        return None
    for a, b in pairwise(numbers):
        try:
            pair = np.array([[float(row[a]), float(row[b])] for row in rows])
        except (TypeError, ValueError):
            return None
        if _on_earth(pair) and np.any(pair != np.rint(pair)) and b == a + 1 and np.abs(np.diff(pair, axis=0)).max() < 1:
            return "trace", "trace"
    return None


def of_pixels(matrix: Matrix, name: str) -> bool:
    """Whether rows of many small whole numbers are a picture, by name and likeness of neighbours."""
    if min(matrix.shape) < 8 or np.any(matrix != np.rint(matrix)) or matrix.min() < 0 or not 60 < matrix.max() <= 255:
        return False
    return bool(words.IMAGE.search(name) or words.BIOMETRIC.search(name))


def of_records(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[str, str] | None:
    """Return class and rule of a list of objects with the same keys, or None."""
    first = rows[0]
    if len(rows) >= TRACE_MIN and traces.of_codes(rows):
        return "trace", "trace"
    inner = next(
        (key for key, part in first.items() if isinstance(part, list) and part and isinstance(part[0], Mapping)), None
    )
    if inner is not None and all(isinstance(row.get(inner), list) and row[inner] for row in rows):
        joints = of_frames([row[inner] for row in rows], name)
        if joints:
            return joints
    if any((isinstance(part, Mapping) and not _is_place(part)) or _is_xy(part) for part in first.values()):
        rows = [_flat(row) for row in rows]
        first = rows[0]
    keys = {key: words.in_words(str(key)) for key in first}
    x, y = _named(keys, _X), _named(keys, _Y)
    return (
        _directed(rows, keys, name)
        or _landmarks(rows, keys, x, y)
        or _timed_places(rows, keys, x, y)
        or _walking(rows, keys, name)
    )


def _named(keys: Mapping[str, str], pattern: re.Pattern[str]) -> str | None:
    """The first key whose words ``pattern`` finds."""
    return next((key for key, told in keys.items() if pattern.search(told)), None)


def _directed(rows: Sequence[Mapping[str, Any]], keys: Mapping[str, str], name: str) -> tuple[str, str] | None:
    """Points with an angle and no time: endings and forks of a finger's ridges."""
    x, y, angle = _named(keys, _X), _named(keys, _Y), _named(keys, _ANGLE)
    if not (x and y and angle) or len(rows) < MINUTIAE_MIN or _named(keys, _TIME) is not None:
        return None
    matrix = _columns(rows, (x, y, angle))
    found = matrix is not None and (_minutiae(matrix, name) or words.BIOMETRIC.search(name))
    return ("biometric", "minutiae") if found else None


def _timed_places(
    rows: Sequence[Mapping[str, Any]], keys: Mapping[str, str], x: str | None, y: str | None
) -> tuple[str, str] | None:
    """Places, or antennas, each with a time."""
    first = rows[0]
    lat, lon = _named(keys, _LAT), _named(keys, _LON)
    time = next(
        (key for key, told in keys.items() if _TIME.search(told) and not isinstance(first[key], list | Mapping)), None
    )
    place = next((key for key, told in keys.items() if _POSITION.search(told) and _is_place(first[key])), None)
    cells = [key for key, told in keys.items() if _CELL.search(told)]
    somewhere = (lat and lon) or place or cells
    if not time or len(rows) < TRACE_MIN or not somewhere or _named(keys, _FIXED):
        return None
    times = {str(row.get(time)) for row in rows}
    if lat == y and lon == x and _on_picture(rows, (x, y, time)):
        return "biometric", "minutiae"
    places = {str([row.get(key) for key in (lat, lon, place, *cells) if key]) for row in rows}
    return ("trace", "trace") if len(times) >= min(3, len(rows)) and len(places) >= 2 else None


def _walking(rows: Sequence[Mapping[str, Any]], keys: Mapping[str, str], name: str) -> tuple[str, str] | None:
    """Points under a name of gait that lie nowhere on earth."""
    x, y, lat = _named(keys, _X), _named(keys, _Y), _named(keys, _LAT)
    if not (x and y) or len(rows) < 5 or not words.GAIT.search(name):
        return None
    matrix = None if _named(keys, _LAT if lat and lat != y else _ANGLE) else _columns(rows, (x, y))
    return ("biometric", "landmarks") if matrix is not None and not _on_earth(matrix) else None


def _landmarks(
    rows: Sequence[Mapping[str, Any]], keys: Mapping[str, str], x: str | None, y: str | None
) -> tuple[str, str] | None:
    """Points of a model of a body: as many as models have, or each with how well it was seen."""
    if not x or not y or len(rows) < 5:
        return None
    matrix = _columns(rows, (x, y))
    if matrix is None or (_on_earth(matrix) and matrix.max() > 1):
        return None
    seen = any(_SEEN.search(told) for told in keys.values())
    if (seen and len(rows) in _MODELS) or (len(rows) in _FACES and _face_like(matrix)):
        return "biometric", "landmarks"
    return None


def _on_picture(rows: Sequence[Mapping[str, Any]], keys: tuple[str | None, ...]) -> bool:
    """Whether what could be a place and a time are minutiae: whole numbers in no order, within a picture."""
    matrix = _columns(rows, tuple(key for key in keys if key))
    if matrix is None or matrix.shape[1] != 3 or np.any(matrix[:, :2] != np.rint(matrix[:, :2])):
        return False
    return not _ordered(matrix[:, 2]) and _minutiae(matrix, "")


def numeric_columns(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, Matrix]]:
    """Return the numbers under each key that all of ``rows`` have, as long a list as is judged without a name."""
    if len(rows) < vectors.NUMBERS_MIN or len(rows) > vectors.LONGEST:
        return []
    decimal = [key for key, part in rows[0].items() if isinstance(part, float)][:12]
    columns = [(words.in_words(str(key)), _columns(rows, (key,))) for key in decimal]
    return [(key, matrix.ravel()) for key, matrix in columns if matrix is not None]


def of_columns(table: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    """As `of_records`, of an object whose values are columns of one length."""
    lists = {key: value for key, value in table.items() if isinstance(value, list) and len(value) >= TRACE_MIN}
    if len(lists) < 2 or len({len(value) for value in lists.values()}) != 1:
        return None
    rows = [dict(zip(lists, values, strict=True)) for values in zip(*list(lists.values())[:12], strict=True)]
    fixed = {key: value for key, value in table.items() if key not in lists and _FIXED.search(words.in_words(str(key)))}
    return None if fixed else of_records(rows, name)


def of_feature(value: Mapping[str, Any]) -> bool:
    """Whether a GeoJSON line has a time for each of its points, beside them or in its properties."""
    features = value.get("features")
    if isinstance(features, list) and _moving(features):
        return True
    geometry = value.get("geometry") if isinstance(value.get("geometry"), Mapping) else value
    line = geometry.get("coordinates") if isinstance(geometry, Mapping) else None
    if not isinstance(line, list) or len(line) < TRACE_MIN or not isinstance(line[0], list):
        return False
    beside = value.get("properties")
    held = [*value.items(), *(beside.items() if isinstance(beside, Mapping) else ())]
    if isinstance(beside, Mapping) and isinstance(beside.get("coordinateProperties"), Mapping):
        held += beside["coordinateProperties"].items()
    return any(
        isinstance(times, list) and len(times) == len(line) and _FEATURE_TIMES.search(words.in_words(str(key)))
        for key, times in held
    )


def _moving(features: Sequence[Any]) -> bool:
    """Whether points one after the other in time lie a few steps apart: one who moves, and no list of events."""
    rows = []
    for feature in features[:200]:
        properties = feature.get("properties") if isinstance(feature, Mapping) else None
        geometry = feature.get("geometry") if isinstance(feature, Mapping) else None
        if not isinstance(properties, Mapping) or not isinstance(geometry, Mapping) or geometry.get("type") != "Point":
            return False
        told = {words.in_words(str(key)): part for key, part in properties.items()}
        time = next((part for key, part in told.items() if _TIME.search(key)), None)
        if time is None or any(_FIXED.search(key) for key in told) or not _is_place(geometry.get("coordinates")):
            return False
        rows.append((str(time), *geometry["coordinates"][:2]))
    if len(rows) < 5 or sorted({row[0] for row in rows}) != [row[0] for row in rows]:
        return False
    steps = np.abs(np.diff(np.array([row[1:] for row in rows], dtype=np.float64), axis=0))
    return bool(0 < steps.max() < 0.02)


_GPX: Final = re.compile(r"<(?:\w+:)?(?:trkpt|rtept|wpt)\b[^>]*lat=", re.IGNORECASE)
_KML: Final = re.compile(r"<(?:\w+:)?(?:Track|when)>|<gx:coord>|<Trackpoint>|<LatitudeDegrees>", re.IGNORECASE)
_NMEA: Final = re.compile(r"\$(?:GP|GN|GL|GA|BD)(?:RMC|GGA|GLL)[^,]*,")
_STAMP: Final = traces.STAMP
_DEGREE: Final = r"-?\d{1,3}\.\d{3,}"
_FEATURE_TIMES: Final = re.compile(r"times?$|timestamps?$|stamps$|when$")
_LINE: Final = re.compile(
    rf"{_STAMP}[\s,;|@:=/()\[\]a-z]{{1,12}}{_DEGREE}[\s,;|/a-z:=]{{1,8}}{_DEGREE}|"
    rf"{_DEGREE}[\s,;|/a-z:=]{{1,8}}{_DEGREE}[\s,;|@:=/()\[\]a-z]{{1,12}}{_STAMP}",
    re.IGNORECASE,
)


def of_text(text: str) -> bool:
    """Whether ``text`` is a trace: GPX, KML, NMEA, or lines with a time and a position each."""
    timed = "<time>" in text.lower() or "<when>" in text.lower()
    if (_GPX.search(text) or _KML.search(text)) and timed:
        return True
    if len(_NMEA.findall(text[:20_000])) >= TRACE_MIN:
        return True
    found = [match[0] for match in _LINE.finditer(text[:50_000])]
    return len(set(found)) >= TRACE_MIN or traces.of_text(text)


def _columns(rows: Sequence[Mapping[str, Any]], keys: tuple[str, ...]) -> Matrix | None:
    try:
        return np.array([[float(row[key]) for key in keys] for row in rows])
    except (KeyError, TypeError, ValueError):
        return None


def _is_place(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_WRITTEN_PLACE.fullmatch(value.strip()))
    if isinstance(value, Mapping):
        told = " ".join(words.in_words(str(key)) for key in value)
        return bool(re.search(r"\blat|\bx\b|coordinates", told))
    return (
        isinstance(value, list | tuple)
        and 2 <= len(value) <= 3
        and all(isinstance(part, int | float) for part in value)
    )


_WRITTEN_PLACE: Final = re.compile(
    r"(?:SRID=\d+;)?(?:POINT ?Z?M? ?)?\(?-?\d{1,3}\.\d+[,; ]{1,3}-?\d{1,3}\.\d+(?:[,; ]{1,2}-?[\d.]+)?\)?",
    re.IGNORECASE,
)


def _is_xy(value: Any) -> bool:
    return isinstance(value, Mapping) and {"x", "y"} <= {str(key).lower() for key in value}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose inner objects are parts of it."""
    flat: dict[str, Any] = {}
    for key, part in row.items():
        if isinstance(part, Mapping):
            flat |= {f"{key} {inner}": value for inner, value in part.items()}
        else:
            flat[key] = part
    return flat


def _minutiae(matrix: Matrix, name: str) -> bool:
    """Positions on a picture in no order, each with a direction in degrees, radians or ISO's 256 steps."""
    if matrix.shape[0] < MINUTIAE_MIN or matrix.shape[0] > 400:
        return False
    x, y = matrix[:, 0], matrix[:, 1]
    named = bool(words.BIOMETRIC.search(name))
    on_picture = x.min() >= 0 and y.min() >= 0 and x.max() <= 2500 and y.max() <= 2500 and max(x.max(), y.max()) > 60
    if not on_picture or (words.SERIES.search(name) and not named):
        return False
    for at in range(2, min(4, matrix.shape[1])):
        angle = matrix[:, at]
        degrees = angle.min() >= 0 and 100 < angle.max() <= 360
        radians = angle.min() >= -3.15 and 1.5 < angle.max() <= 6.3 and bool(np.any(angle != np.rint(angle)))
        if not (degrees or radians):
            continue
        small = matrix[:, :3].max() <= 255  # could be colours
        ordered = any(_ordered(column) for column in (x, y, angle))
        if named or (not small and not ordered and np.unique(angle).size >= matrix.shape[0] // 3):
            return True
    return False


def _ordered(column: Matrix) -> bool:
    steps = np.diff(column)
    return bool(np.all(steps >= 0) or np.all(steps <= 0))


def _timed_points(matrix: Matrix) -> bool:
    """Rows with a time that runs and a place on earth that moves by little."""
    if matrix.shape[0] < TRACE_MIN:
        return False
    for time in range(matrix.shape[1]):
        others = [at for at in range(matrix.shape[1]) if at != time]
        column = matrix[:, time]
        stamped = 1e9 < column[0] < 5e9 or 1e12 < column[0] < 5e12
        if not (stamped and np.all(np.diff(column) >= 0) and column[-1] > column[0]):
            continue
        for a, b in pairwise(others):
            pair = matrix[:, [a, b]]
            if _on_earth(pair) and np.any(pair != np.rint(pair)) and np.ptp(pair[:, 0]) + np.ptp(pair[:, 1]) > 0:
                return True
    return False


def _on_earth(pair: Matrix) -> bool:
    size = np.abs(pair)
    return bool(
        (size <= 180).all()
        and (size[:, 0] <= 90).all() | (size[:, 1] <= 90).all()
        and np.ptp(pair, axis=0).max() < 20
        and size.max() > 1
    )


def _face_like(matrix: Matrix) -> bool:
    """Landmarks of a face fill a square or so, and are no ring."""
    x, y = matrix[:, 0], matrix[:, 1]
    wide, high = float(np.ptp(x)), float(np.ptp(y))
    on_map = _on_earth(matrix[:, :2]) and wide < 5 and high < 5 and float(np.abs(matrix).max()) > 5
    if _ordered(x) or _ordered(y):
        return False
    return bool(
        wide > 0 and high > 0 and 0.3 < wide / high < 3 and not np.array_equal(matrix[0], matrix[-1]) and not on_map
    )
