"""Diagnosis of each store: connection, write access, required features."""

from concurrent.futures import ThreadPoolExecutor

from config import engines
from crm.operations.doctor.diagnosis import Diagnosis
from crm.operations.doctor.folder import examine_folder
from crm.operations.doctor.mongodb import examine_mongodb
from crm.operations.doctor.postgresql import examine_postgresql
from crm.operations.doctor.qdrant import examine_qdrant
from crm.operations.doctor.redis import examine_redis

__all__ = ["Diagnosis", "examine"]


def examine(urls: engines.StoreUrls, *, mongodb_name: str, qdrant_api_key: str) -> list[Diagnosis]:
    """Examine the four stores concurrently, and the folder of the embedded ones."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        running = [
            pool.submit(examine_postgresql, urls.database),
            pool.submit(examine_mongodb, urls.mongodb, mongodb_name),
            pool.submit(examine_redis, urls.redis),
            pool.submit(examine_qdrant, urls.qdrant, qdrant_api_key),
        ]
        found = [task.result() for task in running]
    if any(diagnosis.source == "embedded" for diagnosis in found):
        found.append(examine_folder(engines.var_dir()))
    return found
