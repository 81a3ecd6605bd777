"""``cityward serve`` and ``cityward demo``."""

from __future__ import annotations

import importlib.util
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from cityward.cli.intake import sum_line
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.errors import UserError
from cityward.core.limits import CONNECTIONS
from cityward.core.words import percent

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.city.turn import Turn

DEMO_FOLDER = "demo-city"
FIRST = "Invite the first person, a security officer: cityward access invite 'First Last' --role 'security officer'."
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_free(host: str, port: int) -> None:
    """Raise `UserError` unless a server can listen there."""
    import socket

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"Port {port} of {host} cannot be used ({error.strerror}).", "Choose another with --port."
            ) from None


def start(city: City, host: str, port: int, tls: dict[str, Any] | None = None, *, log: bool = False) -> None:
    """Serve the console and the API of ``city`` until interrupted.

    Parameters
    ----------
    tls : dict, optional
        What uvicorn is told of certificates; without it, plain http.
    log : bool
        Whether each request is told on standard error, as a line of JSON.
    """
    import signal
    import sys

    import uvicorn

    from cityward.api import create_app
    from cityward.api.patience import PatientProtocol
    from cityward.city.courier import Courier
    from cityward.city.following import Following
    from cityward.city.watching import Watching
    from cityward.city.witness_rounds import WitnessRounds
    from cityward.console import mount_console

    check_free(host, port)
    here = _loopback(host)
    gate = _guarded(city, here, encrypted=tls is not None)
    if gate and tls is not None:
        city.access.encrypted = True
    app = create_app(
        city, hosts=_names(city, host), gate=gate, here=here, log=log, only_proxies=not here and tls is None
    )  # fmt: skip
    mount_console(app, city)
    shown = f"[{host}]" if ":" in host else host
    scheme = "https" if tls else "http"
    click.echo(f"The console is on {scheme}://{shown}:{port} (stop with Ctrl-C).")
    # The server passes the signal on once it has stopped; the city is then still to be closed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    courier = Courier(city, tell=lambda text: click.echo(text, err=True))
    courier.start()
    copy = Following(city, None, tell=lambda text: click.echo(text, err=True))
    watching = Watching(city, tell=lambda text: click.echo(text, err=True))
    watching.start()  # first: it knows whether the city is isolated, and then nothing is copied
    if city.settings.backup.continuous:
        copy.start()
    witnesses = WitnessRounds(city, tell=lambda text: click.echo(text, err=True))
    witnesses.start()
    try:
        uvicorn.run(
            app, host=host, port=port, log_level="error", access_log=False, server_header=False,
            ws="none", limit_concurrency=CONNECTIONS,
            proxy_headers=False,  # whom a proxy asks for is told to access, by proxies that the settings name
            **{"http": PatientProtocol, **(tls or {})},
        )  # fmt: skip
    finally:
        watching.close()
        witnesses.close()
        courier.close()
        copy.close()


def _names(city: City, host: str) -> tuple[str, ...] | None:
    """Host names that are answered; all of them on another address of which the settings name no origin."""
    here = ("127.0.0.1", "localhost", "[::1]")
    if _loopback(host):
        return here
    told = (city.settings.access.origin, city.settings.orders.public_url)
    names = [urlsplit(one).hostname or "" for one in told if one]
    return (*here, host, *names) if city.settings.access.origin else None


