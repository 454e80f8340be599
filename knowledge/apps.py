from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    name = "knowledge"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.compliance.model_tracking import Tracked, track
        from crm.core import records
        from crm.core.stored_text import count_text
        from knowledge import receivers  # noqa: F401  connecting is importing, once apps are loaded
        from knowledge.models import Faq, FaqCategory
        from knowledge.record import FAQS

        records.register(FAQS)
        count_text(Faq, "question", "answer", "phrasings")
        count_text(FaqCategory)
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
