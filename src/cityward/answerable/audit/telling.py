"""What an audit found, in plain words: the finding first, then what has to be known to read the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cityward.answerable.audit.labels import Known
from cityward.answerable.audit.report import Check, Group, Rate, Without
from cityward.answerable.audit.rows import Request
from cityward.core.words import percent

LEVEL: Final = 0.05
"""Chance of one false alarm among all comparisons."""

SENTENCES: Final = {
    "false_positive_rate": "Of people without the outcome, {value} in {group} are selected all the same, {against} "
    "in {rest}",
    "false_negative_rate": "Of people with the outcome, {value} in {group} are missed, {against} in {rest}",
    "positive_predictive_value": "Of the selected, {value} in {group} have the outcome, {against} in {rest}",
    "false_omission_rate": "Of those not selected, {value} in {group} have the outcome, {against} in {rest}",
    "accuracy": "Predictions are right for {value} in {group}, {against} in {rest}",
    "selection_rate": "Selected are {value} in {group}, {against} in {rest}",
    "base_rate": "The outcome comes for {value} in {group}, {against} in {rest}",
}
_ERRORS: Final = tuple(SENTENCES)[:4]
_ORDER: Final = (_ERRORS, ("selection_rate",), ("accuracy",), ("base_rate",))
_SHOWN: Final = 6


def finding(
    everybody: Group,
    groups: Sequence[Group],
    known: Known,
    checks: Sequence[Check],
    without: Without | None,
    reference: str,
) -> str:
    """One to three sentences: whether the data can be believed, then the difference that matters most."""
    parts = []
    leak = next((one for one in checks if one.severity == "leak"), None)
    if leak:
        parts.append(leak.says)
    if without:
        parts.append(f"Without these {without.rows_left_out:,} rows: {_compared_rates(everybody, without.everybody)}.")
    if not known.identifiable and known.kind != "no prediction":
        parts.append(f"Error rates are not identifiable. {known.because}")
    parts.append(difference(groups, reference or "all others"))
    return " ".join(parts)


def _compared_rates(before: Group, after: Group) -> str:
    names = {"base_rate": "outcome", "false_positive_rate": "false positives", "false_negative_rate": "false negatives"}
    told = []
    for name, word in names.items():
        old, new = before.rates[name].value, after.rates[name].value
        if old is not None and new is not None:
            told.append(f"{word} {percent(new, 1)} instead of {percent(old, 1)}")
    return ", ".join(told)


def difference(groups: Sequence[Group], reference: str = "all others") -> str:
    """The difference between groups that concerns most people and is more than chance, or that there is none.

    Wrong selections and misses come before selection, and that before what is no doing of the system.
    """
    picked = _most_picked(groups)
    if picked:
        return picked
    for names in _ORDER:
        best: tuple[float, Group, str, Rate] | None = None
        for group in groups:
            for name in names:
                rate = group.rates[name]
                compared = rate.compared
                if rate.status != "known" or compared is None or compared.p_holm is None or compared.p_holm >= LEVEL:
                    continue
                people = abs(compared.difference or 0.0) * rate.out_of
                if _worse(name, rate) and (best is None or people > best[0]):
                    best = (people, group, name, rate)
        if best:
            return _sentence(*best[1:], reference)
    compared_any = any(one.compared and one.compared.p_holm is not None for g in groups for one in g.rates.values())
    if not compared_any:
        return "No two groups are large enough to be compared: we do not know."
    return "No difference between groups is more than chance would give. That does not prove that there is none."


def _worse(name: str, rate: Rate) -> bool:
    """Whether the group fares worse; of selection and outcome that is not known, and the higher one is told."""
    higher = (rate.compared.difference or 0.0) > 0 if rate.compared else False
    return higher != (name in ("positive_predictive_value", "accuracy"))


def _sentence(group: Group, name: str, rate: Rate, reference: str) -> str:
    compared = rate.compared
    low, high = rate.interval
    if compared is None or rate.value is None or compared.against is None or low is None or high is None:
        return ""
    value = f"{percent(rate.value, 1)} ({percent(low, 1)} to {percent(high, 1)})"
    words = {
        "group": f"{' and '.join(group.by)} {group.name}",
        "rest": reference,
        "value": value,
        "against": percent(compared.against, 1),
    }
    chance = "less than 0.001" if (compared.p_holm or 0) < 0.001 else f"{compared.p_holm:.3f}"
    return f"{SENTENCES[name].format(**words)} (chance of one such difference by luck: {chance})."


def _most_picked(groups: Sequence[Group]) -> str:
    told: list[tuple[float, str]] = []
    for group in groups:
        rate = group.representation
        compared = rate.compared if rate else None
        if not rate or not compared or rate.status != "known" or not compared.ratio or compared.p_holm is None:
            continue
        low, high = compared.ratio_interval
        if compared.p_holm < LEVEL and low is not None and high is not None and compared.ratio > 1:
            name = f"{' and '.join(group.by)} {group.name}"
            told.append((compared.ratio, f"{name} {compared.ratio:.2f} times ({low:.2f} to {high:.2f})"))
    if not told:
        return ""
    shown = [text for _, text in sorted(told, reverse=True)[:_SHOWN]]
    return f"Picked more often than a draw by lot would: {'; '.join(shown)}."


def notes(everybody: Group, groups: Sequence[Group], known: Known, comparisons: int, asked: Request) -> tuple[str, ...]:
    """What has to be known to read the figures."""
    told = [known.because, *_one_sided(everybody)]
    small = [f"{' and '.join(one.by)} {one.name}" for one in groups if _small(one)]
    if small:
        more = f" and {len(small) - _SHOWN} more" if len(small) > _SHOWN else ""
        told.append(
            f"Some rates of {', '.join(small[:_SHOWN])}{more} are out of fewer than {asked.min_n} people: they are "
            "flagged and not ranked, because we do not know."
        )
    if comparisons:
        told.append(
            f"{comparisons:,} comparisons were made; p_holm keeps the chance of one false alarm among all of them, q "
            "(Benjamini and Hochberg) the share of false alarms among alarms."
        )
    told += _impossible(groups, known)
    told.append(
        f"Limits of single rates are those of Clopper and Pearson, which hold in at least {percent(asked.level)} of "
        "cases; of differences and ratios, those built from Wilson's."
    )
    if asked.weight:
        told.append("Rows stand for many cases each, so the checks of single rows were not made.")
    return tuple(told)


def _one_sided(everybody: Group) -> list[str]:
    """Say it when everybody, or nobody, has the outcome: then some rates are out of nobody."""
    base = everybody.rates["base_rate"]
    if base.value not in (0.0, 1.0):
        return []
    who, rates = ("Nobody", "Misses are") if base.value == 0 else ("Everybody", "False positives are")
    return [f"{who} of the {base.out_of:,} whose outcome is known has it. {rates} of nobody, so they cannot be told."]


def _small(group: Group) -> bool:
    return any(one.status == "small" for one in group.rates.values())


def _impossible(groups: Sequence[Group], known: Known) -> list[str]:
    """Say it when base rates differ: then not everything can be equal."""
    if not known.identifiable:
        return []
    apart = [
        one
        for one in groups
        if (base := one.rates["base_rate"]).status == "known"
        and base.compared
        and base.compared.p_holm is not None
        and base.compared.p_holm < LEVEL
    ]
    if not apart:
        return []
    shares = sorted((one.rates["base_rate"].value or 0.0, one.name) for one in apart)
    low, high = shares[0], shares[-1]
    told = f"{percent(high[0])} in {high[1]}" + (f" but {percent(low[0])} in {low[1]}" if low != high else "")
    return [
        f"The outcome comes for {told}. Where that differs, a system that is ever wrong cannot have equal false "
        "positives, equal false negatives and selections that are equally often right, all three (Chouldechova 2017; "
        "Kleinberg and others 2016). Which of them has to be equal is a decision that somebody must answer for."
    ]
