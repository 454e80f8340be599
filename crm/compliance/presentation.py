"""Presentation of audit entries: action, object and actor."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext_lazy

from crm.authentication.models import ApiKey
from crm.compliance.model_tracking import kinds
from crm.compliance.models import ActorKind, AuditEntry, AuditValues, LegalHold
from crm.core.permissions import Principal
from crm.core.text.folding import identity_key
from crm.customers.models import Customer
from crm.organizations.models import Membership, User

Text = str | Promise

# Texts are found by context, so that each language can use nouns where its verbs have a gender.
KINDS: dict[str, Text] = {
    "address": pgettext_lazy("audit object", "Email address"),
    "api_key": pgettext_lazy("audit object", "API key"),
    "audit": pgettext_lazy("audit object", "Audit"),
    "conversation": pgettext_lazy("audit object", "Conversation"),
    "customer": pgettext_lazy("audit object", "Customer"),
    "export": pgettext_lazy("audit object", "Export"),
    "factor": pgettext_lazy("audit object", "Second factor"),
    "faq": pgettext_lazy("audit object", "FAQ"),
    "identity_secret": pgettext_lazy("audit object", "Identity secret"),
    "import": pgettext_lazy("audit object", "Import"),
    "import_undo": pgettext_lazy("audit object", "Undoing of an import"),
    "impersonation": pgettext_lazy("audit object", "Operator as a person"),
    "invitation": pgettext_lazy("audit object", "Invitation"),
    "legal_hold": pgettext_lazy("audit object", "Legal hold"),
    "linked_account": pgettext_lazy("audit object", "Linked account"),
    "lost_reason": pgettext_lazy("audit object", "Reason for a loss"),
    "member": pgettext_lazy("audit object", "Member"),
    "note": pgettext_lazy("audit object", "Note"),
    "organization": pgettext_lazy("audit object", "Organization"),
    "override": pgettext_lazy("audit object", "Override of the plan"),
    "pipeline": pgettext_lazy("audit object", "Pipeline"),
    "quota": pgettext_lazy("audit object", "Quota"),
    "role": pgettext_lazy("audit object", "Role"),
    "security": pgettext_lazy("audit object", "Session rules"),
    "session": pgettext_lazy("audit object", "Session"),
    "stage": pgettext_lazy("audit object", "Stage of a pipeline"),
    "subscription": pgettext_lazy("audit object", "Subscription"),
    "team": pgettext_lazy("audit object", "Team"),
    "tokens": pgettext_lazy("audit object", "Access of a program"),
    "user": pgettext_lazy("audit object", "Person"),
    "widget": pgettext_lazy("audit object", "Widget"),
}
_USUAL: dict[str, Text] = {
    "created": pgettext_lazy("audit action", "Created"),
    "updated": pgettext_lazy("audit action", "Changed"),
    "deleted": pgettext_lazy("audit action", "Deleted"),
    "truncated": pgettext_lazy("audit action", "Table emptied"),
    "purged": pgettext_lazy("audit action", "Record dropped"),
}
ACTIONS: dict[str, Text] = {
    "log_in.refused": pgettext_lazy("audit action", "Log-in refused"),
    "session.started": pgettext_lazy("audit action", "Log-in"),
    "session.ended": pgettext_lazy("audit action", "Session ended"),
    "tokens.issued": pgettext_lazy("audit action", "Log-in of a program"),
    "tokens.ended": pgettext_lazy("audit action", "Access of a program ended"),
    "tokens.reused": pgettext_lazy("audit action", "Used token shown again"),
    "api_key.revoked": pgettext_lazy("audit action", "Revoked"),
    "api_key.secret_added": pgettext_lazy("audit action", "Secret added"),
    "api_key.secret_revoked": pgettext_lazy("audit action", "Secret revoked"),
    "api_key.secret_deleted": pgettext_lazy("audit action", "Secret deleted"),
    "invitation.accepted": pgettext_lazy("audit action", "Accepted"),
    "invitation.revoked": pgettext_lazy("audit action", "Revoked"),
    "override.ended": pgettext_lazy("audit action", "Ended"),
    "quota.reached": pgettext_lazy("audit action", "Level reached"),
    "subscription.cancelled": pgettext_lazy("audit action", "Cancelled by an owner"),
    "team.joined": pgettext_lazy("audit action", "Member added"),
    "team.left": pgettext_lazy("audit action", "Member removed"),
    "legal_hold.placed": pgettext_lazy("audit action", "Placed"),
    "legal_hold.lifted": pgettext_lazy("audit action", "Lifted"),
    "audit.erased": pgettext_lazy("audit action", "Values erased"),
    "audit.month_dropped": pgettext_lazy("audit action", "Month dropped after ten years"),
    "export.asked": pgettext_lazy("audit action", "Started"),
    "export.done": pgettext_lazy("audit action", "Finished"),
    "export.cancelled": pgettext_lazy("audit action", "Cancelled"),
    "export.failed": pgettext_lazy("audit action", "Failed"),
    "export.fetched": pgettext_lazy("audit action", "File fetched"),
    "import.asked": pgettext_lazy("audit action", "Started"),
    "import.done": pgettext_lazy("audit action", "Finished"),
    "import.cancelled": pgettext_lazy("audit action", "Cancelled"),
    "import.failed": pgettext_lazy("audit action", "Failed"),
    "import.fetched": pgettext_lazy("audit action", "File fetched"),
    "import_undo.asked": pgettext_lazy("audit action", "Started"),
    "import_undo.done": pgettext_lazy("audit action", "Finished"),
    "import_undo.cancelled": pgettext_lazy("audit action", "Cancelled"),
    "import_undo.failed": pgettext_lazy("audit action", "Failed"),
    "impersonation.started": pgettext_lazy("audit action", "Operator works as a person"),
    "impersonation.ended": pgettext_lazy("audit action", "Operator stopped working as a person"),
}
_EVERYTHING = pgettext_lazy("legal hold", "Everything of this organization")
_NAMED_BY_THEMSELVES = ("log_in.", "session.", "tokens.", "impersonation.")


@dataclass(frozen=True, slots=True)
class PresentedEntry:
    """An entry for display; ``changes`` are (field, before, after), ``values`` the personal ones
    among them as they are stored, ``details`` the others. ``is_withheld`` says that the reader may
    not read what was changed.
    """

    entry: AuditEntry
    title: str
    actor: str
    object_name: str
    address: str
    values: Mapping[str, Any] | None
    changes: list[tuple[str, str, str]]
    is_erased: bool
    details: Mapping[str, Any]
    is_withheld: bool


def title_of(action: str) -> str:
    """Return the label of an action, with its object type where the action alone is ambiguous."""
    label = label_of(action)
    if action.startswith(_NAMED_BY_THEMSELVES):
        return label
    return f"{kind_label(action.partition('.')[0])}: {label}"


def label_of(action: str) -> str:
    """Return the label of an action without its object type."""
    word = action.partition(".")[2]
    return str(ACTIONS.get(action) or _USUAL.get(word, word))


def kind_label(kind: str) -> str:
    """Return the label of an object type; that of a record is its model's."""
    if kind in KINDS:
        return str(KINDS[kind])
    found = kinds().get(kind)
    return capfirst(str(found.model._meta.verbose_name)) if found else kind