def _guarded(city: City, here: bool, *, encrypted: bool) -> bool:
    """Whether each request is asked who it is; says what is missing for that.

    Raises
    ------
    UserError
        The library of policies is missing, a file of policies is broken, or other machines could reach a console
        in plain, or one that nobody can sign in to yet.
    """
    settings = city.settings.access
    if here and settings.open_on_loopback and importlib.util.find_spec("cedarpy") is None:
        return False
    _ = city.policies  # a broken file stops the start, not the first request
    if not here and not city.access.anybody():
        raise UserError("Other machines would reach this console, and nobody can sign in yet.", FIRST)
    if not here and not encrypted and not (settings.proxies and (settings.origin or "").startswith("https://")):
        raise UserError(
            "Other machines would reach this console in plain: passwords would travel in the open.",
            "Give --certificate and --key; or name the proxy that speaks https for it, by origin and proxies in "
            "[access] of city.toml.",
        )
    if here and not settings.open_on_loopback and not city.access.anybody():
        click.echo(f"Nobody can sign in yet. {FIRST}", err=True)
    return True


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535))
@click.option("--certificate", type=_FILE, help="Certificate of this server (PEM), for https.")
@click.option("--key", type=_FILE, help="Its key (PEM).")
@click.option("--client-ca", type=_FILE, help="Authorities (PEM) whose certificates programs may show.")
@click.option(
    "--log", type=click.Choice(["none", "json"]), default="none", show_default=True, help="On standard error."
)
@city_option
def serve(
    host: str, port: int, certificate: Path | None, key: Path | None, client_ca: Path | None, log: str, folder: str
) -> None:
    """Open the console and the API."""
    from cityward.city import open_city

    tls = _tls(certificate, key, client_ca)
    with open_city(folder) as city:
        start(city, host, port, tls, log=log == "json")


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> dict[str, Any] | None:
    """What uvicorn is told of certificates; a client may show one, and a person without one signs in."""
    if certificate is None or key is None:
        if certificate or key or client_ca:
            raise UserError("A certificate and its key go together.", "Give --certificate and --key.")
        return None
    import ssl

    from cityward.api.certificates import ShowingProtocol
    from cityward.api.transport import pinned

    told: dict[str, Any] = {
        "ssl_certfile": str(certificate), "ssl_keyfile": str(key), "ssl_context_factory": pinned,
    }  # fmt: skip
    if client_ca is not None:
        told |= {"ssl_ca_certs": str(client_ca), "ssl_cert_reqs": ssl.CERT_OPTIONAL, "http": ShowingProtocol}
    return told


