"""`sctpffi demo`: a server and a client in two processes, and everything that happens between them.

Chooses the stack, runs the steps in their order and decides the exit status. The steps themselves are in the modules
`demo_files`, `demo_client`, `demo_server`, `demo_compare` and `demo_show`.
"""

from __future__ import annotations

import os
import sys
from typing import List, NamedTuple, Optional, Tuple

import sctpffi
from sctpffi import backends
from sctpffi._version import __version__
from sctpffi.backends import Support
from sctpffi.cli.demo_client import Client
from sctpffi.cli.demo_compare import Verdict, compare_files, compare_streams
from sctpffi.cli.demo_files import DemoError, Plan, collect, shown
from sctpffi.cli.demo_process import server_command
from sctpffi.cli.demo_show import (
    Progress,
    Screen,
    amount,
    plural,
    show_files,
    show_life,
    show_paths,
    show_streams,
    show_throughput,
)

TITLES = {"linux": "Linux kernel SCTP", "freebsd": "FreeBSD kernel SCTP", "usrsctp": "usrsctp"}


class Options(NamedTuple):
    """The command line, understood."""

    directory: Optional[str] = None
    backend: Optional[str] = None
    streams: int = 8
    everything: bool = False
    verbose: bool = False
    color: bool = True


def choose(wanted: Optional[str]) -> Tuple[Support, str]:
    """The stack to use and why: the wanted one, else SCTPFFI_BACKEND, else the kernel if it can, else usrsctp.

    Raises DemoError if it can't be used.
    """
    named = wanted or os.environ.get("SCTPFFI_BACKEND", "").strip()
    if named:
        return _probe(named), "asked for by --backend" if wanted else "asked for by SCTPFFI_BACKEND"
    kernel = backends.kernel_name()
    if kernel is not None:
        support = backends.probe(kernel)
        if support.usable:
            return support, "in the kernel"
    fallback = backends.probe("usrsctp")
    if not fallback.usable:
        reasons = "; ".join(f"{s.name}: {s.reason}" for s in backends.probe_all())
        raise DemoError(f"no backend can be used here: {reasons}")
    return fallback, "in user space, over UDP: the kernel has no usable SCTP"


def _probe(name: str) -> Support:
    if name not in backends.NAMES:
        raise DemoError(f"there is no backend {name!r}; there are {', '.join(backends.NAMES)}")
    support = backends.probe(name)
    if not support.usable:
        raise DemoError(f"backend {name!r} can't be used here: {support.reason}")
    return support


def _introduce(screen: Screen, support: Support, why: str, plan: Plan) -> None:
    title = f"sctpffi {__version__} demo on {TITLES[support.name]} {support.version}".rstrip()
    screen.line(screen.paint(title, "bold") + f" ({why})")
    screen.line()
    screen.fact("directory", f"{shown(plan.root)}: {plural(len(plan.entries), 'file')}, {amount(plan.size)}")
    if plan.left_out:
        screen.aside(f"left out: {', '.join(plan.left_out)}; --all sends them")


def _show_ends(screen: Screen, client: Client, asked: int) -> None:
    ready, outcome = client.ready, client.outcome
    udp = f", UDP port {ready['udp_port']}" if ready["udp_port"] else ""
    screen.fact("server", f"process {ready['pid']}, {client.remote()}{udp}")
    connection = client.connect()
    local = connection.local_addresses
    screen.fact("client", f"process {os.getpid()}, {client.hosts()}:{local[0].port}")
    fewer = "" if outcome.streams == asked else f"; {asked} were asked for"
    count = len(ready["hosts"])
    ends = "two addresses at each end" if count > 1 else "one address at each end: this host has no second one to bind"
    screen.fact("", f"{plural(outcome.streams, 'stream')} in use{fewer}; {ends}")


def judge(screen: Screen, verdicts: List[Verdict], problems: List[str]) -> int:
    """Print the last lines and return the exit status: 0 only if there is nothing to complain of."""
    screen.line()
    for problem in problems:
        screen.line(screen.paint("PROBLEM", "red", "bold") + f"  {problem}")
    differ = sum(not verdict.same for verdict in verdicts)
    if differ or problems:
        files = f"{differ} of {plural(len(verdicts), 'file')} differ at the far end"
        streams = f"{plural(len(problems), 'problem')} on the streams"
        screen.line(screen.paint(f"FAILED: {files}, {streams}", "red", "bold"))
        return 1
    files = "The only file" if len(verdicts) == 1 else f"All {plural(len(verdicts), 'file')}"
    text = f"{files} arrived intact, and both ends closed gracefully."
    screen.line(screen.paint(text, "green", "bold"))
    return 0


def _steps(client: Client, screen: Screen, options: Options) -> int:
    plan, outcome = client.plan, client.outcome
    _show_ends(screen, client, options.streams)
    client.add_made_up()
    if outcome.made_up:
        entry = plan.entries[-1]
        reason = f"no file exceeds the path MTU of {outcome.mtu:,} bytes"
        screen.fact("", f"and a made-up file of {amount(entry.size)}, since {reason}")
    screen.line()
    client.send(Progress(screen, plan.size).add)
    client.finish()
    show_throughput(screen, outcome, plan.size)
    show_streams(screen, outcome.report, options.verbose)
    show_paths(screen, outcome)
    show_life(screen, outcome)
    verdicts = compare_files(outcome.sent, outcome.report)
    show_files(screen, verdicts, options.verbose)
    return judge(screen, verdicts, compare_streams(outcome.tallies, outcome.report))


def screen_for(options: Options) -> Screen:
    """Standard output, in colours if it is a terminal and nobody objects (https://no-color.org)."""
    return Screen(options.color and not os.environ.get("NO_COLOR"))


def run(options: Options) -> int:
    """Run the demo and return the exit status: 0 only if every file arrived intact and both ends closed gracefully.

    Raises KeyboardInterrupt on Ctrl-C, with both processes' work ended.
    """
    screen = screen_for(options)
    client: Optional[Client] = None
    try:
        plan = collect(options.directory, options.everything)
        support, why = choose(options.backend)
        _introduce(screen, support, why, plan)
        client = Client(plan, support.name, options.streams)
        client.start_server(server_command(support.name, options.streams))
        return _steps(client, screen, options)
    except (DemoError, sctpffi.Error) as exc:
        screen.wipe()
        print(f"sctpffi demo: {' '.join(str(exc).split())}", file=sys.stderr)
        return 1
    finally:
        screen.wipe()
        if client is not None:
            client.close()
