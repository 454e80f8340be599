"""One migrated database for all workers of a parallel run: the first makes it, the others copy it.

Migrations cost more than a hundred tests. What a worker finds in its copy is what they would have
left there; `migrate` looks through it as ever, and has nothing to do.
"""

import fcntl
import os
from pathlib import Path
from typing import TextIO

from django.db import connection

_SUFFIX = "template"


class Template:
    """The file that names the database; whoever holds its lock is alone with it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        self.name = file.read()
        if self.name:
            # Many may copy at once.
            self._let_go()
            connection.settings_dict["TEST"]["TEMPLATE"] = self.name

    def keep(self) -> None:
        """Copy the test database for the others, while it is empty and nobody is connected."""
        if self.name:
            return
        connection.creation.clone_test_db(_SUFFIX, verbosity=0, autoclobber=True)
        self.name = f"{connection.settings_dict['NAME']}_{_SUFFIX}"
        self._file.write(self.name)
        self._let_go()

    def _let_go(self) -> None:
        # Closed, the file is unlocked, and what was written can be read.
        self._file.close()


def of_this_run() -> Template | None:
    """Return the template, None where this process is alone or the stores are given."""
    is_alone = "PYTEST_XDIST_WORKER" not in os.environ
    if is_alone or os.environ.get("TEST_USE_GIVEN_STORES") == "1":
        return None
    return Template((Path(os.environ["NEXTFLOW_VAR"]) / _SUFFIX).open("a+"))
