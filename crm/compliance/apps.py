from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class ComplianceConfig(AppConfig):
    name = "crm.compliance"
    label = "compliance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.compliance import receivers, timeline  # noqa: F401  models exist only from here on
        from crm.compliance.actor import acting_for, listen
        from crm.compliance.database import install
        from crm.compliance.models import LegalHold
        from crm.compliance.registry import track_apps_below
        from crm.compliance.services import exports  # noqa: F401  a kind of jobs
        from crm.compliance.services.legal_holds import held_rows
        from crm.core.jobs.kinds import register_context
        from crm.core.records.protection import register_protection
        from crm.core.stored_text import count_text

        register_context(acting_for)
        register_protection(held_rows)
        count_text(LegalHold)
        track_apps_below()
        connection_created.connect(listen, dispatch_uid="compliance.listen")
        post_migrate.connect(install, sender=self, dispatch_uid="compliance.install")
