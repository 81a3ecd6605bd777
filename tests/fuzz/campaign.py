"""One parser under atheris: ``python tests/fuzz/campaign.py NAME [libFuzzer options] [corpus]``; see scripts/fuzz."""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["cityward"]):
    from tests.fuzz import harnesses


def main() -> None:
    """Fuzz one parser; the first argument names it."""
    name, *options = sys.argv[1:]
    logging.disable()
    corpus = Path(tempfile.mkdtemp(prefix=f"cityward-corpus-{name}-"))
    for at, seed in enumerate(harnesses.HARNESSES[name].seeds()):
        (corpus / f"seed-{at}").write_bytes(seed)
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: harnesses.run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
