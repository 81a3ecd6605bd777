"""A scan in Nmap's XML: each host that is up an asset, with the products that answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from cityward.core.errors import SourceError
from cityward.core.limits import ID_CHARS, RISK_ASSETS
from cityward.secure.risk.records import Asset


class _Unwanted(Exception):
    pass


@dataclass(slots=True)
class _Host:
    """What is known of one host so far."""

    up: bool = True
    address: str = ""
    name: str = ""
    open: bool = False
    products: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Scan:
    hosts: list[_Host] = field(default_factory=list)
    root: str = ""

    def start(self, tag: str, given: dict[str, str]) -> None:
        if not self.root:
            self.root = tag
        if tag == "host":
            self.hosts.append(_Host())
            if len(self.hosts) > RISK_ASSETS:
                raise _Unwanted(f"has more than {RISK_ASSETS:,} hosts")
        if not self.hosts:
            return
        self._of_host(self.hosts[-1], tag, given)

    @staticmethod
    def _of_host(host: _Host, tag: str, given: dict[str, str]) -> None:
        if tag == "status":
            host.up = given.get("state", "up") == "up"
        elif tag == "address" and given.get("addrtype") in ("ipv4", "ipv6") and not host.address:
            host.address = given.get("addr", "")
        elif tag == "hostname" and not host.name:
            host.name = given.get("name", "")
        elif tag == "state":
            host.open = given.get("state") == "open"
        elif tag == "service" and host.open and given.get("product"):
            host.products.append((given["product"], given.get("version", "")))


def read(body: bytes, name: str) -> list[Asset]:
    """Read a scan; entities are refused, whatever they hold.

    Raises
    ------
    SourceError
        It is no XML, declares an entity, or is no scan of Nmap.
    """
    scan = _Scan()
    parser = expat.ParserCreate()
    parser.StartElementHandler = scan.start
    parser.EntityDeclHandler = _no_entity
    parser.ExternalEntityRefHandler = _no_entity
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise SourceError(f"{name} is no whole XML: {error}.", "Export the scan again with 'nmap -oX'.") from None
    except (_Unwanted, ValueError, LookupError) as error:
        raise SourceError(f"{name} {str(error)[:120]}.", "Export the scan again with 'nmap -oX'.") from None
    if scan.root != "nmaprun":
        raise SourceError(f"{name} is no scan of Nmap.", "Make it with 'nmap -oX'.")
    return [_asset(host) for host in scan.hosts if host.up and (host.address or host.name)]


def _no_entity(*_: object) -> int:
    raise _Unwanted("declares an entity, which no scan does")


def _asset(host: _Host) -> Asset:
    product, version = host.products[0] if host.products else ("", "")
    clean = "".join(sign if sign.isprintable() else "?" for sign in (host.name or host.address)[:ID_CHARS])
    return Asset(id=clean, name=clean, kind="host", address=host.address, product=product, version=version,
                 tags=tuple(f"product:{found}" for found, _ in host.products[1:]))  # fmt: skip
