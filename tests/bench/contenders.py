"""Who runs: how each fills its queue, which processes it starts, what tells how far it is."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench import load
from tests.bench.mailtext import SENDER
from tests.bench.servers import Sink, Valkey

PEERS: Final = Path(sys.prefix) / "peers"
"""The alternatives' own environment: arq wants another redis-py than Celery does."""
NODE: Final = Path(sys.prefix) / "peers-node"
_HERE: Final = Path(__file__).parent / "peers"
_STOCK: Final = ("-m", "celery", "-A", "tests.bench.peers.celery_stock", "worker", "-l", "WARNING")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a contender finds: servers, and a folder for its files."""

    folder: Path
    templates: Path
    valkey: Valkey
    sink: Sink
    port: int
    """Where to submit; not the sink's when something is in between."""

    @property
    def env(self) -> dict[str, str]:
        """What the alternatives read."""
        return {
            "BENCH_VALKEY": str(self.valkey.socket),
            "BENCH_PORT": str(self.port),
            "BENCH_TEMPLATES": str(self.templates),
        }


Fill = Callable[[Stage, int], None]
Done = Callable[[Stage], int]


def mailed(stage: Stage) -> int:
    """Return how many mails the relay took."""
    return stage.sink.count()[0]


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the job.

    Args:
        name: As the tables call it.
        messages: How many make a heat of about four seconds.
        fill: Puts so many events on its queue.
        commands: What to start.
        env: Its settings, beside the stage's.
        done: How many events are finished.
        missing: Why it cannot run here; "" if it can.
        fsync: How its Valkey syncs the append-only file.
    """

    name: str
    messages: int
    fill: Fill
    commands: Sequence[Sequence[str | Path]]
    env: Callable[[Stage], Mapping[str, str]] = lambda stage: stage.env
    done: Done = mailed
    missing: str = ""
    fsync: str = "everysec"


def our_settings(stage: Stage, **settings: str) -> dict[str, str]:
    """Return the environment of our worker."""
    certificate = stage.folder / "relay.pem"
    terms = f"ca={certificate}" if certificate.exists() else "tls=none"
    own = {
        "broker_url": stage.valkey.celery_url,
        "smtp_url": f"smtp://127.0.0.1:{stage.port}?{terms}",
        "mail_from": SENDER,
        "default_password_change": "true",
        "data_dir": str(stage.folder),
        "log_level": "warning",
    }
    return {f"DISPATCHER_{name}".upper(): text for name, text in (own | settings).items()}


def ours(
    processes: int,
    *,
    variant: str = "",
    messages: int = 0,
    orgs: int = 100,
    fsync: str = "everysec",
    done: Done = mailed,
    **settings: str,
) -> Contender:
    """Return our worker; *settings* are its own, by their names."""
    words = ("this worker", _processes(processes), variant)
    return Contender(
        ", ".join(filter(None, words)),
        messages or 10_000 * processes,
        lambda stage, count: load.fill_celery_queue(
            stage.valkey.client, load.TASK, count, orgs=orgs
        ),
        [(sys.executable, "-m", "dispatcher", "worker", "--processes", str(processes))],
        lambda stage: our_settings(stage, **settings),
        done,
        fsync=fsync,
    )


def ours_of_one(*, fair: bool) -> Contender:
    """Return two of our workers and events of one organization; unfair takes them as they came."""
    app = "dispatcher" if fair else "tests.bench.peers.unfair"
    command = (
        sys.executable,
        "-m",
        "celery",
        "-A",
        app,
        "worker",
        "--without-mingle",
        "-l",
        "ERROR",
    )
    return replace(
        ours(2, orgs=1, variant="" if fair else "in order of arrival"),
        commands=[(*command, "-n", f"w{number}@bench") for number in range(2)],
    )


def counted(outcome: str) -> Done:
    """Return what reads the ledger's count of an outcome."""
    return lambda stage: int(stage.valkey.client.hget("nd:n", outcome) or 0)


def _taken(total: int) -> Done:
    def done(stage: Stage) -> int:
        client = stage.valkey.client
        return total - load.waiting(client) - int(client.hlen("unacked"))

    return done


def celery_mail(messages: int = 1500) -> Contender:
    """Return Celery with a fresh smtplib connection for each mail."""
    return Contender(
        "Celery + smtplib, prefork -c 2",
        messages,
        _celery_fill("bench.mail"),
        [(sys.executable, *_STOCK, "-c", "2")],
    )


def celery_nothing(pool: str, messages: int, total: int, *, engine: str = "stock") -> Contender:
    """Return Celery doing nothing; *engine* `ours` gives it our transport and pool."""
    options = [] if engine == "ours" else ["-P", pool, *(["-c", "2"] if pool == "prefork" else [])]
    return Contender(
        "this worker's engine" if engine == "ours" else f"Celery, {pool}",
        messages,
        _celery_fill("bench.nothing"),
        [(sys.executable, *_STOCK, *options)],
        lambda stage: stage.env | {"BENCH_ENGINE": engine},
        _taken(total),
    )


def _celery_fill(task: str) -> Fill:
    return lambda stage, count: load.fill_celery_queue(stage.valkey.client, task, count)


def dramatiq_mail() -> Contender:
    """Return dramatiq with smtplib."""
    module = "tests.bench.peers.dramatiq_smtplib"
    return Contender(
        "dramatiq + smtplib, 2 processes",
        2000,
        _publisher([PEERS / "bin/python", "-m", module]),
        [(PEERS / "bin/python", "-m", "dramatiq", module, "-p", "2", "--skip-logging")],
        missing=_unless(PEERS / "bin/dramatiq", "its environment is not there: run make bench"),
    )


def arq_mail() -> Contender:
    """Return arq with pooled aiosmtplib."""
    module = "tests.bench.peers.arq_aiosmtplib"
    return Contender(
        "arq + pooled aiosmtplib, 2 processes",
        2000,
        _publisher([PEERS / "bin/python", "-m", module]),
        [(PEERS / "bin/python", "-m", "arq", f"{module}.Settings")] * 2,
        missing=_unless(PEERS / "bin/arq", "its environment is not there: run make bench"),
    )


def bullmq_mail(processes: int = 2, messages: int = 8000) -> Contender:
    """Return BullMQ with pooled nodemailer."""
    script = NODE / "mailer.mjs"
    return Contender(
        f"BullMQ + pooled nodemailer, {_processes(processes)}",
        messages,
        _publisher(["node", script, "publish"]),
        [("node", script, "work")] * processes,
        missing=_install_node(),
    )


def _publisher(command: Sequence[str | Path]) -> Fill:
    def fill(stage: Stage, count: int) -> None:
        file = stage.folder / "events.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in load.events(count)))
        subprocess.run(
            [*command, file], env=dict(os.environ) | stage.env, check=True, cwd=_HERE.parents[2]
        )

    return fill


def _unless(path: Path, why: str) -> str:
    return "" if path.exists() else why


def _install_node() -> str:
    """Install what the Node side needs into our environment's folder; return why not."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "node and npm are not on the PATH"
    NODE.mkdir(exist_ok=True)
    for name in ("package.json", "mailer.mjs"):
        shutil.copy(_HERE / name, NODE / name)
    if not (NODE / "node_modules/bullmq").exists():
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        if subprocess.run(command, cwd=NODE, check=False).returncode:
            return "npm could not install it"
    return ""


def _processes(number: int) -> str:
    return f"{number} process" if number == 1 else f"{number} processes"
