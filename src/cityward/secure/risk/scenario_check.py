"""Whether scenarios, shocks and controls say what can be, and which scenarios a control acts on."""

from __future__ import annotations

import difflib
import re
from typing import Final

from cityward.core.errors import SettingsError
from cityward.core.limits import ID_CHARS, RISK_AMOUNT, RISK_CONTROLS, RISK_SCENARIOS
from cityward.secure.risk.attack import mitigations, techniques
from cityward.secure.risk.inventory import shown
from cityward.secure.risk.quantities import drawn
from cityward.secure.risk.records import Control, Hit, Scenario, ScenarioFile

FUNCTIONS: Final = {"GV": "Govern", "ID": "Identify", "PR": "Protect", "DE": "Detect", "RS": "Respond", "RC": "Recover"}
"""Functions of the NIST Cybersecurity Framework 2.0; a control may name a category, such as ``PR.AA``."""

_FUNCTION: Final = re.compile(r"(GV|ID|PR|DE|RS|RC)(\.[A-Z]{2}(-\d\d)?)?")
_FACTORS: Final = ("frequency", "success", "spread", "loss", "restore")


def check_scenarios(file: ScenarioFile, assets: set[str], tags: set[str]) -> None:
    """Raise `SettingsError` at the first thing that cannot be.

    Parameters
    ----------
    file : ScenarioFile
    assets, tags : set of str
        What the inventory knows.
    """
    if not file.scenarios:
        raise SettingsError("There is no scenario.", "Write [[scenarios]] with id, frequency and loss.")
    if len(file.scenarios) + len(file.shocks) > RISK_SCENARIOS or len(file.controls) > RISK_CONTROLS:
        raise SettingsError(
            f"There are more than {RISK_SCENARIOS:,} scenarios or {RISK_CONTROLS:,} controls.", "Join similar ones."
        )
    if not 0 <= file.value_of_citizen_hour <= RISK_AMOUNT:
        raise SettingsError("value_of_citizen_hour is no amount from 0 up.", "Correct it, or leave it out.")
    if not file.currency.isprintable() or len(file.currency) > 8:
        raise SettingsError("currency is longer than 8 letters.", "Write a sign or a code, such as EUR.")
    for what, ids in (
        ("scenarios", [one.id for one in file.scenarios]),
        ("shocks", [one.id for one in file.shocks]),
        ("controls", [one.id for one in file.controls]),
    ):
        _distinct(what, ids)
    for scenario in file.scenarios:
        _check_scenario(scenario, assets, tags)
    _check_shocks(file)
    known = {scenario.id for scenario in file.scenarios}
    for control in file.controls:
        _check_control(control, known)


def _check_shocks(file: ScenarioFile) -> None:
    known = {scenario.id for scenario in file.scenarios}
    for shock in file.shocks:
        where = f"Shock '{shown(shock.id)}'"
        drawn(shock.frequency, f"{where}: frequency")
        for id_, share in shock.scenarios.items():
            _known(id_, known, where, "scenario")
            if not 0 <= share <= 1:
                raise SettingsError(f"{where}: {share:g} is not a probability from 0 to 1.", "Correct it.")


def _distinct(what: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for id_ in ids:
        if not id_ or len(id_) > ID_CHARS or not id_.isprintable():
            raise SettingsError(f"One of the {what} has no id, or one that cannot be printed.", "Give it a short id.")
        if id_ in seen:
            raise SettingsError(f"Two of the {what} are called '{shown(id_)}'.", "Rename one of them.")
        seen.add(id_)


def _known(name: str, known: set[str], where: str, what: str) -> None:
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1) if len(known) <= 2_000 else []
    hint = f"Did you mean '{shown(close[0])}'?" if close else "Check how it is written."
    raise SettingsError(f"{where} names the {what} '{shown(name)}', which is not known.", hint)


def _check_scenario(scenario: Scenario, assets: set[str], tags: set[str]) -> None:
    where = f"Scenario '{shown(scenario.id)}'"
    for technique in scenario.techniques:
        _known(technique, set(techniques()), where, "technique")
    drawn(scenario.frequency, f"{where}: frequency")
    drawn(scenario.loss, f"{where}: loss")
    drawn(scenario.success, f"{where}: success", probability=True)
    if (scenario.capability is None) != (not scenario.resistance):
        raise SettingsError(f"{where} has capability without resistance, or the reverse.", "Give both or neither.")
    for quantity in (scenario.capability, *scenario.resistance):
        drawn(quantity or 0.0, f"{where}: capability or resistance")
    if not 0 <= scenario.together <= 1:
        raise SettingsError(f"{where}: together is not from 0 to 1.", "0 means that repairs are independent.")
    for hit in scenario.hits:
        _check_hit(hit, where, assets, tags)


def _check_hit(hit: Hit, where: str, assets: set[str], tags: set[str]) -> None:
    if not hit.assets and not hit.tags:
        raise SettingsError(f"{where} has a hit of nothing.", "Name assets or tags.")
    for name in hit.assets:
        _known(name, assets, where, "asset")
    for tag in hit.tags:
        _known(tag, tags, where, "tag")
    drawn(hit.share, f"{where}: share", probability=True)
    if hit.hours is not None:
        drawn(hit.hours, f"{where}: hours")
    if not 0 <= hit.after_hours <= RISK_AMOUNT:
        raise SettingsError(f"{where}: after_hours is no number of hours from 0 up.", "Correct it.")


def _check_control(control: Control, known: set[str]) -> None:
    where = f"Control '{shown(control.id)}'"
    for name in _FACTORS:
        factor = getattr(control, name)
        if not 0 <= factor <= 1:
            raise SettingsError(
                f"{where}: {name} = {factor:g} is not from 0 to 1.", "It is what is left: 0.4 takes away 60 %."
            )
    if not 0 <= control.cost_per_year <= RISK_AMOUNT:
        raise SettingsError(f"{where}: cost_per_year is no amount from 0 up.", "Correct it.")
    if control.function and not _FUNCTION.fullmatch(control.function):
        raise SettingsError(
            f"{where}: '{shown(control.function)}' is no function of the NIST CSF 2.0.",
            f"Write one of {', '.join(FUNCTIONS)}, or a category such as PR.AA.",
        )
    if control.mitigation:
        _known(control.mitigation, set(mitigations()), where, "mitigation")
    for technique in control.techniques:
        _known(technique, set(techniques()), where, "technique")
    for scenario in control.scenarios:
        _known(scenario, known, where, "scenario")
    if not (control.scenarios or control.techniques or control.mitigation):
        raise SettingsError(f"{where} acts on nothing.", "Name scenarios, techniques or a mitigation of ATT&CK.")


def acts_on(control: Control, scenario: Scenario) -> bool:
    """Whether a control acts on a scenario.

    Notes
    -----
    A technique stands for its sub-techniques, and a control of a mitigation acts on what ATT&CK lists it against.
    """
    if control.scenarios or control.techniques:
        against = frozenset(control.techniques)
    else:
        against = mitigations()[control.mitigation][1]
    parents = {technique.split(".")[0] for technique in scenario.techniques}
    return scenario.id in control.scenarios or bool(against & (parents | set(scenario.techniques)))
