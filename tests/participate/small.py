"""A small election as a file, with whatever a test wants to be otherwise."""

from __future__ import annotations

META = {"description": "Test", "budget": "100", "vote_type": "approval", "rule": "greedy"}
PROJECTS = "project_id;cost;name\na;60;Trees\nb;50;Lights\nc;40;Benches\n"
VOTES = "voter_id;vote\n1;a,b\n2;a,c\n3;b\n4;a\n"


def file(projects: str = PROJECTS, votes: str = VOTES, **meta: str) -> str:
    """The text of a file; meta data that are empty are left out."""
    told = "".join(f"{key};{value}\n" for key, value in {**META, **meta}.items() if value)
    return f"META\nkey;value\n{told}PROJECTS\n{projects}VOTES\n{votes}"
