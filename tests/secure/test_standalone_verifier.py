"""The verifier that is copied out: it runs without cityward, and refuses whatever was changed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.clock import Clock
from cityward.core.receipts import receipt
from cityward.secure import standalone_verifier as verifier
from cityward.secure.cosignature import cosign, cosigners, read_witness_key, witness_key
from cityward.secure.ledger import Ledger
from cityward.secure.signed_text import key_id, verifier_key
from cityward.secure.standalone_verifier import NotProved, Policy, check_proof, read_key
from cityward.secure.tlog_proof import tlog_proof

ORIGIN, AT = "ledger.springfield.example/city", 1_790_000_000
KEY, OTHER, ONE, TWO, THREE = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in range(1, 6))
WITNESSES = {"w.example/1": ONE, "w.example/2": TWO, "w.example/3": THREE}
RECORD = b'{"id":"D-1"}'


class Made(NamedTuple):
    proof: str
    entry: bytes
    key: str
    policy: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    ledger = Ledger(tmp_path_factory.mktemp("log"), KEY, ORIGIN)
    entries = [receipt("decision", f"D-{at}", Clock().now(), RECORD, outcome="approved") for at in range(300)]
    ledger.append(entries)
    note = ledger.checkpoint()
    note += "".join(cosign(ledger.checkpoint(), name, WITNESSES[name], AT) for name in ("w.example/1", "w.example/2"))
    key = verifier_key(ORIGIN, KEY.public_key())
    lines = [f"witness {name} {witness_key(name, one.public_key())}" for name, one in WITNESSES.items()]
    policy = "\n".join([f"log {key}", "# two of three", *lines, f"group g 2 {' '.join(WITNESSES)}", "quorum g", ""])
    return Made(tlog_proof(ledger, 257, note), entries[257], key, policy)


def run(tmp_path: Path, made: Made, *options: str, proof: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the file as somebody without cityward would: nothing but 'cryptography' can be imported."""
    place = tmp_path / "only"
    place.mkdir(exist_ok=True)
    for name in ("cryptography", "cffi", "_cffi_backend"):
        found = find_spec(name)
        source = Path(found.origin).parent if found.submodule_search_locations else Path(found.origin)
        if not (place / source.name).exists():
            (place / source.name).symlink_to(source)
    (tmp_path / "verify.py").write_bytes(Path(verifier.__file__).read_bytes())
    (tmp_path / "r.tlog-proof").write_text(made.proof if proof is None else proof, encoding="utf-8")
    (tmp_path / "policy").write_text(made.policy, encoding="utf-8")
    (tmp_path / "record").write_bytes(RECORD)
    return subprocess.run(
        [sys.executable, "-S", "-s", "-P", "verify.py", "r.tlog-proof", *options],
        cwd=tmp_path, env={"PYTHONPATH": str(place), "PATH": os.environ["PATH"]}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_it_runs_without_cityward(tmp_path: Path, made: Made):
    assert "cityward" not in {line.split()[1].split(".")[0] for line in Path(verifier.__file__).read_text().split("\n")
                              if line.startswith(("import ", "from "))}  # fmt: skip
    good = run(tmp_path, made, "--key", made.key, "--policy", "policy", "--record", "record", "--json")
    assert good.returncode == 0, good.stderr
    told = json.loads(good.stdout)
    assert (told["position"], told["size"], told["origin"]) == (257, 300, ORIGIN)
    assert told["entry"]["sha256"] == sha256(RECORD).hexdigest()
    assert told["witnesses"] == {"w.example/1": AT, "w.example/2": AT}
    bad = run(tmp_path, made, "--key", made.key, proof=made.proof.replace("index 257", "index 256"))
    assert (bad.returncode, bad.stdout) == (1, "")
    assert "NOT PROVED" in bad.stderr
    (tmp_path / "record").write_bytes(b"another")
    assert run(tmp_path, made, "--key", made.key, "--record", "policy").returncode == 1
    assert run(tmp_path, made).returncode == 2


def line(number: int) -> Callable[[list[str]], list[str]]:
    return lambda lines: [*lines[:number], *lines[number + 1 :]]


def edited(proof: str, change: Callable[[list[str]], list[str]]) -> str:
    return "\n".join(change(proof.split("\n")))


def signed_again(proof: str, key: Ed25519PrivateKey) -> str:
    """The checkpoint under another key of the same name."""
    above, below = proof.rsplit("\n\n", 1)
    text = above.split("\n\n", 1)[1] + "\n"
    raw = key_id(ORIGIN, key.public_key()) + key.sign(text.encode())
    rest = below.split("\n", 1)[1]
    return f"{above}\n\n\u2014 {ORIGIN} {base64.b64encode(raw).decode()}\n{rest}"


def other_entry(proof: str) -> str:
    extra = json.loads(base64.b64decode(proof.split("\n")[1][6:]))
    entry = base64.b64decode(extra["entry"]).replace(b"approved", b"rejected")
    text = base64.b64encode(json.dumps({**extra, "entry": base64.b64encode(entry).decode()}).encode()).decode()
    return edited(proof, lambda lines: [lines[0], f"extra {text}", *lines[2:]])


TAMPERED: dict[str, Callable[[str], str]] = {
    "another entry": other_entry,
    "another index": lambda proof: proof.replace("index 257", "index 258"),
    "an index with a zero before it": lambda proof: proof.replace("index 257", "index 0257"),
    "an index beyond the log": lambda proof: proof.replace("index 257", "index 300"),
    "a negative index": lambda proof: proof.replace("index 257", "index -1"),
    "no index": line(2),
    "no entry": line(1),
    "a step less": line(3),
    "a step twice": lambda proof: edited(proof, lambda lines: [*lines[:4], lines[3], *lines[4:]]),
    "steps in another order": lambda proof: edited(proof, lambda one: [*one[:3], one[4], one[3], *one[5:]]),
    "a step of zeros": lambda proof: edited(proof, lambda one: [*one[:3], "A" * 43 + "=", *one[4:]]),
    "a short step": lambda proof: edited(proof, lambda one: [*one[:3], "AAAA", *one[4:]]),
    "another head": lambda proof: proof.replace("@v1", "@v2", 1),
    "another origin": lambda proof: proof.replace(f"\n{ORIGIN}\n300", "\nledger.other.example\n300"),
    "another size": lambda proof: proof.replace("\n300\n", "\n301\n"),
    "a size with a zero before it": lambda proof: proof.replace("\n300\n", "\n0300\n"),
    "another root": lambda proof: edited(
        proof, lambda one: [*one[:-6], base64.b64encode(b"x" * 32).decode(), *one[-5:]]
    ),
    "a line more in the checkpoint": lambda proof: edited(proof, lambda one: [*one[:-5], "more", *one[-5:]]),
    "another key of the same name": lambda proof: signed_again(proof, OTHER),
    "no signature of the log": lambda proof: edited(proof, lambda one: [*one[:-4], *one[-3:]]),
    "no signature at all": lambda proof: proof.rpartition("\n\n")[0] + "\n\n",
    "a cosignature less": lambda proof: edited(proof, lambda one: [*one[:-2], one[-1]]),
    "one witness twice": lambda proof: edited(proof, lambda one: [*one[:-2], one[-3], one[-1]]),
    "a later cosignature": lambda proof: edited(proof, lambda one: [*one[:-2], later(one[-2]), one[-1]]),
    "no line break at the end": lambda proof: proof.removesuffix("\n"),
    "a line after the end": lambda proof: proof + "more\n",
    "line breaks of Windows": lambda proof: proof.replace("\n", "\r\n"),
    "no empty line": lambda proof: proof.replace("\n\n", "\n", 1),
    "a hyphen for a dash": lambda proof: proof.replace("\u2014", "-"),
    "cut off": lambda proof: proof[: len(proof) // 2],
    "nothing": lambda proof: "",
    "far too much": lambda proof: proof + "x" * verifier.FILE_BYTES_MAX,
}  # fmt: skip


def later(cosignature: str) -> str:
    mark, name, encoded = cosignature.split(" ")
    raw = bytearray(base64.b64decode(encoded))
    raw[11] ^= 1
    return f"{mark} {name} {base64.b64encode(raw).decode()}"


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_changed_proves_nothing(made: Made, kind: str):
    change = TAMPERED[kind]
    proof = edited(made.proof, change) if kind in {"no index", "no entry", "a step less"} else change(made.proof)
    assert proof != made.proof
    keys, policy = [read_key(made.key)], Policy(made.policy)
    assert check_proof(made.proof.encode(), keys, policy).entry == made.entry
    with pytest.raises(NotProved):
        check_proof(proof.encode(), keys, policy)


def test_no_single_changed_letter_proves_anything_else(made: Made):
    keys = [read_key(made.key)]
    whole = check_proof(made.proof.encode(), keys)
    data = made.proof.encode()
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1
        try:
            found = check_proof(bytes(changed), keys)
        except NotProved:
            continue
        assert found == whole  # what was changed is a signature of somebody who is not trusted


def test_keys_and_policies_that_cannot_be_used(made: Made):
    for key in ("", "a+b", made.key[:-2] + "A=", made.key.replace(ORIGIN, "x"), witness_key("w", ONE.public_key())):
        with pytest.raises(NotProved):
            check_proof(made.proof.encode(), [read_key(key)])
    lines = made.policy.split("\n")
    for policy in ("", "quorum x\n", made.policy + "quorum g\n", made.policy + lines[0], made.policy + lines[2],
                   "group g all\nquorum g", made.policy.replace(" 2 ", " 4 "), made.policy.replace(" 2 ", " 0 "),
                   made.policy.replace("log ", "witness "), "nonsense\nquorum none\n"):  # fmt: skip
        with pytest.raises(NotProved):
            Policy(policy)
    with pytest.raises(NotProved, match="Too few witnesses"):
        check_proof(made.proof.encode(), [], Policy(made.policy.replace("group g 2", "group g all")))
    none = "\n".join([lines[0], "quorum none"])
    assert check_proof(made.proof.encode(), [], Policy(none)).witnesses == {}


def test_cosignatures_are_as_specified(made: Made):
    note = made.proof.split("\n\n", 1)[1]
    keys = {name: key.public_key() for name, key in WITNESSES.items()}
    assert cosigners(note, keys) == {"w.example/1": AT, "w.example/2": AT}
    text, _, below = note.rpartition("\n\n")
    raw = base64.b64decode(below.split("\n")[1].split(" ")[2])
    public = ONE.public_key().public_bytes_raw()
    assert raw[:4] == sha256(b"w.example/1\n\x04" + public).digest()[:4]
    ONE.public_key().verify(raw[12:], f"cosignature/v1\ntime {int.from_bytes(raw[4:12], 'big')}\n{text}\n".encode())
    assert read_witness_key(witness_key("w.example/1", ONE.public_key()))[0] == "w.example/1"
    assert cosigners(note.replace("\n300\n", "\n301\n"), keys) == {}
