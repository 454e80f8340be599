"""An organization that has a row in every table, and no word or id of which may reach others."""

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone

from chat import bot
from chat.interactions import BotInteraction
from chat.models import Conversation, Message, Widget
from crm.core import stores, tenancy
from crm.core.database.rls_policies import rights, rls_policies, tables_of_organizations
from crm.core.ids import uuid7
from crm.core.permissions import SystemPrincipal
from crm.core.records import get_record
from crm.core.records.notes import create_note
from crm.customers.models import Customer
from crm.organizations.models import Membership, Organization, Role, User
from knowledge.models import Faq
from knowledge.services import FaqContent, create_category, create_faq
from tests.conftest import make_conversation, make_member

# In every text of theirs, and in nothing else.
MARK = "zanzibar"
# These follow what anybody does, whoever they are: sessions of Django, which are keyed by secrets.
LIVELY = frozenset({"django_session"})
# Tables that lock themselves: what they hold grows with what is refused, too.
AUDIT = tables_of_organizations() - set(rls_policies())


@dataclass
class Theirs:
    """The organization of the others, and what of theirs a stranger may try."""

    organization: Organization
    owner: Membership
    conversation: Conversation
    faq: Faq
    passkey: Authenticator
    rows: dict[type[models.Model], models.Model] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        return f"conversation:{self.conversation.pk}"

    @property
    def question_id(self) -> str:
        """Name the question in MongoDB that their bot could not answer."""
        found = BotInteraction.objects.of_question(self.organization.pk, self.conversation.pk, 1)
        assert found is not None
        return found.id

    @property
    def message_id(self) -> str:
        """Name what their customer wrote."""
        found = Message.objects.numbered(self.organization.pk, self.conversation.pk, 1)
        assert found is not None
        return str(found.message_id)

    def ids(self) -> set[str]:
        """Name every row of theirs: none of these is a stranger's to see."""
        found = {str(self.owner.user_id), str(self.organization.pk), self.question_id}
        found.add(self.message_id)
        for model in _locked_models():
            for (key,) in model._default_manager.filter(_of(model, self)).values_list("pk"):
                if isinstance(key, UUID):
                    found |= {str(key)}
        return found

    def fingerprint(self) -> dict[str, str]:
        """Hash each table and each collection, as this organization and the operator see them."""
        watched = _watched()
        locked = {table: "true" for table in watched if table in rls_policies()}
        personal = {
            table: _of_person(table, self.owner) for table in watched if table not in locked
        }
        with tenancy.organization(self.organization.pk):
            found = _hashes(locked)
        found |= _hashes({table: whose for table, whose in personal.items() if whose})
        return found | self._documents()

    def written(self) -> dict[str, str]:
        """Return a cheap mark of what was written: while it is equal, so is the fingerprint.

        It counts what this transaction has written into the watched tables, whoever's rows it were.
        """
        return {"rows": str(_written_rows()), **self._documents()}

    def _documents(self) -> dict[str, str]:
        found = {}
        for name in stores.mongo_db().list_collection_names():
            of_theirs = stores.mongo_db()[name].find({"tenant_id": str(self.organization.pk)})
            documents = sorted(repr(document) for document in of_theirs)
            found[f"mongodb {name}"] = hashlib.sha256("\n".join(documents).encode()).hexdigest()
        return found


def make_theirs() -> Theirs:
    organization = Organization.objects.create(
        name=f"{MARK} Trading", slug=f"{MARK}-trading", language_code="en"
    )
    owner = make_member(organization, MARK.capitalize(), Role.OWNER)
    widget = Widget.objects.create(
        organization=organization, name=f"{MARK} shop", allowed_domains=[f"{MARK}.example"]
    )
    customer = Customer.objects.create(
        organization=organization, name=f"{MARK} Minh", email=f"minh@{MARK}.example"
    )
    conversation = make_conversation(customer, widget, first="theirs")
    # With a question that the bot could not answer, for the page about those.
    bot.give_up(organization_id=organization.pk, conversation_id=conversation.pk, seq=1)
    category = create_category(
        by=SystemPrincipal(organization.pk), name=f"{MARK} things", slug=f"{MARK}-things"
    )
    faq = create_faq(
        content=FaqContent(
            question=f"Where is {MARK}?",
            answer=f"{MARK} is an island.",
            language_code="en",
            key=f"{MARK}-island",
            category_id=category.pk,
        ),
        by=owner,
    )
    create_note(
        by=owner,
        record=get_record("customers"),
        row_id=customer.pk,
        text=f"Wants to go to {MARK}.",
    )
    passkey = Authenticator.objects.create(
        user=owner.user, type=Authenticator.Type.WEBAUTHN, data={"name": f"{MARK} key"}
    )
    theirs = Theirs(organization, owner, conversation, faq, passkey)
    for model in _locked_models():
        theirs.rows[model] = _row_of(model, theirs)
    return theirs


