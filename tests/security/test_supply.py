"""What a release is made of: pinned by hash, listed, signed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]


def test_every_package_is_pinned_by_hash_and_from_one_registry() -> None:
    assert len(LOCK) > 50
    for one in LOCK:
        if one["name"] == "cityward":
            continue
        assert one["source"] == {"registry": "https://pypi.org/simple"}, one["name"]
        files = [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]
        assert files
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files), one["name"]


def test_the_list_of_components_is_whole(tmp_path: Path) -> None:
    bin_ = Path(sys.executable).parent
    done = subprocess.run([ROOT / "scripts" / "sbom", bin_, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = json.loads(next(tmp_path.glob("*.cdx.json")).read_text("utf-8"))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    names = {one["name"].lower().replace("_", "-") for one in listed["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    wanted = {re.split(r"[>\[;= ]", one)[0] for one in project}
    assert wanted <= names


def _run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def signed(tmp_path: Path) -> tuple[str, Path, Path]:
    key, wheel, note = tmp_path / "key.pem", tmp_path / "cityward-1-py3-none-any.whl", tmp_path / "release.note"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    wheel.write_bytes(b"a wheel")
    key.chmod(0o644)
    assert "chmod 600" in _run("sign-release", key, wheel).stderr
    key.chmod(0o600)
    done = _run("sign-release", key, wheel)
    assert done.returncode == 0, done.stderr
    note.write_text(done.stdout, encoding="utf-8")
    return done.stderr.strip(), note, wheel


def test_a_signed_release_is_verified(signed: tuple[str, Path, Path]) -> None:
    verifier, note, wheel = signed
    assert _run("verify-release", verifier, note, wheel).returncode == 0
    from cityward.secure.signed_text import read_verifier_key, signers

    name, key = read_verifier_key(verifier)
    assert signers(note.read_text("utf-8"), {name: key}) == {"cityward/release"}


def test_what_was_changed_after_signing_is_told(signed: tuple[str, Path, Path]) -> None:
    verifier, note, wheel = signed
    wheel.write_bytes(b"another wheel")
    done = _run("verify-release", verifier, note, wheel)
    assert done.returncode == 1
    assert "NOT what was signed" in done.stdout
    text = note.read_text("utf-8")
    note.write_text("0" * 64 + text[64:], encoding="utf-8")
    assert _run("verify-release", verifier, note, wheel).returncode != 0
    note.write_text(text.rpartition("\n\n")[0] + "\n\n", encoding="utf-8")
    assert _run("verify-release", verifier, note, wheel).returncode != 0


def test_the_steps_of_a_release_work_without_a_network(tmp_path: Path) -> None:
    """As docs/security/components.md says: a list of components, a signature over it and the wheel, and its check."""
    bin_ = Path(sys.executable).parent
    offline = {"PATH": f"{bin_}:/usr/bin:/bin", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    subprocess.run([ROOT / "scripts" / "sbom", bin_, tmp_path], check=True, capture_output=True, env=offline)
    (listed,) = tmp_path.glob("*.cdx.json")
    wheel, key = tmp_path / "cityward-1-py3-none-any.whl", tmp_path / "release.key"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("cityward/__init__.py", "")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    key.chmod(0o600)
    done = _run("sign-release", key, wheel, listed)
    note = tmp_path / "release.note"
    note.write_text(done.stdout, encoding="utf-8")
    assert listed.name in done.stdout
    assert _run("verify-release", done.stderr.strip(), note, wheel, listed).returncode == 0
    listed.write_text(listed.read_text("utf-8").replace("CycloneDX", "cyclonedx", 1), encoding="utf-8")
    assert _run("verify-release", done.stderr.strip(), note, wheel, listed).returncode == 1
