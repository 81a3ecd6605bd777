"""Which log an event comes from, in the words of Sigma, and its fields by Sigma's names.

A rule looks at the events whose kind has its product, category and service. The tables are ours, written from the
public taxonomy of Sigma and the vendors' descriptions of their events.

**Source**: Sigma specification 2.0, appendix taxonomy; Microsoft, Sysmon events and Windows security auditing.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from cityward.secure.monitor.terms import Detection


class Kind(NamedTuple):
    """What the events of a batch are: a product, and the categories and services that they belong to."""

    product: str
    categories: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    any_service: bool = False
    """The log does not say of which service it is: rules of every service of the product look at it."""

    def concerns(self, rule: Detection) -> bool:
        """Whether a rule looks at events of this kind."""
        return (
            rule.product in (None, self.product)
            and (rule.category is None or rule.category in self.categories)
            and (rule.service is None or self.any_service or rule.service in self.services)
        )


def kind(product: str, *categories: str, services: tuple[str, ...] = (), any_service: bool = False) -> Kind:
    """A kind from plain words."""
    return Kind(product, frozenset(categories), frozenset(services), any_service)


_SYSMON: Final[dict[int, tuple[str, ...]]] = {
    1: ("process_creation",),
    2: ("file_change",),
    3: ("network_connection",),
    4: ("sysmon_status",),
    5: ("process_termination",),
    6: ("driver_load",),
    7: ("image_load",),
    8: ("create_remote_thread",),
    9: ("raw_access_thread",),
    10: ("process_access",),
    11: ("file_event",),
    12: ("registry_event", "registry_add", "registry_delete"),
    13: ("registry_event", "registry_set"),
    14: ("registry_event", "registry_rename"),
    15: ("create_stream_hash",),
    16: ("sysmon_status",),
    17: ("pipe_created",),
    18: ("pipe_created",),
    19: ("wmi_event",),
    20: ("wmi_event",),
    21: ("wmi_event",),
    22: ("dns_query",),
    23: ("file_delete",),
    24: ("clipboard_change",),
    25: ("process_tampering",),
    26: ("file_delete",),
    27: ("file_block_executable",),
    28: ("file_block_shredding",),
    29: ("file_executable_detected",),
    255: ("sysmon_error",),
}

_POWERSHELL: Final[dict[int, tuple[str, ...]]] = {
    400: ("ps_classic_start",),
    600: ("ps_classic_provider_start",),
    800: ("ps_classic_script",),
    4103: ("ps_module",),
    4104: ("ps_script",),
}

_SECURITY: Final[dict[int, tuple[str, ...]]] = {
    4657: ("registry_event", "registry_set"),
    4688: ("process_creation",),
    4689: ("process_termination",),
    5156: ("network_connection",),
}

_KERNEL_FILE: Final[dict[int, tuple[str, ...]]] = {
    10: ("file_access",),
    12: ("file_access",),
    19: ("file_rename",),
    26: ("file_delete",),
    27: ("file_rename",),
    30: ("file_event",),
}

_CHANNELS: Final[dict[str, tuple[str, ...]]] = {
    "application": ("application",),
    "security": ("security",),
    "system": ("system",),
    "directory service": ("directory-service",),
    "dns server": ("dns-server",),
    "windows powershell": ("powershell-classic",),
    "msexchange management": ("msexchange-management",),
    "microsoft-servicebus-client": ("microsoft-servicebus-client",),
    "openssh/operational": ("openssh",),
    "microsoft-iis-configuration/operational": ("iis-configuration",),
    "microsoft-windows-appxpackaging/operational": ("appxpackaging-om",),
    "microsoft-windows-dhcp-server/operational": ("dhcp",),
    "microsoft-windows-driverframeworks-usermode/operational": ("driver-framework",),
    "microsoft-windows-ldap-client/debug": ("ldap", "ldap_debug"),
    "microsoft-windows-windows defender/operational": ("windefend",),
    "microsoft-windows-windows firewall with advanced security/firewall": ("firewall-as",),
    "microsoft-windows-wmi-activity/operational": ("wmi",),
    "powershellcore/operational": ("powershell",),
}

_PREFIX: Final = "microsoft-windows-"
_SPLIT: Final = ("codeintegrity", "diagnosis", "terminalservices", "smbclient", "smbserver", "security", "lsa")
"""Channels whose service in Sigma names the part behind the slash as well."""


@cache
def windows(channel: str, event_id: int, provider: str = "") -> Kind:
    """The kind of a Windows event, from its channel and number (and its provider, where a channel is missing)."""
    name = channel.lower()
    from_sysmon = "sysmon" in name or "sysmon" in provider.lower()
    categories: tuple[str, ...] = ()
    if from_sysmon:
        categories = _SYSMON.get(event_id, ())
    elif "powershell" in name or "powershell" in provider.lower():
        categories = _POWERSHELL.get(event_id, ())
    elif name == "security":
        categories = _SECURITY.get(event_id, ())
    elif "kernel-file" in name or "kernel-file" in provider.lower():
        categories = _KERNEL_FILE.get(event_id, ())
    services = {"sysmon"} if from_sysmon else set(_CHANNELS.get(name, ()))
    if name.startswith(_PREFIX) and not from_sysmon:
        area, _, part = name.removeprefix(_PREFIX).partition("/")
        services |= {area, f"{area}-{part}"}
        if area.startswith(_SPLIT) and "-" in area:
            services.add(area.rpartition("-")[0])
    return Kind("windows", frozenset(categories), frozenset(services))


_NAMES_4688: Final = {
    "newprocessname": "image",
    "parentprocessname": "parentimage",
    "processcommandline": "commandline",
    "processid": "parentprocessid",
    "newprocessid": "processid",
    "subjectusername": "user",
    "subjectlogonid": "logonid",
    "mandatorylabel": "integritylevel",
}
_NAMES: Final[dict[str, dict[int, dict[str, str]]]] = {
    "security": {
        4657: {"objectname": "targetobject", "newvalue": "details", "processname": "image", "subjectusername": "user"},
        4688: _NAMES_4688,
        5156: {
            "application": "image",
            "sourceaddress": "sourceip",
            "sourceport": "sourceport",
            "destaddress": "destinationip",
            "destport": "destinationport",
        },
    },
}

_LEVELS: Final = {
    "s-1-16-4096": "Low",
    "s-1-16-8192": "Medium",
    "s-1-16-12288": "High",
    "s-1-16-16384": "System",
    "%%1936": "Default",
    "%%1937": "Full",
    "%%1938": "Limited",
}

Fields = dict[str, "str | list[str]"]
"""An event: lower-case name to text, or to several texts."""


def windows_fields(channel: str, event_id: int, fields: Fields) -> Fields:
    """Add Sigma's names to the fields of an event that Windows writes by other names; what is there stays."""
    names = _NAMES.get(channel.lower(), {}).get(event_id)
    if names is None:
        return fields
    own = {ours: fields[theirs] for theirs, ours in names.items() if theirs in fields}
    level = own.get("integritylevel")
    if isinstance(level, str):
        own["integritylevel"] = _LEVELS.get(level.lower(), level)
    own["registryobject"] = own.get("targetobject", "")
    return fields | {name: value for name, value in own.items() if value}


