"""Services of customers and companies: the only writers."""

from crm.customers.services.companies import (
    add_company,
    create_company,
    delete_company,
    lock_companies,
    remove_unused_company,
    update_company,
)
from crm.customers.services.customers import (
    create_customer,
    create_customers,
    update_customer,
    update_customers,
)

__all__ = [
    "add_company",
    "create_company",
    "create_customer",
    "create_customers",
    "delete_company",
    "lock_companies",
    "remove_unused_company",
    "update_company",
    "update_customer",
    "update_customers",
]
