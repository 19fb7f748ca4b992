"""What a user does first with an installed wheel: import it, `sctpffi info`, an echo, the demo. `smoke.py --help`.

It runs with the interpreter of the environment that has the wheel, and needs nothing but the wheel. How wheels are
built, and into what they are installed, is no concern of this file.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path
from typing import List, Optional, Sequence

import installed  # beside this file

import sctpffi
from sctpffi import backends

LIMIT_S = 60.0
MAPS = Path("/proc/self/maps")  # Linux


class SmokeError(Exception):
    """The wheel does not do what it is for; the text says what."""


def built(wanted: Sequence[str]) -> None:
    """Exactly these backends were built, and their modules load."""
    from sctpffi.backends._build_info import BUILT

    if sorted(BUILT) != sorted(wanted):
        raise SmokeError(f"built for {', '.join(BUILT) or 'no backend'}, and not for {', '.join(wanted)}")
    for name in wanted:
        try:
            backends.load(name)
        except sctpffi.BackendUnavailable as exc:
            raise SmokeError(str(exc)) from exc


def libraries() -> List[Path]:
    """The files of libusrsctp that this process has loaded; `built` loads it."""
    lines = MAPS.read_text(encoding="utf-8").splitlines()
    return sorted({Path(line.split(None, 5)[5]) for line in lines if "libusrsctp" in line})


def bundled() -> None:
    """libusrsctp comes from the wheel, not from this machine."""
    found = libraries()
    own = Path(sctpffi.__file__).resolve().parent.parent
    if len(found) != 1 or own not in found[0].resolve().parents:
        raise SmokeError(f"libusrsctp is not the wheel's, below {own}: {', '.join(map(str, found)) or 'none'}")
    print(f"bundled: {found[0]}")


def command(*arguments: str) -> str:
    """Run the installed `sctpffi` command in an empty directory; its output."""
    script = Path(sysconfig.get_path("scripts")) / "sctpffi"
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [str(script), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            cwd=empty,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            timeout=LIMIT_S,
        )
    if done.returncode != 0:
        raise SmokeError(f"sctpffi {' '.join(arguments)} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def info(usable: str) -> None:
    """`sctpffi info` knows what the package knows, and says that a backend can be used."""
    print(command("info"))
    facts = json.loads(command("info", "--json"))
    if facts["sctpffi"] != sctpffi.__version__:
        raise SmokeError(f"sctpffi info is of version {facts['sctpffi']}, the package of {sctpffi.__version__}")
    can = [backend["name"] for backend in facts["backends"] if backend["usable"]]
    if usable not in can:
        raise SmokeError(f"sctpffi info says that {usable} can't be used")


def echo(backend: str) -> None:
    """Messages on several streams come back as they were sent, and the end is an end."""
    sent = [(number, b"%d" % number * (number * 1000 + 1)) for number in range(4)]

    def serve(listener: sctpffi.Listener) -> None:
        conn, _ = listener.accept(timeout=LIMIT_S)
        with conn:
            for message in conn:
                conn.send(message.data, stream=message.stream, ppid=message.ppid)

    with sctpffi.listen("127.0.0.1:0", backend=backend) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with sctpffi.connect(f"127.0.0.1:{listener.port}", backend=backend, timeout=LIMIT_S) as conn:
            for stream, data in sent:
                conn.send(data, stream=stream, ppid=7)
            came = [conn.recv(timeout=LIMIT_S) for _ in sent]
        thread.join(LIMIT_S)
    if sorted((message.stream, message.data) for message in came) != sent or {m.ppid for m in came} != {7}:
        raise SmokeError(f"the echo over {backend} is not what was sent: {came}")
    print(f"echo over {backend}: {len(came)} messages")


def run(options: argparse.Namespace) -> None:
    """Everything, the cheap things first."""
    if installed.main() != 0:
        raise SmokeError("the installed package is what is to be tried")
    built(options.backends.split(","))
    if options.bundled:
        bundled()
    info(options.usable)
    echo(options.usable)
    print(command("demo", str(Path(sctpffi.__file__).parent), "--backend", options.usable).splitlines()[-1])


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Try the installed sctpffi as a user does first.")
    parser.add_argument("--backends", required=True, metavar="A,B", help="those that it must have been built for")
    parser.add_argument("--usable", default="usrsctp", help="the one that is used (default %(default)s)")
    parser.add_argument("--bundled", action="store_true", help="libusrsctp must be the wheel's own (Linux)")
    try:
        run(parser.parse_args(arguments))
    except SmokeError as exc:
        print(f"smoke.py: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
