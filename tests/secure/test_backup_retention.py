"""Pruning under attack: whoever holds the city's machine and its keys cannot make a trusted prune delete what is good.

The first is the attack of restic's issue 22057: snapshots with chosen times that take the place of the real ones.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secure.backup_fixtures import FIGURES, START, Maker, Server

from cityward.core.errors import Refused
from cityward.secure.backup.prune import look, prune
from cityward.secure.backup.repository import Repository
from cityward.secure.backup.retention import Policy, anomalies, kept, pinned
from cityward.secure.backup.snapshot import Figures, Header, Proof, Snapshot, signed

SMALL = Policy(keep_last=2, keep_daily=7, keep_weekly=4, keep_monthly=3)


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(Server(tmp_path / "repo"))


def there(maker: Maker) -> set[int]:
    repository = Repository(maker.server)
    return {one.header.sequence for one in repository.snapshots() if one.header.index in repository.indexes()}


def test_an_ordinary_prune_keeps_days_weeks_and_months_and_frees_the_rest(maker: Maker) -> None:
    made = maker.days(40)
    plan = look(maker.repository, SMALL)
    assert there(maker) == set(range(1, 41))
    done = prune(Repository(maker.server), SMALL)
    assert (done.keeps, done.drops) == (plan.keeps, plan.drops)
    left = there(maker)
    assert set(range(34, 41)) <= left
    assert 1 in left
    assert len(left) < 15
    assert all(maker.read(made[number - 1]) == b"the good city " + str(number - 1).encode() for number in left)
    assert len(Repository(maker.server).snapshots()) == 40, "headers stay: a gap would be seen"
    assert Repository(maker.server).broken_chain() == []
    assert prune(Repository(maker.server), SMALL).drops == ()


def test_forged_times_do_not_displace_real_snapshots(maker: Maker) -> None:
    made = maker.days(20)
    honest = set(look(maker.repository, SMALL).keeps)
    # One forged snapshot for the end of every day, week and month of the past, all sent now.
    for day in range(20):
        maker.make(b"", says=START + timedelta(days=day, hours=20, minutes=59))
    with pytest.raises(Refused, match=r"clock was \d+ days behind") as told:
        prune(Repository(maker.server), SMALL)
    assert "forged the time" in told.value.remedy
    assert there(maker) == set(range(1, 41))
    # And were the anomalies waved through one by one, the real ones of each earlier day would still stay.
    prune(Repository(maker.server), SMALL, accepted=frozenset(range(21, 41)))
    days = [one for one in made if one.id in honest and one.header.sequence <= 19]
    left = there(maker)
    assert len([one for one in days if one.header.sequence in left]) >= len(days) - 2
    assert maker.read(made[18]) == b"the good city 18"


def test_a_forger_who_keeps_to_the_true_time_displaces_no_day_either(maker: Maker) -> None:
    made = maker.days(10)
    maker.prove(made[8], "drill-1")
    for _ in range(30):  # a month in which only he writes, a hundred a day if he likes
        for _ in range(3):
            maker.make(b"poison")
        maker.server.clock += timedelta(days=1)
    prune(Repository(maker.server), SMALL)
    assert maker.read(made[8]) == b"the good city 8", "what the last drill proved stays"
    assert 1 in there(maker), "so does the first of the month"


def test_forged_proofs_do_not_free_what_was_proven(maker: Maker) -> None:
    made = maker.days(10)
    maker.prove(made[7], "drill-1")
    for number in range(40):
        maker.prove(maker.make(b"poison"), f"forged-{number}")
    maker.server.clock += timedelta(days=300)
    maker.make(b"later")
    prune(Repository(maker.server), msgspec.structs.replace(SMALL, keep_monthly=0, keep_weekly=0, keep_daily=1))
    assert 8 in there(maker)


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        ("foreign", "not signed by the key of this city"),
        ("gap", "are missing"),
        ("replaced", "is damaged"),
        ("cut", "is damaged"),
        ("gone", "is damaged"),
        ("touched", "before snapshot"),
    ],
)
def test_nothing_is_deleted_when_something_does_not_add_up(maker: Maker, attack: str, says: str) -> None:
    made = maker.days(20)
    folder = maker.server.path
    (name, *_) = maker.repository.packs_of(made[-1].header)
    pack = folder / "packs" / name[:2] / name
    if attack == "foreign":
        maker.make(b"theirs", signer=Ed25519PrivateKey.generate())
    elif attack == "gap":
        (folder / "snapshots" / "00000007").unlink()
    elif attack == "replaced":
        size = pack.stat().st_size
        pack.unlink()
        pack.write_bytes(b"\0" * size)
    elif attack == "cut":
        data = pack.read_bytes()
        pack.unlink()
        pack.write_bytes(data[:-1])
    elif attack == "gone":
        pack.unlink()
    elif attack == "touched":  # whoever may change a file can make it younger, never older
        maker.server.arrived["snapshots/00000005"] = maker.server.clock
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    with pytest.raises(Refused, match=says):
        prune(Repository(maker.server), SMALL)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == before


def test_a_forged_sequence_is_refused(maker: Maker) -> None:
    maker.days(5)
    newest = maker.repository.newest()
    assert newest is not None
    forged = msgspec.structs.replace(newest.header, sequence=900, previous=newest.digest)
    maker.server.put("snapshots/00000900", signed(forged, maker.signer))
    with pytest.raises(Refused, match="6 to 899 are missing"):
        prune(Repository(maker.server), SMALL)


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        (msgspec.structs.replace(FIGURES, plain_bytes=90 * 2**20), "shrank from 200 MiB to 90 MiB"),
        (msgspec.structs.replace(FIGURES, plain_bytes=900 * 2**20), "grew from 200 MiB to 900 MiB"),
        (msgspec.structs.replace(FIGURES, entropy_bits=7.9), "look encrypted: 7.9 bits"),
        (msgspec.structs.replace(FIGURES, renamed=60, gone=40), "60 other names, and 40 are gone"),
        (msgspec.structs.replace(FIGURES, replaced=90), "90 have other content"),
    ],
)
def test_a_poisoned_snapshot_stops_the_pruning_until_a_person_looked(maker: Maker, figures: Figures, says: str) -> None:
    maker.days(20)
    bad = maker.make(b"encrypted by somebody", figures=figures)
    with pytest.raises(Refused, match=says):
        prune(Repository(maker.server), SMALL)
    assert there(maker) == set(range(1, 22))
    prune(Repository(maker.server), SMALL, accepted=frozenset({bad.header.sequence}))
    assert len(there(maker)) < 21


@pytest.mark.parametrize(("years", "says"), [(3, "clock runs ahead"), (-1, "clock runs behind")])
def test_a_clock_that_is_years_off_deletes_nothing(maker: Maker, years: int, says: str) -> None:
    maker.days(20)
    maker.server.clock += timedelta(days=365 * years)
    with pytest.raises(Refused) as told:
        prune(Repository(maker.server), SMALL)
    assert says in told.value.remedy
    assert there(maker) == set(range(1, 21))
    # Even with the check switched off a clock ahead makes nothing old: days are counted by snapshots.
    chain = maker.repository.snapshots()
    assert len(kept(chain, [], SMALL)) >= 7


def test_packs_that_are_being_written_stay(maker: Maker) -> None:
    maker.days(3)
    maker.server.put("packs/ab/abandoned", b"x")
    prune(Repository(maker.server), SMALL)
    assert (maker.server.path / "packs/ab/abandoned").exists()
    maker.server.clock += timedelta(days=2)
    prune(Repository(maker.server), SMALL)
    assert not (maker.server.path / "packs/ab/abandoned").exists()


def _snapshot(number: int, hours: int) -> Snapshot:
    header = Header(
        repository="r", sequence=number, step=0, previous="", made_at=START, epoch="", listing=(), index=str(number),
        figures=FIGURES, ledger=0, root="",
    )  # fmt: skip
    return Snapshot(header, f"{number:064x}", START + timedelta(hours=hours), right=True)


@settings(max_examples=60, deadline=None)
@given(
    honest=st.lists(st.integers(0, 2_000), min_size=1, max_size=40),
    forged=st.lists(st.integers(0, 100), max_size=40),
)
def test_what_comes_later_never_takes_the_place_of_an_earlier_day(honest: list[int], forged: list[int]) -> None:
    """For any past, and any number sent from then on within one day, all that was kept of earlier days stays."""
    hours = sorted(honest)
    past = [_snapshot(number, at) for number, at in enumerate(hours, 1)]
    policy = msgspec.structs.replace(SMALL, keep_last=1)
    before = kept(past, [], policy)
    attack_at = hours[-1]
    more = [_snapshot(len(past) + number, attack_at) for number, _ in enumerate(forged, 1)]
    after = kept([*past, *more], [], policy)
    bucketed = {number for number, why in before.items() if set(why) - {"newest"}}
    assert bucketed <= set(after)


def test_pins_are_of_days_and_only_of_markers_that_fit() -> None:
    chain = [_snapshot(number, number) for number in range(1, 10)]

    def proof(number: int, digest: str | None = None) -> Proof:
        return Proof(repository="r", sequence=number, step=0, header=digest or f"{number:064x}", drill="d")

    told = [(proof(1), START), (proof(2), START + timedelta(days=1)), (proof(3, "other"), START + timedelta(days=2))]
    assert pinned(chain, told) == [2, 1]
    assert anomalies([replace(chain[0], at=START)], START, Policy()) == []
