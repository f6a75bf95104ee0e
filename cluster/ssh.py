"""Machines of one's own, reached by ssh: Ray's on-premises provider starts Ray on all of them."""

from __future__ import annotations

import sys
from pathlib import Path as Folder

from pydantic import Field, model_validator

from cluster.submission.launcher import HOME, advice, files_of, submit
from cluster.submission.options import Host, Options, Path, Word
from cluster.submission.place import Place, Study

__all__ = ["CLUSTER", "SshOptions"]


class SshOptions(Options):
    """Which machines, and how to reach them."""

    head: Host = Field(description="the machine of the study, and of Ray's head")
    workers: tuple[Host, ...] = Field(default=(), description="the other machines, divided by commas")
    user: Word = Field(description="user on all machines")
    key: Path | None = Field(default=None, description="file of the private key; the default is ssh's own")
    programs: Path | None = Field(
        default=None,
        description="folder of kdstudy and ray on all machines; the default is their folder here",
    )

    @model_validator(mode="after")
    def _each_machine_is_named_once(self) -> SshOptions:
        machines = (self.head, *self.workers)
        if len(set(machines)) < len(machines):
            raise ValueError("workers: a machine is named twice, or is the head")
        return self


def render(study: Study, options: SshOptions) -> dict[str, str]:
    """The launcher's configuration, and what it copies to the machines."""
    auth = {"ssh_user": options.user} | ({} if options.key is None else {"ssh_private_key": options.key})
    config = {
        "min_workers": len(options.workers),
        "max_workers": len(options.workers),
        "provider": {"type": "local", "head_ip": options.head, "worker_ips": list(options.workers)},
        "auth": auth,
    }
    return files_of(study, options, config, path=options.programs or str(Folder(sys.executable).parent))


CLUSTER = Place(
    "machines of one's own, reached by ssh",
    SshOptions,
    "ray",
    render,
    submit,
    advice,
    home=HOME,
    lasts=lambda options: not options.workers,
)
