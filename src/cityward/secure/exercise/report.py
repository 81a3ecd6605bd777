"""What an exercise showed: what was late, what nobody owns, what runs out, and what the order of restore costs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from cityward.secure.exercise.record import Chosen, Exercise, Gap, Inject, Told
from cityward.secure.risk.graph import make_graph
from cityward.secure.risk.plan import hours_told, name_of
from cityward.secure.risk.records import Asset, Inventory
from cityward.secure.risk.restore_order import lost_by, restore_order

ORDER_MATTERS: Final = 0.01
"""An order that costs this share more than the computed one is a gap."""

SHOWN: Final = 50


def tell(one: Exercise, playbooks: Collection[str] | None) -> Told:
    """Hold an exercise against its deadlines and its inventory.

    Parameters
    ----------
    one : Exercise
    playbooks : collection of str, optional
        Techniques of ATT&CK that there are playbooks for; left out, that is not asked.
    """
    first: dict[int, Chosen] = {}
    for each in one.decisions:
        first.setdefault(each.inject, each)
    asked = [each for each in one.injects[: one.shown] if each.asks]
    late = _late(one, asked, first)
    order = _order(one)
    gaps = [*late, *_owners(one, asked, first), *_manual(one, asked), *order[0], *_playbooks(one, playbooks)]
    notes = list(one.notes)
    if one.shown < len(one.injects):
        notes.append(f"{len(one.injects) - one.shown} of {len(one.injects)} injects were not told before it ended.")
    if playbooks is None:
        notes.append("Whether there are playbooks was not asked: nobody said which techniques have one.")
    restore = next((each for each in asked if each.kind == "restore"), None)
    return Told(
        headline=_headline(asked, first, gaps),
        gaps=tuple(gaps),
        asked=len(asked),
        decided=sum(each.number in first for each in asked),
        late=len(late),
        decide_minutes=_took(one, restore, first) if restore else None,
        met=not late,
        order_chosen=order[1],
        order_computed=order[2],
        lost_chosen=order[3],
        lost_computed=order[4],
        notes=tuple(notes),
    )


def _took(one: Exercise, asked: Inject, first: dict[int, Chosen]) -> float:
    """Minutes until it was decided; until the end where it never was."""
    chosen = first.get(asked.number)
    return max(0.0, chosen.took_minutes if chosen else one.anchor_minutes - asked.at_minutes)


def _late(one: Exercise, asked: list[Inject], first: dict[int, Chosen]) -> list[Gap]:
    found = []
    for each in asked:
        chosen = first.get(each.number)
        if each.by_minutes is None:
            if chosen is None:
                found.append(Gap(kind="undecided", what=f"{each.to}: nobody decided. {each.asks}", inject=each.number))
            continue
        at = chosen.at_minutes if chosen else one.anchor_minutes
        if chosen is None and at < each.by_minutes:
            continue
        if chosen and at <= each.by_minutes:
            continue
        over = hours_told((at - each.by_minutes) / 60)
        if each.buffer:
            word = "was decided" if chosen else "was not decided"
            what = f"{each.to}: the buffer of '{each.asset}' ended {over} before anything {word}. {each.asks}"
            found.append(Gap(kind="buffer ended", what=what, inject=each.number))
        else:
            word = f"decided {over} too late" if chosen else f"not decided, {over} after the time"
            kind = "late" if chosen else "undecided"
            found.append(Gap(kind=kind, what=f"{each.to}: {word}. {each.asks}", inject=each.number))
    return found


def _owners(one: Exercise, asked: list[Inject], first: dict[int, Chosen]) -> list[Gap]:
    nobody = [asset for asset in one.assets if not asset.owner.strip()]
    found = [Gap(kind="no owner", what=f"Nobody owns {_listed(nobody)}.")] if nobody else []
    services = [asset for asset in one.assets if asset.serves and not asset.contact.strip()]
    if services:
        found.append(Gap(kind="no contact", what=f"The inventory says no telephone for {_listed(services)}."))
    unnamed = [each.number for each in asked if each.number in first and not first[each.number].owner]
    if unnamed:
        numbers = ", ".join(map(str, unnamed[:SHOWN]))
        found.append(
            Gap(kind="no owner", what=f"Decided without saying which office carries it out: injects {numbers}.")
        )
    return found


def _manual(one: Exercise, asked: list[Inject]) -> list[Gap]:
    about = {each.asset for each in asked if each.kind == "manual"}
    without = [asset for asset in one.assets if asset.id in about and not asset.manual.strip()]
    return [
        Gap(kind="no manual mode", what=f"The inventory does not say how {name_of(asset)} goes on by hand.")
        for asset in without[:SHOWN]
    ]


def _playbooks(one: Exercise, playbooks: Collection[str] | None) -> list[Gap]:
    if playbooks is None:
        return []
    known = set(playbooks)
    missing = [name for name in one.techniques if name not in known and name.split(".")[0] not in known]
    return [Gap(kind="no playbook", what=f"There is no playbook for {name}.") for name in missing]


_Ordered = tuple[list[Gap], tuple[str, ...], tuple[str, ...], float | None, float | None]


def _order(one: Exercise) -> _Ordered:
    """The order that was chosen against the computed one, both for what the event broke."""
    broken = set(one.broken)
    chosen = next((each.order for each in reversed(one.decisions) if each.order), ())
    if not one.assets or not broken:
        return [], chosen, (), None, None
    graph = make_graph(Inventory(tuple(_alone(asset) for asset in one.assets), {}))
    places = sorted(graph.place[name] for name in broken if name in graph.place)
    best = restore_order(graph, one.crews, places)
    computed = tuple(graph.assets[at].id for at in best.assets.tolist())
    if not chosen:
        return [], (), computed, None, best.lost
    first = [graph.place[name] for name in chosen]
    lost = lost_by(graph, [*first, *best.assets.tolist()], one.crews, places)
    more = lost - best.lost
    if more <= ORDER_MATTERS * max(best.lost, 1.0):
        return [], chosen, computed, lost, best.lost
    what = (
        f"The order of restore that was chosen costs residents {more:,.0f} hours of service more than the computed "
        f"one, which begins with {', '.join(computed[:3])}."
    )
    return [Gap(kind="order", what=what, citizen_hours=more)], chosen, computed, lost, best.lost


def _alone(asset: Asset) -> Asset:
    return msgspec.structs.replace(asset, supplier="")


def _headline(asked: list[Inject], first: dict[int, Chosen], gaps: list[Gap]) -> str:
    decided = sum(each.number in first for each in asked)
    told = f"{decided} of {len(asked)} questions were decided"
    if not gaps:
        return f"{told}, none late, and no gap was found"
    late = sum(one.kind in ("late", "undecided", "buffer ended") for one in gaps)
    return f"{told}; {len(gaps)} gap{'' if len(gaps) == 1 else 's'} {'was' if len(gaps) == 1 else 'were'} found" + (
        f", {late} of them of time" if late else ""
    )


def _listed(assets: list[Asset]) -> str:
    names = [name_of(asset) for asset in assets]
    return f"{', '.join(names[:8])}{f' and {len(names) - 8} more' if len(names) > 8 else ''}"
