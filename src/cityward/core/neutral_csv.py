"""CSV that no spreadsheet takes for a program."""

from __future__ import annotations

import polars as pl

_FORMULA = r"^[\s\x{200B}\x{FEFF}]*[=+\-@＝＋－＠]|^[\t\r]"


def neutral_csv(frame: pl.DataFrame) -> bytes:
    """Return ``frame`` as CSV whose text no spreadsheet takes for a formula.

    Texts and column names that begin with ``= + - @`` (also full-width, also after blanks that some programs
    cut), tab or carriage return get a leading apostrophe. Numbers stay as they are, negative ones too
    (Source: OWASP, CSV Injection).
    """
    texts = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.String | pl.Categorical | pl.Enum)]
    guarded = frame.with_columns(_guarded(pl.col(name).cast(pl.String)).alias(name) for name in texts)
    names = pl.DataFrame({"name": frame.columns}, schema={"name": pl.String}).select(_guarded(pl.col("name")))
    guarded.columns = names.to_series().to_list()
    return guarded.write_csv(quote_style="non_numeric").encode()


def _guarded(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text)
