"""Bounds of playbooks and of runs, with their unit last."""

from __future__ import annotations

from typing import Final

PLAYBOOK_BYTES: Final = 2**20
"""Largest playbook; published ones have 5 to 60 kB."""

PLAYBOOK_DEPTH: Final = 40
"""Deepest nesting of one document."""

PLAYBOOK_NODES: Final = 50_000
"""Most values of one document."""

TEXT_CHARS: Final = 8_000
"""Longest single text of a playbook."""

STEPS: Final = 300
"""Most steps of one playbook."""

VARIABLES: Final = 100
COMMANDS: Final = 10
"""Most commands of one step."""

TARGETS: Final = 50
"""Most targets of one step."""

BRANCHES: Final = 50
"""Most branches of one parallel step, or cases of one switch."""

PROBLEMS_SHOWN: Final = 100
"""Problems that one check tells; a file with more is not worth a longer list."""

NESTED: Final = 3
"""How deep playbooks may call others."""

EXECUTIONS: Final = 2_000
"""Most steps that one run does, loops and called playbooks included."""

LOOPS: Final = 100
"""Largest bound of a while-condition."""

RETRIES: Final = 3
RETRY_SECONDS: Final = 2.0
"""Wait before the first retry; each further one waits twice as long."""

MACHINE_SECONDS: Final = 15 * 60
"""Longest time-out of a step that a machine does."""

PERSON_SECONDS: Final = 30 * 24 * 3600
"""Longest time-out of a step that a person does."""

DELAY_SECONDS: Final = 24 * 3600

CONDITION_CHARS: Final = 1_000
CONDITION_DEPTH: Final = 10
CONDITION_TERMS: Final = 50

VALUE_CHARS: Final = 2_000
"""Longest value of a variable."""

TOLD_CHARS: Final = 500
"""Most that is kept of what came of a step."""

ANSWER_BYTES: Final = 64 * 2**10
"""Most that is read of what a command prints."""

EVIDENCE_CHARS: Final = 1_000
APPROVAL_HOURS: Final = 24
"""How long an approval counts."""

TARGETS_NAMED: Final = 200
"""Most targets of ``respond.toml``."""
