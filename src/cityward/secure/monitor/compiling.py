"""Documents of Sigma rules to a rule set, with what was refused and why.

A file of several documents, filters and the actions global, repeat and reset are understood. A rule that correlations
refer to shows nothing by itself, unless one of them says ``generate``.

**Source**: Sigma specification 2.0 (rules, correlations, filters), SigmaHQ.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

import msgspec
import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import (
    CorrelationConditionItem,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from cityward.core.limits import MONITOR_RULE_BYTES
from cityward.secure.monitor.printable import printable
from cityward.secure.monitor.terms import Correlation, Detection, Expression, NotCompiled, RuleSet, Told
from cityward.secure.monitor.translate import Graph, NotTranslated

_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Parsed = SigmaRule | SigmaCorrelationRule | SigmaFilter


def compile_rules(files: dict[str, bytes]) -> RuleSet:
    """Compile every rule of ``files`` (name to content); a rule that cannot be used is refused, the others stand."""
    return _Compiler().compile(files)


class _Compiler:
    def __init__(self) -> None:
        self._graph = Graph()
        self._refused: list[NotCompiled] = []
        self._keys: dict[str, str] = {}  # what may be referred to: identifiers and names, to the key of a rule

    def compile(self, files: dict[str, bytes]) -> RuleSet:
        parsed = [(name, one) for name, content in files.items() for one in self._parsed(name, content)]
        filters = [one for _, one in parsed if isinstance(one, SigmaFilter)]
        detections: list[Detection] = []
        for name, one in parsed:
            if isinstance(one, SigmaRule) and (made := self._detection(name, _filtered(one, filters))):
                detections.append(made)
        correlations = self._correlations(
            [(name, one) for name, one in parsed if isinstance(one, SigmaCorrelationRule)]
        )
        referred: dict[str, bool] = {}
        for correlation, generates in correlations:
            for rule in correlation.rules:
                referred[rule] = referred.get(rule, False) or generates

        def quiet(told: Told) -> bool:
            return not referred.get(told.id, True)

        return RuleSet(
            nodes=self._graph.nodes,
            detections=tuple(_with(one, quiet=quiet(one.told)) for one in detections),
            correlations=tuple(_with(one, quiet=quiet(one.told)) for one, _ in correlations),
            refused=tuple(self._refused),
        )

    def _refuse(self, file: str, title: str, why: str) -> None:
        self._refused.append(NotCompiled(file=printable(file), title=printable(title, 200), why=printable(why, 300)))

    def _parsed(self, name: str, content: bytes) -> list[Parsed]:
        if len(content) > MONITOR_RULE_BYTES:
            self._refuse(name, "", f"the file is larger than {MONITOR_RULE_BYTES:,} bytes")
            return []
        try:
            documents = list(yaml.load_all(content, _LOADER))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            self._refuse(name, "", f"it is no YAML: {' '.join(str(error).split())}")
            return []
        if documents and not any(isinstance(one, dict) and _KEYS & one.keys() for one in documents):
            return []  # YAML of another kind that lies beside rules
        try:
            made = SigmaCollection.from_dicts(
                documents, collect_errors=True, collect_filters=True, resolve_references=False
            )
        except Exception as error:  # noqa: BLE001 - hostile documents break the parser in ways without number
            self._refuse(name, "", f"it is no rule: {type(error).__name__} {error}")
            return []
        return [*made.rules, *made.filters]

    def _told(self, file: str, rule: Any) -> Told:
        key = str(rule.id or rule.name or f"{file}:{len(self._keys)}")
        if key in self._keys:
            raise NotTranslated(f"another rule has the identifier {key}")
        told = Told(
            id=key,
            name=str(rule.name or ""),
            title=printable(str(rule.title or key), 200),
            level=rule.level.name.lower() if rule.level else "medium",
            techniques=tuple(
                sorted({found[1].upper() for tag in rule.tags if (found := _TECHNIQUE.fullmatch(str(tag)))})
            ),
            file=printable(file),
        )
        self._keys[key] = key
        if rule.name:
            self._keys.setdefault(str(rule.name), key)
        return told

    def _detection(self, file: str, rule: SigmaRule) -> Detection | None:
        try:
            if rule.errors:
                raise rule.errors[0]
            root = self._graph.rule(rule.detection.parsed_condition)
            source = rule.logsource
            return Detection(
                told=self._told(file, rule),
                product=_lower(source.product),
                category=_lower(source.category),
                service=_lower(source.service),
                root=root,
            )
        except (SigmaError, NotTranslated, RecursionError, OverflowError) as error:
            self._refuse(file, str(rule.title or ""), str(error) or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the same: a hostile rule is refused, and the others stand
            self._refuse(file, str(rule.title or ""), f"it is no rule: {type(error).__name__} {error}")
        return None

    def _correlations(self, waiting: list[tuple[str, SigmaCorrelationRule]]) -> list[tuple[Correlation, bool]]:
        """Correlations in an order in which each stands after those that it refers to; cycles are refused."""
        made: list[tuple[Correlation, bool]] = []
        while waiting:
            names = {str(name) for _, one in waiting for name in (one.id, one.name) if name}
            ready = [(file, one) for file, one in waiting if not names & set(_references(one))]
            for file, one in ready or waiting:
                try:
                    if one.errors:
                        raise one.errors[0]
                    if not ready:
                        raise NotTranslated("correlations refer to each other in a circle")
                    made.append((self._correlation(file, one), bool(one.generate)))
                except (SigmaError, NotTranslated, RecursionError) as error:
                    self._refuse(file, str(one.title or ""), str(error) or type(error).__name__)
            waiting = [pair for pair in waiting if pair not in ready] if ready else []
        return made

    def _correlation(self, file: str, rule: SigmaCorrelationRule) -> Correlation:
        keys = tuple(self._key(one) for one in dict.fromkeys(_references(rule)))
        asked: dict[str, Any] = {"operator": "gte", "count": 1}
        condition = rule.condition
        if isinstance(condition, SigmaExtendedCorrelationCondition):
            if rule.type.name == "TEMPORAL_ORDERED":
                raise NotTranslated("an order of rules with a boolean expression is not defined")
            asked["expression"] = self._expression(condition.parsed)
        else:
            fields = condition.fieldref or ()
            asked = {
                "operator": condition.op.name.lower(),
                "count": condition.count,
                "fields": tuple(one.lower() for one in ((fields,) if isinstance(fields, str) else fields)),
                "percentile": condition.percentile,
            }
        return Correlation(
            told=self._told(file, rule),
            kind=cast(Any, rule.type.name.lower()),
            rules=keys,
            group_by=tuple(one.lower() for one in rule.group_by or ()),
            aliases={
                alias.alias.lower(): {self._key(ref.reference): field.lower() for ref, field in alias.mapping.items()}
                for alias in rule.aliases
            },
            span_seconds=rule.timespan.seconds,
            **asked,
        )

    def _key(self, reference: str) -> str:
        if reference not in self._keys:
            raise NotTranslated(f"it refers to the rule '{reference[:80]}', which is not here or was refused")
        return self._keys[reference]

    def _expression(self, parsed: CorrelationConditionItem | SigmaRuleReference) -> Expression:
        if isinstance(parsed, SigmaRuleReference):
            return Expression("rule", self._key(parsed.reference))
        how = type(parsed).__name__.removeprefix("CorrelationCondition").lower()
        return Expression(cast(Any, how), "", tuple(self._expression(one) for one in parsed.args))


_KEYS = {"detection", "logsource", "correlation", "filter", "action"}


def _filtered(rule: SigmaRule, filters: list[SigmaFilter]) -> SigmaRule:
    for one in filters:
        rule = cast(SigmaRule, one.apply_on_rule(rule))
    return rule


def _references(rule: SigmaCorrelationRule) -> list[str]:
    if isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        return rule.condition.get_referenced_rules()
    return [one.reference for one in rule.rules or ()]


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None


Made = TypeVar("Made", Detection, Correlation)


def _with(made: Made, *, quiet: bool) -> Made:

    return msgspec.structs.replace(made, quiet=quiet)
