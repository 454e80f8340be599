"""Errors of this app."""

from django.utils.translation import gettext_noop

from crm.core.errors import Conflict, Invalid, NotFound, StoreUnavailable


class FaqNotFound(NotFound):
    code = "faq_not_found"
    message = gettext_noop("There is no such FAQ, or you may not see it.")


class CategoryNotFound(NotFound):
    code = "faq_category_not_found"
    message = gettext_noop("There is no such category. Choose one of the list.")


class FaqKeyTaken(Conflict):
    code = "faq_key_taken"
    message = gettext_noop(
        "Another FAQ has this key in this language. Choose another key, or edit that FAQ."
    )


class InvalidFaq(Invalid):
    code = "invalid_faq"
    message = gettext_noop("The FAQ cannot be stored; see errors. Correct them and send it again.")


class CategoryNamesInvalid(Invalid):
    code = "category_names_invalid"
    message = gettext_noop(
        "Names in other languages are given by language (en, vi, ru), each of at most 100 letters."
    )


class CategoryNameTaken(Conflict):
    code = "category_name_taken"
    message = gettext_noop("There is a category of this name already.")


class TooManyCategories(Conflict):
    code = "too_many_faq_categories"
    message = gettext_noop("An organization can have 200 FAQ categories. Delete one first.")


class CategoryNameMissing(Invalid):
    code = "category_name_missing"
    message = gettext_noop("A category needs a name that can be seen.")


class InvalidCursor(Invalid):
    code = "wrong_place"
    message = gettext_noop(
        "The link to the next part of the list is damaged. Open the list from its beginning."
    )


class OrganizationMissing(Invalid):
    """A search without an organization would return other tenants' knowledge."""

    code = "organization_missing"
    message = gettext_noop("A search of the knowledge base must name one organization.")


class KnowledgeUnavailable(StoreUnavailable):
    code = "knowledge_unavailable"
    message = gettext_noop(
        "The knowledge search does not answer. Nothing was changed; try again in a few seconds."
    )


class IndexOutdated(KnowledgeUnavailable):
    """The live collection was created with another embedding model: its scores are meaningless."""

    code = "knowledge_index_outdated"
    message = gettext_noop(
        "The knowledge index was made with another model. Run `manage.py reindex_knowledge`."
    )
