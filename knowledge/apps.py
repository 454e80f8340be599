from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "knowledge"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.compliance.model_tracking import Tracked, track
        from crm.core import quotas, records
        from knowledge import receivers  # noqa: F401  connecting is importing, once apps are loaded
        from knowledge.models import Faq
        from knowledge.record import FAQS

        records.register(FAQS)
        quotas.register_gauge("stored_bytes", "knowledge", Faq.objects.text_bytes)
        # Texts stand beside the chain: people write names into answers, too.
        track(
            Tracked(
                Faq,
                "faq",
                plain=("key", "language_code", "is_published", "category", "deleted_at"),
                beside=("question", "answer", "phrasings"),
                named={"deleted_at": "faq.deleted"},
                actor="created_by",
                actions={"DELETE": "faq.purged"},
            )
        )
