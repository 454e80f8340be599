"""Base classes of the operator's admin, with bounded queries."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth import get_permission_codename
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import CharField, EmailField, Field, Model, TextField
from django.db.models.constants import LOOKUP_SEP
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods
from psycopg.errors import QueryCanceled, UniqueViolation
from unfold.admin import ModelAdmin
from unfold.widgets import INPUT_CLASSES

from crm.core.admin.admin_actions import AdminAction
from crm.core.admin.navigation import Menu
from crm.core.admin.rows import CautiousPaginator, Chooser, ListTooSlow, is_key
from crm.core.admin.versions import VERSION, VersionedForm, edit_version
from crm.core.errors import AppError
from crm.core.forms import EmailInput, LinesField, ModelForm
from crm.core.text.folding import search_words
from crm.core.text.normalization import normalize_line
from crm.core.versions import EditedMeanwhile

PER_PAGE = 50
# Of one statement of a list; then the search has to be narrowed.
LIST_SECONDS = 10.0


# How text without a folded copy is searched: PostgreSQL folds both sides.
FOLDED = "__unaccent__icontains"
# Stored folded already.
FOLDED_COLUMNS = frozenset({"search_text", "folded_text"})


class ConsoleAdmin(ModelAdmin):
    """Base admin of one model. Rows are deleted only through a service, because cascades reach far.

    ``menu`` is the position in the sidebar; a model without one is only linked to.
    ``admin_actions`` are the actions offered on a row's page. ``telling`` are the columns that hold
    words of other rows, with the permissions of these: for operators who lack one, the column is
    neither shown nor searched, sorted or filtered by. A test lists the other columns of text.
    """

    form = ModelForm
    menu: ClassVar[Menu | None] = None
    admin_actions: ClassVar[Sequence[AdminAction]] = ()
    telling: ClassVar[Mapping[str, Sequence[str]]] = {}
    list_per_page = PER_PAGE
    list_max_show_all = PER_PAGE
    show_full_result_count = False
    # They count all rows, once for each choice of each filter.
    show_facets = ShowFacets.NEVER
    view_on_site = False
    paginator = CautiousPaginator
    warn_unsaved_form = True
    change_form_outer_before_template = "console/admin_actions.html"
    change_form_before_template = "console/version.html"

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def _may_read(self, request: HttpRequest, column: Any) -> bool:
        """Return whether the operator has the permissions of a telling column."""
        needed = self.telling.get(column, ()) if isinstance(column, str) else ()
        user: Any = request.user if needed else None
        return not needed or bool(user.has_perms(needed))

    def _readable(self, request: HttpRequest, columns: Iterable[Any]) -> list[Any]:
        """Leave out the columns that the operator may not read, those of one line too."""
        found: list[Any] = []
        for each in columns:
            if isinstance(each, list | tuple):
                line = self._readable(request, each)
                found += [type(each)(line)] if line else []
            elif self._may_read(request, each):
                found.append(each)
        return found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._readable(request, super().get_fields(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [
            (title, {**options, "fields": self._readable(request, options["fields"])})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """Exclude them from forms as well, which are made of all editable fields by default."""
        hidden = [name for name in self.telling if not self._may_read(request, name)]
        excluded = super().get_exclude(request, obj)
        return [*(excluded or ()), *hidden] if hidden else excluded

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self._readable(request, super().get_readonly_fields(request, obj))

    def get_list_display(self, request: HttpRequest) -> Any:
        return self._readable(request, super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [
            each
            for each in super().get_list_filter(request)
            if self._may_read(request, each[0] if isinstance(each, tuple) else each)
        ]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Allow only the filters that the list declares.

        Django allows any column of the row, so hidden values (a session key, the text of an email)
        could be discovered character by character.
        """
        return lookup in set(self._offered_lookups(request))

    def _offered_lookups(self, request: HttpRequest) -> Iterator[str]:
        for offered in self.get_list_filter(request):
            if isinstance(offered, str):
                field: Any = self.opts.get_field(offered)
                yield from (offered, f"{offered}__exact", f"{offered}__isnull")
                if field.is_relation:
                    yield f"{offered}__{field.target_field.name}__exact"
            else:
                yield str(offered.parameter_name)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        # PostgreSQL refuses to look for it. An empty `_to_field=` names no field.
        if "\x00" in object_id:
            return None
        return super().get_object(request, object_id, from_field or None)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return initial values from the query string, validated by the form's fields."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        fields = {field.name: field for field in self.opts.concrete_fields}
        for name in [name for name in initial if name in fields]:
            try:
                initial[name] = fields[name].to_python(initial[name])
            except (ValidationError, ValueError):  # an array's field reads JSON
                del initial[name]
        return initial

    def lock_first(self, row: Any) -> None:
        """Take what the services of this row lock before the row; its form calls it before it locks
        the row. Who takes the same locks in another order ends others in deadlocks.
        """

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Disable the ``organization`` field, because related rows would stay in the old
        organization.

        An edit that was made from an older version of the row is shown again instead of being
        stored.
        """
        form: Any = super().get_form(request, obj, **kwargs)
        if obj is None:
            return form
        sent = request.POST.get(VERSION) if request.method == "POST" else None
        own = {"sent_version": sent, "lock_first": staticmethod(self.lock_first)}
        form = type(form)(form.__name__, (VersionedForm, form), own)
        # Last: a subclass of a model's form makes its fields anew.
        if "organization" in form.base_fields:
            form.base_fields["organization"].disabled = True
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, ArrayField):
            kwargs.setdefault("form_class", LinesField)
        if isinstance(db_field, EmailField):
            kwargs.setdefault("widget", EmailInput({"class": " ".join(INPUT_CLASSES)}))
        # Whether a row was changed meanwhile is told by its version. A hidden value of a field with
        # a computed default is read without any check.
        kwargs.setdefault("show_hidden_initial", False)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if "widget" not in kwargs and db_field.name in self.get_autocomplete_fields(request):
            kwargs["widget"] = Chooser(db_field, self.admin_site, using=kwargs.get("using"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Return the declared fields; those of text are searched without case and accents.

        Those of related rows that the operator may not view are left out: by searching one could
        discover what is not shown (an email address).
        """
        return [
            self._folded(name)
            for name in super().get_search_fields(request)
            if self._may_search(request, name)
        ]

    def _fields_of(self, name: str) -> "list[Field[Any, Any]]":
        """Return the fields on the path of a search field: relations, then what is searched."""
        options: Any = self.opts
        found = []
        for part in name.lstrip("^=@").split(LOOKUP_SEP):
            found.append(options.get_field(part))
            options = getattr(found[-1].related_model, "_meta", None)
        return found

    def _may_search(self, request: HttpRequest, name: str) -> bool:
        user: Any = request.user
        column = name.lstrip("^=@").partition(LOOKUP_SEP)[0]
        if not self._may_read(request, column):
            return False
        related = [each.related_model._meta for each in self._fields_of(name) if each.related_model]
        return all(
            user.has_perm(f"{options.app_label}.{get_permission_codename('view', options)}")
            for options in related
        )

    def _folded(self, name: str) -> str:
        field = self._fields_of(name)[-1]
        is_text = isinstance(field, CharField | TextField) and field.name not in FOLDED_COLUMNS
        return f"{name}{FOLDED}" if is_text and name[0] not in "^=@" else name

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """Search for the text as it is normalized, and for its words as search columns are
        stored.
        """
        search_term = search_term.replace("\x00", "")
        plain, folded = normalize_line(search_term), " ".join(search_words(search_term))
        found, has_duplicates = super().get_search_results(request, queryset, plain)
        if not plain or folded == plain:
            return found, has_duplicates
        others, also_has = super().get_search_results(request, queryset, folded)
        return found | others, has_duplicates or also_has

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Render the list within LIST_SECONDS of database time.

        Raise ListTooSlow when the statement times out: a search may have no index.
        """
        if request.method not in {"GET", "HEAD"}:
            answer: HttpResponse = super().changelist_view(request, extra_context)
            return answer
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL statement_timeout = {LIST_SECONDS * 1000:.0f}")
                answer = super().changelist_view(request, extra_context)
                if isinstance(answer, TemplateResponse):
                    # What it shows is asked for while it is rendered.
                    answer.render()
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise ListTooSlow from error
            raise
        return answer

    def response_action(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        """Run a list's action on the chosen rows; a key of no valid form is one of no row."""
        data: Any = request.POST.copy()
        chosen = data.getlist(ACTION_CHECKBOX_NAME)
        usable = [key for key in chosen if is_key(self.opts.pk, key)]
        data.setlist(ACTION_CHECKBOX_NAME, usable)
        data._mutable = False
        request.POST = data
        answer: HttpResponse | None = super().response_action(request, queryset)
        return answer

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Check the permission first. Django looks for the row first, and its answers tell whoever
        may not view any which ones exist.
        """
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        answer: HttpResponse = super().history_view(request, object_id, extra_context)
        return answer

    def may_do(self, request: HttpRequest, action: AdminAction, row: Any) -> bool:
        """Return whether this operator may run the action on this row; subclasses may narrow it."""
        needed = action.permission
        if "." not in needed:
            needed = f"{self.opts.app_label}.{needed}_{self.opts.model_name}"
        user: Any = request.user
        return bool(user.has_perm(needed)) and action.fits(row)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{action.name}/",
                self.admin_site.admin_view(
                    require_http_methods(["GET", "HEAD", "POST"])(partial(self._deed_page, action))
                ),
                name=f"{self.opts.app_label}_{self.opts.model_name}_{action.name}",
            )
            for action in self.admin_actions
        ]
        return own + super().get_urls()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Store a row, or show its form again where somebody stored the same one at this moment."""
        show = partial(super().changeform_view, request, object_id, form_url, extra_context)
        try:
            answer: HttpResponse = show()
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
            # That one is there by now: the form's own checks find it.
            answer = show()
        return answer

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            form = context["adminform"].form
            present = getattr(form, "present_version", "")
            context["edit_version"] = present or edit_version(row)
            context["admin_actions"] = [
                (action, self._address(action, row))
                for action in self.admin_actions
                if self.may_do(request, action, row)
            ]
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        if row is not None and getattr(form, "has_conflict", False):
            answer.status_code = EditedMeanwhile.status
        return answer

    def _deed_page(
        self, action: AdminAction, request: HttpRequest, object_id: str
    ) -> HttpResponseBase:
        row: Any = self.get_object(request, object_id)
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        if not self.may_do(request, action, row):
            raise PermissionDenied
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])
        data = request.POST if request.method == "POST" else None
        form = action.form_class(data, row=row, request=request)
        status = HTTPStatus.OK
        if form.is_bound and form.is_valid():
            try:
                outcome = action.run(request, row, form)
            except AppError as refusal:
                form.add_error(None, refusal.message)
                status = HTTPStatus(refusal.status)
            else:
                if isinstance(outcome, HttpResponseBase):
                    return outcome
                messages.success(request, str(outcome))
                return redirect(back)
        elif form.is_bound:
            status = HTTPStatus.BAD_REQUEST
        context = {
            **self.admin_site.each_context(request),
            "title": action.title,
            "opts": self.opts,
            "row": row,
            "action": action,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "console/action.html", context, status=status)

    def _address(self, action: AdminAction, row: Any) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_{action.name}"
        return reverse(name, args=[row.pk])


class ReadOnlyAdmin(ConsoleAdmin):
    """Admin of rows that cannot be changed by operators."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
