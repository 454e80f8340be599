"""Metrics of usage, and features of plans."""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Metric(TextChoices):
    MEMBERS = "members", _("Members")
    CONVERSATIONS = "conversations", _("Conversations")
    BOT_ANSWERS = "bot_answers", _("Bot answers")
    STORED_BYTES = "stored_bytes", _("Stored text")
    CONTACTS = "contacts", _("Contacts")
    CAMPAIGN_MAILS = "campaign_mails", _("Campaign mails")
    API_CALLS = "api_calls", _("API calls")
    BACKGROUND_TASKS = "background_tasks", _("Background tasks")


class Feature(TextChoices):
    CUSTOM_ROLES = "custom_roles", _("Roles of your own")
    VISITOR_IDENTITY = "visitor_identity", _("Signed visitor identity")
    AUDIT_EXPORT = "audit_export", _("Export of the audit")


class MetricKind(StrEnum):
    """How a metric is counted.

    EACH: every use is a row of the ledger, and Redis counts in front of it. SUMS: Redis counts, the
    ledger receives the sums. LEVEL: the present number, counted from the rows themselves.
    """

    EACH = "each"
    SUMS = "sums"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """``refusal`` is the message at the limit, ``hint`` describes what is counted.

    ``slack`` is how much room must be left for those who add to a level not to wait for each other;
    None: they always wait, and never exceed the limit together.
    """

    kind: MetricKind
    hint: Promise
    refusal: Promise
    icon: str
    is_refused: bool = True
    slack: int | None = None


METRIC_SPECS: dict[Metric, MetricSpec] = {
    Metric.MEMBERS: MetricSpec(
        MetricKind.LEVEL,
        _("Active members and open invitations."),
        _(
            "The plan of this organization has no free place for another member. Revoke an "
            "invitation, deactivate somebody, or change the plan."
        ),
        "users",
    ),
    Metric.CONVERSATIONS: MetricSpec(
        MetricKind.EACH,
        _("Conversations that began in this period. Visitors are never turned away."),
        _("This organization has used up the conversations of its plan for this period."),
        "inbox",
        is_refused=False,
    ),
    Metric.BOT_ANSWERS: MetricSpec(
        MetricKind.EACH,
        _("Answers the bot gave from your knowledge. At the limit your team answers."),
        _("This organization has used up the bot answers of its plan for this period."),
        "robot",
    ),
    Metric.STORED_BYTES: MetricSpec(
        MetricKind.LEVEL,
        _("Texts of all entries, notes and conversations. Messages are always taken in."),
        _(
            "The plan of this organization has no room for more text. Delete what is not needed, "
            "or change the plan."
        ),
        "file-text",
        # Much more than those who write at the same time add.
        slack=16 * 1024**2,
    ),
    Metric.CONTACTS: MetricSpec(
        MetricKind.LEVEL,
        _("Customers, without mere visitors."),
        _(
            "The plan of this organization has no room for another contact. Delete those that are "
            "not needed, or change the plan."
        ),
        "id",
    ),
    Metric.CAMPAIGN_MAILS: MetricSpec(
        MetricKind.EACH,
        _("Mails sent by campaigns in this period."),
        _("This organization has used up the campaign mails of its plan for this period."),
        "mail",
    ),
    Metric.API_CALLS: MetricSpec(
        MetricKind.SUMS,
        _("Requests with API keys and access tokens in this period."),
        _(
            "This organization has used up the API calls of its plan for this period. An owner can "
            "change the plan."
        ),
        "code",
    ),
    Metric.BACKGROUND_TASKS: MetricSpec(
        MetricKind.EACH,
        _("Imports and exports started in this period."),
        _(
            "This organization has used up the imports and exports of its plan for this period. "
            "An owner can change the plan."
        ),
        "refresh",
    ),
}
GAUGES = tuple(metric for metric, spec in METRIC_SPECS.items() if spec.kind == MetricKind.LEVEL)
COUNTED = tuple(metric for metric, spec in METRIC_SPECS.items() if spec.kind != MetricKind.LEVEL)
LEDGERED = tuple(metric for metric, spec in METRIC_SPECS.items() if spec.kind == MetricKind.EACH)

PLAN_NAMES = {
    "guest": pgettext_lazy("plan", "Guest"),
    "free": pgettext_lazy("plan", "Free"),
    "pro": pgettext_lazy("plan", "Pro"),
    "enterprise": pgettext_lazy("plan", "Enterprise"),
}
