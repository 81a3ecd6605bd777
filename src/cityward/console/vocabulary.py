"""Words that records hold in English and that pages show: states, kinds, duties, domains, groups.

They are listed here so that catalogues hold them; `cityward.console.tongue.gettext` finds them when a page says them.
Each list says where its words come from, and a test compares those that are kept as constants.
"""

from __future__ import annotations

from typing import Final

from cityward.console.tongue import marked

DOMAIN_WORDS: Final = (
    marked("health"), marked("education"), marked("culture"), marked("environment"), marked("mobility"),
    marked("construction"), marked("security"), marked("energy"), marked("public space"), marked("participation"),
)  # fmt: skip
"""`cityward.core.frames.DOMAINS`."""

STATE_WORDS: Final = (
    marked("opened"), marked("growing"), marked("fading"), marked("answered"), marked("closed"), marked("waiting"),
    marked("approved"), marked("rejected"), marked("open"), marked("taken"), marked("lasting"), marked("cleared"),
    marked("planned"), marked("sent"), marked("accepted"), marked("done"), marked("confirmed"), marked("reopened"),
    marked("cancelled"), marked("delivered"), marked("stopped"), marked("withdrawn"), marked("decided"),
    marked("reversed"), marked("assigned"), marked("upheld"), marked("changed"), marked("denied"), marked("used"),
    marked("over"), marked("erased"), marked("added"), marked("ended"),
)  # fmt: skip
"""States of needs, warnings, alerts, orders, messages, decisions, appeals, requests and rows, as records hold them."""

STREAM_WORDS: Final = (
    marked("alive"), marked("silent"), marked("stuck"), marked("implausible"), marked("new"),
    marked("temperature"), marked("relative humidity"), marked("air pressure"), marked("noise level"),
)  # fmt: skip
"""States of sensor streams, and labels of `cityward.core.properties.PROPERTIES`."""

OUTCOME_WORDS: Final = (
    marked("fewer than expected"), marked("more than expected"),
    marked("no difference that could be told from chance"), marked("too early"), marked("cannot tell"),
)  # fmt: skip
"""`cityward.act.outcome.VERDICTS`."""

STANDING_WORDS: Final = (
    marked("not confirmed: nobody has answered"),
    marked("done, by the word of whoever did it; waits for a resident's answer"),
    marked("planned, not sent yet"), marked("sent, not accepted yet"), marked("confirmed as fixed"),
    marked("reopened: it was done, and is not fixed"),
)  # fmt: skip
"""How an order stands (`cityward.act.orders.standing`)."""

MESSAGE_WORDS: Final = (marked("dispatch"), marked("cancel"), marked("ask"))
"""Kinds of messages to those who do the work."""

DUTY_WORDS: Final = (
    marked("designer"), marked("manufacturer"), marked("importer"), marked("distributor"), marked("owner"),
    marked("operator"), marked("overseer"),
)  # fmt: skip
"""`cityward.answerable.register.shape.DUTIES`."""

DUTY_MEANINGS: Final = (
    marked("decided what it does and how"),
    marked("makes it and puts it into service: the provider of article 3(3)"),
    marked("brings it into the Union where the manufacturer is outside (article 23)"),
    marked("passes it on in the Union (article 24)"),
    marked("uses it under its authority: the deployer of article 26"),
    marked("runs it day by day"),
    marked("understands it, can stop it, and decides (articles 14 and 26(2))"),
)

ROLE_WORDS: Final = (
    marked("analyst"), marked("privacy officer"), marked("security officer"), marked("legislator"), marked("planner"),
    marked("resident"), marked("source"), marked("none"), marked("password"), marked("password and code"),
    marked("passkey"), marked("sign-in service"), marked("token"), marked("certificate"),
)  # fmt: skip
"""`cityward.core.principal.Role` and ``Assurance``."""

SYSTEM_WORDS: Final = (
    marked("handed over"), marked("modified"), marked("audited"), marked("suspended"), marked("resumed"),
    marked("minimal"), marked("case-priority"), marked("reporting-differences"), marked("other"),
)  # fmt: skip
"""What happens to a registered system, the least class of risk, and practices that are not forbidden."""

APPEAL_PARTIES: Final = (marked("person"), marked("party"))

AUDIT_WORDS: Final = (
    marked("not a proxy"), marked("weak"), marked("proxy"), marked("too few"), marked("false positive rate"),
    marked("false negative rate"), marked("positive predictive value"), marked("selection rate"), marked("base rate"),
    marked("prediction"), marked("outcome"), marked("true positive rate"),
)  # fmt: skip

RULE_WORDS: Final = (
    marked("error"), marked("warning"), marked("note"), marked("number"), marked("text"), marked("yes-no"),
    marked("date"), marked("gap"), marked("no-reference"), marked("missing-unit"), marked("not-checked"),
    marked("unreachable"), marked("stable"), marked("only-when-missing"), marked("order-matters"),
    marked("input-never-used"), marked("output-never-given"), marked("no-tests"), marked("test-fails"),
    marked("forbidden-attribute"), marked("proxy-attribute"), marked("no-validity"), marked("recommended"),
)  # fmt: skip
"""Levels and kinds of what the checks find in a rule (`cityward.answerable.table.checks`), types of its columns."""

