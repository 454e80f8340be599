"""Reading of values in Redis: an invalid value counts as missing.

Strings are read by the functions here. Lua scripts begin with SCRIPT_PRELUDE: a key of another type
is deleted, and text that is no number counts as 0.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from redis import Redis

SCRIPT_PRELUDE = """
local function expect(key, kind)
  local found = redis.call('TYPE', key)['ok']
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end
local function number(text)
  local found = tonumber(text or 0)
  if not found or found ~= found or math.abs(found) > 9007199254740992 then return 0 end
  return found
end
local function add(key, field, amount)
  local found = redis.call('HGET', key, field)
  if found and not (string.match(found, '^-?%d+$') and #found <= 15) then
    redis.call('HDEL', key, field)
  end
  return redis.call('HINCRBY', key, field, amount)
end
"""

_EXPECT = SCRIPT_PRELUDE + "expect(KEYS[1], ARGV[1])"


def expect_type(client: Redis, key: str, kind: str) -> None:
    """Delete the key if it has another type; ``client`` may be a pipeline that then
    uses the key.
    """
    client.eval(_EXPECT, 1, key, kind)


def text_of(value: Any) -> str:
    """Return a stored text; invalid UTF-8 is replaced."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def number_of(value: Any) -> float | None:
    """Return a stored number, None if it is invalid."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def json_of(value: Any) -> Any:
    """Parse a stored JSON text; return None if it is invalid."""
    if not isinstance(value, bytes | str):
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def object_of(value: Any) -> Mapping[str, Any] | None:
    """Return a stored JSON object, None if it is invalid."""
    found = json_of(value)
    return found if isinstance(found, dict) else None
