"""A throw-away installation with the demo shop's FAQs, for what is measured of knowledge.

Import this before anything of Django: it starts engines of its own and points the settings at them.
"""

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from config.engines.urls import OWNER_VARIABLE, URL_VARIABLES

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("en", "vi", "ru")


def start() -> None:
    """Start engines in a folder that is removed at exit, and bring the tables up."""
    folder = Path(tempfile.mkdtemp(prefix="nextflow-bench-"))
    for variable in (*URL_VARIABLES.values(), OWNER_VARIABLE):
        os.environ.pop(variable, None)
    os.environ["NEXTFLOW_VAR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.dev"
    os.environ["LOG_LEVEL"] = "ERROR"

    from config import engines

    def stop() -> None:
        engines.stop()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    engines.start()

    import django
    from django.core.management import call_command

    from crm.core import tenancy

    django.setup()
    tenancy.default_scope = tenancy.OPERATOR
    call_command("migrate", verbosity=0)


def demo_faqs() -> list[dict[str, Any]]:
    """Return the demo shop's FAQs, each with its ``language``."""
    return [
        {**faq, "language": language}
        for language in LANGUAGES
        for faq in json.loads((ROOT / f"chat/demo/faqs_{language}.json").read_text())
    ]


def questions() -> list[dict[str, Any]]:
    """Return the evaluation set: ``language``, ``question``, and the ``keys`` that answer it."""
    found: list[dict[str, Any]] = json.loads((ROOT / "tests/knowledge/questions.json").read_text())
    return found


def small_shops() -> list[dict[str, Any]]:
    """Return shops of five and six FAQs, with questions that these answer and that they do not."""
    path = ROOT / "tests/knowledge/small_shops.json"
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found