_SHAPES: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"targetobject"}), "registry_event"),
    (frozenset({"imageloaded", "image"}), "image_load"),
    (frozenset({"scriptblocktext"}), "ps_script"),
    (frozenset({"queryname", "image"}), "dns_query"),
    (frozenset({"targetimage", "sourceimage", "grantedaccess"}), "process_access"),
    (frozenset({"targetimage", "sourceimage"}), "create_remote_thread"),
    (frozenset({"pipename"}), "pipe_created"),
    (frozenset({"destinationip", "image"}), "network_connection"),
    (frozenset({"commandline"}), "process_creation"),
    (frozenset({"targetfilename"}), "file_event"),
    (frozenset({"imageloaded"}), "driver_load"),
)


def shaped(fields: Fields) -> Kind | None:
    """The kind of an event that names no log, from the fields that it has; None where they tell nothing."""
    names = fields.keys()
    for needed, category in _SHAPES:
        if needed <= names:
            path = str(fields.get("image") or fields.get("commandline") or fields.get("targetfilename") or "")
            product = "linux" if path.startswith("/") else "windows"
            extra = ("registry_set", "registry_add", "registry_delete") if category == "registry_event" else ()
            return kind(product, category, *extra)
    return None


_CLOUDS: Final[tuple[tuple[frozenset[str], Kind], ...]] = (
    (frozenset({"eventsource", "eventname", "awsregion"}), kind("aws", services=("cloudtrail",))),
    (frozenset({"protopayload.methodname"}), kind("gcp", services=("gcp.audit",))),
    (frozenset({"gcp.audit.method_name"}), kind("gcp", services=("gcp.audit",))),
    (frozenset({"auditid", "verb"}), kind("kubernetes", "application", services=("audit",))),
    (frozenset({"eventtype", "outcome.result"}), kind("okta", services=("okta",))),
    (frozenset({"workload", "operation"}), kind("m365", services=("audit", "exchange", "threat_management"))),
    (frozenset({"operationname", "resourceid"}), kind("azure", any_service=True)),
    (frozenset({"activitydisplayname"}), kind("azure", services=("auditlogs", "pim"))),
    (frozenset({"userprincipalname", "appdisplayname"}), kind("azure", services=("signinlogs",))),
    (frozenset({"riskeventtype"}), kind("azure", services=("riskdetection",))),
    (frozenset({"auditcategory", "action"}), kind("bitbucket", services=("audit",))),
    (frozenset({"actor", "action", "org"}), kind("github", services=("audit",))),
    (frozenset({"logtype", "node_id"}), kind("opencanary", "application")),
    (frozenset({"devname", "logid"}), kind("fortigate", services=("event", "traffic"))),
)


