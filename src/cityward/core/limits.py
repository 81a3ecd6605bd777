"""Every bound in one place, with its unit last and its reason beside it."""

from __future__ import annotations

from typing import Final

BATCH_ROWS: Final = 250_000
"""Rows of one batch on the data path: a few tens of MB of columns, far above per-batch overhead."""

BODY_BYTES: Final = 32 * 2**20
"""Largest HTTP body, before parsing."""

FORM_BYTES: Final = 2**20
"""Largest HTTP body outside the intake."""

DRAFT_BYTES: Final = 4 * 2**20
"""Largest form in which a rule is edited: 6,000 cells and what is said of them, each byte written as three."""

HEAD_BYTES: Final = 32 * 2**10
"""Longest head of an HTTP request, first line and headers together."""

HEADERS: Final = 100
"""Most headers of a request; a browser sends about 20."""

URL_BYTES: Final = 8 * 2**10
"""Longest path and query of a request; RFC 9110, section 4.1, asks for at least 8,000."""

HEAD_SECONDS: Final = 10.0
"""Longest wait for the whole head of a request."""

BODY_SECONDS: Final = 30.0
"""Longest wait for a body of no size; a larger one has longer by `BODY_BYTES_PER_SECOND`."""

BODY_BYTES_PER_SECOND: Final = 16 * 2**10
"""Slowest link that a body may come by: a sensor on a 128 kbit/s line."""

PACED_CLIENTS: Final = 20_000
"""Most clients whose pace is remembered: about 6 MB."""

CONNECTIONS: Final = 1_000
"""Most connections at once; more are answered 503."""

LINE_BYTES: Final = 4 * 2**20
"""Longest line of a text source; a longer one is quarantined without being kept."""

TEXT_CHARS: Final = 20_000
"""Longest free text kept of one interaction; longer rows go to quarantine."""

ID_CHARS: Final = 200
"""Longest identifier, code, status or service name of a source."""

COLUMNS: Final = 500
"""Most columns of a source file."""

FILE_BYTES: Final = 64 * 2**30
"""Largest source file."""

EXPANDED_BYTES: Final = 4 * 2**30
"""Most bytes that a compressed source may expand to."""

EXPANSION_RATIO: Final = 200
"""Largest expansion of a compressed source; text compresses 5 to 20 times, a bomb 1,000 times."""

QUARANTINE_ROW_BYTES: Final = 64 * 2**10
"""Most bytes kept of one quarantined row: enough to mend it, too few to fill the disk."""

TERRITORIES: Final = 100_000
"""Most territories of one level."""

SEGMENT_BYTES: Final = 64 * 2**20
"""Size at which a log segment is closed and a new one begun."""

MEMORY_FLUSH_ROWS: Final = 1_000_000
"""Acknowledged rows that may wait in the log before they are written to the history tables."""

YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2200
"""Years outside this range are slips of the keyboard, not history."""

CLOCK_SKEW_HOURS: Final = 48
"""How far in the future a stamp may lie before its row is quarantined."""

PAGE_ROWS: Final = 200
"""Most rows of one page of a list, in the console and the API."""

SCAN_PLACES: Final = 50_000
"""Most places of one scan: every place is compared with every other."""

SCAN_NEIGHBOURS: Final = 200_000_000
"""Most neighbours, over all places, of one scan: 800 MB."""

SCAN_CASES: Final = 2_000_000_000
"""Most cases of one scan; counts are 32-bit numbers."""

SCAN_FILE_BYTES: Final = 2**30
"""Largest text file of a scan, which is read as a whole."""

SCAN_CELLS: Final = 100_000_000
"""Most places times intervals of one scan."""

SCAN_LANES: Final = 200_000
"""Most intervals of time that one scan tries."""

SCAN_TABLE_BYTES: Final = 512 * 2**20
"""Largest table of limits that a scan keeps; what needs a larger one is scanned part by part."""

SCAN_REPLICATES: Final = 1_000_000
"""Most Monte Carlo replicates."""

DECISION_CASES: Final = 2_000_000
"""Most cases that are decided together: about 2 kB of memory each."""

RULE_FILE_BYTES: Final = 32 * 2**20
"""Largest file of one rule, in whatever form: a table of 10,000 rows has about 2 MB."""

RULE_ROWS: Final = 100_000
"""Most rows of one rule; what is compiled grows with them, about 0.3 kB an input and row."""

RULE_COLUMNS: Final = 200
"""Most inputs and outputs of one rule."""

RULE_CELL_CHARS: Final = 10_000
"""Longest condition in one cell of a rule."""

RULE_VERSIONS: Final = 10_000
"""Most files of rules of one city."""

MONITOR_RULE_BYTES: Final = 2**20
"""Largest file of detection rules; published ones have up to 60 kB."""

MONITOR_RULE_FILES: Final = 50_000
"""Most files of detection rules; the largest public collection has 4,000."""

MONITOR_RULE_NODES: Final = 20_000
"""Most conditions of one detection rule, after modifiers have multiplied its values."""

MONITOR_LINE_BYTES: Final = 256 * 2**10
"""Longest line of a log; a longer one is counted and named, and not looked at."""

MONITOR_FIELDS: Final = 2_000
"""Most fields of one event, nested ones counted one by one."""

MONITOR_DOCUMENT_BYTES: Final = 512 * 2**20
"""Largest log that is one document or several over many lines, and so is read as a whole."""

MONITOR_MATCHES: Final = 1_000_000
"""Most matches of one rule that correlations remember; more are counted and named."""
