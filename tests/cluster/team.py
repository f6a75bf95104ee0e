"""A team's tracking stack on this machine, made by the commands of its README: PostgreSQL, MLflow, an S3."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.postgres import ADMIN, Postgres, free_port
from tests.processes import Answer, Running
from tests.s3 import S3

__all__ = ["Team", "start_team"]

TEAM = Path(__file__).parents[2] / "cluster" / "team"
README = (TEAM / "README.md").read_text("utf-8")
PEOPLE = ("ada", "ben", "rea")
FOREIGN = ("KDSTUDY_", "RAY_", "MLFLOW_", "PG", "AWS_")


def blocks(heading: str) -> list[str]:
    """The fenced blocks of a section of the README."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


@dataclass
class Team:
    """The servers, and the passwords of all who use them. roles: of PostgreSQL. users: of MLflow."""

    folder: Path
    postgres: Postgres
    s3: S3
    port: int = field(default_factory=free_port)
    started: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bucket = self.s3.new_bucket()
        self.roles = {name: secrets.token_urlsafe(16) for name in ("mlflow", *PEOPLE)}
        self.users = {name: secrets.token_urlsafe(16) for name in ("admin", *PEOPLE)}
        self.key, self.flask = secrets.token_urlsafe(16), secrets.token_urlsafe(16)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def secrets(self) -> list[str]:
        """All that may stand in no file and in no argument."""
        return [*self.roles.values(), *self.users.values(), self.key, self.flask]

    @property
    def bucket_keys(self) -> dict[str, str]:
        return self.s3.environment | {"AWS_SECRET_ACCESS_KEY": self.key}

    def as_user(self, name: str) -> dict[str, str]:
        """The variables with which a user of MLflow is known to its server."""
        return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": self.users[name]}

    def as_role(self, name: str) -> dict[str, str]:
        """The variables with which a role is known to PostgreSQL."""
        return {"PGUSER": name, "PGPASSWORD": self.roles[name]}

    def here(self, text: str) -> str:
        """A block of the README with this team's port and bucket."""
        port = str(self.port)
        text = text.replace("127.0.0.1:5000", f"127.0.0.1:{port}").replace("--port 5000", f"--port {port}")
        return text.replace("s3://BUCKET", f"s3://{self.bucket}")

    def start(self, *command: str, given: Sequence[str] = (), **environment: str) -> Running:
        """Start a command in a terminal's absence. given: the lines that are typed."""
        mine = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        mine |= {"PATH": f"{Path(sys.executable).parent}:{mine['PATH']}", "PYTHONWARNINGS": "ignore"}
        mine |= {"PGHOST": "127.0.0.1", "PGPORT": str(self.postgres.port), "HF_HUB_OFFLINE": "1"}
        out, log = (self.folder / f"{name}-{len(self.started)}" for name in ("stdout", "stderr"))
        with out.open("wb") as output, log.open("wb") as errors:
            process = subprocess.Popen(
                command,
                cwd=TEAM.parents[1],
                env=mine | {"RAY_TMPDIR": str(self.postgres.folder / "ray")} | environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        assert process.stdin is not None
        process.stdin.write("".join(f"{line}\n" for line in given).encode())
        process.stdin.close()
        self.started.append(Running(process, out, log))
        return self.started[-1]

    def shell(self, block: str, given: Sequence[str] = (), **environment: str) -> Running:
        """Start a block of shell of the README."""
        return self.start("bash", "-e", "-c", self.here(block), given=given, **environment)

    def python(self, block: str, given: Sequence[str] = (), **environment: str) -> Answer:
        """Run a block of Python of the README."""
        return self.start(sys.executable, "-c", self.here(block), given=given, **environment).finish()

    def serve(self) -> None:
        """Do what the README has under PostgreSQL, The MLflow server, and Users."""
        (databases,) = blocks("PostgreSQL")
        typed = [word for name in self.roles for word in [self.roles[name]] * 2]  # each password twice
        made = self.shell(databases, typed, PGUSER=ADMIN).finish()
        assert made.code == 0, made.err
        (server,) = blocks("The MLflow server")
        running = self.shell(
            server,
            **self.as_role("mlflow"),
            **self.bucket_keys,
            MLFLOW_AUTH_CONFIG_PATH=str(TEAM / "basic_auth.ini"),
            MLFLOW_AUTH_ADMIN_PASSWORD=self.users["admin"],
            MLFLOW_FLASK_SERVER_SECRET_KEY=self.flask,
            MLFLOW_ARTIFACTS_DESTINATION=f"s3://{self.bucket}/mlflow",
            MLFLOW_WORKERS="1",
        )
        running.wait_until(self._answers)
        (users,) = blocks("Users")
        made = self.python(users, [self.users[name] for name in PEOPLE], **self.as_user("admin"))
        assert made.code == 0, made.err

    def _answers(self) -> bool:
        time.sleep(0.3)
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def start_team(folder: Path, postgres: Postgres, s3: S3) -> Iterator[Team]:
    """The servers while they are entered; all that was started then ends."""
    team = Team(folder, postgres, s3)
    try:
        team.serve()
        yield team
    finally:
        for running in team.started:
            running.kill(at_once=True)
