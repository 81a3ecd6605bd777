"""kill -9 of a city hard at work, a few times; ``city_kills.py`` does it a thousand times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import json, sys
from pathlib import Path
from tests.simulation.city_kills import kill
print(json.dumps(kill(2, 2, Path(sys.argv[1]))))
"""


def test_a_city_that_is_killed_at_work_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    # In a process of its own: it forks, and this one has threads.
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "work")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout.splitlines()[-1])
    assert happened["wrong"] == []
    assert happened["kills"] == 2
    assert happened["kinds"]
