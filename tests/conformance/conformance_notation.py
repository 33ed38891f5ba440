"""The notation of the case files, turned into what goes over the wire and back.

{"$secret": value}       secret                     "$unknown"         not known yet
{"$asset": "path"}       file asset                 {"$text": "text"}  text asset
{"$archive": "path"}     file or directory archive  {"$assets": {...}} archive of assets
{"$connection": {...}}   a secret connection to the first server, fields overridden by those given
{"$repeat": 1000}        a text of 1000 x
${name}                  a fact of this run: a path, a port, a key
"""

import hashlib
import re
from pathlib import Path
from typing import Any

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
Facts = dict[str, str | int]


def expand(value: Any, facts: Facts) -> Any:  # noqa: PLR0911 - a table
    """Notation to wire."""
    match value:
        case "$unknown":
            return UNKNOWN
        case {"$repeat": length}:
            return "x" * length
        case {"$secret": inner}:
            return {SIGNATURE: SECRET, "value": expand(inner, facts)}
        case {"$asset": path}:
            path = expand(path, facts)
            return {SIGNATURE: ASSET, "path": path, "hash": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
        case {"$text": text}:
            text = expand(text, facts)
            return {SIGNATURE: ASSET, "text": text, "hash": hashlib.sha256(text.encode()).hexdigest()}
        case {"$archive": path}:
            digest = hashlib.sha256(path.encode()).hexdigest()  # of the notation: the same in every run
            return {SIGNATURE: ARCHIVE, "path": expand(path, facts), "hash": digest}
        case {"$assets": assets}:
            return {SIGNATURE: ARCHIVE, "assets": expand(assets, facts), "hash": "0" * 64}
        case {"$connection": changed}:
            return expand({"$secret": {**_CONNECTION, **changed}}, facts)
        case str() if (name := re.fullmatch(r"\$\{(\w+)\}", value)) and name[1] in facts:
            return facts[name[1]]
        case str():
            return re.sub(r"\$\{(\w+)\}", lambda found: str(facts.get(found[1], found[0])), value)
        case dict():
            return {key: expand(item, facts) for key, item in value.items() if item is not None}
        case list():
            return [expand(item, facts) for item in value]
    return value


_CONNECTION = {
    "host": "127.0.0.1",
    "port": "${port}",
    "user": "root",
    "privateKey": {"$secret": "${privateKey}"},
    "hostKey": "${hostKey}",
    "dialErrorLimit": 0,
    "perDialTimeout": 5,
}


def contract(value: Any, facts: Facts) -> Any:  # noqa: PLR0911 - a table
    """Wire to notation; the hashes of assets stay, since the engine compares by them."""
    match value:
        case dict() if value.get(SIGNATURE) == SECRET:
            return {"$secret": contract(value["value"], facts)}
        case dict() if value.get(SIGNATURE) == OUTPUT and "value" not in value:
            return {"$secret": "$unknown"} if value.get("secret") else "$unknown"
        case dict() if value.get(SIGNATURE) in (ASSET, ARCHIVE):
            kind = "$asset" if value[SIGNATURE] == ASSET else "$archive"
            filled = {key: item for key, item in value.items() if key != SIGNATURE and item not in ("", {})}
            return {kind: contract(filled, facts)}
        case dict():
            return {contract(key, facts): contract(item, facts) for key, item in value.items()}
        case list() | tuple():
            return [contract(item, facts) for item in value]
        case str():
            if value == UNKNOWN:
                return "$unknown"
            for name, fact in facts.items():
                pattern = rf"(?<=[: ]){fact}\b" if isinstance(fact, int) else re.escape(fact)
                value = re.sub(pattern, f"${{{name}}}", value)
            return re.sub(r"(127\.0\.0\.1|\[::1\]):\d{4,5}(?=->)", r"\1:?", value)
        case float() if value == int(value):
            return int(value)
    return value


def open_texts(value: Any) -> list[str]:
    """Every text in a contracted value that no secret mark covers."""
    if isinstance(value, dict):
        return [text for key, item in value.items() if key != "$secret" for text in [key, *open_texts(item)]]
    if isinstance(value, list):
        return [text for item in value for text in open_texts(item)]
    return [value] if isinstance(value, str) else []
