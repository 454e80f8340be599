"""The services of knowledge: the only writers."""

from knowledge.services.answers import Answer, Source, answer
from knowledge.services.categories import (
    create_category,
    delete_category,
    is_called_like_another,
    remove_unused_category,
    rename_category,
)
from knowledge.services.faqs import (
    FaqContent,
    add_phrasing,
    create_faq,
    delete_faq,
    lock_knowledge,
    purge_deleted,
    restore_faq,
    set_published,
    update_faq,
    wait_for_knowledge,
)
from knowledge.services.importing import (
    create_faqs,
    delete_faqs,
    import_faqs,
    languages_of,
    update_faqs,
)
from knowledge.services.indexing import index_faqs, index_now
from knowledge.services.search import search_faqs
from knowledge.services.undo import delete_faq_undoably

__all__ = [
    "Answer",
    "FaqContent",
    "Source",
    "add_phrasing",
    "answer",
    "create_category",
    "create_faq",
    "create_faqs",
    "delete_category",
    "delete_faq",
    "delete_faq_undoably",
    "delete_faqs",
    "import_faqs",
    "index_faqs",
    "index_now",
    "is_called_like_another",
    "languages_of",
    "lock_knowledge",
    "purge_deleted",
    "remove_unused_category",
    "rename_category",
    "restore_faq",
    "search_faqs",
    "set_published",
    "update_faq",
    "update_faqs",
    "wait_for_knowledge",
]
