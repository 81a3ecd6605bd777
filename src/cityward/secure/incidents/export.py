"""A security incident for others: STIX 2.1, and the JSON of an event of MISP.

What leaves are techniques, times, addresses and pseudonyms of accounts. Names of the city's own systems and of people
stay here: whoever gets the file would know what to attack.

**Source**: OASIS STIX 2.1 (incident, grouping, observed-data, attack-pattern); MISP core format, RFC draft-dulaunoy;
FIRST, Traffic Light Protocol.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from cityward.core.errors import UserError
from cityward.secure.risk.attack import techniques as names_of_techniques

if TYPE_CHECKING:
    from datetime import datetime

    from cityward.secure.incidents.records import SecurityIncident

TLP: Final = ("clear", "green", "amber", "red")
WARNING: Final = (
    "Addresses leave the city with this file, and an address can belong to a person. Hand it only to whom its marking "
    "allows, over a way that is encrypted."
)
_SPACE: Final = uuid.UUID("6f0d7c1a-7c3b-5d43-9f0e-3a0f5f6f1d55")
_LEVELS: Final = {"critical": 1, "high": 1, "medium": 2, "low": 3, "informational": 4}


def _name(one: SecurityIncident, *parts: str) -> str:
    """The same identifier whenever the same is exported again."""
    return str(uuid.uuid5(_SPACE, "\x1f".join((one.id, *parts))))


def _addresses(one: SecurityIncident) -> list[tuple[str, int]]:
    found = dict.fromkeys(trace.source for trace in one.traces if trace.source)
    valid: list[tuple[str, int]] = []
    for text in found:
        try:
            valid.append((text, ipaddress.ip_address(text).version))
        except ValueError:
            continue  # a name of a host in place of an address says who it is inside the city
    return valid


def _accounts(one: SecurityIncident) -> list[str]:
    return sorted({trace.account for trace in one.traces if trace.account and trace.account.startswith("person-")})


def _told(one: SecurityIncident) -> str:
    """What happened, without the city's own systems."""
    rules = "; ".join(f"{rule.title} ({rule.level})" for rule in one.rules)
    return (
        f"{one.events:,} events from {one.first:%Y-%m-%d %H:%M} to {one.last:%Y-%m-%d %H:%M} UTC, "
        f"at {len(one.places) + one.places_more} systems. Rules: {rules}."
    )


def as_stix(one: SecurityIncident, city: str, tlp: str, now: datetime) -> dict[str, Any]:
    """A bundle of STIX 2.1, every object of it marked.

    Raises
    ------
    UserError
        The library is not installed.
    """
    if importlib.util.find_spec("stix2") is None:
        raise UserError("The module 'stix2' is not installed.", "Install it with: pip install 'cityward[respond]'.")
    import stix2

    marking = {
        "clear": stix2.TLP_WHITE, "green": stix2.TLP_GREEN, "amber": stix2.TLP_AMBER, "red": stix2.TLP_RED,
    }[tlp]  # fmt: skip
    source = stix2.Identity(
        id=f"identity--{uuid.uuid5(_SPACE, city)}",
        name=city,
        identity_class="organization",
        created=one.opened_at,
        modified=one.opened_at,
        object_marking_refs=[marking],
    )
    usual: dict[str, Any] = {
        "created": one.opened_at,
        "modified": max(now, one.opened_at),
        "created_by_ref": source.id,
        "object_marking_refs": [marking],
    }
    incident = stix2.Incident(
        id=f"incident--{_name(one)}", name=f"Security incident {one.id}", description=_told(one), **usual
    )
    patterns = [
        stix2.AttackPattern(
            id=f"attack-pattern--{_name(one, technique)}",
            name=names_of_techniques().get(technique, technique),
            external_references=[{"source_name": "mitre-attack", "external_id": technique}],
            **usual,
        )
        for technique in one.techniques
    ]
    related = [
        stix2.Relationship(
            id=f"relationship--{_name(one, pattern.id)}",
            relationship_type="related-to",
            source_ref=incident.id,
            target_ref=pattern.id,
            **usual,
        )
        for pattern in patterns
    ]
    kinds = {4: stix2.IPv4Address, 6: stix2.IPv6Address}
    seen = [kinds[version](value=text, object_marking_refs=[marking]) for text, version in _addresses(one)]
    seen += [stix2.UserAccount(user_id=name, object_marking_refs=[marking]) for name in _accounts(one)]
    objects: list[Any] = [source, incident, *patterns, *related, *seen]
    if seen:
        objects.append(
            stix2.ObservedData(
                id=f"observed-data--{_name(one, 'observed')}",
                first_observed=one.first,
                last_observed=one.last,
                number_observed=min(999_999_999, max(1, one.events)),
                object_refs=[each.id for each in seen],
                **usual,
            )
        )
    group = stix2.Grouping(
        id=f"grouping--{_name(one, 'grouping')}",
        name=f"Security incident {one.id}",
        context="suspicious-activity",
        object_refs=[each.id for each in objects],
        **usual,
    )
    bundle = stix2.Bundle(id=f"bundle--{_name(one, 'bundle')}", objects=[marking, *objects, group], allow_custom=False)
    made: dict[str, Any] = json.loads(bundle.serialize())
    return made


def as_misp(one: SecurityIncident, city: str, tlp: str, now: datetime) -> dict[str, Any]:
    """An event of MISP, as its REST API and its import take it."""
    stamp = str(int(now.timestamp()))
    known = names_of_techniques()
    tags = [f"tlp:{tlp}"]
    tags += [f'misp-galaxy:mitre-attack-pattern="{known.get(each, each)} - {each}"' for each in one.techniques]
    usual = {
        "timestamp": stamp,
        "to_ids": False,
        "distribution": "5",
        "first_seen": one.first.isoformat(),
        "last_seen": one.last.isoformat(),
    }
    attributes = [
        {"uuid": _name(one, text), "type": "ip-src", "category": "Network activity", "value": text, **usual}
        for text, _ in _addresses(one)
    ]
    attributes += [
        {"uuid": _name(one, name), "type": "text", "category": "Other", "value": name, "comment": "account", **usual}
        for name in _accounts(one)
    ]
    attributes.append(
        {"uuid": _name(one, "told"), "type": "comment", "category": "Internal reference", "value": _told(one), **usual}
    )
    return {
        "Event": {
            "uuid": _name(one),
            "info": f"Security incident {one.id} of {city}",
            "date": f"{one.first:%Y-%m-%d}",
            "timestamp": stamp,
            "threat_level_id": str(_LEVELS.get(one.level, 4)),
            "analysis": "2" if one.state == "closed" else "1",
            "distribution": "0",
            "published": False,
            "Orgc": {"name": city, "uuid": str(uuid.uuid5(_SPACE, city))},
            "Tag": [{"name": tag} for tag in tags],
            "Attribute": attributes,
        }
    }
