"""The addresses of a record's pages, for the URL configuration of its app."""

from django.urls import URLPattern, path

from crm.core.records import Record
from crm.core.records.pages import bulk, lists, record, saved_views


def record_urls(of: Record) -> list[URLPattern]:
    """Return the paths of a record, named "list", "new", "page", "edit" and "access"."""
    base, known = of.base_path, {"slug": of.slug}
    one = f"{base}<uuid:{of.model._meta.model_name}_id>/"
    return [
        path(base, lists.record_list, known, name="list"),
        path(f"{base}new/", record.new_record, known, name="new"),
        path(f"{base}bulk/", bulk.ask, known, name="bulk"),
        path(f"{base}bulk/run/", bulk.run, known, name="run_bulk"),
        path(f"{base}bulk/<uuid:job_id>/undo/", bulk.undo_job, known, name="undo_bulk"),
        path(f"{base}views/", saved_views.save_view, known, name="save_view"),
        path(
            f"{base}views/<uuid:savedview_id>/delete/",
            saved_views.remove_view,
            known,
            name="delete_view",
        ),
        path(f"{base}views/default/", saved_views.choose_default, known, name="default_view"),
        path(one, record.record_page, known, name="page"),
        path(f"{one}edit/", record.edit_record, known, name="edit"),
        path(f"{one}access/", record.record_access, known, name="access"),
    ]
