"""Mail host for tests: Debian's Postfix and Dovecot on loopback, in a folder of their own.

Postfix delivers mails to the desk's domain to our LMTP server, and all others to Dovecot, which
refuses unknown users. Mails that cannot be delivered yet stay in the queue and are retried within
seconds; refused mails are bounced.
"""

import asyncio
import email
import email.policy
import imaplib
import pwd
import random
import re
import shutil
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import aiosmtplib

DESK: Final = "desk.example"
"""Domain of the desk."""
OUTSIDE: Final = "example.org"
"""Domain of everybody else."""
PASSWORD: Final = "secret"  # noqa: S105 - of mailboxes that live as long as a test
PACKAGES: Final = ("postfix", "dovecot-imapd", "dovecot-lmtpd")
READY_TIMEOUT: Final = 30.0
_PROGRAMS: Final = {
    "/usr/lib/postfix/sbin/master": "postfix",
    "/usr/sbin/dovecot": "dovecot-imapd",
    "/usr/lib/dovecot/imap": "dovecot-imapd",
    "/usr/lib/dovecot/lmtp": "dovecot-lmtpd",
}
_QUEUES: Final = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("private", "saved", "trace"),
)
_MAIN: Final = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = mail.example
mydestination =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
recipient_delimiter = +
relay_domains = desk.example, example.org
transport_maps = inline:{{
  desk.example=lmtp:inet:127.0.0.1:{desk},
  example.org=lmtp:inet:127.0.0.1:{lmtp}}}
default_transport = error:5.1.2 no such domain here
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
destination_concurrency_failed_cohort_limit = 0
lmtp_data_done_timeout = 30s
"""
_MASTER: Final = """
127.0.0.1:{smtp} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
_DOVECOT: Final = """
protocols = imap lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {uid}
mail_gid = {gid}
mail_home = {folder}/homes/%u
mail_location = maildir:~/mail
postmaster_address = postmaster@mail.example
hostname = mail.example
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""
# Runs both until its stdin closes, which also happens if the test is killed; then stops both and
# removes their folder.
_SUPERVISOR: Final = """
import shutil, signal, subprocess, sys
folder, *_ = sys.argv[1:]
both = [
    subprocess.Popen(["/usr/lib/postfix/sbin/master", "-d", "-c", f"{folder}/postfix"]),
    subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", f"{folder}/dovecot.conf"]),
]
sys.stdin.read()
for process in both:
    process.terminate()
for process in both:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
shutil.rmtree(folder, ignore_errors=True)
"""
T = TypeVar("T")


class PackagesMissing(RuntimeError):
    """The mail host is not installed."""


@dataclass(frozen=True)
class MailHost:
    """Running mail host: sends mails by SMTP, and reads mailboxes by IMAP."""

    folder: Path
    smtp_port: int
    imap_port: int

    @property
    def smtp_url(self) -> str:
        """URL of the outgoing mail server."""
        return f"smtp://127.0.0.1:{self.smtp_port}"

    def imap_url(self, user: str, folder: str = "INBOX") -> str:
        """Return the URL of a mailbox, for polling."""
        return f"imap://{quote(user, safe='')}:{PASSWORD}@127.0.0.1:{self.imap_port}/{folder}"

    @property
    def log(self) -> str:
        """Logs of Postfix and Dovecot."""
        files = [self.folder / name for name in ("postfix.log", "dovecot.log")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    async def send(self, raw: bytes, sender: str, *recipients: str) -> None:
        """Send a mail by Postfix, as a mail program does."""
        await aiosmtplib.send(
            raw,
            sender=sender,
            recipients=list(recipients),
            hostname="127.0.0.1",
            port=self.smtp_port,
            start_tls=False,
        )

    async def mails(self, user: str) -> list[EmailMessage]:
        """Return the mails of a mailbox in the order of their arrival."""

        def read(box: imaplib.IMAP4) -> list[EmailMessage]:
            _, (numbers,) = box.search(None, "ALL")
            return [self._mail(box, number.decode()) for number in numbers.split()]

        return await self._with_mailbox(user, read)

    @staticmethod
    def _mail(box: imaplib.IMAP4, number: str) -> EmailMessage:
        _, (found, *_) = box.fetch(number, "(BODY.PEEK[])")
        assert isinstance(found, tuple)
        message = email.message_from_bytes(found[1], policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message

    async def append_mail(self, user: str, raw: bytes) -> None:
        """Append a mail to a mailbox, as a mail program does with sent mails."""
        await self._with_mailbox(user, lambda box: box.append("INBOX", None, None, raw))

    async def threads(self, user: str) -> str:
        """Return Dovecot's threads of a mailbox (THREAD=REFERENCES), as nested mail numbers."""

        def thread(box: imaplib.IMAP4) -> str:
            answer, (found, *_) = box.thread("REFERENCES", "UTF-8", "ALL")
            assert answer == "OK"
            assert isinstance(found, bytes)
            return found.decode()

        return await self._with_mailbox(user, thread)

    async def flags(self, user: str) -> list[str]:
        """Return the flags of each mail of a mailbox."""

        def read(box: imaplib.IMAP4) -> list[str]:
            _, found = box.fetch("1:*", "(FLAGS)")
            return [
                flags.decode()
                for line in found
                if isinstance(line, bytes)
                for flags in re.findall(rb"FLAGS \(([^)]*)\)", line)
            ]

        return await self._with_mailbox(user, read)

    async def _with_mailbox(self, user: str, action: Callable[[imaplib.IMAP4], T]) -> T:
        def run() -> T:
            with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=20) as box:
                box.login(user, PASSWORD)
                box.select("INBOX")
                return action(box)

        return await asyncio.to_thread(run)


