"""Invitations, roles, sessions and tokens, equally on both registers; and what the tables hold of secrets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.secure.access.doors import HERE, NAME, PASSWORD, Opened, let_in, opened

from cityward.core.errors import Refused, SettingsError, UnknownId, UserError
from cityward.secure.access.people import OFFICER
from cityward.secure.access.records import NotRecognised
from cityward.secure.access.tables import ACTS


def cookie(secret: str) -> dict[str, str]:
    return {"cityward": secret}


def acts(world: Opened) -> list[dict]:
    kept: list[bytes] = []
    world.access.settle(lambda entries: kept.extend(entries) or list(range(len(entries))))
    return [msgspec.json.decode(entry) for entry in kept]


def test_the_first_person_is_a_security_officer_and_nobody_is_there_before(both: Opened) -> None:
    assert not both.access.anybody()
    assert both.access.people.all() == []
    with pytest.raises(Refused, match="first person"):
        both.access.people.invite(NAME, ["operator"], "machine")
    person, code = both.access.people.invite(NAME, [OFFICER, "operator"], "machine")
    assert (person.state, person.roles) == ("invited", ("operator", OFFICER))
    assert both.access.signing.invited(code)[0].id == person.id


@pytest.mark.parametrize("name", ["Ana", "", "  ", "x" * 200, "Ana Gómez\n", "1 2"])
def test_a_name_is_a_first_and_a_last_name(world: Opened, name: str) -> None:
    with pytest.raises(UserError):
        world.access.people.invite(name, [OFFICER], "machine")


def test_an_invitation_lasts_a_day_and_works_once(both: Opened) -> None:
    person, code = both.access.people.invite(NAME, [OFFICER], "machine")
    both.time.moves(hours=24, seconds=1)
    with pytest.raises(NotRecognised):
        both.access.signing.invited(code)
    _, second = both.access.people.invite(NAME, [OFFICER], "machine")
    _, third = both.access.people.invite(NAME, [OFFICER], "machine")
    with pytest.raises(NotRecognised):
        both.access.signing.invited(second)  # the newer one took its place
    new = both.access.signing.new_app(person)
    import base64

    right = both.code(base64.b32decode(new.text.replace(" ", "")))
    both.access.signing.accept_password(third, PASSWORD, new.sealed, right, HERE)
    with pytest.raises(NotRecognised):
        both.access.signing.accept_password(third, PASSWORD, new.sealed, right, HERE)


def test_a_session_is_found_ends_when_idle_and_in_any_case(both: Opened) -> None:
    granted, _, _ = let_in(both)
    access = both.access
    found = access.principal_of({}, cookie(granted.session))
    assert found == granted.principal
    assert (found.kind, found.assurance, found.roles) == ("person", "password and code", (OFFICER,))
    assert access.principal_of({}, cookie(granted.session[:-1])) is None
    for _ in range(24):  # used every half hour but a minute it lasts
        both.time.moves(minutes=29)
        access.sessions.forget()
        assert access.principal_of({}, cookie(granted.session)) is not None
    both.time.moves(minutes=25)
    access.sessions.forget()
    assert access.principal_of({}, cookie(granted.session)) is None  # twelve hours


def test_an_idle_session_is_over(world: Opened) -> None:
    granted, _, _ = let_in(world)
    world.time.moves(minutes=30)
    world.access.sessions.forget()
    assert world.access.principal_of({}, cookie(granted.session)) is None


def test_who_is_revoked_is_out_at_once_and_here_too_when_another_program_does_it(both: Opened) -> None:
    let_in(both)
    other, _, _ = let_in(both, "Ben Okri", ("analyst",))
    access = both.access
    assert access.principal_of({}, cookie(other.session)) is not None
    access.people.revoke("Ben Okri", "machine")
    assert access.principal_of({}, cookie(other.session)) is None
    assert access.ways.of(other.principal.id) == []
    again, _, _ = let_in(both, "Ben Okri", ("analyst",))
    elsewhere = both.again()
    assert elsewhere.principal_of({}, cookie(again.session)) is not None
    access.people.revoke(again.principal.id, "machine")
    elsewhere.sessions.forget()  # as after three seconds
    assert elsewhere.principal_of({}, cookie(again.session)) is None


def test_roles_count_at_once_and_the_last_officer_stays(both: Opened) -> None:
    ana, _, _ = let_in(both)
    with pytest.raises(Refused, match="only security officer"):
        both.access.people.set_roles(NAME, ["operator"], "machine")
    with pytest.raises(Refused, match="only security officer"):
        both.access.people.revoke(NAME, "machine")
    with pytest.raises(Refused, match="only security officer"):
        both.access.people.reset(NAME, "all", "machine")
    both.access.people.set_roles(NAME, [OFFICER, "Privacy-Officer"], "machine")
    found = both.access.principal_of({}, cookie(ana.session))
    assert found is not None
    assert found.roles == ("privacy officer", OFFICER)
    with pytest.raises(UserError):
        both.access.people.set_roles(NAME, ["king"], "machine")
    with pytest.raises(UserError):
        both.access.people.set_roles(NAME, ["source"], "machine")


def test_a_second_officer_needs_a_second_person(tmp_path: Path) -> None:
    asked: list[tuple[str, str, str]] = []

    def second(act: str, subject: str, by: str) -> None:
        asked.append((act, subject, by))
        raise Refused("second-person", "not yet")

    world = opened(f"sqlite:///{tmp_path / 'r.db'}", tmp_path / "k", around={"second": second})
    let_in(world)
    with pytest.raises(Refused, match="not yet"):
        world.access.people.invite("Ben Okri", [OFFICER], "p-1")
    ben, _, _ = let_in(world, "Ben Okri", ("analyst",))
    with pytest.raises(Refused, match="not yet"):
        world.access.people.set_roles("Ben Okri", [OFFICER], "p-1")
    assert [one[0] for one in asked] == ["grant security officer"] * 2
    assert asked[1] == ("grant security officer", ben.principal.id, "p-1")


def test_too_many_sessions_push_out_the_least_used(world: Opened) -> None:
    granted, secret, _ = let_in(world)
    sessions = [granted.session]
    for _ in range(3):
        world.time.moves(seconds=31)
        signed = world.access.signing.by_password(NAME, PASSWORD, world.code(secret), HERE)
        sessions.append(signed.session)
    few = world.again(sessions=3)
    world.time.moves(seconds=31)
    last = few.signing.by_password(NAME, PASSWORD, world.code(secret), HERE)
    assert len(few.sessions.of(granted.principal.id)) == 3
    assert [few.principal_of({}, cookie(one)) is not None for one in [*sessions, last.session]] == [
        False, False, True, True, True,
    ]  # fmt: skip


def test_a_new_sign_in_ends_the_session_before_it(world: Opened) -> None:
    granted, secret, _ = let_in(world)
    visit = msgspec.structs.replace(HERE, session=granted.session)
    signed = world.access.signing.by_password(NAME, PASSWORD, world.code(secret), visit)
    assert signed.session != granted.session
    assert world.access.principal_of({}, cookie(granted.session)) is None
    assert world.access.sessions.revoke_all(granted.principal.id) == 1
    assert world.access.principal_of({}, cookie(signed.session)) is None


def test_nobody_ends_a_session_of_somebody_else(world: Opened) -> None:
    ana, _, _ = let_in(world)
    ben, _, _ = let_in(world, "Ben Okri", ("analyst",))
    assert not world.access.sessions.revoke(ana.principal.session, ben.principal.id)
    assert world.access.principal_of({}, cookie(ana.session)) is not None


def test_a_token_is_limited_expires_and_is_revoked(both: Opened) -> None:
    tokens = both.access.tokens
    token, secret = tokens.issue("311 feed", ["intake:write"], 90, "machine", source="311")
    assert secret.startswith(token.prefix)
    found = both.access.principal_of({"authorization": f"Bearer {secret}"}, {})
    assert found is not None
    assert (found.kind, found.id, found.scopes) == ("service", token.id, ("intake:write", "source:311"))
    assert both.access.principal_of({"authorization": f"Bearer {secret}x"}, {}) is None
    assert both.access.principal_of({"authorization": "Bearer "}, {}) is None
    both.time.moves(days=90, seconds=1)
    assert both.access.principal_of({"authorization": f"Bearer {secret}"}, {}) is None  # remembered or not
    other, shown = tokens.issue("x", ["intake:write"], 365, "machine")
    assert both.access.principal_of({"authorization": f"bearer {shown}"}, {}) is not None
    assert tokens.revoke(other.id, "machine").revoked_at == both.time.at
    assert both.access.principal_of({"authorization": f"Bearer {shown}"}, {}) is None
    with pytest.raises(UnknownId):
        tokens.revoke("t-none", "machine")


@pytest.mark.parametrize(
    ("scopes", "days", "name"),
    [
        ((), 9, "x"),
        (("all",), 9, "x"),
        (("*:*",), 9, "x"),
        (("a:b",), 0, "x"),
        (("a:b",), 366, "x"),
        (("a:b",), 9, " "),
    ],
)
def test_a_token_without_limits_is_not_made(world: Opened, scopes: tuple[str, ...], days: int, name: str) -> None:
    with pytest.raises(UserError):
        world.access.tokens.issue(name, scopes, days, "machine")


def test_a_wrong_token_is_not_made_good_by_a_cookie(world: Opened) -> None:
    granted, _, _ = let_in(world)
    assert world.access.principal_of({"authorization": "Bearer cw_x"}, cookie(granted.session)) is None


def test_every_act_waits_for_the_ledger_without_a_name(both: Opened) -> None:
    granted, _, _ = let_in(both)
    both.access.tokens.issue("311 feed", ["intake:write"], 9, granted.principal.id)
    assert both.access.settle(lambda _: None) == 0  # busy: everything stays
    told = acts(both)
    assert [one["facts"]["act"] for one in told] == [
        "person invited", "way added", "way added", "way added", "person let in", "session granted", "token issued",
    ]  # fmt: skip
    assert acts(both) == []
    assert b"Ana" not in msgspec.json.encode(told)
    assert {one["subject"] for one in told[:6]} == {granted.principal.id}


def test_the_database_holds_no_secret(world: Opened) -> None:
    granted, secret, paper = let_in(world)
    _, token = world.access.tokens.issue("311 feed", ["intake:write"], 9, "machine")
    _, code = world.access.people.invite("Ben Okri", ["analyst"], "machine")
    files = b"".join(path.read_bytes() for path in world.key.parent.glob("r*.db*"))
    import base64

    for hidden in (granted.session, granted.device, token, code, PASSWORD, *paper, base64.b32encode(secret).decode()):
        assert hidden.encode() not in files
    assert secret not in files
    assert ACTS.name.encode() in files  # we looked at the right files


def test_without_its_key_nobody_is_recognised_and_no_new_key_is_made(world: Opened) -> None:
    let_in(world)
    assert world.key.stat().st_mode & 0o077 == 0
    world.key.unlink()
    with pytest.raises(SettingsError, match="Restore it"):
        _ = world.again().people
    assert not world.key.exists()
    world.key.write_bytes(b"short")
    with pytest.raises(SettingsError, match="damaged"):
        _ = world.again().people


def test_names_are_found_however_they_are_typed(world: Opened) -> None:
    let_in(world)
    for typed in ("ana gómez", " ANA  GÓMEZ ", "Ana Gómez"):
        assert world.access.people.named(typed) is not None
    assert world.access.people.named("Ana Gomez") is None


def test_what_a_proxy_says_counts_from_that_proxy_alone(world: Opened) -> None:
    access = world.again(proxies=("10.0.0.1",))
    headers = {"x-forwarded-for": "203.0.113.9, 10.0.0.1", "x-client-certificate-sha256": "AB:" * 31 + "AB"}
    assert access.visit(headers, {}, "10.0.0.1").address == "203.0.113.9"
    assert access.visit(headers, {}, "203.0.113.50").address == "203.0.113.50"
    assert access.certificate_of(headers, "10.0.0.1") == "ab" * 32
    assert access.certificate_of(headers, "203.0.113.50") is None
    assert access.certificate_of({"x-client-certificate-sha256": "ab"}, "10.0.0.1") is None


def test_a_certificate_stands_for_a_program(world: Opened) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding

    key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "feed")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(world.time.at).not_valid_after(world.time.at + timedelta(days=9))
    certificate = made.sign(key, None)
    token = world.access.tokens.add_certificate(
        "feed", certificate.public_bytes(Encoding.PEM), ["intake:write"], 9, "machine"
    )
    der = certificate.public_bytes(Encoding.DER)
    shown = world.access.certificate_of({}, "203.0.113.9", der)
    assert shown == certificate.fingerprint(hashes.SHA256()).hex()
    found = world.access.principal_of({}, {}, shown)
    assert found is not None
    assert (found.id, found.assurance) == (token.id, "certificate")
    assert world.access.principal_of({"authorization": f"Bearer {shown}"}, {}) is None  # a fingerprint is no secret
    with pytest.raises(UserError):
        world.access.tokens.add_certificate("feed", b"none", ["intake:write"], 9, "machine")
