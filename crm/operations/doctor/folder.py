"""The folder that holds the data of the embedded engines."""

import shutil
import tempfile
from pathlib import Path

from config.engines.errors import EngineFailed
from config.engines.failures import refused_folder
from crm.operations.doctor.diagnosis import Diagnosis, is_nearly_full


def examine_folder(folder: Path) -> Diagnosis:
    diagnosis = Diagnosis(store="folder", source="embedded", url=str(folder), server="file system")
    try:
        with refused_folder(folder):
            folder.mkdir(parents=True, exist_ok=True)
            diagnosis.reachable = True
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"written")
                probe.seek(0)
                diagnosis.written = probe.read() == b"written"
            free = shutil.disk_usage(folder).free
    except EngineFailed as failure:
        diagnosis.problem, diagnosis.advice = failure.message, failure.advice
        return diagnosis
    diagnosis.has.append(f"{free // 1_000_000} MB free")
    if is_nearly_full(folder):
        diagnosis.problem = f"The disk that holds {folder} is nearly full."
        diagnosis.advice = "Free some space, or set NEXTFLOW_VAR to a folder on another disk."
    return diagnosis
