"""The group of commands and what they share."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click
import msgspec

from cityward.core.errors import CitywardError, Defect, Refused, UserError

EXIT_NO, EXIT_USER, EXIT_DEFECT = 1, 2, 3

_COMMANDS = {
    "init": ("setup", "Make a city folder."),
    "sense": ("intake", "Take in a file, or guess a mapping for it."),
    "listen": ("intake", "Take in messages from an MQTT broker or NATS."),
    "run": ("loop", "Take one turn of the loop: know, anticipate, propose."),
    "watch": ("watching", "Watch the sensors: limits, what is unusual, who is silent."),
    "needs": ("loop", "List the needs of the last turn."),
    "ahead": ("foresight", "What is coming at every level, and early warnings."),
    "proposals": ("loop", "List what waits for a person."),
    "decide": ("loop", "Approve or reject a proposal."),
    "orders": ("orders", "List work orders."),
    "order": ("orders", "Show a work order, or record a step of its life."),
    "dispatch": ("orders", "Send what waits and take in what was reported, once."),
    "outcomes": ("outcomes", "Say what came of decisions, against what was expected without action."),
    "explain": ("loop", "Say why: for whatever was found, proposed, refused, decided or done."),
    "replay": ("replay", "Daily surveillance of past days: which alarms would have begun, and when."),
    "scan": ("scan", "Scan text files for clusters, as other scan programs read them."),
    "backtest": ("backtest", "Try every forecast model on the past of a file."),
    "cases": ("cases", "List the cases that wait for a visit, the most likely finding first."),
    "priority": ("priority", "Try a ranking by risk on the past of a file."),
    "count": ("count", "Count a participatory budget exactly, and say who is represented."),
    "opinions": ("opinions", "Groups of opinion in agree and disagree votes, and what bridges them."),
    "plan": ("plan", "Say who goes where: least waiting, with a floor and its price."),
    "site": ("site", "Say where services should be: p-median, p-centre, covering, with a proven bound."),
    "rollout": ("rollout", "Choose measures against the divide: greatest benefit, equity and its price."),
    "reach": ("reach", "How long people need to a service, on foot and by public transport."),
    "guard": ("guard", "Ask the door what it would do with a file, and which authorisations stand."),
    "release": ("release", "Publish figures with noise, from a privacy budget; the only way out."),
    "decisions": ("decisions", "Decisions of cases: make, list, show, settle, watch, prove."),
    "rules": ("rules", "Rules as decision tables: show, check, try, run, trace, import and export them."),
    "audit": ("audit", "What a system does to groups: error rates with limits, leaks, a gate against drift, proxies."),
    "divide": ("divide", "The gap between places: inequality, who catches up, and ranks that errors allow."),
    "nation": ("nation", "Cities side by side, from their releases alone."),
    "access": ("access", "Who may come in: people, roles, sessions, and tokens of programs."),
    "grants": ("grants", "Who may read what, for which purpose, until when."),
    "systems": ("systems", "Which systems propose here, who answers for each, and what was signed."),
    "appeals": ("appeals", "What residents contest: list, assign, decide, find similar cases, publish figures."),
    "person": ("person", "Access, rectification, erasure, objection, restriction: what a person asks about himself."),
    "retention": ("retention", "Delete what has been kept for long enough, and prove it."),
    "breach": ("breach", "A breach of personal data: its 72 hours, who is concerned, the draft of a notice."),
    "backup": ("backup", "Backups whose people can be erased one by one: make, follow, list, verify, prune, status."),
    "restore": ("restore", "Restore a city from its backups into a new folder, checked entry by entry."),
    "records": ("records", "Drafts of records: processing, impact assessment, fundamental rights."),
    "liability": ("liability", "Who answered for a decision: duties and facts in a file that proves itself; holds."),
    "ledger": ("ledger", "Receipts of the ledger for people elsewhere; its form on disk."),
    "keys": ("ledger", "The key that signs the ledger: show, hand over, retire, or begin anew when it is lost."),
    "witness": ("witness", "Sign checkpoints of other cities, or ask others to sign this city's."),
    "verifier": ("ledger", "Print the program that checks receipts without cityward."),
    "fsck": ("fsck", "Check every file of a city for damage, and mend what is safe to mend."),
    "drill": ("drill", "Prove on a copy that the city comes back from ransomware and other losses."),
    "exercise": ("exercise", "Play a scenario at the table: injects, decisions with their time, a report of gaps."),
    "alerts": ("alerts", "What looks like an attack on the city: who owns it, and what to do."),
    "incidents": ("incidents", "Security incidents: what belongs together of what rules found, and what it may cost."),
    "respond": ("respond", "Playbooks against attacks: list, check, try dry, run with approvals, take up again, stop."),
    "risk": ("risk", "What attacks on the city's systems cost a year, what to buy, in which order to mend."),
    "chain": ("chain", "One attack from end to end: risk, control, rule, playbook, drill, and the risk that is left."),
    "monitor": ("monitor", "Hold logs of all systems against detection rules, and say what looks like an attack."),
    "continuity": ("continuity", "Sheets and plans on paper for days without a computer or a service."),
    "outreach": ("outreach", "How to hear silent places: the cheapest channel for each, and what a budget reaches."),
    "round": ("round", "Participatory budgeting: open a round, make voting codes, close it, export its ballots."),
    "verify": ("loop", "Re-compute the ledger and say what that proves."),
    "serve": ("serving", "Open the console and the API on this machine."),
    "demo": ("serving", "Chicago 2011 to 2014, from file to finding, in one command."),
}


class _Commands(click.Group):
    """Loads a command's module when it is asked for, so that ``--help`` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"cityward.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cityward")
