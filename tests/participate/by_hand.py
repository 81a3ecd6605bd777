"""The rules once more, voter by voter and in fractions, as slowly as they are defined."""

from __future__ import annotations

from fractions import Fraction

from cityward.participate.counting.election import Election

Wishes = list[dict[int, int]]


def wishes(election: Election) -> Wishes:
    """Projects with points, of each voter."""
    found: Wishes = []
    for ballot in election.ballot_of.tolist():
        begin, end = int(election.begins[ballot]), int(election.begins[ballot + 1])
        marks = zip(election.project[begin:end].tolist(), election.weight[begin:end].tolist(), strict=True)
        found.append({project: weight for project, weight in marks if weight > 0})
    return found


def key(election: Election, project: int) -> tuple[int, int, str]:
    """More votes, then the cheaper, then the identifier; identifiers of tests are of one length."""
    return -int(election.scores[project]), election.costs[project], election.ids[project]


def greedy(election: Election, *, skip: bool = True) -> list[int]:
    left, funded = election.budget, []
    for one in sorted(range(len(election.ids)), key=lambda one: key(election, one)):
        if not any(one in wish for wish in wishes(election)) or election.scores[one] < 0:
            continue
        if election.costs[one] <= left:
            funded.append(one)
            left -= election.costs[one]
        elif not skip and election.costs[one] <= election.budget:
            break
    return funded


def _price(cost: int, supporters: list[tuple[Fraction, int]]) -> Fraction | None:
    """What a point pays, by trying how many of the poorest pay all they have."""
    order = sorted(supporters, key=lambda one: one[0] / one[1])
    if sum(money for money, _ in order) < cost:
        return None
    paid = Fraction(0)
    for at, (money, weight) in enumerate(order):
        price = (cost - paid) / sum(points for _, points in order[at:])
        if price * weight <= money:
            return price
        paid += money
    return None


def shares(election: Election, share: Fraction, satisfaction: str) -> list[int]:
    """Equal shares with one share."""
    wish = wishes(election)
    if satisfaction != "points":
        wish = [dict.fromkeys(one, 1) for one in wish]
    money = [share] * len(wish)
    open_ = {one for one in range(len(election.ids)) if any(one in each for each in wish)}
    funded = sorted((one for one in open_ if not election.costs[one]), key=lambda one: key(election, one))
    open_ -= set(funded)
    while True:
        found = {}
        for one in open_:
            price = _price(election.costs[one], [(money[at], own[one]) for at, own in enumerate(wish) if one in own])
            if price is not None:
                worth = election.costs[one] if satisfaction == "cost" else 1
                found[one] = (price / worth, key(election, one)), price
        if not found:
            return funded
        first = min(found, key=lambda one: found[one][0])
        for at, own in enumerate(wish):
            if first in own:
                money[at] = max(Fraction(0), money[at] - found[first][1] * own[first])
        funded.append(first)
        open_.discard(first)


def add1(election: Election, satisfaction: str) -> tuple[Fraction, list[int]]:
    """Equal shares, with more for everybody while what is bought fits."""
    share = Fraction(election.budget, election.voters)
    funded = shares(election, share, satisfaction)
    wanted = {one for own in wishes(election) for one in own}
    while set(funded) != wanted:
        more = shares(election, share + election.unit, satisfaction)
        if sum(election.costs[one] for one in more) > election.budget:
            break
        share, funded = share + election.unit, more
    return share, funded


def phragmen(election: Election) -> list[int]:
    """Loads of each voter, one after the other."""
    wish = wishes(election)
    loads = [Fraction(0)] * len(wish)
    open_ = {one for own in wish for one in own if election.costs[one] <= election.budget}
    left, funded = election.budget, []
    while open_:
        found = {}
        for one in open_:
            own = [at for at, each in enumerate(wish) if one in each]
            found[one] = (sum((loads[at] for at in own), Fraction(0)) + election.costs[one]) / len(own)
        least = min(found.values())
        tied = [one for one in open_ if found[one] == least]
        if any(election.costs[one] > left for one in tied):
            break
        first = min(tied, key=lambda one: key(election, one))
        for at, own in enumerate(wish):
            if first in own:
                loads[at] = least
        funded.append(first)
        left -= election.costs[first]
        open_.discard(first)
    return funded
