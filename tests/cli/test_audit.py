"""Audits from the command line, as somebody with a file types them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from cityward.cli.main import group
from cityward.cli.tables import read_any
from cityward.cli.workbook import read_workbook
from cityward.core.clock import rng
from cityward.core.errors import UserError

COLUMNS = ("--prediction", "pred", "--outcome", "out", "--group", "who")


def run(*arguments: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(group, ["audit", *map(str, arguments)])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


def told(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json", code=code))
    return found


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    random = rng(2, "cli")
    n = 2_000
    return pl.DataFrame(
        {
            "pred": random.integers(0, 2, n),
            "out": random.integers(0, 2, n),
            "who": pl.Series(["Łódź", "東京", "Ünï"]).gather(random.integers(0, 3, n)),
            "age": random.integers(18, 90, n),
            "score": random.random(n).round(3),
        }
    )


@pytest.fixture
def file(table: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "cases.csv"
    table.write_csv(path)
    return path


def test_the_plain_form(file: Path) -> None:
    found = told(file, *COLUMNS, "--score", "score", "--group", "age")
    assert found["rows"] == found["rows_used"] == 2_000
    assert {tuple(one["group"]) for one in found["groups"] if one["by"] == ["who"]} == {("Łódź",), ("東京",), ("Ünï",)}
    assert found["taken_as"] == {"prediction": "pred is 1", "outcome": "out is 1"}
    assert len(found["intersections"]) == 12
    assert found["groups"][0]["score"]["auc"] == pytest.approx(0.5, abs=0.1)
    text = run(file, *COLUMNS)
    assert text.startswith("No difference between groups is more than chance would give.")
    assert "who 東京" in text


@pytest.mark.parametrize("form", ["parquet", "semicolons", "utf-16", "latin-1", "tabs"])
def test_files_of_other_forms_say_the_same(table: pl.DataFrame, form: str, tmp_path: Path) -> None:
    table = table.with_columns(who=pl.col("who").replace_strict({"Łódź": "ä", "東京": "ö", "Ünï": "ü"}))
    path = tmp_path / ("cases.parquet" if form == "parquet" else "cases.csv")
    if form == "parquet":
        table.write_parquet(path)
    else:
        text = table.write_csv(separator={"semicolons": ";", "tabs": "\t"}.get(form, ","))
        path.write_bytes(text.encode(form if "-" in form else "utf-8"))
    found = told(path, *COLUMNS)
    assert {tuple(one["group"]) for one in found["groups"]} == {("ä",), ("ö",), ("ü",)}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"pred,out,who,who\n1,0,a,b\n0,1,b,a\n", "two columns that are called 'who'"),
        ("pred,out,who\n1,0,a\n".encode("utf-16-le"), "in no encoding"),
    ],
)
def test_files_that_would_be_misread_are_refused(body: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_bytes(body)
    with pytest.raises(UserError, match=says):
        run(tmp_path / "odd.csv", *COLUMNS)


def test_days_that_are_none_are_said(file: Path) -> None:
    """Without its days the gate would judge all rows together, and nobody would be told."""
    with pytest.raises(UserError, match="'age' holds no days"):
        run(file, *COLUMNS, "--date", "age")


def test_missing_values_are_counted(table: pl.DataFrame, tmp_path: Path) -> None:
    holes = table.with_row_index().with_columns(
        pred=pl.when(pl.col("index") % 10 == 0).then(pl.lit("NA")).otherwise(pl.col("pred").cast(pl.String)),
        out=pl.when(pl.col("index") % 7 == 0).then(pl.lit("")).otherwise(pl.col("out").cast(pl.String)),
        who=pl.when(pl.col("index") % 33 == 0).then(None).otherwise("who"),
    )
    holes.write_csv(tmp_path / "holes.csv")
    found = told(tmp_path / "holes.csv", *COLUMNS)
    assert found["left_out"] == {"without prediction": 200, "without outcome": 286}
    assert found["rows_used"] == 1_800
    assert any(one["group"] == ["(not stated)"] for one in found["groups"])


def test_thousands_of_groups(table: pl.DataFrame, tmp_path: Path) -> None:
    wide = pl.concat([table] * 3).with_columns(who=pl.format("g{}", pl.int_range(pl.len()) % 3_000))
    wide.write_csv(tmp_path / "wide.csv")
    found = told(tmp_path / "wide.csv", *COLUMNS)
    assert len(found["groups"]) == 3_000
    assert all(one["rates"]["selection_rate"]["status"] == "small" for one in found["groups"])
    assert "we do not know" in found["finding"]


def test_a_band_is_kept_and_the_gate_stops_what_left_it(file: Path, table: pl.DataFrame, tmp_path: Path) -> None:
    band = tmp_path / "band.json"
    assert "is kept in" in run(file, *COLUMNS, "--save-band", band)
    assert told(file, *COLUMNS, "--gate", band)["gate"]["state"] == "open"
    worse = table.with_columns(pred=pl.when(pl.col("who") == "東京").then(1).otherwise("pred"))
    worse.write_csv(tmp_path / "worse.csv")
    assert run(tmp_path / "worse.csv", *COLUMNS, "--gate", band, code=1).startswith("Suspend the system")
    found = told(tmp_path / "worse.csv", *COLUMNS, "--gate", band, code=1)
    assert {tuple(one["edge"]["group"]) for one in found["gate"]["watched"] if one["side"] == "worse"} >= {("東京",)}
    with pytest.raises(UserError, match="cannot be read"):
        run(file, *COLUMNS, "--gate", tmp_path / "none.json")
    with pytest.raises(UserError, match="no band"):
        run(file, *COLUMNS, "--gate", file)


def test_counts_of_groups(tmp_path: Path) -> None:
    counts = tmp_path / "counts.csv"
    counts.write_text("stage,who,group_size,TN,FP,FN,TP\na,m,200,40,10,20,30\na,w,50,40,10,20,30\nb,m,80,25,25,25,25\n")
    found = told(counts, "--where", "stage=a", "--group", "who")
    assert {one["group"][0]: one["people"] for one in found["groups"]} == {"m": 200, "w": 50}
    with pytest.raises(UserError, match="No row has stage z"):
        run(counts, "--where", "stage=z", "--group", "who")
    with pytest.raises(UserError, match="no condition"):
        run(counts, "--where", "zebra=1", "--group", "who")


def test_proxies_of_a_group(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    pl.DataFrame({"age": range(18, 90), "club": ["young" if age < 40 else "old" for age in range(18, 90)]}).write_csv(
        other
    )
    found = told(
        "proxies", file, "--join", other, "--on", "age", "--group", "club", "--column", "age", "--column", "score"
    )
    assert next((one["column"], one["verdict"]) for one in found["proxies"]) == ("age", "proxy")
    assert "age for club" in run("proxies", file, "--join", other, "--on", "age", "--group", "club", "--outcome", "out")
    with pytest.raises(UserError, match="joined by a column"):
        run("proxies", file, "--join", other, "--group", "club")
    with pytest.raises(UserError, match="several rows"):
        run("proxies", other, "--join", file, "--on", "age", "--group", "club")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--prediction", "nope", "--outcome", "out", "--group", "who"), "no column 'nope'"),
        (("--prediction", "age", "--outcome", "out", "--group", "who"), "not yes or no"),
        ((*COLUMNS, "--edges", "age"), "no list of edges"),
        ((*COLUMNS, "--sheet", "x"), "is no workbook"),
        ((*COLUMNS, "--reference", "zebra"), "No group is called"),
        ((*COLUMNS, "--system", "x", "--city", "/nowhere", "--by", "Ana Gómez"), "city"),
        ((), "Nothing is asked"),
    ],
)
def test_mistakes_are_said(file: Path, arguments: tuple[str, ...], says: str) -> None:
    with pytest.raises(UserError, match=says):
        run(file, *arguments)


@pytest.mark.parametrize("body", [b"", b"pred,out,who\n", b"\x00\x01\x02", b"PK\x03\x04nonsense"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_files_that_are_none_are_said(body: bytes, ending: str, tmp_path: Path) -> None:
    (tmp_path / f"bad.{ending}").write_bytes(body)
    with pytest.raises(UserError):
        run(tmp_path / f"bad.{ending}", *COLUMNS)


SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(path: Path, rows: list[list[str]], extra: str = "") -> Path:
    """A workbook of inline texts and numbers, as small as the standard allows."""
    cells = "".join(
        "<row>"
        + "".join(
            f"<c><v>{one}</v></c>" if one.replace(".", "").isdigit() else f'<c t="inlineStr"><is><t>{one}</t></is></c>'
            for one in row
        )
        + "</row>"
        for row in rows
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f'{extra}<worksheet xmlns="{SHEET}"><sheetData>{cells}</sheetData></worksheet>'
        )
    return path


def test_a_sheet_of_a_workbook(tmp_path: Path) -> None:
    rows = [["pred", "out", "who"], *[[str(at % 2), str((at % 3 == 0 and 1) or 0), f"g {at % 2}"] for at in range(100)]]
    path = workbook(tmp_path / "book.xlsx", rows)
    assert {one["group"][0]: one["people"] for one in told(path, *COLUMNS)["groups"]} == {"g 0": 50, "g 1": 50}
    with pytest.raises(UserError, match="no sheet 'Two'"):
        read_workbook(path, "Two")


def test_a_workbook_that_declares_entities_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'
    with pytest.raises(UserError, match="not a whole workbook"):
        read_workbook(workbook(tmp_path / "bomb.xlsx", [["a"], ["1"]], bomb))
    with pytest.raises(UserError, match="no rows"):
        read_workbook(workbook(tmp_path / "bare.xlsx", [["a"]]))


def test_codes_of_groups_keep_their_leading_zeros(tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("place,chosen,bad\n" + "02139,1,0\n02139,0,1\n60601,1,1\n60601,0,0\n" * 40, encoding="utf-8")
    table = read_any(file)
    assert table["place"].unique().sort().to_list() == ["02139", "60601"]
    assert table["chosen"].dtype == pl.Int64


def test_rows_with_surplus_fields_are_an_error_not_cut(tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text("place,chosen\nNorth,1\nWest, end,0\n", encoding="utf-8")
    with pytest.raises(UserError, match="more fields than its first line names"):
        read_any(file)
