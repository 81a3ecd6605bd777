"""Photos of reports: sent in a form, seen under a grant with a receipt, and erased in the city and in every backup."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.approved import give
from tests.console.test_report import LIGHT, MAPPING, SQUARE, World, codes
from tests.guard.test_photo import MARK, full

from cityward.api.shield import PHOTO_FORM
from cityward.city import init
from cityward.city.photographs import Photographs, photos_in
from cityward.console.parts import parts_of
from cityward.core.errors import Refused, StoreError, UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.core.work import Job, WorkOrder
from cityward.guard.backup import open_sealed
from cityward.guard.photos import Photos

BY = "Olga Officer"
WHY = "to see which lamp it is"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    areas, mapping = tmp_path / "areas.geojson", tmp_path / "map.toml"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(tmp_path / "city", name="Small", territories=areas, name_property="name")
    mapping.write_text(MAPPING, encoding="utf-8")
    made = World(home)
    made.city.add_mapping(mapping)
    yield made
    made.city.close()


def report(world: World, photo: bytes = b"", **more: str) -> tuple[str, str]:
    sent = {**world.form(), **LIGHT, **more}
    page = world.client.post("/report?lang=en", data=sent, files={"photo": ("me.jpg", photo or full(), "image/jpeg")})
    assert page.status_code == 200, page.text
    assert "Your photo is kept" in page.text
    number, secret = codes(page)
    return number, secret


def order_of(world: World, number: str) -> WorkOrder:
    """An order for the incident of one report, as the planner makes it."""
    row = next(one for one in world.rows() if one["id"] == number)
    job = Job(id=make_id("job", row["key"]), about="x", service="s", title="t", territory="Centre", lon=0.5, lat=0.5,
              minutes=10, skill="s", waiting_since=world.now.date())  # fmt: skip
    return WorkOrder(
        id="O-1", job=job, decision="D-1", crew=None, day=None, instructions="", state="planned", events=()
    )


def test_it_is_kept_sealed_and_seen_for_a_reason_alone(world: World) -> None:
    number, _ = report(world)
    (file,) = (world.city.path / "photos").iterdir()
    body = file.read_bytes()
    assert MARK not in body
    assert b"JFIF" not in body
    assert number.encode() not in body
    assert file.stat().st_mode & 0o077 == 0
    photos, order = world.city.portal.photos, order_of(world, number)
    assert photos.of_order(order) == [number]
    with pytest.raises(UserError, match="first and last name"):
        photos.look(order, number, "Olga", WHY)
    with pytest.raises(UserError, match="why you look"):
        photos.look(order, number, BY, "")
    before = len(world.city.ledger_entries(0, 500))
    shown = photos.look(order, number, BY, WHY)
    assert shown.startswith(b"\xff\xd8\xff")
    assert MARK not in shown
    entries = world.city.ledger_entries(0, 500)[before:]
    assert [one["kind"] for one in entries if one["kind"] == "photo-seen"] == ["photo-seen"]
    assert number not in json.dumps(entries, default=str)
    assert BY not in json.dumps(entries, default=str)
    other, _ = report(world, words="Another lamp.")
    with pytest.raises(UnknownId):
        photos.look(order, other, BY, WHY)
    (world.city.folder.grants / "photos.toml").unlink()
    with pytest.raises(Refused):
        photos.look(order, number, BY, WHY)


def test_erased_with_the_person_in_the_city_and_in_backups_of_both_kinds(world: World, tmp_path: Path) -> None:
    number, secret = report(world)
    other, other_secret = report(world, words="Another lamp.")
    keys = world.city.folder.signing_key.parent
    repo = str(tmp_path / "repo")
    world.city.backups.make(repo)
    world.city.persons.seal(tmp_path / "one.sealed")
    stolen = shutil.copytree(world.city.path / "photos", tmp_path / "stolen")
    done = world.city.persons.erase(world.city.persons.by_identifier(secret), BY)
    assert done.counts["photos"] == 1
    assert list(photos_in(world.city).numbers()) == [other]
    # Both backups were made before: what they give back does not open with the keys that are left.
    world.city.backups.restore(repo, tmp_path / "again")
    open_sealed(tmp_path / "one.sealed", keys, tmp_path / "once")
    person = {name: Photographs(world.city)._person(one) for name, one in ((number, secret), (other, other_secret))}
    for folder in (tmp_path / "again" / "photos", tmp_path / "once" / "photos", stolen):
        assert len(list(folder.iterdir())) == 2
        copies = Photos(folder, keys)
        assert list(copies.numbers()) == [other]
        assert copies.show("portal", person[number]) is None
        assert (copies.show("portal", person[other]) or b"").startswith(b"\xff\xd8\xff")
        assert copies.limit(None) == 1
    # The same erasure again finds nothing, and a photo sent for the erased report is not kept.
    world.city.persons.erase(world.city.persons.by_identifier(secret), BY)
    assert not world.city.portal.photos.keep(number, secret, b"x")


def test_retention_takes_photos_with_the_first_of_what_they_show(world: World) -> None:
    number, _ = report(world)
    settings = world.city.path / "city.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[retention]\nlocation = 30\nfree_text = 300\n", "utf-8")
    world.city.close()
    again = World(world.city.path)
    again.now = world.now + timedelta(days=29)
    told = again.city.persons.retain()
    assert told
    assert "photos" not in told.deleted
    assert list(photos_in(again.city).numbers()) == [number]
    again.now += timedelta(days=2)
    told = again.city.persons.retain()
    assert told
    assert told.deleted["photos"] == 1
    assert not photos_in(again.city).any()
    again.city.close()


def test_the_same_form_again_adds_the_photo_that_could_not_be_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, files = {**world.form(), **LIGHT}, {"photo": ("a.jpg", full(), "image/jpeg")}
    with monkeypatch.context() as broken:

        def fails(*_: object) -> bool:
            raise StoreError("The disk is full.")

        broken.setattr(Photos, "keep", fails)
        page = world.client.post("/report?lang=en", data=sent, files=files)
    assert page.status_code == 503
    assert "Choose the photo again" in page.text
    assert "Dark since Monday." in page.text
    page = world.client.post("/report?lang=en", data=sent, files=files)
    assert page.status_code == 200
    assert len(world.rows()) == 1
    assert len(photos_in(world.city).numbers()) == 1


def test_a_photo_that_is_none_keeps_the_words_and_says_why(world: World) -> None:
    for body, why in ((b"GIF89a", "no photo that we can read"), (b"\xff\xd8\xff" + bytes(9), "is broken")):
        sent = {**world.form(), **LIGHT}
        page = world.client.post("/report?lang=en", data=sent, files={"photo": ("a", body)})
        assert page.status_code == 422
        assert why in page.text
        assert "Dark since Monday." in page.text
    assert not world.rows()
    assert (
        world.client.post("/report?lang=en", data={**world.form(), **LIGHT}, files={"photo": ("", b"")}).status_code
        == 200
    )


def test_without_the_library_the_form_says_that_photos_are_not_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 'enctype="multipart/form-data"' in world.client.get("/report?lang=en").text
    monkeypatch.setattr("cityward.console.report_pages.photos_taken", lambda: False)
    page = world.client.get("/report?lang=en").text
    assert "Photos are not taken here" in page
    assert "multipart" not in page
    sent = world.client.post("/report?lang=en", data={**world.form(), **LIGHT}, files={"photo": ("a", full())})
    assert sent.status_code == 200
    assert not photos_in(world.city).any()


def test_forms_in_parts_come_in_by_one_door_alone(world: World) -> None:
    files = {"photo": ("a.jpg", full(), "image/jpeg")}
    for path in ("/follow", "/reports/enter", "/your-data/request", "/report/", "/api/sources/calls/interactions"):
        assert world.client.post(path, data=LIGHT, files=files).status_code in (415, 307), path
    assert world.client.put("/report", data=LIGHT, files=files).status_code == 415
    assert PHOTO_FORM == ("POST", "/report")
    large = {"photo": ("a.jpg", bytes(14 * 2**20), "image/jpeg")}
    assert world.client.post("/report", data=LIGHT, files=large).status_code == 413
    plain = world.client.post("/report", content=bytes(2 * 2**20), headers={"content-type": "text/plain"})
    assert plain.status_code == 413


BOUNDARY = "multipart/form-data; boundary=b"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def part(name: str, data: bytes, more: bytes = b"") -> bytes:
    return b'Content-Disposition: form-data; name="' + name.encode() + b'"\r\n' + more + b"\r\n" + data


def test_a_form_in_parts_is_read_to_the_byte() -> None:
    every = bytes(range(256)) * 3 + b"\r\n\r\n--\r"
    found = parts_of(
        form(part("a", "ñ".encode()), part("photo", every), part("a", b"2"), part("e", b"")), BOUNDARY, "photo"
    )
    assert found == ({"a": ["ñ", "2"]}, every)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BOUNDARY),
        (form(part("a", b"1"), end=b""), BOUNDARY),
        (form(part("a", b"1"))[:-6], BOUNDARY),
        (form(*[part("a", b"1")] * 21), BOUNDARY),
        (form(part("a", b"1", b"Content-Type: multipart/mixed; boundary=c\r\n")), BOUNDARY),
        (form(part("a", b"1", b"Content-Type: message/rfc822\r\n")), BOUNDARY),
        (form(part("a", b"MQ==", b"Content-Transfer-Encoding: base64\r\n")), BOUNDARY),
        (form(b"\r\nno name"), BOUNDARY),
        (form(part("a" * 61, b"1")), BOUNDARY),
        (form(part("a", bytes(97 * 2**10))), BOUNDARY),
        (form(part("a", b"1")), "multipart/form-data"),
        (form(part("a", b"1")), "multipart/form-data; boundary=" + "b" * 71),
        (form(part("a", b"1")), BOUNDARY + "\r\nX: y"),
        (form(part("a", b"1")), BOUNDARY + "; x=" + "y" * 300),
    ],
)
def test_a_form_in_parts_that_is_none_is_refused(body: bytes, kind: str) -> None:
    assert parts_of(body, kind, "photo") is None


def test_nothing_here_looks_for_faces() -> None:
    """The words of libraries that do, in no line that imports or calls anything."""
    source = Path(__file__).resolve().parents[2] / "src" / "cityward"
    words = re.compile(
        r"^\s*(?:from|import)\s+(?:cv2|dlib|face_recognition|mediapipe|insightface|deepface|facenet)", re.M
    )
    readers = [file for file in source.rglob("*.py") if re.search(r"(from|import) PIL", file.read_text("utf-8"))]
    assert not [file for file in source.rglob("*.py") if words.search(file.read_text("utf-8"))]
    assert {file.name for file in readers} == {"photo.py"}
    assert not [one for one in readers if re.search(r"haar|landmark|embedding|descriptor", one.read_text("utf-8"))]


def test_the_page_of_an_order_shows_it_in_itself_alone(world: World) -> None:
    number, secret = report(world)
    (order,) = give(world.city, [order_of(world, number).job])
    page = world.client.get(f"/work/{order.id}")
    assert "A resident sent a photo" in page.text, page.text
    assert "data:image" not in page.text
    sent = {"number": number, "by": BY, "because": WHY}
    shown = world.client.post(f"/work/{order.id}/photo", data=sent)
    assert shown.status_code == 200, shown.text
    assert 'src="data:image/jpeg;base64,/9j/' in shown.text
    assert shown.headers["cache-control"] == "no-store"
    again = world.client.post(f"/work/{order.id}/photo", data={**sent, "because": ""})
    assert again.status_code == 422
    assert "why you look" in again.text
    assert world.client.post(f"/work/{order.id}/photo", data={**sent, "number": "x"}).status_code == 404
    assert "data:image" not in world.client.post("/follow", data={"number": number, "secret": secret}).text
