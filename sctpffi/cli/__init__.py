"""The `sctpffi` command: its arguments and subcommands, and how it ends.

What a subcommand does stands in its own module, imported only when it is called, so that `--version` works
wherever Python does.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import Optional, Sequence

from sctpffi._version import __version__
from sctpffi.backends import NAMES

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE


def _streams(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of streams, 1..65535")
    return int(text)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="sctpffi", description="SCTP for Python: look at what this machine can do, and see it work."
    )
    parser.add_argument("--version", action="version", version=f"sctpffi {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    info = commands.add_parser(
        "info",
        help="which stacks can be used here, and if not, why",
        description=(
            "Show every backend: whether it can be used here and now, its version and features, and if it can't be"
            " used, why and what to do about it."
        ),
    )
    info.add_argument("--json", action="store_true", help="machine-readable")
    demo = commands.add_parser(
        "demo",
        help="send a directory between two processes and show how",
        description=(
            "Start a server in one process and a client in another, set up an association with two addresses at each"
            " end, send every file of a directory, and compare the SHA-256 of each at the far end. Exit status 0 only"
            " if all agree."
        ),
    )
    demo.add_argument("directory", nargs="?", metavar="DIR", help="what to send (default: sctpffi's own source tree)")
    demo.add_argument(
        "--backend",
        choices=NAMES,
        help="the stack (default: SCTPFFI_BACKEND, else this machine's kernel, else usrsctp)",
    )
    demo.add_argument("--streams", type=_streams, default=8, metavar="N", help="streams to use (default: 8)")
    demo.add_argument(
        "--all", action="store_true", help="also build products and version control, and more than 64 MiB"
    )
    demo.add_argument("--verbose", "-v", action="store_true", help="list every file and every stream")
    demo.add_argument("--no-color", action="store_true", help="no colours (the same as NO_COLOR=1)")
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.command == "info":
        from sctpffi.cli import info

        return info.run(as_json=options.json)
    from sctpffi.cli import demo

    return demo.run(
        demo.Options(
            directory=options.directory,
            backend=options.backend,
            streams=options.streams,
            everything=options.all,
            verbose=options.verbose,
            color=not options.no_color,
        )
    )


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return the exit status.

    argv: the arguments without the program's name; None takes the process's own.
    Raises SystemExit for --help, --version and arguments that can't be understood, as argparse does.
    """
    parser = build_parser()
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name that the terminal's encoding has no letters for must not end the program.
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(f"\nsctpffi {options.command}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left. Python flushes once more at exit: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
