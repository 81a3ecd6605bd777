"""Every bound in one place, with its unit last and its reason beside it."""

from __future__ import annotations

from typing import Final

BATCH_ROWS: Final = 250_000
"""Rows of one batch on the data path: a few tens of MB of columns, far above per-batch overhead."""

BODY_BYTES: Final = 32 * 2**20
"""Largest HTTP body, before parsing."""

FORM_BYTES: Final = 2**20
"""Largest HTTP body outside the intake."""

PHOTO_FORM_BYTES: Final = 13 * 2**20
"""Most bytes of a report with its photo."""

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

COUNT_FILE_BYTES: Final = 512 * 2**20
"""Largest file of one election: the largest known, of 120,000 ballots, has 12 MB."""

COUNT_BALLOTS: Final = 3_000_000
"""Most ballots of one election; each takes about 1 kB while it is read."""

COUNT_PROJECTS: Final = 20_000
"""Most projects of one election, or statements of one consultation."""

COUNT_AMOUNT: Final = 2**52
"""Largest cost, budget or sum of points, in its smallest unit: a double holds it exactly."""

COUNT_CELLS: Final = 200_000_000
"""Most marks of all ballots together, and most answers of a consultation."""

TABLE_BYTES: Final = 512 * 2**20
"""Largest text of a table that is read as a whole, expanded: ten million rows of a few figures."""

FIGURE_MAX: Final = 1e15
"""Largest figure of a table of places: above it a float cannot count by ones, and what is written is a slip."""

NATION_RELEASES: Final = 1_000
"""Most releases of one city that are put beside those of others."""

DIVIDE_DRAWS: Final = 10_000
"""Most draws of an interval of inequality."""

SITE_PLACES: Final = 4_000
"""Most places, and most candidate sites, of one choice of sites: each is compared with each, 128 MB of ways."""

SITE_EDGES: Final = 2_000_000
"""Most edges of a graph of ways."""

SITE_DECIMALS: Final = 6
"""Costs with more decimals are not measured as whole numbers of a unit."""

SITE_UNITS_MAX: Final = 10**9
"""Largest single cost; sums of whole numbers are exact up to nine million times as much."""

SITE_PAIRS: Final = 250_000
"""Most pairs of a place and a site in one integer program: about 200 MB while it is solved."""

SITE_FILE_BYTES: Final = 64 * 2**20
"""Largest file of a choice of sites, which is read as a whole."""

ROLLOUT_MEASURES: Final = 5_000
"""Most measures of one roll-out: each is a decision in every year."""

ROLLOUT_PLACES: Final = 20_000
"""Most places of one roll-out."""

ROLLOUT_PAIRS: Final = 2_000_000
"""Most pairs of a measure and a place that it reaches: 100 MB of columns."""

ROLLOUT_YEARS: Final = 10
"""Most years of one roll-out."""

GTFS_BYTES: Final = 2 * 2**30
"""Most bytes that the tables of a timetable expand to; a large country's have about 1 GB."""

GTFS_CONNECTIONS: Final = 30_000_000
"""Most rides from one stop to the next in the hours that are looked at: 1 GB of columns."""

REACH_SERVICES: Final = 200_000
"""Most locations of services."""

RISK_ASSETS: Final = 100_000
"""Most assets of one inventory of systems."""

RISK_FILE_BYTES: Final = 64 * 2**20
"""Largest file of an inventory, in whatever form."""

RISK_SCENARIOS: Final = 2_000
"""Most scenarios and shocks of one analysis."""

RISK_CONTROLS: Final = 500
"""Most controls that are chosen from."""

RISK_REACHED: Final = 10_000_000
"""Most pairs of a scenario and an asset that it can bring down: about 1 GB."""

RISK_YEARS: Final = 20_000_000
"""Most years of one simulation: two numbers are kept of each."""

RISK_EVENTS: Final = 200_000_000
"""Most events of one simulation."""

RISK_GROUP: Final = 64
"""Most assets that one need chooses from."""

RISK_VALUES: Final = 100_000
"""Most values of one estimate."""

RISK_AMOUNT: Final = 1e15
"""Largest amount, hours or people of an estimate; what is larger is a slip of the keyboard."""

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

MONITOR_SIGHTINGS: Final = 500_000
"""Most different sightings (rule, host, address, account) of one run; more are counted and named."""

MONITOR_PART_BYTES: Final = 8 * 2**20
"""Most bytes of a followed log that are looked at at once."""

MONITOR_FOLLOWED: Final = 200
"""Most logs that one program follows."""

SECURITY_TRACES: Final = 2_000
"""Most traces that one security incident keeps; more are counted."""

SECURITY_OPENED: Final = 200
"""Most security incidents that one filing opens, the gravest; whoever makes noise would bury what matters otherwise."""

SECURITY_SILENT_DAYS: Final = 30
"""Longest time that a rule may be silent about an asset."""
