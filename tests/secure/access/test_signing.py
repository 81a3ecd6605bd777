"""Password and code: what is taken, what waits, what is told to whom; nobody is locked out by the tries of others."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.secure.access.doors import HERE, NAME, PASSWORD, Opened, let_in

from cityward.core.errors import UserError
from cityward.secure.access import passwords
from cityward.secure.access.codes import STEP_SECONDS, code_at, matching_step
from cityward.secure.access.passwords import Hashing, check_password
from cityward.secure.access.people import folded_name
from cityward.secure.access.records import NotRecognised, TooSoon, Visit
from cityward.secure.access.throttle import ACCOUNT, NETWORK, PAIR, Pace, network_of

THERE = Visit(address="203.0.113.66", agent="a program")


def wrong(world: Opened, visit: Visit = THERE, name: str = NAME, password: str = "x" * 12) -> str:
    """One wrong try; what was answered."""
    with pytest.raises((NotRecognised, TooSoon)) as refused:
        world.access.signing.by_password(name, password, "000000", visit)
    return refused.type.__name__


def tries(world: Opened, count: int, visit: Visit = THERE, name: str = NAME) -> int:
    """Tries at full speed; how many were looked at."""
    return sum(wrong(world, visit, name) == "NotRecognised" for _ in range(count))


def test_a_password_and_a_code_sign_in_and_a_code_counts_once(both: Opened) -> None:
    _, secret, paper = let_in(both)
    sign_in = both.access.signing.by_password
    assert sign_in(NAME, PASSWORD, both.code(secret), HERE).principal.assurance == "password and code"
    with pytest.raises(NotRecognised):
        sign_in(NAME, PASSWORD, both.code(secret), HERE)
    sign_in(NAME, PASSWORD, paper[3].upper().replace("-", " "), HERE)
    with pytest.raises(NotRecognised):
        sign_in(NAME, PASSWORD, paper[3], HERE)
    both.time.moves(seconds=60)
    with pytest.raises(NotRecognised):
        sign_in(NAME, PASSWORD[:-1], both.code(secret), HERE)
    sign_in(NAME.upper(), PASSWORD, both.code(secret), HERE)  # the code was not used up by the wrong password


def test_what_is_wrong_is_answered_alike(world: Opened) -> None:
    _, secret, _ = let_in(world)
    ben, _ = world.access.people.invite("Ben Okri", ["analyst"], "machine")
    right = world.code(secret)
    told = set()
    for name, password, code in (
        (NAME, "x" * 12, right),
        (NAME, PASSWORD, "000000"),
        ("No Body", PASSWORD, right),
        (ben.name, PASSWORD, right),
        ("", "", ""),
        ("\ud800", "\ud800", "\x00"),
    ):
        with pytest.raises(NotRecognised) as refused:
            world.access.signing.by_password(name, password, code, HERE)
        told.add(str(refused.value))
    assert len(told) == 1


def test_an_unknown_name_costs_the_same_hash(world: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    let_in(world)
    hashed: list[str] = []
    signing = world.access.signing
    hasher = signing._hashing._hasher
    kept = type(hasher).verify

    def counted(self: object, against: str, password: str) -> bool:
        hashed.append(against.split("$")[3])
        return kept(self, against, password)

    monkeypatch.setattr(type(hasher), "verify", counted)
    wrong(world)
    wrong(world, name="No Body")
    assert len(hashed) == 2
    assert len(set(hashed)) == 1  # the same costs


def test_five_wrong_tries_are_free_then_each_waits_and_nothing_is_hashed(
    both: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret, _ = let_in(both)
    assert tries(both, 40) == PAIR.free
    hashed: list[int] = []
    monkeypatch.setattr(both.access.signing._hashing, "verify", lambda *_, **__: hashed.append(1))
    with pytest.raises(TooSoon) as wait:
        both.access.signing.by_password(NAME, PASSWORD, both.code(secret), THERE)
    assert wait.value.seconds == 1
    assert not hashed
    monkeypatch.undo()
    both.time.moves(seconds=1)
    assert tries(both, 3) == 1
    both.time.moves(seconds=1)
    assert tries(both, 3) == 0
    both.time.moves(days=1, seconds=31)
    both.access.signing.by_password(NAME, PASSWORD, both.code(secret), THERE)


def test_at_most_so_many_guesses_a_day_from_one_network(world: Opened) -> None:
    let_in(world)
    looked_at = 0
    for _ in range(8 * 12):
        looked_at += tries(world, 2)
        world.time.moves(minutes=5)
    assert looked_at <= 8 * 4 + 30  # every quarter of an hour, after the first that waited less


def test_the_tries_of_others_hold_nobody_up_on_a_known_device(both: Opened) -> None:
    granted, secret, _ = let_in(both)
    for network in range(20):
        tries(both, 6, Visit(address=f"198.51.{network}.1"))
    home = msgspec.structs.replace(HERE, device=granted.device)
    with pytest.raises(TooSoon):
        both.access.signing.by_password(NAME, PASSWORD, both.code(secret), Visit(address="203.0.113.99"))
    both.access.signing.by_password(NAME, PASSWORD, both.code(secret), home)
    assert tries(both, 40, home) == PAIR.free  # but a stolen device guesses no faster than others


def test_a_device_is_known_for_one_person_and_one_password(world: Opened) -> None:
    ana, secret, _ = let_in(world)
    let_in(world, "Ben Okri", ("analyst",))
    visit = msgspec.structs.replace(THERE, device=ana.device)
    assert tries(world, 40, visit, "Ben Okri") == PAIR.free
    world.time.moves(seconds=31)
    signed = world.access.signing.by_password(NAME, PASSWORD, world.code(secret), msgspec.structs.replace(HERE))
    world.access.signing.change_password(signed.principal, PASSWORD, "amber thicket 99 silver", HERE)
    kept = world.access.ways.password(ana.principal.id)
    assert kept is not None
    assert world.access.signing._devices.known(ana.device, ana.principal.id, kept[1]) == ""


def test_slow_and_distributed_guessing_is_told_though_each_network_tries_twice(world: Opened) -> None:
    let_in(world)
    for network in range(25):
        tries(world, 2, Visit(address=f"2001:db8:{network:x}::1"))
        world.time.moves(hours=6)
    told = [facts for kind, facts in world.events if kind == "guessing"]
    assert told[0]["failures"] == 20
    assert told[0]["networks"] == 10
    assert NAME not in str(told)


def test_one_network_that_tries_many_names_is_told(world: Opened) -> None:
    for number in range(12):
        wrong(world, name=f"Person {number}")
    told = [facts["accounts"] for kind, facts in world.events if kind == "spraying"]
    assert told == []  # twelve names are fewer than twenty
    for number in range(12, 25):
        wrong(world, name=f"Person {number}")
    assert [facts["accounts"] for kind, facts in world.events if kind == "spraying"] == [20]


def test_a_hundred_tries_at_once_are_counted_one_by_one(world: Opened) -> None:
    let_in(world)
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(_once(world))) for _ in range(30)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert seen.count("TooSoon") >= 30 - PAIR.free
    assert len(seen) == 30


def _once(world: Opened) -> str:
    try:
        world.access.signing.by_password(NAME, "x" * 12, "000000", THERE)
    except (NotRecognised, TooSoon, UserError) as error:
        return type(error).__name__
    return "in"


def test_no_more_than_two_passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashing, now, most = Hashing(), [0], [0]
    lock, gate = threading.Lock(), threading.Event()
    hashing.hash("x" * 12)

    def slow(*_: object) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(5)
        with lock:
            now[0] -= 1
        return True

    monkeypatch.setattr(type(hashing._hasher), "verify", slow)
    answers: list[object] = []

    def ask(known: bool) -> None:
        try:
            answers.append(hashing.verify("$", "x", known=known))
        except UserError:
            answers.append("busy")

    strangers = [threading.Thread(target=ask, args=(False,)) for _ in range(12)]
    for one in strangers:
        one.start()
    friend = threading.Thread(target=ask, args=(True,))
    friend.start()
    while now[0] < 2:  # a flood of strangers leaves a turn for who is known
        gate.wait(0.01)
    gate.set()
    for one in [*strangers, friend]:
        one.join()
    assert most[0] == passwords.AT_ONCE
    assert answers.count("busy") == 12 - passwords.WAITING_MAX


def test_a_reset_password_still_needs_the_app(both: Opened) -> None:
    granted, secret, _ = let_in(both)
    _, code = both.access.people.reset(NAME, "password", "machine")
    assert both.access.principal_of({}, {"cityward": granted.session}) is None
    with pytest.raises(NotRecognised):
        both.access.signing.accept_password(code, "amber thicket 99 silver", "", "000000", HERE)
    granted, paper = both.access.signing.accept_password(code, "amber thicket 99 silver", "", both.code(secret), HERE)
    assert paper == []
    with pytest.raises(NotRecognised):
        both.access.signing.by_password(NAME, PASSWORD, both.code(secret), HERE)


def test_a_new_password_needs_the_current_one_and_tells_the_watch(world: Opened) -> None:
    granted, _, _ = let_in(world)
    change: Callable[..., None] = world.access.signing.change_password
    with pytest.raises(NotRecognised):
        change(granted.principal, "x" * 12, "amber thicket 99 silver", HERE)
    with pytest.raises(UserError, match="name"):
        change(granted.principal, PASSWORD, "Rivertown Gómez", HERE)
    change(granted.principal, PASSWORD, "amber thicket 99 silver", HERE)
    assert ("way to sign in changed", {"person": granted.principal.id, "way": "password"}) in world.events


def test_attempts_are_kept_for_thirty_days(world: Opened) -> None:
    wrong(world)
    assert world.access.throttle.failures_since(folded_name(NAME), 0) == 1
    world.time.moves(days=30, seconds=1)
    world.access.prune()
    assert world.access.throttle.failures_since(folded_name(NAME), 0) == 0


# -- passwords -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 11, "a" * 64, "aaaaaaaabbbb", "password1234", "PASSWORD1234", "P4ssw0rd!2024", "123456789012",
     "qwertyuiop12", "abcabcabcabc", "passwordpassword", "password password", "iloveyou2024", "letmein-dragon",
     "monkey_shadow", "1qaz2wsx3edc", "!!!password!!!", "ａｂｃｄｅｆｇｈｉｊｋｌ", "987654321098", "abcdefghijklmno",
     "x9ab7cd3ef8gh" * 79],
)  # fmt: skip
def test_what_is_tried_first_is_not_taken(password: str) -> None:
    with pytest.raises(UserError) as refused:
        check_password(password)
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "lantern hollow brisk umber", "пять разных слов тут",
     "五つの違う言葉があるよねえ本当",
     "🦊🌲🏔️🚲☔🎻🍋🧩🪁🦉🐢🌵", "Tr0ub4dor&3xyzzy9", "kJ8#vQ2!mZ5@",
     "seventeen zebras hum", "x9" + "ab7cd3ef8gh1" * 20],
)  # fmt: skip
def test_whatever_else_is_long_enough_is_taken(password: str) -> None:
    check_password(password, ("Rivertown", NAME))


@pytest.mark.parametrize("password", ["rivertown2026", "Ana Gómez 1980", "gómez-rivertown", "RIVERTOWN!!!!"])
def test_names_of_the_city_and_the_person_are_no_password(password: str) -> None:
    with pytest.raises(UserError):
        check_password(password, ("Rivertown", NAME))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.text(max_size=40))
def test_any_text_is_taken_or_refused(password: str, name: str) -> None:
    try:
        check_password(password, (name,))
    except UserError:
        return
    assert len(passwords.normalized(password)) >= passwords.CHARS_MIN


def test_every_keyboard_writes_a_password_alike_and_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Hashing()
    kept = hashing.hash("cafe\u0301 lantern umber")
    assert hashing.verify(kept, "caf\u00e9 lantern umber", known=True)
    long = "lantern hollow " * 60
    kept = hashing.hash(long)
    assert not hashing.verify(kept, long[:-1], known=True)
    assert not hashing.verify(kept, long + "x", known=True)


# -- codes and paces -------------------------------------------------------------------------------


def test_codes_are_those_of_the_standard() -> None:
    secret = b"12345678901234567890"  # RFC 6238, appendix B, the last six digits
    assert [code_at(secret, at // STEP_SECONDS) for at in (59, 1111111109, 2000000000)] == [
        "287082",
        "081804",
        "279037",
    ]


@settings(max_examples=50, deadline=None)
@given(st.integers(-5, 5), st.integers(0, 10**6))
def test_a_code_counts_in_its_half_minute_and_the_next(offset: int, second: int) -> None:
    from datetime import UTC, datetime

    secret, now = b"12345678901234567890", datetime.fromtimestamp(10**9 + second, UTC)
    step = (10**9 + second) // STEP_SECONDS + offset
    found = matching_step(secret, code_at(secret, step), now, 0)
    assert (found == step) == (offset in (0, -1))
    assert matching_step(secret, code_at(secret, step), now, step) is None


@given(st.integers(0, 10**6), st.sampled_from([PAIR, NETWORK, ACCOUNT]))
def test_a_wait_grows_and_ends(failures: int, pace: Pace) -> None:
    assert 0 <= pace.wait_seconds(failures) <= pace.wait_seconds(failures + 1) <= pace.longest_seconds
    assert (pace.wait_seconds(failures) == 0) == (failures < pace.free)


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("::ffff:192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
     ("fe80::1%eth0", "fe80::/64"), ("testclient", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_a_network_is_what_one_household_can_hold(address: str, network: str) -> None:
    assert network_of(address) == network
