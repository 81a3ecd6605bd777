"""The scan against published outputs of the reference program (NYC fever, 9,999 replicates)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numba
import numpy as np
import pytest

from cityward.know.scan import Design, Study, scan, significance

FIRST_DAY, LAST_DAY = date(2001, 11, 1), date(2001, 11, 24)
PUBLISHED = [
    # statistic, observed, expected, p, first day, members
    (3.845418, 4, 0.67, 0.2112, 22, ["11418", "11415", "11419", "11435", "11416", "11421", "11451", "11375", "11417"]),
    (3.164201, 2, 0.16, 0.4944, 24, ["11372"]),
    (2.137259, 2, 0.29, 0.9590, 23, ["10472"]),
    (1.427139, 2, 0.45, 0.9996, 24, ["10469", "10475", "10467", "10466"]),
]
WEEK_OF_3_KM = Design(max_intervals=7, max_km=3, replicates=199)


@pytest.fixture(scope="module")
def fever(shared_data: Path) -> tuple[Study, list[str]]:
    folder = shared_data / "scan_reference" / "inputs"
    places = [line.split() for line in (folder / "NYCfever.geo").read_text().splitlines() if line.strip()]
    ids = [place[0] for place in places]
    counts = np.zeros((1, (LAST_DAY - FIRST_DAY).days + 1, len(ids)), dtype=np.int64)
    for line in (folder / "NYCfever.cas").read_text().splitlines():
        place, cases, day = line.split()
        counts[0, (date(*map(int, day.split("/"))) - FIRST_DAY).days, ids.index(place)] += int(cases)
    return Study(np.array([float(p[2]) for p in places]), np.array([float(p[1]) for p in places]), counts), ids


def test_every_published_cluster_is_found(fever):
    study, ids = fever
    design = Design(max_intervals=7, max_km=3, replicates=9999)
    found = scan(study, design, np.random.default_rng(1)).clusters
    for cluster, (statistic, observed, expected, p_value, first, members) in zip(found, PUBLISHED, strict=False):
        assert cluster.statistic == pytest.approx(statistic, abs=1e-5)
        assert cluster.observed == observed
        assert cluster.expected == pytest.approx(expected, abs=0.006)
        assert [ids[member] for member in cluster.members] == members
        assert (cluster.first + 1, cluster.last + 1) == (first, 24)
        error = 4 * np.sqrt(2 * p_value * (1 - p_value) / 9999) + 2e-4  # both are Monte Carlo estimates
        assert abs(cluster.p_value - p_value) < error


def test_the_bound_does_not_change_any_replicate(fever, monkeypatch):
    """Replicates with a bound have the same maxima as replicates computed in full."""
    study, _ = fever
    fast = scan(study, WEEK_OF_3_KM, np.random.default_rng(5))
    monkeypatch.setattr(significance, "PILOT", WEEK_OF_3_KM.replicates)
    full = scan(study, WEEK_OF_3_KM, np.random.default_rng(5))
    np.testing.assert_array_equal(fast.maxima, full.maxima)


def test_threads_do_not_change_the_result(fever):
    study, _ = fever
    many = scan(study, WEEK_OF_3_KM, np.random.default_rng(5))
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = scan(study, WEEK_OF_3_KM, np.random.default_rng(5))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(many.maxima, one.maxima)
    assert many.clusters == one.clusters