def actors_of(entries: Iterable[AuditEntry], *, customers: QuerySet[Customer]) -> dict[UUID, str]:
    """Return by id of an entry who did it; ``customers`` are those who may be named."""
    shown = list(entries)
    names = _names(shown, customers)
    return {entry.pk: _actor(entry, names) for entry in shown}


def present_entries(
    entries: Iterable[AuditEntry],
    *,
    customers: QuerySet[Customer],
    withheld: Collection[str] = (),
) -> list[PresentedEntry]:
    """Return some entries for display, with names of users and customers in one query each.

    ``customers`` are those who may be named to the reader. Of the object types in ``withheld`` is
    told that something was done, and nothing of what it was.
    """
    shown = list(entries)
    values = AuditValues.objects.personal(shown)
    names = _names(shown, customers)
    presented = []
    for entry in shown:
        beside = values.get((entry.organization_id, entry.at))
        is_withheld = entry.object_type in withheld
        data = beside.data if beside and not is_withheld else None
        name = "" if is_withheld else _name_inside(entry, data or {})
        presented.append(
            PresentedEntry(
                entry=entry,
                title=title_of(entry.action),
                actor=_actor(entry, names),
                object_name=names.get(entry.object_id) or name,
                address=(beside.address if beside else None) or "",
                values=data,
                changes=[] if is_withheld else _changes(entry, data or {}),
                is_erased=bool(beside and beside.data_erased_seq),
                details=_without_values(entry.details) if is_withheld else entry.details,
                is_withheld=is_withheld,
            )
        )
    return presented


def _without_values(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in details.items() if name not in {"changes", "fields"}}


