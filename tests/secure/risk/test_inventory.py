"""Inventories: what is found wrong, what other programs' files say, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.secure.risk.risk_fixtures import asset

from cityward.core.errors import UserError
from cityward.secure.risk.exploited import exploited
from cityward.secure.risk.importers import cyclonedx, listing, nmap
from cityward.secure.risk.inventory import read_inventory
from cityward.secure.risk.inventory_check import check, circle_of
from cityward.secure.risk.records import Asset, Inventory, Need

SCAN = b"""<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun scanner="nmap"><host><status state="up"/>
<address addr="10.0.0.5" addrtype="ipv4"/><hostnames><hostname name="mail.city"/></hostnames><ports>
<port protocol="tcp" portid="25"><state state="open"/><service name="smtp" product="Exchange Server" version="15"/>
</port><port protocol="tcp" portid="99"><state state="closed"/><service name="x" product="Ghost"/></port></ports></host>
<host><status state="down"/><address addr="10.0.0.6" addrtype="ipv4"/></host></nmaprun>"""
BOMB = b"""<?xml version="1.0"?><!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><nmaprun>&b;</nmaprun>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE n [<!ENTITY a SYSTEM "file:///etc/passwd">]><nmaprun>&a;</nmaprun>"""


def test_a_circle_is_named_and_a_long_chain_is_none() -> None:
    circle = [asset("a", Need(("b",))), asset("b", Need(("c",))), asset("c", Need(("a",)))]
    assert circle_of(Inventory(tuple(circle), {})) == ["a", "b", "c", "a"]
    chain = [asset(f"a{at}", *([Need((f"a{at + 1}",))] if at < 20_000 else [])) for at in range(20_001)]
    assert circle_of(Inventory(tuple(chain), {})) == []


def test_what_is_wrong_is_listed() -> None:
    rows = (
        Asset("a", needs=(Need(("ghost",)), Need(("b", "c"), at_least=3))),
        asset("b", supplier="c"),
        asset("c", fallback=2.0, people=float("nan")),
        Asset("d", owner="IT", serves={"moon": 5.0}),
    )
    found = check(Inventory(rows, {"centre": 100.0}))
    text = " ".join(found.problems)
    for part in ("'ghost'", "at least 3 of 2", "supplier 'c'", "fallback", "no number of people", "'moon'"):
        assert part in text
    assert found.ownerless == ("a",)
    assert "a" in found.orphans


def test_what_services_stand_and_fall_with_is_named() -> None:
    rows = (asset("net"), asset("x", Need(("net",)), people=1), asset("y", Need(("net",)), people=1))
    assert check(Inventory(rows, {})).alone == (("net", 2),)


def test_a_scan_gives_hosts_that_are_up_and_products_that_answer() -> None:
    (host,) = nmap.read(SCAN, "scan.xml")
    assert (host.id, host.address, host.product, host.version) == ("mail.city", "10.0.0.5", "Exchange Server", "15")


@pytest.mark.parametrize("body", [BOMB, OUTSIDE, b"<html/>", b"<nmaprun>", b"", b"\xff\xfe\x00"])
def test_a_scan_that_is_none_or_declares_entities_is_refused(body: bytes) -> None:
    with pytest.raises(UserError):
        nmap.read(body, "scan.xml")


def test_a_bill_of_materials_gives_components_and_what_they_need() -> None:
    bill = {
        "bomFormat": "CycloneDX",
        "components": [{"name": "portal", "bom-ref": "p"}, {"name": "openssl", "bom-ref": "o", "version": "3"}],
        "dependencies": [{"ref": "p", "dependsOn": ["o", "not-there"]}],
    }
    portal, library = cyclonedx.read(json.dumps(bill).encode(), "bill.json")
    assert portal.needs == (Need(("o",), kind="library"),)
    assert library.version == "3"
    for body in (b"{}", b"[1]", b"\xff", b"{" * 100_000):
        with pytest.raises(UserError):
            cyclonedx.read(body, "bill.json")


def test_a_list_gives_assets_and_names_the_row_that_is_wrong() -> None:
    (found,) = listing.read(b"id;owner;needs;people;territory;tags\nx;IT;a|b;50;north;w|v\n", "list.csv")
    assert found.needs == (Need(("a",)), Need(("b",)))
    assert (found.serves, found.tags) == ({"north": 50.0}, ("w", "v"))
    for body in (
        b"name\nx\n",
        b"id,ghost\nx,1\n",
        b"id,people\nx,many\n",
        b"id,name\nx\n",
        b"id\n\n \n,\n",
        b"\xff\xfe",
    ):
        with pytest.raises(UserError):
            listing.read(body, "list.csv")


def test_a_folder_is_read_whole_and_a_scan_adds_only_what_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[assets]]\nid = "mail.city"\nowner = "IT"\nproduct = "Written"\n')
    (tmp_path / "b.xml").write_bytes(SCAN)
    (tmp_path / "c.csv").write_bytes(b"id,owner\nx,IT\n")
    held = {one.id: one for one in read_inventory(tmp_path).assets}
    assert set(held) == {"mail.city", "x"}
    assert (held["mail.city"].owner, held["mail.city"].product, held["mail.city"].version) == ("IT", "Written", "15")


def test_products_are_joined_with_what_is_known_to_be_exploited() -> None:
    body = (
        b"cveID,vendorProject,product,knownRansomwareCampaignUse\nCVE-2021-1,Microsoft,Exchange Server,Known\n"
        b"CVE-2020-2,Microsoft,Multiple Products,Known\nCVE-2019-3,Other,Exchange Server,Unknown\n"
    )
    rows = (
        Asset("mail", vendor="Microsoft", product="Exchange Server 2016", exposure="internet"),
        Asset("db", vendor="Microsoft", product="SQL Server"),
    )
    (found,) = exploited(rows, body, "kev.csv")
    assert (found.asset, found.vulnerabilities, found.by_ransomware) == ("mail", ("CVE-2021-1",), 1)
    with pytest.raises(UserError):
        exploited(rows, b"a,b\n1,2\n", "kev.csv")