def of_service(fields: Fields) -> Kind | None:
    """The kind of an event of a cloud or an application, from fields that only it has."""
    names = fields.keys()
    return next((found for needed, found in _CLOUDS if needed <= names), None)


LINUX_PROGRAMS: Final = {
    "sshd": "sshd",
    "cron": "cron",
    "crond": "cron",
    "vsftpd": "vsftpd",
    "clamd": "clamav",
    "freshclam": "clamav",
    "clamav": "clamav",
    "guacd": "guacamole",
    "sudo": "sudo",
    "su": "auth",
}
"""Programs that write to the system log, and their service in Sigma."""


@cache
def linux(program: str) -> Kind:
    """The kind of a line of the system log, from the program that wrote it."""
    name = program.lower().partition("-session")[0]
    own = LINUX_PROGRAMS.get(name)
    services = {"syslog", "auth", *((own,) if own else ())}
    return Kind("linux", frozenset(), frozenset(services))


@cache
def zeek(path: str) -> Kind:
    """The kind of a log of Zeek, from the name of the log (``conn``, ``dns``, ``http``)."""
    categories = {"dns": ("dns",), "conn": ("firewall",), "http": ("proxy", "webserver")}.get(path, ())
    return Kind("zeek", frozenset(categories), frozenset({path}))


AUDITD: Final = kind("linux", services=("auditd",))
SYSMON_LINUX: Final = {number: Kind("linux", frozenset(names)) for number, names in _SYSMON.items()}
WEB: Final = kind("web", "webserver", services=("apache", "nginx"))
PROXY: Final = kind("web", "proxy")
CISCO: Final = kind("cisco", any_service=True)
UNKNOWN: Final = kind("unknown")