@click.command()
@click.option("--no-serve", is_flag=True, help="Print the findings and stop.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535))
@click.option("--city", "folder", default=DEMO_FOLDER, show_default=True, type=click.Path(path_type=Path))
@json_option
def demo(no_serve: bool, host: str, port: int, folder: Path, json_: bool) -> None:
    """Chicago 2011 to 2014: sense, know, anticipate, propose, and show it."""
    from cityward.city.demo import run_demo

    with run_demo(folder, say=lambda text: None if json_ else click.echo(f"… {text}")) as city:
        if json_:
            as_json({"turn": city.turn(), "conservation": city.conservation(), "verification": city.verify()})
        else:
            for line in findings(city):
                click.echo(line)
        if not no_serve:
            start(city, host, port)


def findings(city: City) -> list[str]:
    """What a turn found, in plain words: one line each."""
    turn = city.turn()
    if turn is None:
        return ["Nothing was found yet: run 'cityward run'."]
    read, proved = _read(city), city.verify()  # before the divide is told, which is a look of its own
    lines = ["", f"{city.name} as of {turn.as_of:%A, %-d %B %Y}", ""]
    for need in turn.needs[:3]:
        people = f" {need.population:,.0f} people live there." if need.population else ""
        lines.append(f"Need     {need.sentence}{people}")
        lines.append(
            f"         {need.relative_risk:.1f} times the expected (90 % interval {need.relative_risk_low:.1f} to "
            f"{need.relative_risk_high:.1f}); {need.chance}. {need.id}"
        )
    lines += [f"Silence  {quiet.sentence} {quiet.id}" for quiet in turn.silences[:2]]
    lines.append(f"Divide   {city.divide.told().finding} More: cityward divide --city {city.path}")
    half = city.rolling_out.kept
    if half is not None:
        lines.append(f"         {half.finding} {half.note}")
    lines += _ahead(city, turn)
    lines += [f"Warning  {one.sentence} {one.id}" for one in city.warnings()[:1]]
    lines += [*_ranked(city), *_decided(city)]
    waiting = city.proposals("waiting")
    if waiting:
        lines.append(f"Waiting  {len(waiting)} proposals wait for a person. First: {waiting[0].title}. {waiting[0].id}")
    if city.settings.work.crews is not None:
        lines.append(f"Plan     who goes where on the next day: cityward plan --city {city.path}")
    lines += [*_voted(city), *_reported(city), *read, *_released(city)]
    lines += [f"Refused  {refusal.because} {refusal.id}" for refusal in city.refusals()[:2]]
    lines.append(f"Intake   {sum_line(city.conservation())}")
    lines.append(f"Ledger   {proved.message} This turn is entry {turn.receipt}.")
    return [*lines, "", "Why? cityward explain ID --city " + str(city.path)]


def _voted(city: City) -> list[str]:
    """Closed rounds, counted by their own rule and by another: who is represented under each."""
    told = []
    for name in city.rounds.names():
        if city.rounds.closed(name) is None:
            continue
        counted = city.rounds.voices.of_round(name).report
        shares = ", ".join(
            f"{100 * one.representation.share:.0f} % by {one.rule}" for one in (counted, counted.compare) if one
        )
        told.append(
            f"Voted    {city.rounds.get(name).title}: {counted.ballots.counted} ballots. Voters with a project of "
            f"theirs: {shares}. The page: /vote/{name}"
        )
    return told


def _reported(city: City) -> list[str]:
    """How many reports came in by the form for residents, which needs neither account nor script."""
    from cityward.city.portal import SOURCE

    count = next((one["added"] for one in city.conservation()["by_source"] if one["source"] == SOURCE), 0)
    if not count:
        return []
    word = "report" if count == 1 else "reports"
    return [f"Heard    {count} {word} by the page /report, which works on an old phone, without account or script."]


def _decided(city: City) -> list[str]:
    """The newest batch of decisions: how many cases, by which rule, and how many wait for a person."""
    return [
        f"Decided  {one.cases:,} cases by the rule {one.rule} {one.rule_version}: {one.waiting:,} of them wait for a "
        f"person before they count: cityward decisions list --state waiting --city {city.path}"
        for one in city.deciding.batches()[:1]
    ]


def _read(city: City) -> list[str]:
    """The newest look that saw no person: who, for what, what it saw, and what did not exist for it."""
    from cityward.private.grants import FIELDS, PERSONAL
    from cityward.private.purposes import PURPOSES

    grants = city.keeper.grants().grants
    for look in city.keeper.consults():
        grant, entry = grants.get(look.grant), city.receipt_of(look.id)
        if grant is None or grant.sees_persons or look.table != "interactions" or None in (look.rows, entry):
            continue
        hidden = [name for name in FIELDS[look.table] if name not in grant.fields]
        named = [name for name in hidden if name in PERSONAL]
        return [
            f"Read     {look.reader}, to {PURPOSES[look.purpose].words}, saw {', '.join(look.fields)} of "
            f"{look.rows:,} rows. {', '.join(named)} and {len(hidden) - len(named)} more fields do not exist for "
            f"it. The receipt is ledger entry {entry}. {look.id}"
        ]
    return []


def _released(city: City) -> list[str]:
    """The newest release with its error and its price."""
    return [
        f"Released {one.heading[:1].lower()}{one.heading[1:]}: {one.rows:,} figures, each with noise that moves it by "
        f"{one.error_95:g} at most in 95 of 100 cases. It cost {one.cost}. {one.id}"
        for one in city.releases.all()[-1:]
    ]


def _ranked(city: City) -> list[str]:
    """For each type of case: how many wait, and what its order was worth on visits that it had not seen."""
    return [
        f"Cases    {one.title}: {len(one.cases):,} wait, ranked by risk. On {one.tried:,} earlier visits "
        f"{percent(one.tried_ranked, 1)} of findings lay in the first half, "
        f"as done {percent(one.tried_done, 1)}. {one.cases[0].id}"
        for one in city.cases.rankings()
        if one.cases
    ]


def _ahead(city: City, turn: Turn) -> list[str]:
    chosen = next((test for test in turn.backtests if test.chosen), None)
    if chosen is None:
        return []
    days = city.forecast()
    return [
        f"Ahead    about {days['mean'].sum():,.0f} reports in the next {days['day'].n_unique()} days. Model: "
        f"{chosen.model}; on days it had not seen its quantile loss was {chosen.wql:.2f}, and its 80 % interval "
        f"held {percent(chosen.coverage_80)} of days where most is reported."
    ]
