"""What is known to be wrong with what is installed (pip-audit), and a list of it all (an SBOM).

Both need the network, pip-audit to ask which flaws are known. Without it that is said, and nothing
fails: a flaw somewhere else must not keep this from being built.
"""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

PATIENCE: Final = 180  # seconds
PIP_AUDIT: Final = "pip-audit==2.10.1"
ROOT = Path(__file__).parents[2]
SBOM = ROOT / "sbom.json"


def components() -> list[dict[str, str]]:
    """What is installed, as CycloneDX names it, by name."""
    found = {
        (each.metadata["Name"].lower(), each.version): {
            "type": "library",
            "name": each.metadata["Name"],
            "version": each.version,
            "purl": f"pkg:pypi/{each.metadata['Name'].lower().replace('_', '-')}@{each.version}",
        }
        for each in metadata.distributions()
    }
    return [found[key] for key in sorted(found)]


def write_sbom(file: Path) -> int:
    """Write a CycloneDX document of what is installed; how many packages that is."""
    listed = components()
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "memory-gateway"}},
        "components": listed,
    }
    file.write_text(json.dumps(document, indent=1) + "\n")
    return len(listed)


def audit() -> str:
    """A line or more: what pip-audit found of what is locked for use, or why it could not say."""
    command = [sys.executable, "-m", "uv", "tool", "run", "--system-certs", PIP_AUDIT]
    command += [
        "--disable-pip",
        "--require-hashes",
        "--progress-spinner",
        "off",
        "--format",
        "json",
    ]
    try:
        ended = subprocess.run(
            [*command, "-r", str(ROOT / "requirements.lock")],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        listed = json.loads(ended.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return f"pip-audit skipped: no answer within {PATIENCE} s"
    except (ValueError, LookupError):
        said = ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"]
        return f"pip-audit skipped: {said[-1][:200]}"
    return told(listed)


def told(listed: list[dict[str, Any]]) -> str:
    """What pip-audit's list comes to."""
    known = [each for each in listed if "vulns" in each]
    if not known:
        return f"pip-audit skipped: none of {len(listed)} packages could be asked about"
    flaws = [
        f"{each['name']} {each['version']}: {flaw['id']}, mended in {flaw['fix_versions']}"
        for each in known
        for flaw in each["vulns"]
    ]
    head = f"pip-audit: {len(flaws)} known flaws in {len(known)} packages"
    unknown = len(listed) - len(known)
    return "\n".join([head + (f", {unknown} unknown" if unknown else ""), *flaws])


def main() -> None:
    print(audit())
    print(f"{write_sbom(SBOM)} packages are listed in {SBOM.name}")


if __name__ == "__main__":
    main()
