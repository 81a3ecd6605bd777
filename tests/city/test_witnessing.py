"""A city and its witnesses, over HTTP; its keys handed over, retired and lost; its receipts."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import uvicorn
from starlette.testclient import TestClient

from cityward.act.send.way import NotDelivered
from cityward.api import create_app
from cityward.api.witness import create_witness_app
from cityward.city import City, open_city
from cityward.city.witness_rounds import WitnessRounds
from cityward.core.clock import Clock
from cityward.core.errors import LedgerError, SettingsError, UserError
from cityward.core.receipts import receipt
from cityward.secure.keys import load_public_key, load_signer
from cityward.secure.ledger import verify
from cityward.secure.merkle import leaf_hash, root_of
from cityward.secure.note import Checkpoint, check, parse, sign
from cityward.secure.standalone_verifier import NotProved, Policy, check_proof, read_key, read_log
from cityward.secure.witness_folder import make_witness, open_witness, trust

NAMES = ("w.example/1", "w.example/2")


class Witnesses:
    """Witnesses that listen on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.servers, self.keys = folder, {}, {}

    def start(self, name: str, city_key: str) -> str:
        """Serve a witness; return the table that asks it."""
        place = self.folder / name.replace("/", "-")
        if name not in self.keys:
            self.keys[name] = make_witness(place, name)
        trust(place, city_key)
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(create_witness_app(open_witness(place)), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        self.servers[name] = (server, thread)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        return f'[[ledger.witnesses.ask]]\nurl = "{url}"\nkey = "{self.keys[name]}"\nallow_private = true\n'

    def close(self) -> None:
        for server, thread in self.servers.values():
            server.should_exit = True
            thread.join()


@pytest.fixture
def witnesses(tmp_path: Path) -> Iterator[Witnesses]:
    made = Witnesses(tmp_path / "witnesses")
    yield made
    made.close()


def entry(number: int) -> bytes:
    return receipt("need", f"N-{number:010x}", datetime(2026, 1, 1, tzinfo=UTC), b"")


def grow(folder: Path, count: int, first: int = 0) -> None:
    with open_city(folder) as city, city.writing():
        city.writable_ledger().append([entry(first + at) for at in range(count)])


@pytest.fixture
def folder(plain_city: Path, tmp_path: Path) -> Path:
    copy = shutil.copytree(plain_city, tmp_path / "city")
    grow(copy, 300)
    return copy


def with_city(folder: Path, do: Callable[[City], object]) -> object:
    with open_city(folder) as city:
        return do(city)


def configure(folder: Path, witnesses: Witnesses, need: int = 2) -> str:
    """Serve both witnesses and ask them from now on; return a policy that needs them."""
    key = with_city(folder, lambda city: city.ledger_keys.key())
    tables = "".join(witnesses.start(name, key) for name in NAMES)
    with (folder / "city.toml").open("a") as file:
        file.write(f"\n[ledger.witnesses]\nneed = {need}\n{tables}")
    lines = [f"witness {at} {witnesses.keys[name]}" for at, name in enumerate(NAMES)]
    return "\n".join([f"log {key}", *lines, f"group g {need} 0 1", "quorum g", ""])


def test_witnesses_sign_and_the_receipt_shows_it(folder: Path, witnesses: Witnesses):
    with pytest.raises(UserError, match="no witnesses"):
        with_city(folder, lambda city: city.witnessing.ask())
    policy = Policy(configure(folder, witnesses))
    asked = with_city(folder, lambda city: city.witnessing.ask())
    assert (asked.enough, sorted(asked.seen), asked.size) == (True, list(NAMES), 300)
    assert (folder / "ledger" / "checkpoint").read_text().count("\u2014") == 3
    grow(folder, 5, 300)  # the newest checkpoint is not co-signed, the receipt holds the one that is
    proof = with_city(folder, lambda city: city.ledger_keys.receipt("299"))
    found = check_proof(proof.encode(), [], policy)
    assert (found.entry, found.size, len(found.witnesses)) == (entry(299), 300, 2)
    late = with_city(folder, lambda city: city.ledger_keys.receipt("304"))
    with pytest.raises(NotProved, match="Too few witnesses"):
        check_proof(late.encode(), [], policy)
    assert with_city(folder, lambda city: city.witnessing.ask()).enough
    assert (
        len(check_proof(with_city(folder, lambda city: city.ledger_keys.receipt("304")).encode(), [], policy)[4]) == 2
    )
    assert with_city(folder, lambda city: city.verify()).ok


def test_a_restored_old_backup_is_found_out_and_nothing_more_is_written(folder: Path, witnesses: Witnesses):
    configure(folder, witnesses)
    backup = shutil.copytree(folder / "ledger", folder.parent / "backup")
    grow(folder, 7, 300)
    assert with_city(folder, lambda city: city.witnessing.ask()).enough
    newest = shutil.copytree(folder / "ledger", folder.parent / "newest")
    put_back(folder, backup)
    assert with_city(folder, lambda city: city.verify()).ok  # alone, the city cannot know
    asked = with_city(folder, lambda city: city.witnessing.ask())
    assert (asked.enough, asked.seen) == (False, {})
    assert "was put back: the witness w.example/1 saw 307 entries, 300 are here" in asked.alarms[0]
    with pytest.raises(LedgerError, match="Nothing is written to it until then"):
        grow(folder, 1, 900)
    (folder / "ledger" / "alarm").rename(folder / "alarm")
    put_back(folder, newest)
    (folder / "alarm").rename(folder / "ledger" / "alarm")  # a restore that does not remove what it does not know
    assert with_city(folder, lambda city: city.witnessing.ask()).enough
    grow(folder, 1, 307)


def put_back(folder: Path, ledger: Path) -> None:
    shutil.rmtree(folder / "ledger")
    shutil.copytree(ledger, folder / "ledger")


def test_witnesses_are_asked_on_a_timetable_and_silence_is_an_alert(folder: Path, witnesses: Witnesses):
    configure(folder, witnesses)
    now = [datetime.now(UTC)]
    told: list[str] = []
    with open_city(folder, Clock(lambda: now[0])) as city:

        def rounds(*hours: float) -> None:
            left = list(hours)

            def wait(seconds: float) -> bool:
                assert seconds == 3_600
                now[0] += timedelta(hours=left.pop(0)) if left else timedelta()
                return not left

            WitnessRounds(city, told.append, wait).run()

        rounds(1)
        assert city.witnessing.cosigned()
        assert (told, city.alerts.open()) == ([], [])
        addresses, city.witnessing._ask = city.witnessing._ask, gone
        rounds(2, 30, 0)
        (alert,) = city.alerts.open()
        assert (alert.kind, alert.facts["seen"]) == ("witnesses missing", 0)
        assert len(told) == 1  # the same trouble is told once
        city.witnessing._ask = addresses
        rounds(1)
        assert city.alerts.open() == []


def gone(*_: object) -> str:
    raise NotDelivered("It does not answer.")


def test_another_history_is_refused(folder: Path, witnesses: Witnesses):
    configure(folder, witnesses, need=1)
    before = shutil.copytree(folder / "ledger", folder.parent / "before")
    grow(folder, 1, 300)
    assert with_city(folder, lambda city: city.witnessing.ask()).enough
    put_back(folder, before)
    grow(folder, 1, 777)  # as many entries, and another one
    asked = with_city(folder, lambda city: city.witnessing.ask())
    assert not asked.enough
    assert "saw another history" in asked.alarms[0]
    grow(folder, 1, 778)
    assert "saw another history" in with_city(folder, lambda city: city.witnessing.ask()).alarms[0]
    (alarm, *_) = open_witness(witnesses.folder / "w.example-1").alarms()
    assert alarm.kind == "split view"


def test_a_witness_that_is_gone_or_signs_with_another_key(folder: Path, witnesses: Witnesses):
    configure(folder, witnesses, need=1)
    server, thread = witnesses.servers.pop(NAMES[0])
    server.should_exit = True
    thread.join()
    asked = with_city(folder, lambda city: city.witnessing.ask())
    assert (asked.enough, list(asked.seen), len(asked.problems)) == (True, [NAMES[1]], 1)
    toml = folder / "city.toml"
    toml.write_text(toml.read_text().replace(witnesses.keys[NAMES[1]], make_witness(folder.parent / "x", NAMES[1])))
    asked = with_city(folder, lambda city: city.witnessing.ask())
    assert (asked.enough, asked.seen) == (False, {})
    assert "not signed by the key in city.toml" in asked.problems[1]


def test_a_key_is_handed_over_and_who_knows_the_old_one_follows(folder: Path):
    old_key = with_city(folder, lambda city: city.ledger_keys.key())
    old = load_public_key(folder / "keys" / "ledger.pub")
    assert with_city(folder, lambda city: city.ledger_keys.rotate()) == 300
    new = load_public_key(folder / "keys" / "ledger.pub")
    grow(folder, 2, 301)
    note = with_city(folder, lambda city: city.checkpoint())
    assert check(note, old) == check(note, new)
    with pytest.raises(UserError, match="keys retire"):
        with_city(folder, lambda city: city.ledger_keys.rotate())
    with_city(folder, lambda city: city.ledger_keys.retire())
    grow(folder, 2, 303)
    with pytest.raises(LedgerError, match="not signed"):
        check(with_city(folder, lambda city: city.checkpoint()), old)
    assert with_city(folder, lambda city: city.ledger_keys.rotate()) == 305
    newest = load_public_key(folder / "keys" / "ledger.pub")
    for key in (old, new, newest):
        assert verify(folder / "ledger", key).ok
    proof = with_city(folder, lambda city: city.ledger_keys.receipt("303")).encode()
    for key in (old_key, with_city(folder, lambda city: city.ledger_keys.key())):
        assert check_proof(proof, [read_key(key)]).entry == entry(303)
    # A hand-over that only one key signed leads nowhere.
    path = folder / "ledger" / "handovers"
    first, _, rest = path.read_text().partition("\x00")
    path.write_text(first.rpartition("\u2014")[0] + "\x00" + rest)
    assert "not signed by both" in verify(folder / "ledger", newest).message


def test_who_knows_a_retired_key_reads_the_whole_log_from_its_server(folder: Path, monkeypatch):
    old_key = with_city(folder, lambda city: city.ledger_keys.key())
    for at in (301, 303):
        with_city(folder, lambda city: city.ledger_keys.rotate())
        with_city(folder, lambda city: city.ledger_keys.retire())
        grow(folder, 1, at)
    with open_city(folder) as city, TestClient(create_app(city)) as client:

        def fetched(url: str) -> bytes:
            return client.get(url.removeprefix("https://city.example")).raise_for_status().content

        monkeypatch.setattr("cityward.secure.standalone_verifier.fetched", fetched)
        assert "All 304 entries" in read_log("https://city.example/ledger", [read_key(old_key)], None)
        stranger = make_witness(folder.parent / "y", "x.example").replace("x.example", city.origin)
        for key in (stranger, "cityward/other/ledger" + old_key[old_key.index("+") :]):
            with pytest.raises(NotProved):
                read_log("https://city.example/ledger", [read_key(key)], None)


@pytest.mark.parametrize("stop", ["ledger.previous.key", "ledger.key", "ledger.pub"])
def test_a_hand_over_that_was_interrupted_is_taken_up_again(folder: Path, monkeypatch, stop: str):
    from cityward.city import ledger_keys as module

    def stopped(*_: object) -> None:
        raise OSError(5, "power is gone")

    with monkeypatch.context() as patch:
        if stop == "ledger.previous.key":
            patch.setattr(Path, "hardlink_to", stopped)
        elif stop == "ledger.pub":
            patch.setattr(module, "replace_file", stopped)
        else:
            patch.setattr(module, "sync_folder", stopped)
        with pytest.raises(Exception, match="power is gone"):
            with_city(folder, lambda city: city.ledger_keys.rotate())
    grow(folder, 1, 301)
    assert with_city(folder, lambda city: city.verify()).ok
    assert with_city(folder, lambda city: city.ledger_keys.rotate()) == 300
    grow(folder, 1, 302)
    assert with_city(folder, lambda city: city.verify()).ok
    assert not list((folder / "keys").glob("ledger.next*"))


def test_a_lost_key_ends_the_log_and_a_new_one_begins_with_its_root(folder: Path):
    old = load_public_key(folder / "keys" / "ledger.pub")
    root, name = with_city(folder, lambda city: (parse(city.checkpoint()).root, city.origin))
    new_name = "ledger.chicago.example/2"
    with pytest.raises(UserError, match="keys rotate"):
        with_city(folder, lambda city: city.ledger_keys.replace_lost(new_name))
    (folder / "keys" / "ledger.key").unlink()
    with pytest.raises(SettingsError, match="Restore it from your backup"):
        grow(folder, 1, 300)
    with pytest.raises(UserError, match="needs a new name"):
        with_city(folder, lambda city: city.ledger_keys.replace_lost(name))
    assert with_city(folder, lambda city: city.ledger_keys.replace_lost(new_name)) == 300
    grow(folder, 1, 301)
    told = with_city(folder, lambda city: (city.ledger_entries(300, 1)[0], city.origin, city.verify()))
    assert told[0]["kind"] == "key-lost"
    assert (told[0]["facts"]["origin"], told[0]["facts"]["root"], told[1]) == (name, root.hex(), new_name)
    assert told[2].ok
    assert not verify(folder / "ledger", old).ok  # nobody follows from the lost key
    assert check((folder / "ledger" / f"checkpoint.lost-{told[0]['subject']}").read_text(), old).size == 300


def test_the_ledger_is_served_as_specified(folder: Path, monkeypatch):
    with open_city(folder) as city, TestClient(create_app(city)) as client:
        answer = client.get("/ledger/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert parse(answer.text).size == 300
        tile = client.get("/ledger/tile/0/001.p/44")
        assert (tile.headers["content-type"], len(tile.content)) == ("application/octet-stream", 44 * 32)
        assert "immutable" in tile.headers["cache-control"]
        plain = client.get("/ledger/tile/entries/000", headers={"accept-encoding": "identity"})
        packed = client.get("/ledger/tile/entries/000", headers={"accept-encoding": "gzip"})
        assert (plain.content, packed.headers["content-encoding"]) == (packed.content, "gzip")
        beyond = folder / "ledger" / "tile/0/001.p/45"
        beyond.write_bytes(b"not acknowledged")
        for missing in (
            "0/001.p/45",
            "0/001",
            "0/1",
            "0/002",
            "1/000.p/2",
            "9/000",
            "%2e%2e/checkpoint",
            "0/000.p/256",
        ):
            assert client.get(f"/ledger/tile/{missing}").status_code == 404, missing
        beyond.unlink()

        def fetched(url: str) -> bytes:
            return client.get(url.removeprefix("https://city.example")).raise_for_status().content

        monkeypatch.setattr("cityward.secure.standalone_verifier.fetched", fetched)
        told = read_log("https://city.example/ledger", [read_key(city.ledger_keys.key())], None)
        assert told.startswith("All 300 entries of 'cityward/chicago/ledger'")


def test_a_city_of_an_earlier_version_is_converted_by_the_first_that_writes(folder: Path):
    ledger = folder / "ledger"
    with open_city(folder) as city:
        entries = list(city._reading_ledger().entries(0, 300))
    signer = load_signer(folder / "keys" / "ledger.key")
    shutil.rmtree(ledger)
    ledger.mkdir()
    (ledger / "entries").write_bytes(b"".join(entries))
    ends = [sum(map(len, entries[: at + 1])) for at in range(300)]
    (ledger / "ends").write_bytes(b"".join(end.to_bytes(8, "big") for end in ends))
    leaves = [leaf_hash(one) for one in entries]
    (ledger / "leaves").write_bytes(b"".join(leaves))
    (ledger / "checkpoints").write_bytes(sign(Checkpoint(300, root_of(leaves)), signer).encode() + b"\x00")
    assert "ledger convert" in with_city(folder, lambda city: city.verify()).message
    with open_city(folder) as city, city.writing():
        assert city.ledger_size == 300
    told = with_city(folder, lambda city: (city.verify(), city.origin))
    assert (told[0].ok, told[1]) == (True, "cityward/chicago/ledger")
