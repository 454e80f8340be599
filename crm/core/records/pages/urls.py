"""The addresses of a record's pages, for the URL configuration of its app."""

from django.urls import URLPattern, path

from crm.core.records import Record
from crm.core.records.pages import (
    boards,
    bulk,
    editing,
    lists,
    options,
    record,
    saved_views,
    timeline,
)


def record_urls(of: Record) -> list[URLPattern]:
    """Return the paths of a record, named "list", "options", "new", "page", "edit" and "access".

    With a timeline also "add_note", "mention_names", "edit_note" and
    "delete_note"; with a board "board", "move" and
    "undo_move".
    """
    base, known = of.base_path, {"slug": of.slug}
    one = f"{base}<uuid:{of.model._meta.model_name}_id>/"
    notes = [
        path(f"{one}notes/", record.add_note, known, name="add_note"),
        path(f"{one}notes/names/", timeline.mention_names, known, name="mention_names"),
        path(f"{one}notes/<uuid:note_id>/edit/", timeline.edit_note, known, name="edit_note"),
        path(f"{one}notes/<uuid:note_id>/delete/", timeline.remove_note, known, name="delete_note"),
    ]
    cards = [
        path(f"{base}board/", boards.board, known, name="board"),
        path(f"{one}move/", boards.move, known, name="move"),
        path(f"{base}board/undo/<uuid:action_id>/", boards.undo_move, known, name="undo_move"),
    ]
    return [
        path(base, lists.record_list, known, name="list"),
        path(f"{base}options/", options.options, known, name="options"),
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
        path(f"{one}edit/", editing.edit_record, known, name="edit"),
        path(f"{one}access/", record.record_access, known, name="access"),
        *(notes if of.has_timeline else ()),
        *(cards if of.board else ()),
    ]
