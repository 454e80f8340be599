"""The default plans; operators may change them afterwards."""

from dataclasses import dataclass

from crm.billing.metrics import Feature, Metric

GUEST, FREE, PRO, ENTERPRISE = "guest", "free", "pro", "enterprise"

_MIB = 1024 * 1024
_GIB = 1024 * _MIB


@dataclass(frozen=True, slots=True)
class PlanDefault:
    """``limits`` without a metric: unlimited. A higher ``position`` is a larger plan."""

    key: str
    position: int
    limits: dict[str, int]
    features: tuple[str, ...]
    is_offered: bool


DEFAULTS = (
    # Looks at what is there and adds nothing; for operators to put an organization on hold.
    PlanDefault(
        GUEST,
        0,
        {metric.value: 0 for metric in Metric if metric != Metric.MEMBERS}
        | {Metric.MEMBERS.value: 1},
        (),
        is_offered=False,
    ),
    PlanDefault(
        FREE,
        1,
        {
            Metric.MEMBERS.value: 3,
            Metric.CONVERSATIONS.value: 200,
            Metric.BOT_ANSWERS.value: 500,
            Metric.STORED_BYTES.value: 100 * _MIB,
            Metric.CONTACTS.value: 1_000,
            Metric.CAMPAIGN_MAILS.value: 500,
            Metric.API_CALLS.value: 10_000,
            Metric.BACKGROUND_TASKS.value: 20,
        },
        (),
        is_offered=True,
    ),
    PlanDefault(
        PRO,
        2,
        {
            Metric.MEMBERS.value: 25,
            Metric.CONVERSATIONS.value: 5_000,
            Metric.BOT_ANSWERS.value: 20_000,
            Metric.STORED_BYTES.value: 10 * _GIB,
            Metric.CONTACTS.value: 50_000,
            Metric.CAMPAIGN_MAILS.value: 50_000,
            Metric.API_CALLS.value: 1_000_000,
            Metric.BACKGROUND_TASKS.value: 1_000,
        },
        tuple(Feature.values),
        is_offered=True,
    ),
    # Custom limits: an operator sets them as overrides of the organization.
    PlanDefault(ENTERPRISE, 3, {}, tuple(Feature.values), is_offered=False),
)