def _locked_models() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.db_table in rls_policies()
    ]


def _of(model: type[models.Model], theirs: Theirs) -> models.Q:
    if model is Organization:
        return models.Q(pk=theirs.organization.pk)
    for column in model._meta.concrete_fields:
        if column.column == "organization_id":
            return models.Q(organization_id=theirs.organization.pk)
    parent = next(
        column
        for column in model._meta.concrete_fields
        if (linked := column.related_model) is not None and linked._meta.db_table in rls_policies()
    )
    return models.Q(**{f"{parent.name}__organization_id": theirs.organization.pk})


def _row_of(model: type[models.Model], theirs: Theirs) -> models.Model:
    """Give a row of theirs, making one of plausible values where there is none."""
    present = model._default_manager.filter(_of(model, theirs)).order_by("pk").first()
    if present is not None:
        return present
    values = {
        column.name: _value_for(column, theirs)
        for column in model._meta.concrete_fields
        if not column.has_default() and not getattr(column, "auto_now_add", False)
        if not column.null and not getattr(column, "auto_now", False)
    }
    with transaction.atomic():
        return model._default_manager.create(**values)


def _value_for(column: Any, theirs: Theirs) -> Any:
    if column.is_relation:
        target = column.related_model
        if target is Organization:
            return theirs.organization
        if target is User:
            return theirs.owner.user
        return _row_of(target, theirs)
    if column.choices:
        return column.choices[-1][0]
    match column:
        case models.UUIDField():
            return uuid7()
        case models.CharField() | models.TextField():
            return f"{MARK}-{uuid7().hex}"[-(column.max_length or 60) :]
        case models.BooleanField():
            return False
        case models.IntegerField():
            return 1
        case models.DateTimeField():
            return timezone.now() + timedelta(days=1)
        case models.DateField():
            return timezone.now().date()
        case models.JSONField():
            return {}
        case models.GenericIPAddressField():
            return "192.0.2.1"
        case models.BinaryField():
            return b"theirs"
        case models.DecimalField() | models.FloatField():
            return 1
        case _:
            return []


def _watched() -> list[str]:
    return sorted(set(rights()) - LIVELY - AUDIT)


def _written_rows() -> int:
    """Count the rows that this transaction has inserted, updated and deleted so far."""
    counters = ("inserted", "updated", "deleted")
    total = " + ".join(f"pg_stat_get_xact_tuples_{counter}(oid)" for counter in counters)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT sum({total}) FROM pg_class WHERE relname = ANY(%s)",  # noqa: S608  our own names
            [_watched()],
        )
        (found,) = cursor.fetchone()
        return int(found)


def _of_person(table: str, owner: Membership) -> str:
    """Narrow a table of no organization to what is the owner's."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.db_table != table:
            continue
        if model is User:
            return f"id = '{owner.user_id}'"
        for column in model._meta.concrete_fields:
            if column.is_relation and column.related_model is User:
                return f"{column.column} = '{owner.user_id}'"
    return ""


def _hashes(conditions: dict[str, str]) -> dict[str, str]:
    """Count and hash the rows of each table that a condition chooses, in one statement."""
    looks = [
        f"SELECT '{table}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text))"  # noqa: S608
        f' FROM "{table}" t WHERE {condition}'
        for table, condition in conditions.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        return {table: str(found) for table, *found in cursor.fetchall()}
