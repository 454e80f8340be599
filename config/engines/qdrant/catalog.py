"""Collections and aliases, on disk and in memory."""

import json
import shutil
import threading
import uuid
from pathlib import Path
from typing import Any

from config.engines.qdrant.collection import Collection
from config.engines.qdrant.fields import Fields, items, text
from config.engines.qdrant.refusals import Refused, bad_request, not_found
from config.engines.qdrant.schema import read_schema
from config.engines.state import write_atomically

_FORBIDDEN = set('<>:"/\\|?*') | {chr(code) for code in (*range(32), 127)}
_MAX_NAME = 255


class Catalog:
    """The collections of one folder.

    A collection is a folder with a random name; it exists if that contains the file
    `collection.json`, which is written last and removed first.
    """

    def __init__(self, root: Path) -> None:
        self._folders = root / "collections"
        self._alias_file = root / "aliases.json"
        self._changing = threading.RLock()
        self._collections: dict[str, tuple[Collection, Path]] = {}
        self._aliases: dict[str, str] = {}

    def load(self) -> None:
        self._folders.mkdir(parents=True, exist_ok=True)
        for folder in sorted(self._folders.iterdir()):
            described = folder / "collection.json"
            if not described.exists():
                shutil.rmtree(folder)  # created or deleted half, by a process that was killed
                continue
            content = json.loads(described.read_text())
            schema = read_schema(content["schema"])
            name = content["name"]
            self._collections[name] = (Collection.load(name, schema, folder / "shard"), folder)
        if self._alias_file.exists():
            self._aliases = json.loads(self._alias_file.read_text())

    def close(self) -> None:
        for collection, _ in self._collections.values():
            collection.close()

    def flush(self) -> None:
        for collection, _ in list(self._collections.values()):
            collection.flush()

    def names(self) -> list[str]:
        return sorted(self._collections)

    def get(self, name: str) -> Collection:
        """Return a collection by its name or one of its aliases."""
        found = self._collections.get(self._aliases.get(name, name))
        if found is None:
            raise not_found(f"Collection `{name}` doesn't exist!")
        return found[0]

    def exists(self, name: str) -> bool:
        return self._aliases.get(name, name) in self._collections

    def create(self, name: str, body: Any) -> bool:
        _check_name(name)
        schema = read_schema(body)
        with self._changing:
            if name in self._collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            if name in self._aliases:
                raise Refused(409, f"Wrong input: `{name}` is already an alias.")
            folder = self._folders / uuid.uuid4().hex
            folder.mkdir()
            try:
                collection = Collection.create(name, schema, folder / "shard")
                described = {"name": name, "schema": schema.body}
                write_atomically(folder / "collection.json", json.dumps(described))
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self._collections[name] = (collection, folder)
        return True

    def delete(self, name: str) -> bool:
        """Delete a collection and its aliases. Return False if there is none."""
        with self._changing:
            found = self._collections.get(name)
            if found is None:
                return False
            collection, folder = found
            self._keep({a: c for a, c in self._aliases.items() if c != name})
            (folder / "collection.json").unlink()
            del self._collections[name]
        collection.close()
        shutil.rmtree(folder)
        return True

    def aliases(self, collection: str | None = None) -> list[dict[str, str]]:
        return [
            {"alias_name": alias, "collection_name": target}
            for alias, target in sorted(self._aliases.items())
            if collection is None or target == collection
        ]

    def change_aliases(self, body: Any) -> bool:
        """Apply all actions atomically: a concurrent search sees the old or the new alias."""
        fields = Fields(body, "body")
        with self._changing:
            changed = dict(self._aliases)
            fields.need("actions", items(lambda value, where: self._act(value, where, changed)))
            fields.done()
            self._keep(changed)
        return True

    def _act(self, value: Any, where: str, changed: dict[str, str]) -> None:
        fields = Fields(value, where)
        if fields.has("create_alias"):
            action = fields.need("create_alias", Fields)
            target = action.need("collection_name", text)
            alias = action.need("alias_name", text)
            _check_name(alias)
            if target not in self._collections:
                raise not_found(f"Collection `{target}` doesn't exist!")
            if alias in self._collections:
                raise bad_request(f"`{alias}` is already a collection.")
            changed[alias] = target
        elif fields.has("delete_alias"):
            action = fields.need("delete_alias", Fields)
            changed.pop(action.need("alias_name", text), None)
        elif fields.has("rename_alias"):
            action = fields.need("rename_alias", Fields)
            old = action.need("old_alias_name", text)
            new = action.need("new_alias_name", text)
            _check_name(new)
            if old not in changed:
                raise not_found(f"Alias `{old}` doesn't exist!")
            if new in self._collections:
                raise bad_request(f"`{new}` is already a collection.")
            changed[new] = changed.pop(old)
        else:
            raise bad_request(f"{where} is no action that is known.")
        action.done()
        fields.done()

    def _keep(self, aliases: dict[str, str]) -> None:
        if aliases != self._aliases:
            write_atomically(self._alias_file, json.dumps(aliases))
            self._aliases = aliases


def _check_name(name: str) -> None:
    if not name or len(name) > _MAX_NAME or _FORBIDDEN & set(name):
        raise bad_request(
            f"a name has 1 to {_MAX_NAME} characters, without control characters and "
            '< > : " / \\ | ? *'
        )
