"""The register of systems: what proposes, and who answers for it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from cityward.answerable.register.checking import check_meaning
from cityward.answerable.register.forbidden import FORBIDDEN, PRACTICES
from cityward.answerable.register.shape import DUTIES, PartySection, System
from cityward.core.errors import Refused, SettingsError
from cityward.core.toml_text import decode_toml_text, read_toml

__all__ = [
    "DUTIES", "FORBIDDEN", "PRACTICES", "PartySection", "Read", "System",
    "load_system", "read_systems", "shipped_systems",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """The systems that can be read, and what is wrong with other files, by their name."""

    systems: dict[str, System]
    problems: dict[str, Refused | SettingsError]


def read_systems(folder: Path) -> Read:
    """Return the systems shipped with cityward, replaced and extended by the city's own in ``folder``.

    A file that cannot be registered is a problem of its own; the others stand.
    """
    shipped, own = _shipped(), _read(sorted(folder.glob("*.toml")))
    problems = dict(own.problems)
    files_of: dict[str, list[str]] = {}
    for name, system in own.systems.items():
        files_of.setdefault(system.id, []).append(name)
    for identifier, names in files_of.items():
        if len(names) > 1:
            told = " and ".join(f"{own.systems[name].version} in {name}" for name in names)
            twice = SettingsError(
                f"'{identifier}' is there in two versions at once: {told}.",
                "Keep the file that is in use; versions that were approved are kept in the register.",
            )
            problems |= dict.fromkeys(names, twice)
    # What cannot be read is not there: neither the version that is shipped nor one of two may answer in its place.
    unread = {Path(name).stem for name in problems} | {own.systems[name].id for name in problems if name in own.systems}
    systems = {one.id: one for one in (*shipped.values(), *own.systems.values())}
    return Read({name: one for name, one in systems.items() if name not in unread}, problems)


def load_system(path: Path) -> System:
    """Read one system and check that it may be registered; refuses what must not be.

    Raises
    ------
    Refused
        It describes a practice that the law forbids.
    SettingsError
        The file has a mistake.
    """
    text = read_toml(path)
    system = decode_toml_text(text, System, str(path))
    check_meaning(system, path.name, text)
    return system


def shipped_systems() -> tuple[str, ...]:
    """Identifiers of the systems that come with cityward."""
    return tuple(system.id for system in _shipped().values())


def _shipped() -> dict[str, System]:
    with as_file(files("cityward.answerable") / "systems") as folder:
        return _read(sorted(folder.glob("*.toml"))).systems


def _read(paths: list[Path]) -> Read:
    """Systems and problems, both by the name of their file."""
    systems: dict[str, System] = {}
    problems: dict[str, Refused | SettingsError] = {}
    for path in paths:
        try:
            systems[path.name] = load_system(path)
        except (Refused, SettingsError) as error:
            problems[path.name] = error
    return Read(systems, problems)