@asynccontextmanager
async def mail_host(*users: str, desk_port: int) -> AsyncIterator[MailHost]:
    """Run a mail host with these users; mails to the desk go to `desk_port` by LMTP."""
    check_installed()
    smtp = free_port(desk_port)
    imap = free_port(desk_port, smtp)
    lmtp = free_port(desk_port, smtp, imap)
    folder = _write_configuration(
        {"smtp": smtp, "imap": imap, "lmtp": lmtp, "desk": desk_port}, users
    )
    with (folder / "supervisor.log").open("ab") as log:
        supervisor = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _SUPERVISOR, str(folder)),
            stdin=PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    host = MailHost(folder, smtp, imap)
    try:
        await _until_ready(host, supervisor, (smtp, imap, lmtp))
        yield host
    finally:
        assert supervisor.stdin is not None
        supervisor.stdin.close()
        await supervisor.wait()


def check_installed() -> None:
    """Raise PackagesMissing, with the missing packages, unless all are installed."""
    missing = {package for program, package in _PROGRAMS.items() if not Path(program).exists()}
    if missing:
        raise PackagesMissing(
            f"the tests need a real mail host, and {' and '.join(sorted(missing))} "
            f"{'is' if len(missing) == 1 else 'are'} not installed: "
            f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
        )


def free_port(*excluded: int) -> int:
    """Return a free port, below those that outgoing connections and process stacks use."""
    candidates = [port for port in range(10_000, 20_000) if port not in excluded]
    for port in random.SystemRandom().sample(candidates, 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 10000 and 20000")


def _write_configuration(ports: dict[str, object], users: Sequence[str]) -> Path:
    # not under home nor pytest's folder: the accounts of both programs must be able to open it
    folder = Path(tempfile.mkdtemp(prefix="casekeep-mail-host-"))
    folder.chmod(0o755)
    _configure_postfix(folder, ports | {"folder": folder})
    _configure_dovecot(folder, ports | {"folder": folder}, users)
    return folder


def _configure_postfix(folder: Path, ports: dict[str, object]) -> None:
    for name in ("postfix", "data", "queue"):
        (folder / name).mkdir()
    (folder / "postfix/main.cf").write_text(_MAIN.format(**ports))
    (folder / "postfix/master.cf").write_text(_MASTER.format(**ports).lstrip())
    shutil.chown(folder / "data", "postfix")
    queue = folder / "queue"
    for name in _QUEUES:
        (queue / name).mkdir(mode=0o700)
        shutil.chown(queue / name, "postfix")
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        (queue / name).mkdir()
        shutil.chown(queue / name, "postfix", "postdrop")
        (queue / name).chmod(mode)
    (queue / "pid").mkdir()


def _configure_dovecot(folder: Path, ports: dict[str, object], users: Sequence[str]) -> None:
    nobody = pwd.getpwnam("nobody")
    ids = {"uid": nobody.pw_uid, "gid": nobody.pw_gid}
    (folder / "dovecot.conf").write_text(_DOVECOT.format(**ports, **ids))
    lines = [f"{user}:{{PLAIN}}{PASSWORD}::::::\n" for user in users]
    (folder / "users").write_text("".join(lines))
    (folder / "homes").mkdir()
    shutil.chown(folder / "homes", nobody.pw_uid, nobody.pw_gid)


async def _until_ready(host: MailHost, supervisor: Process, ports: Sequence[int]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while not all([await _answers(port) for port in ports]):
        output = (host.folder / "supervisor.log").read_text(errors="replace")
        problem = f"the mail host did not start:\n{output}\n{host.log[-3000:]}"
        assert supervisor.returncode is None, problem
        assert time.monotonic() < deadline, problem
        await asyncio.sleep(0.05)


async def _answers(port: int) -> bool:
    """Return True if the server on this port sends its greeting."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        return bool(await asyncio.wait_for(reader.readline(), 5))
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
