"""The services of knowledge: the only writers."""

from knowledge.services.answers import Answer, Source, answer
from knowledge.services.categories import (
    create_category,
    delete_category,
    is_called_like_another,
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
)
from knowledge.services.importing import create_faqs, import_faqs, import_rows
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
    "import_faqs",
    "import_rows",
    "index_faqs",
    "index_now",
    "is_called_like_another",
    "lock_knowledge",
    "purge_deleted",
    "rename_category",
    "restore_faq",
    "search_faqs",
    "set_published",
    "update_faq",
]