def subjects_in_words(holds: Iterable[LegalHold], *, by: Principal) -> dict[str, str]:
    """Return the names of held subjects by ``subject``.

    Deleted ones, and customers whom the principal may not see, are named by their id; those who are
    called alike, by name and id.
    """
    wanted = {hold.subject for hold in holds}
    names: dict[str, str] = {}
    ids: dict[str, list[str]] = {"user": [], "customer": []}
    for each in wanted:
        kind, _colon, pk = each.partition(":")
        ids.setdefault(kind, []).append(pk)
    customers = Customer.objects.visible_to(by).in_bulk([UUID(pk) for pk in ids["customer"]])
    found = {
        "user": people_names(ids["user"], {by.organization_id}),
        "customer": {str(pk): str(each) for pk, each in customers.items()},
    }
    for kind, named in found.items():
        names |= {f"{kind}:{pk}": f"{KINDS[kind]}: {name}" for pk, name in named.items()}
    alike = Counter(map(identity_key, names.values()))
    for subject, name in names.items():
        if alike[identity_key(name)] > 1:
            names[subject] = f"{name} · {subject.partition(':')[2]}"
    return {each: names.get(each) or each or str(_EVERYTHING) for each in wanted}


def _actor(entry: AuditEntry, names: dict[str, str]) -> str:
    if person := entry.details.get("on_behalf_of"):
        # Both: who did it, and in whose name.
        params = {"operator": _one_actor(entry, names), "person": names.get(person, person)}
        return gettext("%(operator)s (operator) as %(person)s") % params
    return _one_actor(entry, names)


def _one_actor(entry: AuditEntry, names: dict[str, str]) -> str:
    if found := names.get(entry.actor_id):
        return found
    kind = ActorKind(entry.actor_kind)
    if kind == ActorKind.DATABASE and entry.actor_id:
        return f"{kind.label} ({entry.actor_id})"
    return str(kind.label)


def _names(entries: list[AuditEntry], visible: QuerySet[Customer]) -> dict[str, str]:
    people, customers, keys = set(), set(), set()
    for entry in entries:
        if entry.actor_kind == ActorKind.USER:
            people.add(entry.actor_id)
        elif entry.actor_kind == ActorKind.KEY:
            keys.add(entry.actor_id)
        elif entry.actor_kind == ActorKind.VISITOR:
            customers.add(entry.actor_id)
        if entry.object_type in {"user", "member", "impersonation"}:
            people.add(entry.object_id)
        if person := entry.details.get("on_behalf_of"):
            people.add(person)
        elif entry.object_type == "customer":
            customers.add(entry.object_id)
    names: dict[str, str] = {}
    names = people_names(people, {entry.organization_id for entry in entries})
    asked: tuple[tuple[QuerySet[Any], set[str]], ...] = (
        (visible, customers),
        (ApiKey.objects.all(), keys),
    )
    for found, wanted in asked:
        if ids := [UUID(each) for each in wanted if _is_id(each)]:
            names |= {str(pk): str(each) for pk, each in found.in_bulk(ids).items()}
    return names


def people_names(people: Iterable[str], organizations: set[UUID | None]) -> dict[str, str]:
    """Return names of users by id; who left the organization is called as they were then.

    Entries of several organizations are read by operators, who see accounts as they are.
    """
    ids = [UUID(each) for each in people if _is_id(each)]
    if not ids:
        return {}
    users = User.objects.all()
    organization_id = next(iter(organizations)) if len(organizations) == 1 else None
    if organization_id is not None:
        theirs = Membership.objects.in_organization(organization_id)
        left = theirs.filter(user_id=OuterRef("pk")).left()
        users = users.annotate(left_name=Subquery(left.values("left_name")))
    found = users.in_bulk(ids)
    return {str(pk): getattr(each, "left_name", None) or str(each) for pk, each in found.items()}


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _name_inside(entry: AuditEntry, data: Mapping[str, Any]) -> str:
    """Return the object's present or former name from the entry itself."""
    changes = {**entry.details.get("changes", {}), **data}
    for name in ("name", "question", "email", "prefix"):
        before, after = changes.get(name, (None, None))
        if after or before:
            return str(after or before)[:80]
    return ""


def _changes(entry: AuditEntry, data: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    values = {**entry.details.get("changes", {}), **data}
    labels = _labels(entry.object_type)
    changes = [
        (labels.get(name, name), _shown(before), _shown(after))
        for name, (before, after) in sorted(values.items())
        # A new row has many columns that hold nothing.
        if before or after
    ]
    hidden = sorted(set(entry.details.get("fields", [])) - set(values))
    return [*changes, *((labels.get(name, name), "", "…") for name in hidden)]


def _labels(kind: str) -> dict[str, str]:
    tracked = kinds().get(kind)
    if tracked is None:
        return {}
    labels = {}
    for name in (*tracked.plain, *tracked.beside, *tracked.hidden):
        try:
            field: Any = tracked.model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        labels[str(field.column)] = str(field.verbose_name)
    return labels


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    return str(value)
