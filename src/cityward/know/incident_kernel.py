"""Compiled search for the open incident nearest to a report. Arrays in, arrays out."""

# The functions below are plain loops because they are compiled: vector operations would allocate. They
# are imported where they are used, so that a city that only takes in does not load the compiler.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

METRES_PER_DEGREE = 6_371_008.8 * np.pi / 180.0
"""Of latitude, on the sphere of mean radius (IUGG)."""

SLACK = 1.001
"""Cells are this much wider than twice the radius: the cosine of a band differs a little from a row's."""

MOST_COMPARED = 256
"""Most open incidents that one report is compared with at one place. Only reached when words are asked
even at the same spot and everybody says something else there."""

SAME_SPOT_M = 1.0
"""Within this two addresses are one place however they are written: a corner has two streets."""

NONE = -1


@njit(cache=True, inline="always")
def _slot(family: int, first: int, second: int, mask: int) -> int:
    """Place in the table; different keys may share one, so that every candidate is compared exactly."""
    mixed = np.uint64(family) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= np.uint64(first) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= np.uint64(second) * np.uint64(0x165667B19E3779F9)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(32)
    return int(np.int64(mixed & np.uint64(mask)))


@njit(cache=True)
def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Metres between two near points (degrees): plane at their mean latitude."""
    across = (other_lon - lon) * np.cos(np.radians(0.5 * (lat + other_lat)))
    return float(METRES_PER_DEGREE * np.sqrt(across * across + (other_lat - lat) ** 2))


@njit(cache=True)
def jaccard(words: NDArray[np.uint64], offsets: NDArray[np.int64], one: int, other: int) -> float:
    """Share of the words of two reports that both say; 1 when one of them says nothing."""
    at, end = offsets[one], offsets[one + 1]
    beside, beside_end = offsets[other], offsets[other + 1]
    said, heard = end - at, beside_end - beside
    if said == 0 or heard == 0:
        return 1.0
    common = 0
    while at < end and beside < beside_end:
        if words[at] == words[beside]:
            common += 1
            at += 1
            beside += 1
        elif words[at] < words[beside]:
            at += 1
        else:
            beside += 1
    return float(common / (said + heard - common))


@njit(cache=True)
def _prune(
    head: NDArray[np.int32], following: NDArray[np.int32], slot: int, until: NDArray[np.int64], now: int
) -> None:
    """Take what is closed off the front and out of the middle of a chain: rows come in order of time."""
    while head[slot] != NONE and until[head[slot]] < now:
        head[slot] = following[head[slot]]
    at = head[slot]
    while at != NONE:
        after = following[at]
        while after != NONE and until[after] < now:
            after = following[after]
        following[at] = after
        at = after


@njit(cache=True)
def _nearest_in_cell(
    row: int,
    slot: int,
    head: NDArray[np.int32],
    following: NDArray[np.int32],
    family: NDArray[np.uint32],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    address: NDArray[np.uint64],
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    limits: tuple[float, float, float],
    best: int,
    best_m: float,
) -> tuple[int, float]:
    radius_m, near_m, similarity = limits
    compared, at = 0, head[slot]
    while at != NONE and compared < MOST_COMPARED:
        compared += 1
        if family[at] == family[row]:
            metres = distance_m(lon[row], lat[row], lon[at], lat[at])
            # Of two at equal distance the earlier one: the answer must not depend on the chain's order.
            closer = metres < best_m or (metres == best_m and at < best)
            one_address = address[at] == address[row] or address[at] == 0 or address[row] == 0
            if (
                metres <= radius_m
                and closer
                and (one_address or metres <= SAME_SPOT_M)
                and (metres <= near_m or jaccard(words, offsets, row, at) >= similarity)
            ):
                best, best_m = at, metres
        at = following[at]
    return best, best_m


@njit(cache=True)
def _first_at_address(
    row: int,
    slot: int,
    head: NDArray[np.int32],
    following: NDArray[np.int32],
    family: NDArray[np.uint32],
    address: NDArray[np.uint64],
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    limits: tuple[float, float, float],
) -> int:
    _, near_m, similarity = limits
    compared, best, at = 0, NONE, head[slot]
    while at != NONE and compared < MOST_COMPARED:
        compared += 1
        if (
            family[at] == family[row]
            and address[at] == address[row]
            and (best == NONE or at < best)
            and (near_m >= 0.0 or jaccard(words, offsets, row, at) >= similarity)
        ):
            best = at
        at = following[at]
    return best


@njit(cache=True)
def _nearest(
    row: int,
    cell_degrees: float,
    cells: NDArray[np.int32],
    next_cell: NDArray[np.int32],
    time: NDArray[np.int64],
    until: NDArray[np.int64],
    family: NDArray[np.uint32],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    address: NDArray[np.uint64],
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    limits: tuple[float, float, float],
) -> tuple[int, int]:
    """Return the nearest open incident (or `NONE`), and the chain in which an incident begun here belongs."""
    found, home, best_m = NONE, 0, np.inf
    mask = cells.size - 1
    up = lat[row] / cell_degrees
    band = int(np.floor(up))
    for step in range(2):
        # A circle of half a cell touches at most two bands and two columns.
        this = band if step == 0 else band + (1 if up - band >= 0.5 else -1)
        along = lon[row] * np.cos(np.radians((this + 0.5) * cell_degrees)) / cell_degrees
        column = int(np.floor(along))
        beside = column + (1 if along - column >= 0.5 else -1)
        for shift in range(2):
            slot = _slot(family[row], this, column if shift == 0 else beside, mask)
            if step == 0 and shift == 0:
                home = slot
            _prune(cells, next_cell, slot, until, time[row])
            found, best_m = _nearest_in_cell(
                row, slot, cells, next_cell, family, lon, lat, address, words, offsets, limits, found, best_m
            )
    return found, home


@njit(cache=True)
def lead(
    time: NDArray[np.int64],
    ends: NDArray[np.int64],
    family: NDArray[np.uint32],
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    address: NDArray[np.uint64],
    words: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    limits: tuple[float, float, float],
) -> NDArray[np.int32]:
    """Return for each report the first report of its incident.

    Rows come in order of time. A report joins the nearest incident of its family whose first report lies
    within the radius, at no other address, and that is still open; else it begins one. Distances are to the
    first report, so that incidents do not grow along a street from house to house.

    Parameters
    ----------
    time, ends : array of shape (rows,)
        When reported, and until when that report keeps its case open (microseconds).
    family : array of shape (rows,)
        What may be the same thing.
    lon, lat : array of shape (rows,)
        Degrees; NaN when not known.
    address : array of shape (rows,)
        Hash of the normalised address; 0 when not known.
    words, offsets : array
        Sorted hashes of the words of row ``i`` are ``words[offsets[i]:offsets[i + 1]]``.
    limits : tuple of float
        Radius and near distance (m), least similarity (0 to 1).

    Source
    ------
    Leader clustering: Hartigan (1975), Clustering Algorithms, chapter 3.
    """
    rows = time.size
    size = 1 << max(10, int(np.ceil(np.log2(max(rows, 1)))))
    cells = np.full(size, NONE, dtype=np.int32)  # incidents with a position, by cell
    placed = np.full(size if address.any() and np.isnan(lon).any() else 1, NONE, dtype=np.int32)  # the same, by address
    unplaced = np.full(placed.size, NONE, dtype=np.int32)  # incidents without a position, by address
    next_cell = np.full(rows, NONE, dtype=np.int32)
    next_address = np.full(rows, NONE, dtype=np.int32)
    until = ends.copy()
    leader = np.empty(rows, dtype=np.int32)
    cell_degrees = 2.0 * SLACK * limits[0] / METRES_PER_DEGREE
    for row in range(rows):
        found, home = NONE, 0
        has_position = not np.isnan(lon[row])
        if has_position:
            found, home = _nearest(
                row, cell_degrees, cells, next_cell, time, until, family, lon, lat, address, words, offsets, limits
            )
        by_address = placed.size > 1 and address[row] != 0
        where = _slot(family[row], address[row], 0, placed.size - 1) if address[row] else 0
        if found == NONE and by_address:
            _prune(unplaced, next_address, where, until, time[row])
            found = _first_at_address(row, where, unplaced, next_address, family, address, words, offsets, limits)
        if found == NONE and by_address and not has_position:
            _prune(placed, next_address, where, until, time[row])
            found = _first_at_address(row, where, placed, next_address, family, address, words, offsets, limits)
        if found != NONE:
            leader[row] = found
            until[found] = max(until[found], ends[row])
            continue
        leader[row] = row
        if has_position:
            next_cell[row], cells[home] = cells[home], row
        if by_address and has_position:
            next_address[row], placed[where] = placed[where], row
        elif by_address:
            next_address[row], unplaced[where] = unplaced[where], row
    return leader


BANDS, HASHES = 4, 3


@njit(cache=True)
def sketch(words: NDArray[np.uint64], offsets: NDArray[np.int64], least: int, many: int) -> NDArray[np.uint64]:
    """Return `BANDS` numbers per text; texts with the share J of words in common agree in a given one with J cubed.

    Parameters
    ----------
    words, offsets : array
        Hashes of the distinct words of text ``i`` are ``words[offsets[i]:offsets[i + 1]]``.
    least, many : int
        Texts with fewer words than ``least`` get zeros, with fewer than ``many`` one number of all their words.

    Returns
    -------
    array of shape (texts, `BANDS`)

    Source
    ------
    Min-hash: Broder (1997), On the resemblance and containment of documents, section 3.
    """
    texts = offsets.size - 1
    bands = np.zeros((texts, BANDS), dtype=np.uint64)
    for text in range(texts):
        count = offsets[text + 1] - offsets[text]
        if count < least:
            continue
        if count < many:
            for at in range(offsets[text], offsets[text + 1]):
                bands[text, 0] = _mixed(bands[text, 0] ^ words[at])
            continue
        for band in range(BANDS):
            key = np.uint64(band + 1)
            for draw in range(HASHES):
                salt = np.uint64(band * HASHES + draw + 1) * np.uint64(0x9E3779B97F4A7C15)
                lowest = np.uint64(0xFFFFFFFFFFFFFFFF)
                for at in range(offsets[text], offsets[text + 1]):
                    lowest = min(lowest, _mixed(words[at] ^ salt))
                key = _mixed(key ^ lowest)
            bands[text, band] = key
    return bands


@njit(cache=True, inline="always")
def _mixed(number: np.uint64) -> np.uint64:
    """Stafford's variant 13 of the finaliser of MurmurHash3: every bit in moves half the bits out."""
    number ^= number >> np.uint64(30)
    number *= np.uint64(0xBF58476D1CE4E5B9)
    number ^= number >> np.uint64(27)
    number *= np.uint64(0x94D049BB133111EB)
    return number ^ (number >> np.uint64(31))


@njit(cache=True)
def common_shares(
    words: NDArray[np.uint64], offsets: NDArray[np.int64], one: NDArray[np.uint32], other: NDArray[np.uint32]
) -> NDArray[np.float64]:
    """Return the `jaccard` share of words of each pair of texts."""
    shares = np.empty(one.size, dtype=np.float64)
    for pair in range(one.size):
        shares[pair] = jaccard(words, offsets, one[pair], other[pair])
    return shares
