"""Models of customers and companies."""

from crm.customers.models.company import MAX_LEVELS, Company, CompanyWord
from crm.customers.models.customer import Customer, CustomerWord, Stage

__all__ = ["MAX_LEVELS", "Company", "CompanyWord", "Customer", "CustomerWord", "Stage"]
