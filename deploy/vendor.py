"""Fetch the browser libraries of package.json from npm and keep what is used of them.

Exact versions, only the files listed there, one sprite of the icons listed there, and
static/vendor/MANIFEST with a checksum for each file. Needs npm and nothing else.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "static" / "vendor" / "MANIFEST"
_SHAPES = re.compile(r"<svg\b[^>]*>(?P<shapes>.*)</svg>", re.DOTALL)
_BETWEEN_TAGS = re.compile(r">\s+<")


def read_package_json() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    return loaded


def versions(package_json: dict[str, Any]) -> dict[str, str]:
    return {**package_json["dependencies"], **package_json["devDependencies"]}


def fetch(name: str, version: str, folder: Path) -> Path:
    """Download one package and give the folder it was unpacked to."""
    told = subprocess.run(  # noqa: S603  the arguments come from our own package.json
        ["npm", "pack", f"{name}@{version}", "--json", "--pack-destination", str(folder)],  # noqa: S607  npm is where the user put it
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        sys.exit(f"npm could not fetch {name}@{version}:\n{told.stderr.strip()}")
    target = folder / name.replace("/", "__")
    with tarfile.open(folder / json.loads(told.stdout)[0]["filename"]) as archive:
        archive.extractall(target, filter="data")
    return target / "package"


def sprite(package: Path, names: list[str]) -> str:
    """Give one SVG with a symbol for each icon; it takes its colour from the text around it."""
    symbols = []
    for name in sorted(names):
        path = package / "icons" / "outline" / f"{name}.svg"
        if not path.exists():
            sys.exit(f"There is no icon named {name}. Correct package.json.")
        found = _SHAPES.search(path.read_text(encoding="utf-8"))
        if found is None:
            sys.exit(f"The icon {name} is not an SVG as expected.")
        shapes = _BETWEEN_TAGS.sub("><", found["shapes"]).strip()
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
            f' stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
        )
    body = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    package_json = read_package_json()
    wanted = package_json["vendor"]
    icons = wanted["icons"]
    lines = []
    with tempfile.TemporaryDirectory() as temporary:
        for name, version in sorted(versions(package_json).items()):
            package = fetch(name, version, Path(temporary))
            licence = json.loads((package / "package.json").read_text(encoding="utf-8"))["license"]
            made = []
            for source, target in wanted["files"].get(name, {}).items():
                content = (package / source).read_bytes()
                # Source maps are not kept, and a browser would ask for one in vain.
                if not source.endswith(".woff2"):
                    content = re.sub(rb"\n?(//|/\*)# sourceMappingURL=.*", b"", content)
                (ROOT / target).parent.mkdir(parents=True, exist_ok=True)
                (ROOT / target).write_bytes(content)
                made.append(target)
            if name == icons["package"]:
                text = sprite(package, icons["names"])
                (ROOT / icons["target"]).write_text(text, encoding="utf-8")
                made.append(icons["target"])
            lines += [
                f"{digest(ROOT / path)}  {path}  {name}@{version}  {licence}" for path in made
            ]
    MANIFEST.write_text("\n".join(sorted(lines, key=lambda line: line.split()[1])) + "\n")
    print(MANIFEST.read_text(), end="")  # noqa: T201  the command's answer


if __name__ == "__main__":
    main()
