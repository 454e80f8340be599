"""The kit of records: declared once, they get lists, filters, saved views, pages and forms."""

from crm.core.records.conditions import Condition, FilterInvalid, Group, parse_json
from crm.core.records.fields import (
    BooleanField,
    ChoiceField,
    EmailField,
    Field,
    LinesField,
    MomentField,
    NumberField,
    PhoneField,
    ProseField,
    RelationField,
    TextField,
)
from crm.core.records.lists import ListState, Total
from crm.core.records.panels import Panel, panels_of, register_panel
from crm.core.records.record import (
    BuiltInView,
    BulkAction,
    Record,
    find_record,
    get_record,
    prefix_search,
    records,
    register,
)

__all__ = [
    "BooleanField",
    "BuiltInView",
    "BulkAction",
    "ChoiceField",
    "Condition",
    "EmailField",
    "Field",
    "FilterInvalid",
    "Group",
    "LinesField",
    "ListState",
    "MomentField",
    "NumberField",
    "Panel",
    "PhoneField",
    "ProseField",
    "Record",
    "RelationField",
    "TextField",
    "Total",
    "find_record",
    "get_record",
    "panels_of",
    "parse_json",
    "prefix_search",
    "records",
    "register",
    "register_panel",
]
