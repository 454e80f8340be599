"""Initialization of every process, once settings and models are loaded."""

import gc

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    name = "config"
    verbose_name = "NextFlow"

    def ready(self) -> None:
        from config import celery, checks  # noqa: F401  importing registers them, with settings ready

        # Out of the search's sight for good; a worker's children then share it untouched, too.
        gc.freeze()
        gc.enable()
