"""MongoDB: version, replica set, and a document written to the majority and read back."""

import uuid
from typing import Any

from pymongo import MongoClient, WriteConcern
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern

from crm.operations.doctor.diagnosis import (
    SECONDS,
    CheckFailed,
    Diagnosis,
    examined,
    place,
    unreachable,
    wrong_url,
)

_STORE = "mongodb"
_MIN_VERSION = (6, 0)
_AUTHENTICATION_FAILED = 18
_UNAUTHORIZED = 13
_OUT_OF_DISK_SPACE = 14031


def examine_mongodb(url: str, database: str) -> Diagnosis:
    return examined(_STORE, url, lambda diagnosis: _look(diagnosis, url, database))


def _look(diagnosis: Diagnosis, url: str, database: str) -> None:
    diagnosis.server = "MongoDB"
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        raise wrong_url(_STORE)
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            url,
            serverSelectionTimeoutMS=SECONDS * 1000,
            connectTimeoutMS=SECONDS * 1000,
            socketTimeoutMS=SECONDS * 1000,
        )
    except (InvalidURI, ConfigurationError, ValueError) as reason:
        raise wrong_url(_STORE) from reason
    try:
        _describe(client, diagnosis)
        _write_and_read(client, database)
        diagnosis.written = True
    except ConnectionFailure as reason:
        raise unreachable(_STORE, url, str(reason)) from reason
    except OperationFailure as reason:
        raise _refused(url, reason) from reason
    except PyMongoError as reason:
        raise CheckFailed(
            f"MongoDB answered with an error ({type(reason).__name__}).", "Look at its log."
        ) from reason
    finally:
        client.close()


def _describe(client: "MongoClient[dict[str, Any]]", diagnosis: Diagnosis) -> None:
    hello = client.admin.command("hello")
    diagnosis.reachable = True
    built = client.server_info()
    diagnosis.version = built["version"]
    if "secantusVersion" in built:
        diagnosis.server = f"MongoDB (SecantusDB {built['secantusVersion']})"
    if tuple(built["versionArray"][:2]) < _MIN_VERSION:
        raise CheckFailed(
            f"MongoDB {diagnosis.version} is too old.",
            f"Upgrade it to version {'.'.join(map(str, _MIN_VERSION))} or later.",
        )
    diagnosis.has.append("version 6.0 or later")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise CheckFailed(
            "MongoDB runs without a replica set, hence without transactions.",
            "Start it with `--replSet rs0` and run `rs.initiate()` once.",
        )
    diagnosis.has.append("replica set")


def _write_and_read(client: "MongoClient[dict[str, Any]]", database: str) -> None:
    collection = client[database].get_collection(
        f"doctor_{uuid.uuid4().hex}",
        write_concern=WriteConcern(w="majority", j=True, wtimeout=SECONDS * 1000),
        read_concern=ReadConcern("majority"),
    )
    try:
        collection.insert_one({"_id": 1, "word": "written"})
        found = collection.find_one({"_id": 1})
    finally:
        collection.drop()
    if found != {"_id": 1, "word": "written"}:
        raise CheckFailed("MongoDB did not give back what was written.", "Look at its log.")


def _refused(url: str, reason: OperationFailure) -> CheckFailed:
    if reason.code in (_AUTHENTICATION_FAILED, _UNAUTHORIZED):
        return CheckFailed(
            f"MongoDB at {place(url)} does not accept this user and password, or not for writing.",
            "Correct them in MONGODB_URL, or grant the user the role readWrite.",
        )
    if reason.code == _OUT_OF_DISK_SPACE:
        return CheckFailed("The disk of MongoDB is full.", "Free some space there.")
    return CheckFailed(f"MongoDB refused to work (error {reason.code}).", "Look at its log.")
