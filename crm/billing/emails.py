"""Emails to owners about quotas, in the recipient's language."""

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from crm.billing.metrics import Metric
from crm.billing.services.usage_summary import UsageSummary
from crm.core.mail.services import Email
from crm.core.text.normalization import isolate


def amount_words(metric: str, amount: int) -> str:
    """Format an amount: bytes as sizes, everything else as a number."""
    if metric == Metric.STORED_BYTES:
        return str(filesizeformat(amount))
    return str(number_format(amount, use_l10n=True, force_grouping=True))


def quota_reached(organization: str, summary: UsageSummary) -> Email:
    params = {
        "organization": isolate(organization),
        "quota": summary.metric.label,
        "used": amount_words(summary.metric, summary.used),
        "limit": amount_words(summary.metric, summary.limit or 0),
        "level": summary.level,
    }
    if summary.level >= 100:
        subject = _("%(organization)s: %(quota)s used up") % params
    else:
        subject = _("%(organization)s: %(level)d%% used of %(quota)s") % params
    return Email(
        subject=subject,
        paragraphs=(
            _("%(organization)s uses %(used)s of %(limit)s (%(quota)s).") % params,
            _after(summary),
        ),
        small_print=(
            _("Everything about it is under Settings, Plan and usage."),
            _("You get this because you may see the organization's billing."),
        ),
    )


def _after(summary: UsageSummary) -> str:
    if summary.metric == Metric.CONVERSATIONS:
        return _(
            "Visitors still reach you and nothing they write is lost. Conversations beyond the "
            "plan are marked in the inbox."
        )
    if summary.metric == Metric.BOT_ANSWERS:
        return _("At the limit the bot passes questions on to your team instead of answering.")
    if summary.is_level:
        return _("At the limit nothing is lost, but no more can be added.")
    return _("At the limit no more is possible until the next period, or with another plan.")
