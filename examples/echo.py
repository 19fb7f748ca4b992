"""An echo service over SCTP, with the high-level API: connect, listen, Connection, Listener.

python examples/echo.py --backend usrsctp                     server and client in one process
python examples/echo.py --backend linux server 0.0.0.0:7000   until Ctrl-C
python examples/echo.py --backend linux client 10.0.0.1:7000 hello world
"""

from __future__ import annotations

import argparse
import threading
from typing import Iterable, Optional

import sctpffi


def answer(conn: sctpffi.Connection) -> None:
    """Send every message back on the stream it came on, with the same PPID, until the peer shuts down."""
    with conn:
        try:
            for message in conn:
                conn.send(message.data, stream=message.stream, ppid=message.ppid)
        except sctpffi.AssociationLost as exc:
            print(f"lost: {exc}")


def serve(listener: sctpffi.Listener, to_the_end: bool) -> None:
    """One thread for each association, until the listener is closed. to_the_end: the program waits for them."""
    for conn in listener:
        threading.Thread(target=answer, args=(conn,), daemon=not to_the_end).start()


def ask(address: str, words: Iterable[str], backend: Optional[str]) -> None:
    """Send each word on a stream of its own and print what comes back."""
    with sctpffi.connect(address, backend=backend, timeout=5) as conn:
        for number, word in enumerate(words):
            stream = number % conn.status().out_streams
            conn.send(word.encode(), stream=stream, ppid=number)
            reply = conn.recv(timeout=5)
            print(f"stream {reply.stream} ppid {reply.ppid}: {reply.data.decode()}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="An echo service over SCTP.")
    parser.add_argument("--backend", help="linux, freebsd or usrsctp; else SCTPFFI_BACKEND, else this kernel")
    parser.add_argument("role", nargs="?", choices=("both", "server", "client"), default="both")
    parser.add_argument("address", nargs="?", default="127.0.0.1:0")
    parser.add_argument("words", nargs="*", default=["hello", "world"])
    options = parser.parse_args()
    if options.role == "client":
        ask(options.address, options.words, options.backend)
        return
    with sctpffi.listen(options.address, backend=options.backend) as listener:
        print(f"listening on {listener.addresses[0]}, {listener.backend}", flush=True)
        if options.role == "both":
            threading.Thread(target=serve, args=(listener, True)).start()
            ask(str(listener.addresses[0]), options.words, options.backend)
            return
        try:
            serve(listener, False)
        except KeyboardInterrupt:
            print("bye")


if __name__ == "__main__":
    main()
