from django.apps import AppConfig


class CustomersConfig(AppConfig):
    name = "crm.customers"
    label = "customers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from crm.core import quotas, records
        from crm.customers.models import Customer
        from crm.customers.records import COMPANIES, CUSTOMERS

        quotas.register_gauge("contacts", "customers", Customer.objects.count_contacts)
        records.register(CUSTOMERS)
        records.register(COMPANIES)
