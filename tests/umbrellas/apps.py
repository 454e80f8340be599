from django.apps import AppConfig


class UmbrellasConfig(AppConfig):
    name = "tests.umbrellas"
    label = "umbrellas"

    def ready(self) -> None:
        from crm.core import records
        from tests.umbrellas.record import UMBRELLAS

        records.register(UMBRELLAS)
