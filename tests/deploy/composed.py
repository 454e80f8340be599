"""docker-compose.yml as Compose reads it: anchors merged, variables of an environment put in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COMPOSE_FILE = CHECKOUT / "docker-compose.yml"
EXAMPLE_FILE = CHECKOUT / ".env.example"

_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z0-9_]+)(?:(?P<operator>:-|:\?)(?P<word>[^}]*))?\})"
)


class VariableMissing(Exception):
    """A variable that has to be set is not; the message is the file's own."""


def compose_text() -> str:
    return COMPOSE_FILE.read_text()


def named_variables() -> set[str]:
    """Give every variable that the file asks for."""
    return {match["name"] for match in _VARIABLE.finditer(compose_text()) if match["name"]}


def example() -> dict[str, str]:
    """Give the variables of .env.example with their values."""
    lines = (line.strip() for line in EXAMPLE_FILE.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def filled_example() -> dict[str, str]:
    """Give .env.example as an operator leaves it: each secret has a value."""
    secrets = [
        "SECRET_KEY",
        "DB_POSTGRES_ADMIN_PASSWORD",
        "DB_POSTGRES_OWNER_PASSWORD",
        "DB_POSTGRES_PASSWORD",
        "DB_MONGODB_PASSWORD",
        "MONGODB_KEYFILE",
        "REDIS_PASSWORD",
        "QDRANT_API_KEY",
    ]
    # Characters that would break a URL that is glued together without quoting.
    return example() | {name: f"s3cret/{name}@:%#" + "x" * 50 for name in secrets}


def compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """Read the file with an environment; raise VariableMissing where Compose would refuse."""

    def value_of(match: "re.Match[str]") -> str:
        if match["escaped"]:
            return "$"
        given = environment.get(match["name"], "")
        if given or match["operator"] is None:
            return given
        if match["operator"] == ":?":
            raise VariableMissing(match["word"])
        return match["word"]

    def put_in(node: Any) -> Any:
        if isinstance(node, str):
            return _VARIABLE.sub(value_of, node)
        if isinstance(node, list):
            return [put_in(item) for item in node]
        if isinstance(node, dict):
            return {key: put_in(item) for key, item in node.items()}
        return node

    read: dict[str, Any] = put_in(yaml.safe_load(compose_text()))
    return read
