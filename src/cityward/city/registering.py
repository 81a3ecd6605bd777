"""What people do to systems: approve, accept and hand over duties, modify, end. Everything leaves a receipt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.answerable.register.checking import stands_in_the_way
from cityward.answerable.register.duties import Holding, acceptance_text, hand_over_text
from cityward.answerable.register.shape import System
from cityward.answerable.register.versions import canonical, digest, substantial
from cityward.answerable.registry import shipped_systems
from cityward.city.registered import KIND, Registered, Standing, told_changes
from cityward.city.saying import name_of
from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.systems import SystemEvent, What
from cityward.secure.signed_text import countersign, read_verifier_key, sign_text, signers, text_of, verifier_key

REASON_CHARS_MIN: Final = 10
JUDGEMENT_CHARS_MIN: Final = 20
"""A judgement against what was computed is explained at more length."""

_SINCE: Final = re.compile(r" from (\d{4}-\d\d-\d\d)(?: until (\d{4}-\d\d-\d\d))?\n$")


class Registering(Registered):
    """The systems of a city; reached as ``city.systems``."""

    # -- approving ---------------------------------------------------------------------------------

    def approve(self, identifier: str, by: str, because: str) -> SystemEvent:
        """Approve the version that the file says now; its digest goes into the ledger.

        Raises
        ------
        UserError
            It is approved already, or was changed substantially: then `modify` says who did that.
        Refused
            Something stands in the way: a question of article 5, or whatever a strict system lacks.
        """
        standing = self.get(identifier)
        if standing.state == "approved":
            raise UserError(f"'{identifier}' {standing.system.version} is approved already.", "Nothing is to be done.")
        if substantial(standing.changes):
            raise UserError(
                f"'{identifier}' was changed substantially: {told_changes(standing.changes)}.",
                f"Say who changed it: 'cityward systems modify {identifier} --party NAME --by YOU --because WHY'.",
            )
        self._check_ready(standing)
        return self._keep_version(standing, "approved", name_of(by), _reason(because), judged=False)

    def approve_shipped(self, by: str, because: str) -> list[SystemEvent]:
        """Approve what comes with cityward and was never approved here, as the one who sets a city up does."""
        shipped = set(shipped_systems())
        new = [one for one in self.all() if one.system.id in shipped and one.approved is None]
        return [self.approve(one.system.id, by, because) for one in new]

    def modify(
        self,
        identifier: str,
        by: str,
        because: str,
        party: str,
        judged: Literal["substantial", "not substantial"] | None = None,
    ) -> SystemEvent:
        """Approve a changed version and note who changed it; what is substantial moves the provider's duties to him.

        Whether it is substantial is computed; ``judged`` says otherwise, with a reason of `JUDGEMENT_CHARS_MIN`.
        """
        standing = self.get(identifier)
        by, because, party = name_of(by), _reason(because), " ".join(party.split())
        if standing.approved is None or not standing.changes:
            raise UserError(
                f"'{identifier}' was not changed since it was approved." if standing.approved else
                f"'{identifier}' was never approved.", f"Use 'cityward systems approve {identifier}'.",
            )  # fmt: skip
        if party not in {" ".join(one.name.split()) for one in standing.system.parties}:
            raise UserError(
                f"'{party[:60]}' is no party of '{identifier}'.", "Add a [[parties]] table with its contact."
            )
        computed = substantial(standing.changes)
        judgement = computed if judged is None else judged == "substantial"
        if judgement != computed and len(because) < JUDGEMENT_CHARS_MIN:
            raise UserError(
                f"By its changes this is {'' if computed else 'not '}substantial: {told_changes(standing.changes)}.",
                f"To judge otherwise, give the reason in at least {JUDGEMENT_CHARS_MIN} characters with --because.",
            )
        if computed and standing.approved.version == standing.system.version:
            raise UserError(
                f"'{identifier}' was changed substantially and is still called version {standing.system.version}.",
                "Raise 'version' in the file: two different things cannot have one name.",
            )
        self._check_ready(standing)
        return self._keep_version(standing, "modified", by, because, judged=judgement, party=party)

    def end(self, identifier: str, by: str, because: str, on: date | None = None) -> SystemEvent:
        """End the use of a system on a day, default today."""
        standing = self.get(identifier)
        if standing.state == "ended":
            raise UserError(f"'{identifier}' has ended already.", "Nothing is to be done.")
        return self._keep(
            standing.system, "ended", name_of(by), because=_reason(because), valid_from=on or self._city.today
        )

    def note_reversal(self, identifier: str, digest_: str, by: str, because: str) -> SystemEvent:
        """Note that an appeal changed a decision that rests on a system, in the version that was used; raises as `get`.

        The same reason again changes nothing: it names the appeal.
        """
        told = [
            one for one in self.events() if (one.system, one.what, one.because) == (identifier, "reversed", because)
        ]
        system = self.version(identifier, digest_) or self.system(identifier)
        return told[0] if told else self._keep(system, "reversed", name_of(by), because=_reason(because))

    # -- audits ------------------------------------------------------------------------------------

    def audited(self, identifier: str, by: str, finding: str, figures: str) -> SystemEvent:
        """Keep an audit: what it found first, and its figures as JSON."""
        return self._keep(self.system(identifier), "audited", name_of(by), because=finding, note=figures)

    def suspend(self, identifier: str, by: str, because: str) -> SystemEvent:
        """Suspend a system at once: nothing is decided on its proposals until a person resumes it.

        ``by`` is who found it, a person or the gate.

        Raises
        ------
        UserError
            It is suspended already.
        """
        standing = self.get(identifier)
        if standing.suspended:
            raise UserError(f"'{identifier}' is suspended already.", "Nothing is to be done.")
        return self._keep(standing.system, "suspended", by, because=because)

    def resume(self, identifier: str, by: str, because: str) -> SystemEvent:
        """End a suspension, as a named person with a reason."""
        standing = self.get(identifier)
        if not standing.suspended:
            raise UserError(f"'{identifier}' is not suspended.", "Nothing is to be done.")
        return self._keep(standing.system, "resumed", name_of(by), because=_reason(because))

    def _check_ready(self, standing: Standing) -> None:
        in_the_way = stands_in_the_way(standing.system, standing.findings)
        if in_the_way:
            raise Refused(
                in_the_way[0].rule,
                f"'{standing.system.id}' cannot be approved yet: {' '.join(one.says for one in in_the_way[:3])}"
                + (f" And {len(in_the_way) - 3} more." if len(in_the_way) > 3 else ""),
                in_the_way[0].remedy,
            )

    def _keep_version(
        self,
        standing: Standing,
        what: Literal["approved", "modified"],
        by: str,
        because: str,
        *,
        judged: bool,
        party: str = "",
    ) -> SystemEvent:
        changes = tuple(f"{one.says}{f' ({one.reason})' if one.reason else ''}" for one in standing.changes)
        return self._keep(
            standing.system,
            what,
            by,
            because=because,
            party=party,
            body=canonical(standing.system),
            changes=changes,
            substantial=judged if standing.approved else None,
        )

    # -- duties ------------------------------------------------------------------------------------

    def accept(
        self,
        identifier: str,
        duty: str,
        *,
        signer: Ed25519PrivateKey | None = None,
        note: str = "",
        since: date | None = None,
    ) -> SystemEvent:
        """Accept a duty with a key, or by a note that was signed elsewhere.

        Raises
        ------
        UserError
            The version is not approved, nobody named holds the duty with that key, or the note is not what it says.
        """
        standing = self._approved(identifier)
        holders = self._holders(standing, duty)
        since, _ = (since or self._city.today, None) if signer else _days_of(note)
        for holder in holders:
            text = acceptance_text(holder.party, duty, standing.system, since)
            if not holder.key or (note and text_of(note) != text):
                continue
            name, key = read_verifier_key(holder.key)
            signed = note
            if signer is not None:
                if verifier_key(name, signer.public_key()) != holder.key:
                    continue
                signed = sign_text(text, name, signer)
            if name in signers(signed, {name: key}):
                return self._keep(
                    standing.system, "accepted", holder.party,
                    duty=duty, party=holder.party, valid_from=since, note=signed,
                )  # fmt: skip
        raise _not_signed(holders, duty, standing.system)

    def text_to_accept(self, identifier: str, duty: str, since: date | None = None) -> str:
        """The text that the holder of a duty signs to accept it."""
        standing = self._approved(identifier)
        holder = self._holders(standing, duty)[0]
        return acceptance_text(holder.party, duty, standing.system, since or self._city.today)

    def text_to_hand_over(
        self,
        identifier: str,
        duty: str,
        taker: str,
        taker_key: str,
        *,
        since: date | None = None,
        until: date | None = None,
    ) -> str:
        """The text that both sides sign to hand a duty over."""
        standing = self._approved(identifier)
        holder = self._holders(standing, duty)[0]
        read_verifier_key(taker_key)
        since, taker = since or self._city.today, " ".join(taker.split())
        return hand_over_text(holder.party, taker, taker_key, duty, standing.system, since, until)

    def hand_over(
        self,
        identifier: str,
        duty: str,
        taker: str,
        taker_key: str,
        *,
        giver: Ed25519PrivateKey | None = None,
        receiver: Ed25519PrivateKey | None = None,
        note: str = "",
        since: date | None = None,
        until: date | None = None,
    ) -> SystemEvent:
        """Hand a duty over for some days or for good; both sides sign, with keys here or in a note.

        Raises
        ------
        UserError
            Who gives has not accepted it, the days are wrong, or one of the two signatures is missing.
        """
        standing = self._approved(identifier)
        taker = " ".join(taker.split())
        taker_name, taker_public = read_verifier_key(taker_key)
        since, until = _days_of(note) if note else (since or self._city.today, until)
        if until is not None and until < since:
            raise UserError(f"It would end on {until}, before it begins on {since}.", "Correct --from or --until.")
        holders = [one for one in self._holders(standing, duty) if one.accepted and one.key]
        for holder in holders:
            name, public = read_verifier_key(holder.key)
            text = hand_over_text(holder.party, taker, taker_key, duty, standing.system, since, until)
            signed = note
            if giver is not None and receiver is not None:
                signed = countersign(sign_text(text, name, giver), taker_name, receiver)
            both = signers(signed, {name: public}) | signers(signed, {taker_name: taker_public})
            if text_of(signed) == text and {name, taker_name} == both and name != taker_name:
                return self._keep(
                    standing.system, "handed over", holder.party, duty=duty, party=holder.party, taker=taker,
                    taker_key=taker_key, valid_from=since, valid_until=until, note=signed,
                )  # fmt: skip
        raise _not_signed(holders, duty, standing.system)

    def _approved(self, identifier: str) -> Standing:
        standing = self.get(identifier)
        if standing.state != "approved":
            raise UserError(
                f"'{identifier}' is {standing.state}: nobody can take on what nobody has approved.",
                f"First 'cityward systems approve {identifier} --by NAME --because WHY'.",
            )
        return standing

    def _holders(self, standing: Standing, duty: str) -> list[Holding]:
        found = [one for one in standing.holdings if one.duty == duty]
        if not found:
            known = ", ".join(dict.fromkeys(one.duty for one in standing.holdings))
            raise UserError(f"'{standing.system.id}' has no duty '{duty[:40]}'.", f"Its duties: {known}.")
        return found

    # -- keeping -----------------------------------------------------------------------------------

    def _keep(
        self,
        system: System,
        what: What,
        by: str,
        **told: object,
    ) -> SystemEvent:
        """Keep an event and its receipt; the ledger names the duty and the digest, and nobody."""
        now = self._city.clock.now()
        with self._city.writing():
            number = len(self._city.registers.list_of(KIND, SystemEvent))
            event = SystemEvent(
                id=make_id(KIND, system.id, what, digest(system), number, now.isoformat()),
                what=what,
                system=system.id,
                version=system.version,
                digest=digest(system),
                at=now,
                by=by,
                **told,  # type: ignore[arg-type]
            )
            facts = {"what": what, "system": system.id, "version": system.version, "digest": event.digest}
            if event.duty:
                facts["duty"] = event.duty
            return self._city.keep(KIND, event, facts, update=())


def _reason(because: str) -> str:
    because = " ".join(because.split())
    if not REASON_CHARS_MIN <= len(because) <= 2_000:
        raise UserError("Why?", f"Give a reason of {REASON_CHARS_MIN} to 2,000 characters with --because.")
    return because


def _days_of(note: str) -> tuple[date, date | None]:
    """The days that a signed text names."""
    found = _SINCE.search(text_of(note))
    try:
        if found is None:
            raise ValueError
        return date.fromisoformat(found[1]), date.fromisoformat(found[2]) if found[2] else None
    except ValueError:
        raise UserError(
            "The note names no day from which it holds.", "Sign the text that '--text' prints, word for word."
        ) from None


def _not_signed(holders: Sequence[Holding], duty: str, system: System) -> UserError:
    """Why a signature does not count, in the words of whoever has to mend it."""
    if not holders:
        return UserError(
            f"Nobody has accepted the duty {duty} of '{system.id}' with a key, so nobody can hand it over.",
            f"First 'cityward systems accept {system.id} {duty} --key FILE'.",
        )
    names = " or ".join(one.party for one in holders)
    if not any(one.key for one in holders):
        return UserError(
            f"{names} has no key in the file of '{system.id}'.",
            "Make one with 'cityward systems key', write it into the [[parties]] table, and approve the file.",
        )
    return UserError(
        f"This is not signed as it must be: the duty {duty} of '{system.id}' {system.version} is with {names}.",
        "Use the key of the [[parties]] table over the text that '--text' prints; a hand-over needs both keys.",
    )
