from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class ChatConfig(AppConfig):
    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chat import (  # connecting is importing, once apps are loaded
            customer_panel,  # noqa: F401
            customer_timeline,  # noqa: F401
            notices,  # noqa: F401
            palette,  # noqa: F401
            receivers,  # noqa: F401
        )
        from chat.api import schema  # noqa: F401  the same for the description of a token
        from chat.brand import brand_of_widget
        from chat.models import Conversation, ConversationSize, IdentitySecret, Message, Widget
        from chat.services.read_receipts import begun_today
        from chat.services.recovery import oldest_pending_age
        from crm.compliance.model_tracking import Tracked, track
        from crm.core.stored_text import count_text
        from crm.operations import gauges, stats
        from knowledge.brand import set_brand_source

        set_brand_source(brand_of_widget)
        track(
            Tracked(
                Widget,
                "widget",
                plain=(
                    "name",
                    "allowed_domains",
                    "color",
                    "position",
                    "texts",
                    "bot_enabled",
                    "is_active",
                    "paused_at",
                ),
            ),
            Tracked(IdentitySecret, "identity_secret", plain=("kid", "revoked_at")),
            # Who has it and whether it is over; not what every message changes.
            Tracked(
                Conversation,
                "conversation",
                plain=("status", "assignee", "priority", "labels", "customer"),
            ),
        )
        count_text(ConversationSize, "text_bytes")
        gauges.register(
            name="pending_effects",
            meaning="Messages that still have a side effect to do.",
            measure=lambda: {"": Message.objects.count_pending()},
        )
        gauges.register(
            name="pending_effect_age_seconds",
            meaning="For how long the oldest side effect has been waiting; 0 when none is.",
            measure=lambda: {"": oldest_pending_age()},
        )
        stats.register(
            stats.Stat(
                label=_("conversations that began today, UTC"),
                icon="forum",
                count=begun_today,
            )
        )
        post_migrate.connect(_create_indexes, sender=self, dispatch_uid="chat.create_indexes")


def _create_indexes(**kwargs: Any) -> None:
    """Create MongoDB's indexes after PostgreSQL's migrations."""
    from chat.interactions import BotInteraction
    from chat.managers import ConversationDocuments
    from chat.models import Message

    Message.objects.create_indexes()
    ConversationDocuments.create_indexes()
    BotInteraction.objects.create_indexes()
