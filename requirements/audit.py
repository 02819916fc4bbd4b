"""Look up what the locks name in a database of known vulnerabilities: `make audit`.

pip-audit says that nothing is wrong, with status 0, also where it could look up nothing. So this counts: where
something is known the status is 1; a package that could not be looked up is told, and no failure, since a network
that reaches no database is no fault of the code.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
SECONDS: Final = 180
"""For one lock."""
COMMAND: Final = (
    sys.executable,
    "-m",
    "pip_audit",
    "--disable-pip",
    "--no-deps",
    "--progress-spinner=off",
    "--format=json",
)


def main() -> int:
    """Audit every lock; returns 1 if anything is known of any package in one."""
    status = 0
    for lock in sorted(FOLDER.glob("*.txt")):
        vulnerable, text = verdict(audited(lock))
        sys.stdout.write(f"{lock.name}: {text}\n")
        status = max(status, int(vulnerable))
    return status


def audited(lock: Path) -> Mapping[str, Any] | str:
    """What pip-audit reports of a lock, or why it reports nothing."""
    try:
        command = [*COMMAND, "-r", lock]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return f"no answer in {SECONDS} s"
    try:
        report: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return report


def verdict(report: Mapping[str, Any] | str) -> tuple[bool, str]:
    """Whether anything is known of any package, and what to say of a report."""
    if isinstance(report, str):
        return False, f"NOT AUDITED: the database cannot be reached from here: {report}"
    packages: Sequence[Mapping[str, Any]] = report["dependencies"]
    unknown = [package for package in packages if "skip_reason" in package]
    found = [_told(package) for package in packages if package.get("vulns")]
    looked_up = len(packages) - len(unknown)
    if packages and not looked_up:
        reason = unknown[0]["skip_reason"]
        return False, f"NOT AUDITED: the database knows none of the {len(packages)} packages from here: {reason}"
    text = f"{looked_up} of {len(packages)} packages were looked up, something is known of {len(found)}"
    return bool(found), "\n".join([text, *found])


def _told(package: Mapping[str, Any]) -> str:
    names = ", ".join(vuln["id"] for vuln in package["vulns"])
    fixes = ", ".join(fix for vuln in package["vulns"] for fix in vuln["fix_versions"]) or "no version"
    return f"  {package['name']} {package['version']}: {names} (fixed in {fixes})"


if __name__ == "__main__":
    sys.exit(main())