def group() -> None:
    """What a territory's people need, detected, anticipated and answered for."""


def main() -> None:
    """Run the command line and exit: 0 done, 1 refused or not verified, 2 a mistake of the user, 3 a defect."""
    try:
        group(standalone_mode=False)
    except click.exceptions.Abort:
        _stop("Stopped.", "", EXIT_NO)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        _stop(error.format_message(), "'cityward --help' lists the commands.", EXIT_USER)
    except Refused as error:
        _stop(f"{error.what} (rule {error.rule})", error.remedy, EXIT_NO)
    except UserError as error:
        _stop(error.what, error.remedy, EXIT_USER)
    except Defect as error:
        _stop(f"This is a defect of cityward: {error}", "Please report it.", EXIT_DEFECT)
    except CitywardError as error:
        _stop(str(error), "", EXIT_NO)
    except BrokenPipeError:
        # Who reads has seen enough; what is still in the buffer goes nowhere, without another error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_NO)
    except OSError as error:
        where = f" '{error.filename}'" if error.filename else ""
        _stop(
            f"The system refused{where}: {error.strerror or type(error).__name__}.", "Mend that and try again.", EXIT_NO
        )


def _stop(what: str, remedy: str, code: int) -> None:
    if "--json" in sys.argv:
        problem = {"error": what, "remedy": remedy, "exit_code": code}
        click.echo(msgspec.json.encode(problem).decode(), err=True)
    else:
        click.echo(f"{what} {remedy}".strip(), err=True)
    sys.exit(code)


def as_json(value: Any) -> None:
    """Print ``value`` as one JSON document."""
    click.echo(msgspec.json.encode(value, order="sorted").decode())


def some(amount: int, noun: str) -> str:
    """A number of things: ``1 need``, ``1,200 needs``."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def by_option(function: Any) -> Any:
    """Add ``--by NAME``: who does it."""
    return click.option("--by", required=True, help="Your first and last name.")(function)


def signed(because: str = "Why, in at least 10 characters.") -> Callable[[Any], Any]:
    """Add ``--by NAME`` and ``--because TEXT``, with its help."""
    return lambda function: by_option(click.option("--because", required=True, help=because)(function))


def city_option(function: Any) -> Any:
    """Add ``--city DIR``."""
    return click.option(
        "--city",
        "folder",
        default=".",
        envvar="CITYWARD_CITY",
        show_default=True,
        type=click.Path(),
        help="The city folder.",
    )(function)


def json_option(function: Any) -> Any:
    """Add ``--json``."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON.")(function)
