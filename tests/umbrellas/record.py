"""Umbrellas as a record of the kit."""

from crm.core.permissions import Module
from crm.core.records import (
    BooleanField,
    BuiltInView,
    BulkAction,
    ChoiceField,
    MomentField,
    NumberField,
    ProseField,
    Record,
    RelationField,
    TextField,
    prefix_search,
)
from tests.umbrellas.models import Umbrella

UMBRELLAS = Record(
    slug="umbrellas",
    model=Umbrella,
    area=Module.CUSTOMERS,
    icon="hand-stop",
    fields=(
        TextField(name="name", is_sortable=True, sort_column="sort_name", folded="sort_name"),
        ChoiceField(name="color"),
        NumberField(name="ribs"),
        BooleanField(name="is_lent"),
        RelationField(name="lent_to_id", title="display_name", order=("sort_name",)),
        ProseField(name="note"),
        MomentField(name="updated_at", label="changed", is_sortable=True),
    ),
    columns=("name", "color", "is_lent", "lent_to_id", "updated_at"),
    order="-updated_at",
    title="name",
    search=prefix_search("sort_name"),
    import_keys=("name",),
    form=("name", "color", "ribs", "is_lent", "lent_to_id", "note"),
    bulk=(
        BulkAction(key="back", label="Take back", icon="check", values={"is_lent": False}),
        BulkAction(key="color", label="Change the color", icon="eye", field="color"),
    ),
    new_label="New umbrella",
    empty_text="No umbrellas yet. Rain will come.",
    views=(
        BuiltInView("all", "All", {"all": []}),
        BuiltInView("lent", "Lent", {"all": [{"field": "is_lent", "op": "yes"}]}),
    ),
)