SECURITY_WORDS: Final = (
    marked("files"), marked("drill missed"), marked("drill overdue"), marked("brute force"), marked("spraying"),
    marked("low and slow"), marked("distributed guessing"), marked("unusual export"), marked("privilege"),
    marked("silent source"), marked("silent ledger"), marked("ransomware"), marked("in-place"), marked("slow"),
    marked("newest"), marked("backups-first"), marked("time to detect"), marked("share of files lost"),
    marked("RPO, acknowledged reports lost"), marked("RTO, alarm to first right answer"),
    marked("acknowledged reports lost"), marked("time to the first right answer"),
    marked("keys without which it went on"), marked("changed packs that were not noticed"),
)  # fmt: skip

INCIDENT_WORDS: Final = (
    marked("informational"), marked("low"), marked("medium"), marked("high"), marked("critical"),
    marked("silenced"), marked("joined"), marked("id"), marked("address"), marked("name"), marked("product"),
)  # fmt: skip
"""Levels, states and places of `cityward.secure.incidents.records`."""

RESPOND_WORDS: Final = (
    marked("waits for a person"), marked("is being undone"), marked("was done to its end"),
    marked("failed, and what was done was undone where a step says how"),
    marked("was stopped, and what was done was undone where a step says how"),
    marked("true"), marked("false"), marked("The wait is over."), marked("Another branch failed."),
)  # fmt: skip
"""`cityward.city.respond_told.STATES`, and what comes of steps."""

RISK_WORDS: Final = (
    marked("how people work on by hand"),
    marked("what must go on whatever happens"),
    marked("who owns it"),
    marked("whom to call"),
    marked("No drill of ransomware was run: nothing is known of how long a restore takes."),
    marked("No exercise was played: the time that people take to decide is not in the hours of drills."),
)
"""`cityward.secure.risk.plan.ServicePlan.missing`, and what `cityward.city` says was measured too long ago."""

OUTREACH_WORDS: Final = (
    marked("Who is heard is not known yet."), marked("Take a turn with 'cityward run'."),
    marked("What it costs to ask people is not known: there is no channels.toml."),
    marked(
        "'cityward outreach --example > channels.toml' writes one with made-up numbers; put in your own."
    ),
    marked("No place is clearly heard too little."),
    marked("By which channel a voice costs least there cannot be told."),
)  # fmt: skip
"""`cityward.city.outreaching` and `cityward.equitable.outreach`."""

GROUP_WORDS: Final = (
    marked("lowest income"), marked("lower income"), marked("middle income"), marked("higher income"),
    marked("highest income"), marked("income"), marked("internet"), marked("least internet"), marked("less internet"),
    marked("middle internet"), marked("more internet"), marked("most internet"), marked("income not known"),
)  # fmt: skip
"""Groups of areas (`cityward.city.plan_groups`, ``dividing``, ``cases``)."""

DIVIDE_WORDS: Final = (
    marked("households without internet"), marked("households without a computer"), marked("median download speed"),
    marked("median household income"), marked("adults without high school"),
    marked("what is heard of a place, over what places like it let expect"),
    marked("days until a request is closed"),
    marked("requests that came by phone, on paper or in person"),
    marked("people without broadband on offer"), marked("households without a device"), marked("median upload speed"),
    marked("people of 65 and more"), marked("people in poverty"), marked("people with a disability"),
    marked("median days until a report is closed"),
    marked("mean days from the beginning of a need to its detection"),
    marked("needs found per 100,000 residents"),
    marked("heard in a year, over what places like it let expect"),
    marked("forecast error over what was reported (a week ahead)"),
    marked("alike"), marked("differs"), marked("differs little"), marked("few"),
)  # fmt: skip

INTAKE_WORDS: Final = (
    marked("received"), marked("revised"), marked("repeated"), marked("quarantined"), marked("refused"),
    marked("campaign"), marked("data entry"), marked("scripted flood"),
)  # fmt: skip

LEVEL_WORDS: Final = (
    marked("city"), marked("area"), marked("side"), marked("district"), marked("neighbourhood"), marked("tract"),
    marked("last week again"), marked("system"), marked("all services"),
)  # fmt: skip
"""Levels of territories, and the floor of forecasts."""

PURPOSE_WORDS: Final = (
    marked("tell which reports are about the same thing"),
    marked("find what an area lacks, from counts of reports"),
    marked("say which reports a finding rests on"),
    marked("foresee how many reports will come"),
    marked("plan visits to what was reported"),
    marked("tell a resident how the work on a report stands"),
    marked("rank places for a visit by what is reported near them"),
    marked("decide cases by a rule, and have a person settle those that touch rights"),
    marked("see how many a draft of a rule would concern, from past decisions"),
    marked("watch sensors and what they measure"),
    marked("mend rows that could not be read"),
    marked("see whether every part of the city is served alike"),
    marked("publish counts that tell nothing of a single person"),
    marked("count what is published with noise, seen by nobody"),
    marked("answer a question of research"),
    marked("answer a person who asks for, corrects or withdraws their data"),
    marked("check that the city kept the law"),
    marked("say who answered for a decision, and what was on record before it"),
)
"""`cityward.private.purposes.PURPOSES`."""

PURPOSE_NAMES: Final = (
    marked("incident-recognition"), marked("need-detection"), marked("need-evidence"), marked("forecasting"),
    marked("case-handling"), marked("resident-information"), marked("case-priority"), marked("decision-making"),
    marked("rule-drafting"), marked("sensing"), marked("data-quality"), marked("equity-monitoring"),
    marked("official-statistics"), marked("private-release"), marked("research"), marked("rights-fulfilment"),
    marked("audit"), marked("liability"),
)  # fmt: skip

UNIT_WORDS: Final = (marked("reports"), marked("people"))
