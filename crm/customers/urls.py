from crm.core.records import get_record
from crm.core.records.pages import record_urls
from crm.customers.api import api_urls

app_name = "customers"
urlpatterns = [*record_urls(get_record("customers")), *api_urls()]
