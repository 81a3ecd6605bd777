"""One inspection can be followed as its page says, command by command."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from tests.typed import typed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "follow-one-inspection.md"
DECISION, APPEAL = "D-0123456789abcdef", "M-0123456789"


def test_every_command_of_the_page_runs_in_its_order(demo_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_folder, tmp_path / "demo-city")
    names = {DECISION: DECISION, APPEAL: APPEAL}
    told = {}
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            for example, own in names.items():
                line = line.replace(example, own)  # noqa: PLW2901 (the page's example, by its name here)
            done = typed(*shlex.split(line)[1:], cwd=tmp_path)
            assert done.stdout.strip(), line
            verb = " ".join(shlex.split(line)[1:3])
            told[verb] = done.stdout
            if verb == "decisions list":
                names[DECISION] = re.findall(r"D-[0-9a-f]{16}", done.stdout)[0]
            if verb == "appeals open":
                names[APPEAL] = re.findall(r"M-[0-9a-f]{10}", done.stdout)[0]
    assert "Marta Kowalska" in told["decisions show"]
    assert "is whole" in told["liability verify"]
    assert re.match(r"Of 1,672 cases \d+ would lose and \d+ would gain", told["rules replay"])
