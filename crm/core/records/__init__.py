"""The kit of records: declared once, they get lists, filters, saved views, pages and forms."""

from crm.core.records import subjects as _subjects  # noqa: F401  registers them
from crm.core.records.choice_fields import ChoiceField, RelationField
from crm.core.records.conditions import Condition, FilterInvalid, Group, parse_json, parse_text
from crm.core.records.fields import (
    BooleanField,
    DomainField,
    EmailField,
    Field,
    LinesField,
    MomentField,
    NumberField,
    PhoneField,
    ProseField,
    TextField,
)
from crm.core.records.lists import ListState, Total
from crm.core.records.owner_field import OwnerField
from crm.core.records.panels import Panel, panels_of, register_panel
from crm.core.records.record import (
    CHANGE_OWNER,
    Board,
    BuiltInView,
    BulkAction,
    ImportKey,
    Record,
    find_record,
    get_record,
    prefix_search,
    records,
    register,
)
from crm.core.records.record_field import RecordField
from crm.core.records.value_fields import DateField, DecimalField, MoneyField

__all__ = [
    "CHANGE_OWNER",
    "Board",
    "BooleanField",
    "BuiltInView",
    "BulkAction",
    "ChoiceField",
    "Condition",
    "DateField",
    "DecimalField",
    "DomainField",
    "EmailField",
    "Field",
    "FilterInvalid",
    "Group",
    "ImportKey",
    "LinesField",
    "ListState",
    "MomentField",
    "MoneyField",
    "NumberField",
    "OwnerField",
    "Panel",
    "PhoneField",
    "ProseField",
    "Record",
    "RecordField",
    "RelationField",
    "TextField",
    "Total",
    "find_record",
    "get_record",
    "panels_of",
    "parse_json",
    "parse_text",
    "prefix_search",
    "records",
    "register",
    "register_panel",
]
