"""The scan against published outputs of the reference program (NYC fever, 9,999 replicates)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cityward.know.scan import distance_order, scan_permutation

FIRST_DAY, LAST_DAY = date(2001, 11, 1), date(2001, 11, 24)
PUBLISHED = [
    # statistic, observed, expected, p, first day, members
    (3.845418, 4, 0.67, 0.2112, 22, ["11418", "11415", "11419", "11435", "11416", "11421", "11451", "11375", "11417"]),
    (3.164201, 2, 0.16, 0.4944, 24, ["11372"]),
    (2.137259, 2, 0.29, 0.9590, 23, ["10472"]),
    (1.427139, 2, 0.45, 0.9996, 24, ["10469", "10475", "10467", "10466"]),
]


@pytest.fixture(scope="module")
def fever(shared_data: Path) -> tuple[np.ndarray, list[str], np.ndarray]:
    folder = shared_data / "scan_reference" / "inputs"
    places = [line.split() for line in (folder / "NYCfever.geo").read_text().splitlines() if line.strip()]
    ids = [place[0] for place in places]
    counts = np.zeros(((LAST_DAY - FIRST_DAY).days + 1, len(ids)), dtype=np.int64)
    for line in (folder / "NYCfever.cas").read_text().splitlines():
        place, cases, day = line.split()
        counts[(date(*map(int, day.split("/"))) - FIRST_DAY).days, ids.index(place)] += int(cases)
    order = distance_order(np.array([float(p[2]) for p in places]), np.array([float(p[1]) for p in places]), max_km=3)
    return counts, ids, order


def test_every_published_cluster_is_found(fever):
    counts, ids, order = fever
    found = scan_permutation(counts, order, max_days=7, replicates=9999, rng=np.random.default_rng(1)).clusters
    for cluster, (statistic, observed, expected, p_value, first, members) in zip(found, PUBLISHED, strict=False):
        assert cluster.statistic == pytest.approx(statistic, abs=1e-5)
        assert cluster.observed == observed
        assert cluster.expected == pytest.approx(expected, abs=0.006)
        assert [ids[member] for member in cluster.members] == members
        assert (cluster.first_day + 1, cluster.last_day + 1) == (first, 24)
        error = 4 * np.sqrt(2 * p_value * (1 - p_value) / 9999) + 2e-4  # both are Monte Carlo estimates
        assert abs(cluster.p_value - p_value) < error


def test_the_bound_does_not_change_any_replicate(fever, monkeypatch):
    """Replicates with a bound have the same maxima as replicates computed in full."""
    from cityward.know.scan import permutation

    counts, _, order = fever
    fast = scan_permutation(counts, order, max_days=7, replicates=199, rng=np.random.default_rng(5))
    monkeypatch.setattr(permutation, "PILOT_REPLICATES", 199)
    full = scan_permutation(counts, order, max_days=7, replicates=199, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(fast.replicate_statistics, full.replicate_statistics)


def test_threads_do_not_change_the_result(fever):
    import numba

    counts, _, order = fever
    many = scan_permutation(counts, order, max_days=7, replicates=199, rng=np.random.default_rng(5))
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = scan_permutation(counts, order, max_days=7, replicates=199, rng=np.random.default_rng(5))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(many.replicate_statistics, one.replicate_statistics)
    assert many.clusters == one.clusters
