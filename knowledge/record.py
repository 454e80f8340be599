"""FAQs as a record of the kit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.core.permissions import Module, Principal
from crm.core.records import (
    BooleanField,
    BuiltInView,
    BulkAction,
    ChoiceField,
    Field,
    ImportKey,
    LinesField,
    MomentField,
    Panel,
    ProseField,
    Record,
    RelationField,
    TextField,
    register_panel,
)
from crm.core.records.operators import NO, YES, Operator
from crm.core.text.folding import identity_key
from crm.core.text.normalization import normalize_key
from crm.organizations.models import Language, Organization
from knowledge.errors import FaqNotFound
from knowledge.managers import FaqQuerySet
from knowledge.models import NAME_LENGTH, Faq
from knowledge.pasting import table_of
from knowledge.services import (
    FaqContent,
    create_category,
    create_faq,
    create_faqs,
    delete_faq_undoably,
    delete_faqs,
    languages_of,
    remove_unused_category,
    update_faq,
    update_faqs,
    wait_for_knowledge,
)
from knowledge.services.categories import ANYWHERE, EVERYWHERE, categories_by_name


class IndexField(Field):
    """Whether the bot finds the present version."""

    operators = (YES, NO)
    template = "knowledge/_index_state.html"
    api_source = "is_indexed"

    def q(self, operator: Operator, values: Any, reader: Principal) -> Q:
        is_indexed = Q(indexed_version=F("version"))
        return is_indexed if operator is YES else ~is_indexed

    def value_of(self, row: Model) -> Model:
        return row

    def exported(self, row: Any) -> bool:
        return bool(row.indexed_version == row.version)


class CategoryField(RelationField):
    """The category; a file that is imported names it, in the language of its row first."""

    def look_up(
        self, reader: Principal, names: Collection[str]
    ) -> Callable[[str, Mapping[str, Any]], Sequence[UUID]]:
        visible = set(self.visible_to(reader).values_list("pk", flat=True))
        known = categories_by_name(reader.organization_id)

        def find(name: str, values: Mapping[str, Any]) -> Sequence[UUID]:
            key = identity_key(name)
            for language in (values.get("language_code", EVERYWHERE), EVERYWHERE, ANYWHERE):
                found = known.get((language, key))
                if found is not None and found in visible:
                    return [found]
            return []

        return find


def _asked(rows: QuerySet[Any], texts: Collection[str]) -> QuerySet[Any]:
    assert isinstance(rows, FaqQuerySet)  # noqa: S101  the manager of the model
    return rows.asked_like(texts)


def _create(*, by: Principal, **values: Any) -> Faq:
    content = FaqContent(**values)
    return create_faq(content=content, by=by)


def _update(*, by: Principal, pk: UUID, version: int | None = None, **values: Any) -> Faq:
    return update_faq(faq_id=pk, content=values, by=by, version=version)


def _delete(*, by: Principal, pk: UUID, version: int | None = None) -> UUID | None:
    return delete_faq_undoably(by=by, faq_id=pk, version=version)[1]


def _initial(by: Principal) -> Mapping[str, Any]:
    organization = Organization.objects.get(pk=by.organization_id)
    return {"language_code": organization.language_code, "is_published": True}


def _search(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    assert isinstance(found, FaqQuerySet)  # noqa: S101  the manager of the model
    return found.mentioning(text)


def _only(key: str, label: Any, **condition: str) -> BuiltInView:
    return BuiltInView(key, label, {"all": [condition]})


FAQS = Record(
    slug="faqs",
    path="app/knowledge/",
    namespace="knowledge",
    navigation=_("Knowledge"),
    model=Faq,
    area=Module.KNOWLEDGE,
    icon="book",
    has_initials=False,
    language="language_code",
    list_template="knowledge/faqs.html",
    page_template="knowledge/faq.html",
    fields=(
        TextField(
            name="question", help_text=_("As a customer would ask it."), also_called=("q", "faq")
        ),
        ProseField(
            name="answer",
            help_text=_("The bot says exactly this."),
            also_called=("a", "trả lời"),
        ),
        ChoiceField(name="language_code"),
        CategoryField(
            name="category_id",
            title="local_name",
            order=("position", "name"),
            longest=NAME_LENGTH,
            add=create_category,
            remove=remove_unused_category,
            also_called=("category", "chủ đề", "раздел"),
        ),
        LinesField(
            name="phrasings",
            also_called=("alternatives", "other questions"),
            help_text=_("One a line. Each one makes the answer easier to find."),
        ),
        TextField(
            name="key",
            label=pgettext_lazy("FAQ", "key"),
            also_called=("khóa",),
            is_required=False,
            help_text=_(
                "FAQs with the same key say the same in different languages. "
                "Leave it empty to have one made."
            ),
        ),
        BooleanField(
            name="is_published",
            help_text=_("The bot uses it, and it stands on your public help page."),
        ),
        IndexField(name="indexed_version", label=_("Searchable")),
        MomentField(name="updated_at", label=_("changed"), is_sortable=True),
    ),
    columns=("question", "answer", "language_code", "category_id", "indexed_version", "updated_at"),
    order="-updated_at",
    title="question",
    search=_search,
    form=(
        "question",
        "answer",
        "language_code",
        "category_id",
        "phrasings",
        "key",
        "is_published",
    ),
    initial=_initial,
    create=_create,
    update=_update,
    delete=_delete,
    create_many=create_faqs,
    update_many=update_faqs,
    delete_many=delete_faqs,
    lock=wait_for_knowledge,
    import_keys=(
        ImportKey(field="question", within=("language_code",), identity=identity_key, find=_asked),
        ImportKey(field="key", within=("language_code",), identity=normalize_key),
    ),
    complete=languages_of,
    table_of=table_of,
    paste_help=_(
        "Rows of a spreadsheet, or each question with its answer below it and an empty line before "
        "the next one."
    ),
    bulk=(
        BulkAction(key="publish", label=_("Publish"), icon="eye", values={"is_published": True}),
        BulkAction(key="hide", label=_("Hide"), icon="lock", values={"is_published": False}),
        BulkAction(
            key="category", label=_("Change the category"), icon="columns", field="category_id"
        ),
    ),
    new_label=_("New FAQ"),
    empty_text=_("There are no FAQs yet. Write the question that customers ask most."),
    not_found=FaqNotFound,
    views=(
        BuiltInView("all", pgettext_lazy("list view", "All"), {"all": []}),
        _only("published", pgettext_lazy("list view", "Published"), field="is_published", op="yes"),
        _only("hidden", pgettext_lazy("list view", "Hidden"), field="is_published", op="no"),
        _only("waiting", _("Not yet searchable"), field="indexed_version", op="no"),
    ),
)


def _versions(reader: Principal, faq: Faq) -> Mapping[str, Any]:
    """Return every language with the FAQ's version in it, if there is one."""
    siblings = Faq.objects.visible_to(reader).with_key(faq.key)
    there = {other.language_code: other for other in siblings}
    return {
        "faq": faq,
        "versions": [
            {"language": code, "name": name, "faq": there.get(code)}
            for code, name in Language.choices
        ],
    }


register_panel(
    Panel(
        slug="faqs",
        key="versions",
        label=_("Languages"),
        template="knowledge/_versions.html",
        context=_versions,
    )
)
