"""Customers and companies as records of the kit, and the panels of their pages."""

from crm.customers.records import panels as _panels  # noqa: F401  registers them
from crm.customers.records.company import COMPANIES
from crm.customers.records.customer import CUSTOMERS

__all__ = ["COMPANIES", "CUSTOMERS"]
