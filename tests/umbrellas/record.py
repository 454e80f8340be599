"""Umbrellas as a record of the kit."""

from crm.core.permissions import Module
from crm.core.records import (
    CHANGE_OWNER,
    Board,
    BooleanField,
    BuiltInView,
    BulkAction,
    ChoiceField,
    DateField,
    ImportKey,
    MomentField,
    MoneyField,
    NumberField,
    OwnerField,
    ProseField,
    Record,
    RecordField,
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
        RecordField(
            name="lent_to_id", record="customers", title="display_name", page="customers:page"
        ),
        OwnerField(),
        DateField(name="bought_on"),
        MoneyField(name="price", units="price_units", base=lambda _by: "EUR", is_sortable=True),
        ChoiceField(name="currency"),
        ProseField(name="note"),
        MomentField(name="updated_at", label="changed", is_sortable=True),
    ),
    columns=("name", "color", "is_lent", "lent_to_id", "updated_at"),
    order="-updated_at",
    title="name",
    search=prefix_search("sort_name"),
    import_keys=(ImportKey(field="name"),),
    form=(
        *("name", "color", "ribs", "is_lent", "lent_to_id", "owner_id"),
        *("bought_on", "price", "currency", "note"),
    ),
    bulk=(
        BulkAction(key="back", label="Take back", icon="check", values={"is_lent": False}),
        BulkAction(key="color", label="Change the color", icon="eye", field="color"),
        CHANGE_OWNER,
    ),
    has_timeline=True,
    board=Board(field="color", fields=("lent_to_id", "owner_id", "ribs"), total="ribs"),
    new_label="New umbrella",
    empty_text="No umbrellas yet. Rain will come.",
    views=(
        BuiltInView("all", "All", {"all": []}),
        BuiltInView("mine", "Mine", {"all": [{"field": "owner_id", "op": "in", "value": ["me"]}]}),
        BuiltInView("lent", "Lent", {"all": [{"field": "is_lent", "op": "yes"}]}),
    ),
)
