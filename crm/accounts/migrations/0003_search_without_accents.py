from django.contrib.postgres.operations import UnaccentExtension
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_store_responses_of_operators")]

    # deploy/postgresql/roles.sql creates it too; a database made otherwise gets it here.
    operations = [UnaccentExtension()]
