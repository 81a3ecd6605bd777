"""Approvals, signatures and decisions of a real city: what is refused, what is said, what the ledger proves."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.answerable.register.making import PARTIES, a_text

from cityward.city import City, open_city
from cityward.core.errors import Refused, SettingsError, UserError
from cityward.core.records import Decision, Option, Proposal
from cityward.secure.signed_text import countersign, sign_text, verifier_key

WHY = "Read it line by line."
BY = "Ana Gómez"
SIGNERS = {duty: Ed25519PrivateKey.from_private_bytes(bytes([at + 1]) * 32) for at, duty in enumerate(PARTIES)}
KEYS = {duty: verifier_key(f"some-{duty}", signer.public_key()) for duty, signer in SIGNERS.items()}
BEN = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
BEN_KEY = verifier_key("ben-okri", BEN.public_key())
TREES = "tree-permits"


@pytest.fixture
def city(plain_city: Path, tmp_path: Path, watch) -> Iterator[City]:
    folder = shutil.copytree(plain_city, tmp_path / "city")
    with open_city(folder, watch.clock()) as city:
        (city.folder.systems / f"{TREES}.toml").write_text(a_text(keys=KEYS), encoding="utf-8")
        yield city


def edit(city: City, old: str, new: str) -> None:
    """A hand in the file."""
    path = city.folder.systems / f"{TREES}.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def accept_all(city: City) -> None:
    city.systems.approve(TREES, BY, WHY)
    for duty in PARTIES:
        city.systems.accept(TREES, duty, signer=SIGNERS[duty])


def propose(city: City, system: str = TREES, number: int = 1) -> str:
    proposal = Proposal(
        id=f"P-{number:010x}", about="N-0000000001", service="x", territories=("1",), title="Read it first",
        because="It has five points.", action="Read it", effect="not known", system=system,
        options=(Option(title="Do nothing", action="-", effect="-", known_from="-"),),
    )  # fmt: skip
    with city.writing():
        city.registers.put_findings([], [], [proposal])
    return proposal.id


def decide(city: City, system: str = TREES, number: int = 1) -> Decision:
    return city.decide(propose(city, system, number), "approved", BY, "It is the right one to do.")


def test_a_system_that_affects_rights_decides_nothing_before_every_duty_is_signed(city: City) -> None:
    with pytest.raises(Refused, match="version 1 is not approved by anybody") as refused:
        decide(city)
    assert refused.value.rule == "register-of-systems 2"
    city.systems.approve(TREES, BY, WHY)
    for duty in PARTIES[:-1]:
        city.systems.accept(TREES, duty, signer=SIGNERS[duty])
    with pytest.raises(Refused, match=r"Not accepted by: overseer\."):
        decide(city)
    city.systems.accept(TREES, "overseer", signer=SIGNERS["overseer"])
    decision = decide(city)
    assert "Not accepted" not in decision.explanation
    assert {party.duty: party.name for party in decision.parties}["owner"] == "Some Owner"
    assert city.verify().ok


def test_a_minimal_system_decides_and_says_what_is_missing(city: City) -> None:
    told = decide(city, "cityward-need-scan").explanation
    assert "Its version 0.1 is not approved by anybody." in told
    assert "Not accepted by: designer, manufacturer, owner, operator." in told
    events = city.systems.approve_shipped(BY, "Set up today, by me.")
    assert len(events) == 5
    assert city.systems.approve_shipped(BY, "Set up today, by me.") == []
    assert "is not approved" not in decide(city, "cityward-need-scan", 2).explanation


def test_a_hand_in_the_file_after_approval_is_found(city: City) -> None:
    accept_all(city)
    edit(city, "Write to the ombudsperson.", "Nowhere, it is final.")
    assert city.systems.get(TREES).state == "edited after approval"
    with pytest.raises(Refused, match="edited after its approval: appeal was “Write to"):
        decide(city)
    city.systems.approve(TREES, BY, WHY)
    assert decide(city).by == BY  # the change was not substantial: what was signed still holds


def test_comments_and_layout_are_no_edit(city: City) -> None:
    accept_all(city)
    edit(city, "[model]", "# read on 3 March\n\n[model]")
    assert city.systems.get(TREES).state == "approved"


def test_nobody_writes_himself_out_of_the_strict_class(city: City) -> None:
    accept_all(city)
    edit(city, "rights_affecting = true", "rights_affecting = false")
    with pytest.raises(Refused, match="affects rights or is high-risk"):
        decide(city)
    edit(city, 'version = "1"', 'version = "2"')
    with pytest.raises(Refused, match="affects rights or is high-risk"):
        decide(city)


def test_a_substantial_change_cannot_be_waved_through(city: City) -> None:
    accept_all(city)
    edit(city, "a clerk reads first", "a clerk refuses at once")
    with pytest.raises(UserError, match="was changed substantially"):
        city.systems.approve(TREES, BY, WHY)
    with pytest.raises(UserError, match="still called version 1"):
        city.systems.modify(TREES, BY, WHY, "Some Owner")
    edit(city, 'version = "1"', 'version = "2"')
    with pytest.raises(UserError, match="no party of"):
        city.systems.modify(TREES, BY, WHY, "Somebody Else")
    with pytest.raises(UserError, match="To judge otherwise, give the reason"):
        city.systems.modify(TREES, BY, "It is small.", "Some Owner", "not substantial")
    event = city.systems.modify(TREES, BY, WHY, "Some Owner")
    assert event.substantial
    assert any("article 25(1)(c)" in change for change in event.changes)
    held = {one.duty: one for one in city.systems.get(TREES).holdings}
    assert (held["manufacturer"].party, held["manufacturer"].basis) == ("Some Owner", "article 25")
    with pytest.raises(UserError, match="not signed as it must be"):
        city.systems.accept(TREES, "manufacturer", signer=SIGNERS["manufacturer"])
    for duty in PARTIES:
        city.systems.accept(TREES, duty, signer=SIGNERS["owner" if duty == "manufacturer" else duty])
    assert {one.duty: one.name for one in decide(city).parties}["manufacturer"] == "Some Owner"


def test_a_judgement_against_what_was_computed_needs_a_reason_and_is_kept(city: City) -> None:
    accept_all(city)
    edit(city, "a clerk reads first", "a clerk reads before others")
    edit(city, 'version = "1"', 'version = "2"')
    reason = "The same words in another order; nothing is done otherwise."
    event = city.systems.modify(TREES, BY, reason, "Some Owner", "not substantial")
    assert (event.substantial, event.because) == (False, reason)
    assert city.systems.get(TREES).unaccepted == ()


def test_what_stands_in_the_way_of_an_approval(city: City) -> None:
    edit(city, "a clerk reads first", "a clerk reads first, from the social score of who asks")
    with pytest.raises(Refused, match=r"article 5\(1\)\(c\)") as refused:
        city.systems.approve(TREES, BY, WHY)
    assert refused.value.rule == "ai-act-5(1)(c)"
    edit(city, "social score of who asks", "height of the tree")
    edit(city, 'logs = "Every order is in the ledger for ten years."\n', "")
    with pytest.raises(Refused, match="what it logs"):
        city.systems.approve(TREES, BY, WHY)


def test_a_forbidden_file_stops_nothing_but_itself(city: City) -> None:
    edit(city, 'practice = "case-priority"', 'practice = "social-scoring"')
    with pytest.raises(Refused, match=r"article 5\(1\)\(c\)"):
        decide(city)
    assert decide(city, "cityward-need-scan", 2).outcome == "approved"
    assert list(city.systems.read().problems) == [f"{TREES}.toml"]


def test_signed_elsewhere_or_here_is_the_same(city: City) -> None:
    city.systems.approve(TREES, BY, WHY)
    text = city.systems.text_to_accept(TREES, "owner", date(2014, 7, 3))
    assert text.startswith("Some Owner accepts the duty owner of tree-permits 1, digest ")
    with pytest.raises(UserError, match="not signed as it must be"):
        city.systems.accept(TREES, "owner", note=sign_text(text, "some-owner", BEN))
    with pytest.raises(UserError, match="not signed as it must be"):
        city.systems.accept(TREES, "owner", note=sign_text(text.replace("2014-07-03", "2013-01-01"), "x", BEN))
    with pytest.raises(UserError, match="names no day"):
        city.systems.accept(TREES, "owner", note="hello")
    event = city.systems.accept(TREES, "owner", note=sign_text(text, "some-owner", SIGNERS["owner"]))
    assert event.valid_from == date(2014, 7, 3)
    assert city.systems.accept(TREES, "operator", signer=SIGNERS["operator"]).party == "Some Operator"
    assert "operator" not in city.systems.get(TREES).unaccepted
    assert "owner" in city.systems.get(TREES).unaccepted  # it begins in two days


def test_nobody_accepts_what_is_not_approved_or_not_his(city: City) -> None:
    with pytest.raises(UserError, match="is not approved"):
        city.systems.accept(TREES, "owner", signer=SIGNERS["owner"])
    city.systems.approve(TREES, BY, WHY)
    with pytest.raises(UserError, match="is with Some Owner"):
        city.systems.accept(TREES, "owner", signer=BEN)
    with pytest.raises(UserError, match="has no duty 'king'"):
        city.systems.accept(TREES, "king", signer=BEN)
    city.systems.approve_shipped(BY, "Set up today, by me.")
    with pytest.raises(UserError, match="has no key in the file"):
        city.systems.accept("cityward-planner", "owner", signer=BEN)


def test_a_hand_over_is_signed_by_both_and_ends(city: City, watch) -> None:
    accept_all(city)
    days = {"since": date(2014, 7, 1), "until": date(2014, 7, 3)}
    text = city.systems.text_to_hand_over(TREES, "operator", "Ben Okri", BEN_KEY, **days)
    one_side = sign_text(text, "some-operator", SIGNERS["operator"])
    with pytest.raises(UserError, match="needs both keys"):
        city.systems.hand_over(TREES, "operator", "Ben Okri", BEN_KEY, note=one_side)
    with pytest.raises(UserError, match="before it begins"):
        city.systems.hand_over(
            TREES, "operator", "Ben Okri", BEN_KEY, giver=SIGNERS["operator"], receiver=BEN,
            since=date(2014, 7, 3), until=date(2014, 7, 1),
        )  # fmt: skip
    note = countersign(one_side, "ben-okri", BEN)
    event = city.systems.hand_over(TREES, "operator", "Ben Okri", BEN_KEY, note=note)
    assert (event.valid_from, event.valid_until) == (days["since"], days["until"])
    assert {one.duty: one.name for one in decide(city).parties}["operator"] == "Ben Okri"
    watch.later(days=4)
    assert {one.duty: one.name for one in decide(city, number=2).parties}["operator"] == "Some Operator"
    assert b"Ben" not in b"".join(city._reading_ledger().entries(0, 100))  # digests and duties, never a name


def test_who_has_not_accepted_cannot_hand_over(city: City) -> None:
    city.systems.approve(TREES, BY, WHY)
    with pytest.raises(UserError, match="Nobody has accepted the duty operator"):
        city.systems.hand_over(TREES, "operator", "Ben Okri", BEN_KEY, giver=SIGNERS["operator"], receiver=BEN)


def test_what_ended_decides_nothing(city: City) -> None:
    accept_all(city)
    city.systems.end(TREES, BY, "The law was repealed.")
    with pytest.raises(Refused, match="has ended"):
        decide(city)
    with pytest.raises(UserError, match="ended already"):
        city.systems.end(TREES, BY, "The law was repealed.")
    city.systems.approve(TREES, BY, "The law is back in force.")
    assert decide(city).by == BY


def test_what_is_written_into_the_database_by_hand_counts_for_nothing(city: City) -> None:
    city.systems.approve(TREES, BY, WHY)
    event = city.systems.accept(TREES, "owner", signer=SIGNERS["owner"])
    city.close()
    with sqlite3.connect(city.path / "registers.db") as database:
        changed = database.execute(
            'UPDATE records SET body = replace(body, \'"duty":"owner"\', \'"duty":"overseer"\') WHERE id = ?',
            (event.id,),
        )
        assert changed.rowcount == 1
    assert [one.id for one in city.systems.unproved()] == [event.id]
    assert set(city.systems.get(TREES).unaccepted) == set(PARTIES)


def test_each_event_is_explained(city: City) -> None:
    accept_all(city)
    for event in city.systems.events():
        told = city.explain(event.id)
        assert TREES in told.sentence
        assert "ledger" in told.how_to_check.lower() or "verify" in told.how_to_check


def test_half_a_name_or_no_reason_approves_nothing(city: City) -> None:
    with pytest.raises(UserError, match="Who does this"):
        city.systems.approve(TREES, "Ana", WHY)
    with pytest.raises(UserError, match="Why"):
        city.systems.approve(TREES, BY, "ok")
    assert city.systems.events() == []


def test_two_versions_at_once_decide_nothing(city: City) -> None:
    accept_all(city)
    other = a_text(keys=KEYS, replace={'version = "1"': 'version = "2"'})
    (city.folder.systems / "other.toml").write_text(other, encoding="utf-8")
    with pytest.raises(SettingsError, match="two versions at once"):
        decide(city)


def test_the_demonstration_shows_every_duty_of_its_ranking_accepted(demo_copy: City) -> None:
    standing = demo_copy.systems.get("chicago-food-inspection")
    assert (standing.state, standing.unaccepted) == ("approved", ())
    assert all(one.state == "approved" for one in demo_copy.systems.all())
    assert demo_copy.systems.unproved() == []
