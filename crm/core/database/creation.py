"""Test databases are owned by the tables' owner; tests run as the application's role."""

from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import creation

if TYPE_CHECKING:
    from crm.core.database.base import DatabaseWrapper


class DatabaseCreation(creation.DatabaseCreation):
    connection: "DatabaseWrapper"

    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        with self.connection.as_owner():
            return super().create_test_db(*args, **kwargs)
