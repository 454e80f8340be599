"""The moves of a deal from stage to stage, in its timeline."""

from datetime import timedelta

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from crm.core.records.timeline import Asked, Entry, Source, register_source
from crm.deals.models import DealMove, Status

MOVES = "moves"
_ICONS = {Status.WON: "check", Status.LOST: "x"}


def moves_of(asked: Asked) -> list[Entry]:
    """Return the moves after the one that added the deal, with the days in the stage before."""
    moves = DealMove.objects.filter(organization_id=asked.reader.organization_id, deal=asked.row)
    page = asked.newest(moves.exclude(from_status=""), MOVES, at="at")
    if not page:
        return []
    # When the oldest one's stage was entered is told by the move before it.
    before = moves.filter(at__lte=page[-1].at).exclude(pk=page[-1].pk)
    entered = [*page[1:], *before.order_by("-at", "-pk")[:1]]
    began = [each.at for each in entered] + [None] * (len(page) - len(entered))
    return [
        Entry(
            kind=MOVES,
            id=move.pk,
            at=move.at,
            title=f"{move.from_name} → {move.to_name}",
            icon=_ICONS.get(Status(move.to_status), "columns"),
            actor=move.actor_name,
            text="" if since is None else _stay(move.at - since),
        )
        for move, since in zip(page, began, strict=True)
    ]


def _stay(time: timedelta) -> str:
    if not time.days:
        return gettext("After less than a day")
    return ngettext("After %(count)d day", "After %(count)d days", time.days) % {"count": time.days}


register_source(Source(key=MOVES, label=_("Stages"), read=moves_of, slugs=("deals",), rank=30))
