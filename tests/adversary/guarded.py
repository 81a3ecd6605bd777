"""A small city behind its gate, with somebody of every role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.core.clock import Clock
from cityward.core.principal import Role
from cityward.secure.access import Visit, passwords
from cityward.secure.access.people import ROLES

SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
PASSWORD = "lantern hollow brisk umber"  # noqa: S105
NAMES: dict[Role, str] = {
    "operator": "Ola Nordmann", "analyst": "Ada Byron", "privacy officer": "Pia Rossi", "security officer": "Sam Weiss",
    "legislator": "Lea Martin", "planner": "Pau Soler", "overseer": "Oda Hansen",
}  # fmt: skip


class Guarded:
    """The city, its app, and a way to be anybody."""

    def __init__(self, city: City, app: FastAPI, skew: list[timedelta]) -> None:
        self.city, self.app, self._skew = city, app, skew
        self.secrets: dict[Role, str] = {}

    def moves(self, **by: float) -> None:
        self._skew[0] += timedelta(**by)
        self.city.access.sessions.forget()

    def sign_in(self, role: Role, name: str = "") -> str:
        """Invite and let somebody in; return the secret of the session."""
        access = self.city.access
        with self.city.four_eyes.agreed():
            person, _ = access.people.invite(name or NAMES[role], [role], "machine")
        with access._base.writing() as connection:
            access.people.activate(connection, person)
            return access.sessions.begin(connection, person, "passkey", Visit())[0]

    def session(self, role: Role) -> str:
        if role not in self.secrets:
            self.secrets[role] = self.sign_in(role)
        return self.secrets[role]

    def again(self, role: Role) -> TestClient:
        """The same person, who signs in once more."""
        access = self.city.access
        with access._base.writing() as connection:
            person = access.people.get(NAMES[role])
            self.secrets[role] = access.sessions.begin(connection, person, "passkey", Visit())[0]
        return self.client(role)

    def client(self, role: Role | None = None, **more: Any) -> TestClient:
        headers = {"accept": "text/html"}
        if role == "source":
            if role not in self.secrets:
                _, self.secrets[role] = self.city.access.tokens.issue("f", ["intake:write"], 1, "machine", source="s")
            headers["authorization"] = f"Bearer {self.secrets[role]}"
        elif role not in (None, "resident"):
            headers["cookie"] = f"cityward={self.session(role)}"
        told = {"client": ("127.0.0.1", 5000), "base_url": "http://localhost", **more}
        headers.setdefault("sec-fetch-site", "same-origin")  # as every browser says of a page of ours
        return TestClient(self.app, headers=headers, follow_redirects=False, raise_server_exceptions=False, **told)


@contextmanager
def guarded(folder: Path, toml: str = "", *, here: bool = True) -> Iterator[Guarded]:
    areas = folder / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(folder / "city", name="Small", territories=areas, name_property="name")
    with (home / "city.toml").open("a", encoding="utf-8") as settings:
        settings.write(f"\n[access]\n{toml}\n")
    skew, real = [timedelta()], Clock()
    with open_city(home, Clock(lambda: real.now() + skew[0])) as city:
        app = create_app(city, gate=True, here=here)
        mount_console(app, city)
        world = Guarded(city, app, skew)
        world.session("security officer")
        yield world


__all__ = ["NAMES", "PASSWORD", "ROLES", "Guarded", "guarded", "passwords"]
