"""Isolation: an attack on the files stops every write; a false alarm costs nothing that was acknowledged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.city.following import Following
from cityward.city.isolating import MARK
from cityward.city.supervising import supervise
from cityward.city.watching import Watching
from cityward.cli.main import group
from cityward.console import mount_console
from cityward.core.clock import monotonic, pause
from cityward.core.errors import CityBusy, CityIsolated, UserError
from cityward.secure.watch.files import Alarm, FileWatch

MAP = """\
source = "counter"
kind = "request"
domain = "mobility"
[columns]
id = "id"
occurred_at = "at"
[service]
default = "Street lights"
"""
ALARM = Alarm(at=0.0, first="decoy", signs={"decoy": 1}, because="a decoy was touched")
WHY = "A clerk opened a decoy by mistake; the files are whole"


@pytest.fixture
def city(tmp_path: Path, chicago: Path) -> Iterator[City]:
    init(tmp_path / "city", name="Somewhere", territories=chicago / "community_areas.geojson")
    toml = tmp_path / "city" / "city.toml"
    toml.write_text(toml.read_text() + "\n[access]\nopen_on_loopback = true\n")
    (tmp_path / "counter.toml").write_text(MAP)
    with open_city(tmp_path / "city") as opened:
        opened.add_mapping(tmp_path / "counter.toml")
        yield opened


@pytest.fixture
def door(city: City) -> TestClient:
    app = create_app(city, gate=True, here=True)
    mount_console(app, city)
    return TestClient(app, "http://127.0.0.1", client=("127.0.0.1", 1))


def until(holds: Callable[[], object]) -> None:
    ended = monotonic() + 20
    while not holds():
        assert monotonic() < ended
        pause(0.02)


def send(door: TestClient, name: str) -> int:
    body, kind = f'{{"id": "{name}", "at": "2026-11-02T08:00:00Z"}}\n', {"content-type": "application/x-ndjson"}
    answer = door.post("/api/sources/counter/interactions", content=body, headers=kind)
    if answer.status_code == 503:
        assert answer.headers["retry-after"] == "60"
        assert "look attacked" in answer.json()["detail"]
        assert "alerts lift" in answer.json()["remedy"]
    return answer.status_code


def lift(city: City) -> None:
    done = CliRunner().invoke(group, ["alerts", "lift", "--by", "Ana Ruiz", "--because", WHY, "--city", str(city.path)])
    assert done.exit_code == 0, done.output


def test_a_touched_decoy_isolates_a_served_city_and_a_person_lifts_it(city: City, door: TestClient) -> None:
    told: list[str] = []
    watching = Watching(city, told.append)
    watching.start()
    try:
        until(lambda: city.watched.looked_at)
        assert send(door, "before") == 200
        (city.path / "00-payroll.csv").write_bytes(b"x")
        until(lambda: any("Isolated" in line for line in told))
        assert send(door, "during") == 503
        with pytest.raises(CityIsolated), city.writing():
            pass
        page = door.get("/security").text
        assert "The city is isolated" in page
        assert "cityward alerts lift" in page
        assert door.get("/api/health").status_code == door.get("/systems").status_code == 200
        assert door.get("/cases").status_code == 503  # a look that would be noted
        said = door.post("/report", data={"said": "x"}, headers={"accept": "text/html"})
        assert (said.status_code, said.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "cityward_isolated 1.0" in door.get("/metrics").text
        lift(city)
        until(lambda: city.isolation.held is None)
        assert send(door, "during") == send(door, "after") == 200
        assert "lifted on" in door.get("/security").text
    finally:
        watching.close()
    assert city.conservation()["received"] == 3
    kinds = [one["kind"] for one in city.ledger_entries(0, 50)]
    assert {"isolation", "isolation-lifted", "security"} <= set(kinds)
    assert city.verify().ok
    assert not (city.path / MARK).exists()


def test_it_stands_over_a_new_start_and_nothing_is_copied_meanwhile(city: City, tmp_path: Path) -> None:
    city.isolation.begin(ALARM, print)
    city.isolation.begin(ALARM, print)  # once is enough
    assert len(city.isolation.all()) == 1
    with open_city(city.path) as again:
        told: list[str] = []
        watching = Watching(again, told.append)
        watching.start()
        assert "isolated since" in told[0]
        with pytest.raises(CityIsolated):
            again.backups.make(str(tmp_path / "repo"))
        assert Following(again, str(tmp_path / "repo"), tell=print).run(0.3) == 0
        assert not (tmp_path / "repo").exists()
        lift(city)
        until(lambda: again.isolation.held is None)
        watching.close()
        assert again.backups.make(str(tmp_path / "repo")).files


def test_who_prunes_the_backups_waits_until_it_is_lifted(tmp_path: Path, chicago: Path) -> None:
    init(tmp_path / "city", name="Somewhere", territories=chicago / "community_areas.geojson")
    toml, repo = tmp_path / "city" / "city.toml", str(tmp_path / "repo")
    toml.write_text(toml.read_text() + f'\n[backup]\nrepository = "{repo}"\n')
    prune = ["backup", "prune", repo, "--delete"]
    with open_city(tmp_path / "city") as city:
        city.conservation()
        city.backups.make()
        assert CliRunner().invoke(group, prune).exit_code == 0
        city.isolation.begin(ALARM, print)
        refused = CliRunner().invoke(group, prune)
        assert refused.exit_code != 0
        assert "is isolated" in str(refused.exception or refused.output)
        lift(city)
    assert CliRunner().invoke(group, prune).exit_code == 0


def test_registers_that_cannot_be_written_do_not_keep_it_from_standing(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def busy(*_: object, **__: object) -> None:
        raise CityBusy("Another program writes.")

    monkeypatch.setattr(city, "keep", busy)
    city.isolation.begin(ALARM, told.append)
    assert "stands" in told[0]
    with open_city(city.path) as again:
        assert again.isolation.standing() is not None
    lift(city)
    assert city.isolation.ended()
    with city.writing():
        pass


def test_lifting_takes_a_reason_and_something_to_lift(city: City) -> None:
    with pytest.raises(UserError, match="not isolated"):
        city.isolation.lift("Ana Ruiz", WHY)
    city.isolation.begin(ALARM, print)
    with open_city(city.path) as again, pytest.raises(UserError):
        again.isolation.lift("Ana Ruiz", "short")
    assert not city.isolation.ended()


def test_who_sends_while_it_begins_is_answered(city: City) -> None:
    """Every message is either kept or refused; none waits for ever."""
    answers: list[bool] = []

    def sender(number: int) -> None:
        for at in range(50):
            try:
                city.take("counter", f'{{"id": "{number}-{at}", "at": "2026-11-02T08:00:00Z"}}\n'.encode())
            except CityBusy:
                answers.append(False)
            else:
                answers.append(True)

    senders = [threading.Thread(target=sender, args=(number,)) for number in range(4)]
    for one in senders:
        one.start()
    until(lambda: any(answers))
    city.isolation.begin(ALARM, print)
    for one in senders:
        one.join(30)
    assert len(answers) == 200
    assert not all(answers)
    assert city.conservation()["received"] == sum(answers)


def test_the_watch_does_not_die_silently(city: City, monkeypatch: pytest.MonkeyPatch, door: TestClient) -> None:
    looks, real = [0], FileWatch.look

    def look(self: FileWatch, now: float) -> Alarm | None:
        looks[0] += 1
        if looks[0] in (1, 2):
            raise SystemExit("a defect")
        return real(self, now)

    monkeypatch.setattr(FileWatch, "look", look)
    told: list[str] = []
    watching = Watching(city, told.append, first_wait=0.01)
    watching.start()
    until(lambda: looks[0] > 3)
    watching.close()
    assert city.watched.deaths == 2
    (alert,) = city.alerts.open()
    assert (alert.kind, alert.times) == ("watch stopped", 2)
    assert "cityward_watch_deaths 2.0" in door.get("/metrics").text
    assert "The watch stopped 2 times" in door.get("/security").text


def test_a_supervised_thread_waits_longer_each_time() -> None:
    waits: list[float] = []
    ended = threading.Event()

    def died(_: BaseException, wait: float) -> None:
        waits.append(wait)
        if len(waits) == 4:
            ended.set()
        raise RuntimeError

    def run() -> None:
        raise ValueError

    supervise(run, ended, died, 0.001)
    assert waits == [0.001, 0.002, 0.004, 0.008]
