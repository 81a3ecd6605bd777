"""A bill of materials in CycloneDX JSON: each component an asset of kind ``software``, with what it depends on."""

from __future__ import annotations

import msgspec

from cityward.core.errors import SourceError
from cityward.core.limits import ID_CHARS, RISK_ASSETS
from cityward.secure.risk.records import Asset, Need


class _Supplier(msgspec.Struct):
    name: str = ""


class _Component(msgspec.Struct):
    name: str
    ref: str = msgspec.field(default="", name="bom-ref")
    type: str = "software"
    version: str = ""
    publisher: str = ""
    group: str = ""
    supplier: _Supplier | None = None


class _Dependency(msgspec.Struct):
    ref: str
    depends: tuple[str, ...] = msgspec.field(default=(), name="dependsOn")


class _Metadata(msgspec.Struct):
    component: _Component | None = None


class _Bill(msgspec.Struct):
    form: str = msgspec.field(default="", name="bomFormat")
    metadata: _Metadata | None = None
    components: tuple[_Component, ...] = ()
    dependencies: tuple[_Dependency, ...] = ()


def read(body: bytes, name: str) -> list[Asset]:
    """Read a bill of materials.

    Raises
    ------
    SourceError
        It is no CycloneDX JSON.

    Notes
    -----
    **Source**: ECMA-424, CycloneDX 1.6, ``components`` and ``dependencies``. Nested components are not read.
    """
    try:
        bill = msgspec.json.decode(body, type=_Bill)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"{name} is no CycloneDX JSON: {str(error)[:120]}.", "Export it as CycloneDX JSON.") from None
    if bill.form != "CycloneDX":
        raise SourceError(f"{name} does not say that it is CycloneDX.", "Export it as CycloneDX JSON.")
    if len(bill.components) > RISK_ASSETS:
        raise SourceError(f"{name} has more than {RISK_ASSETS:,} components.", "Export what is deployed.")
    whole = [bill.metadata.component] if bill.metadata and bill.metadata.component else []
    parts = {_id(part): part for part in (*whole, *bill.components)}
    needs = {row.ref[:ID_CHARS]: row.depends for row in bill.dependencies}
    return [
        Asset(
            id=id_,
            name=part.name,
            kind="software",
            vendor=(part.supplier.name if part.supplier else "") or part.publisher or part.group,
            product=part.name,
            version=part.version,
            needs=tuple(
                Need(of=(ref[:ID_CHARS],), kind="library") for ref in needs.get(id_, ()) if ref[:ID_CHARS] in parts
            ),
        )
        for id_, part in parts.items()
    ]


def _id(part: _Component) -> str:
    text = part.ref or f"{part.name}@{part.version}"
    return "".join(sign if sign.isprintable() else "?" for sign in text[:ID_CHARS])
