"""A million cases decided, kept, and entered in the ledger, against a Python loop that keeps a digest of each.

``python benchmarks/bench_decisions.py`` prints the figures of docs/decisions-of-cases.md. Cases are made up; what is
measured is time and memory. The loop is what a programmer would write by hand for the same: it decides each case,
writes it as JSON with a keyed name and a keyed digest of what was asked, and digests that with ``hashlib``; it makes no
tree, and keeps nothing on disk. It runs over a part of the cases and is scaled to all.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import resource
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from cityward.answerable.batch import Columns, Under, decide_cases, kept_rule
from cityward.answerable.table import make_table
from cityward.answerable.table.toml_form import read_toml
from cityward.core.clock import Clock, rng
from cityward.guard.decided import Deciding, Proofs
from cityward.guard.keeper import Keeper
from cityward.private.pseudonym import KEY_BYTES, Pseudonyms
from cityward.secure.keys import create_signer
from cityward.secure.ledger import Ledger
from cityward.store.registers import Registers
