"""`make test`: every check that this machine can run, as tox environments, two at a time, and what came of them.

Finds interpreters and kernels, runs tox, prints a closing table; the last line is `N passed, N failed, N skipped`.
What an environment does stands in tox.ini, how results are read in tools/results.py; nothing is tested here.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import platform
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence

import bootstrap
import results
from results import Outcome

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".tox"
JUNIT = WORK / "junit"
LOGS = WORK / "logs"
CPYTHONS = tuple(f"3.{minor}" for minor in range(9, 15))
FREE_THREADED = ("3.14",)  # cffi has none before
KERNEL_ENVS = ("linux-uml", "linux-host", "freebsd-host")
# Kernels in virtual machines: they take packages, images and time that not everybody has, so they run when asked for.
QEMU_ENV = "linux-qemu"
IMAGE_ENVS = ("freebsd-vm", "freebsd-vm-offline", "debian-vm")
OTHER_ENVS = ("asan", "wheel", "interop", "fuzz", "freebsd-cross", "abi", "docs", "lint", "types")
# Those that need no wheel, and those that build one of their own; all others share the one for all CPythons.
NO_WHEEL = ("lint", "types", *IMAGE_ENVS)
OWN_WHEEL = ("pypy3", "py314t", "asan", "wheel")
# Those that have a result file of the contract suite on usrsctp besides their own.
WITH_USRSCTP = ("py", "asan")
# Far more than any environment takes; a hang is to end before a CI system's own limit.
LIMIT_S = 1200.0
# Emulated, the whole suite takes a quarter of an hour on each kernel, and setting up an image as much.
VM_LIMIT_S = 4 * 3600.0
AT_ONCE = 2
SHOWN = 50  # lines of a failed environment's log
SAID = 25  # those that are repeated at the end, if no test's failure explains it

_ASK = (
    "import json, platform, sys, sysconfig; print(json.dumps(["
    "sys.executable, platform.python_implementation(), platform.python_version(), '%d.%d' % sys.version_info[:2],"
    "bool(sysconfig.get_config_var('Py_GIL_DISABLED'))]))"
)


class Interpreter(NamedTuple):
    """A Python that runs."""

    env: str
    path: str
    title: str


# -- what there is


def env_name(implementation: str, short: str, free_threaded: bool) -> Optional[str]:
    """The tox environment of an interpreter, None if there is none for it."""
    if implementation == "PyPy" and short != "2.7":
        return "pypy3"
    if implementation == "CPython" and short in (FREE_THREADED if free_threaded else CPYTHONS):
        return "py" + short.replace(".", "") + ("t" if free_threaded else "")
    return None


def ask(command: str) -> Optional[Interpreter]:
    """What a command is: started, not guessed, since version managers put stand-ins into PATH that do not run."""
    try:
        done = subprocess.run(
            [command, "-c", _ASK], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, cwd="/"
        )
        path, implementation, full, short, free_threaded = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    name = env_name(implementation, short, free_threaded)
    return None if name is None else Interpreter(name, path, f"{implementation} {full}")


def folders() -> List[Path]:
    """Where interpreters may lie, the running one's place first, so that its version is taken from there."""
    found = [Path(sys.base_prefix) / "bin"]
    found += [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    for pattern in (".pyenv/versions/*/bin", ".local/share/uv/python/*/bin"):
        found += sorted(Path.home().glob(pattern), key=lambda path: version_key(path.parent.name), reverse=True)
    return found


def version_key(name: str) -> List[int]:
    """Sorts 3.9 before 3.13."""
    return [int(number) for number in re.findall(r"\d+", name)]


def candidates(places: Iterable[Path]) -> Iterator[str]:
    """Every command that may be an interpreter of use."""
    names = [*(f"python{version}" for version in (*CPYTHONS, *(f"{each}t" for each in FREE_THREADED))), "pypy3"]
    for place in places:
        yield from (str(place / name) for name in names if os.access(place / name, os.X_OK))


def find_interpreters() -> Dict[str, Interpreter]:
    """The first interpreter that runs for each environment."""
    found: Dict[str, Interpreter] = {}
    asked = set()
    for command in candidates(folders()):
        name = "pypy3" if command.endswith("pypy3") else "py" + command.rsplit("python", 1)[1].replace(".", "")
        real = os.path.realpath(command)
        if name in found or (name, real) in asked:
            continue
        # A version manager's stand-in is one file for all versions, hence the name.
        asked.add((name, real))
        interpreter = ask(command)
        if interpreter is not None and interpreter.env == name:
            found[name] = interpreter
    return found


def own_env() -> str:
    """The environment of the running interpreter."""
    free_threaded = "free-threading" in sys.version
    return env_name(platform.python_implementation(), "%d.%d" % sys.version_info[:2], free_threaded) or "py39"


# -- what to run


def kernel_env(system: str, has_sctp: bool) -> Optional[str]:
    """The environment that tests a kernel's SCTP on this system."""
    if system == "linux":
        return "linux-host" if has_sctp else "linux-uml"
    return "freebsd-host" if system == "freebsd" else None


def required_backends(system: str) -> List[str]:
    """The backends that must be tested for a pass."""
    return {"linux": ["linux", "usrsctp"], "freebsd": ["freebsd", "usrsctp"]}.get(system, ["usrsctp"])


def plan(system: str, has_sctp: bool, interpreters: Iterable[str]) -> List[str]:
    """The environments in the order of their start: the slow ones first."""
    kernel = kernel_env(system, has_sctp)
    slow_first = sorted(interpreters, key=lambda name: (name != "pypy3", version_key(name)))
    others = OTHER_ENVS if system == "linux" else ("abi",)  # the others' tools have no wheels elsewhere
    return [*([kernel] if kernel else []), *slow_first, *others]


def expand(only: str, everything: Sequence[str], own: str) -> List[str]:
    """What --only means: names, `usrsctp` for all interpreters, `this` for the running one."""
    chosen: List[str] = []
    for name in filter(None, (part.strip() for part in only.split(","))):
        if name == "usrsctp":
            chosen += [env for env in everything if env.startswith("py")]
        else:
            chosen.append(own if name == "this" else name)
    return list(dict.fromkeys(chosen))


def result_files(env: str) -> List[str]:
    """The junit files that an environment leaves."""
    if env in (*KERNEL_ENVS, *IMAGE_ENVS):
        system = env.split("-")[0]
        return [f"{env}-{'linux' if system == 'debian' else system}.xml"]
    if env in NO_WHEEL:
        return []
    if env == "wheel":
        return [f"{env}-usrsctp.xml"]
    if env == QEMU_ENV:
        return kernel_files(env)
    return [f"{env}.xml", *([f"{env}-usrsctp.xml"] if env.startswith(WITH_USRSCTP) else [])]


def kernel_files(env: str) -> List[str]:
    """One for each kernel: those that were named, or whatever the newest one's release is."""
    named = [Path(name.strip()).name for name in os.environ.get("SCTPFFI_KERNELS", "").split(",") if name.strip()]
    wanted = {f"{env}-linux-{name[len('vmlinuz-') :] if name.startswith('vmlinuz-') else name}.xml" for name in named}
    found = {path.name for path in JUNIT.glob(f"{env}-linux*.xml")}
    return sorted(wanted | found) or [f"{env}-linux.xml"]


# -- running


class Runner:
    """Runs environments, each as a tox process with a log of its own."""

    def __init__(self, interpreters: Dict[str, Interpreter], wheel: Optional[Path]) -> None:
        self.interpreters = interpreters
        self.wheel = wheel
        self.processes: List[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._ended = False

    def command(self, env: str) -> List[str]:
        """The tox command line."""
        tox = [str(bootstrap.venv_python()), "-m", "tox", "run", "--workdir", str(WORK), "-c", str(ROOT / "tox.ini")]
        tox += ["--colored", "no", "--skip-missing-interpreters", "false", "-e", env]
        if env in self.interpreters:
            tox += ["--discover", self.interpreters[env].path]
        if self.wheel is not None and env not in (*OWN_WHEEL, *NO_WHEEL):
            tox += ["--installpkg", str(self.wheel)]
        return tox

    def run(self, env: str) -> Outcome:
        """Run one environment to its end, or until it takes too long."""
        for name in result_files(env):
            (JUNIT / name).unlink(missing_ok=True)
        start = time.monotonic()
        limit = VM_LIMIT_S if env in (QEMU_ENV, *IMAGE_ENVS) else LIMIT_S
        log = LOGS / f"{env}.log"
        with open(log, "wb") as output:
            with self._lock:
                if self._ended:
                    return Outcome(env, self.title(env), 130, 0, [], result_files(env))
                process = subprocess.Popen(
                    self.command(env),
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self.processes.append(process)
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                kill(process)
                status = 124
                output.write(f"\ncheck.py: ended after {limit:.0f} s\n".encode())
        outcome = self.outcome(env, status, time.monotonic() - start)
        if status != 0:
            outcome = outcome._replace(said=log.read_text(errors="replace").splitlines()[-SAID:])
        tell(outcome, log)
        return outcome

    def title(self, env: str) -> str:
        """Which interpreter an environment uses."""
        if env in IMAGE_ENVS:
            return "the guest's"
        own = f"{platform.python_implementation()} {platform.python_version()}"
        return self.interpreters[env].title if env in self.interpreters else own

    def outcome(self, env: str, status: int, seconds: float) -> Outcome:
        """What a run has left."""
        suites, absent = [], []
        for name in result_files(env):
            try:
                about = (results.suite_of(env, name) or "", results.kernel_of(env, name))
                suites.append(results.read_suite(JUNIT / name, *about))
            except (OSError, SyntaxError):  # ElementTree's ParseError is a SyntaxError
                absent.append(name)
        return Outcome(env, self.title(env), status, seconds, suites, absent)

    def end(self) -> None:
        """Kill what still runs and start no more."""
        with self._lock:
            self._ended = True
            for process in self.processes:
                if process.poll() is None:
                    kill(process)

    def run_all(self, envs: Sequence[str]) -> List[Outcome]:
        """Run them, some at once, in the order given."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=min(AT_ONCE, os.cpu_count() or 1)) as pool:
            try:
                return list(pool.map(self.run, envs))
            except KeyboardInterrupt:
                self.end()
                raise


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started; first by an interrupt, at which tools/vm/run.py ends its kernel."""
    for number, patience in ((signal.SIGINT, 15.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, number)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


_printing = threading.Lock()


def tell(outcome: Outcome, log: Path) -> None:
    """Say how an environment ended; the end of its log if it failed."""
    passed, failed, skipped = results.counts(outcome)
    with _printing:
        word = "failed" if failed or outcome.status else "ok"
        print(f"{outcome.env}: {word} ({passed}/{failed}/{skipped}) in {outcome.seconds:.0f} s", flush=True)
        if word == "failed":
            lines = log.read_text(errors="replace").splitlines()
            print(f"---- the end of {log.relative_to(ROOT)}:")
            print("\n".join(f"  | {line}" for line in lines[-SHOWN:]))
            print("----", flush=True)


def build_wheel() -> Path:
    """The wheel for all CPythons; what this system must have is built, or the build fails."""
    os.environ.setdefault("SCTPFFI_BACKENDS", ",".join(required_backends(system_name())))
    return bootstrap.build_wheel(WORK / "wheel")


def system_name() -> str:
    """linux, freebsd13, darwin: without the number."""
    return re.sub(r"\d.*", "", sys.platform)


# -- the command line


def step(only: Optional[str]) -> str:
    """How far this machine is to be made ready: who only boots an image needs none of this system's packages."""
    return "tox" if only is not None and set(only.split(",")) <= {*IMAGE_ENVS} else "test"


def not_here(system: str, has_sctp: bool, interpreters: Dict[str, Interpreter], envs: Sequence[str]) -> List[str]:
    """What could not be tested on this machine, or was not, and how it would be."""
    lines = [f"CPython {v}" for v in CPYTHONS if "py" + v.replace(".", "") not in interpreters]
    absent = (version for version in FREE_THREADED if f"py{version.replace('.', '')}t" not in interpreters)
    lines += [f"CPython {version}, free-threaded" for version in absent]
    lines += [] if "pypy3" in interpreters else ["PyPy 3"]
    if system == "linux" and not has_sctp:
        lines.append(f"SCTP in the running kernel ({platform.release()}): user-mode Linux stands in")
    if system == "linux" and QEMU_ENV not in envs:
        lines.append("Debian's own kernels, in QEMU: `make linux-qemu` does, see docs/testing.md")
    if system != "freebsd" and not set(envs) & {"freebsd-vm", "freebsd-vm-offline"}:
        lines.append(
            "FreeBSD's kernel: its backend is compiled and its ABI checked, but not run;"
            " `SCTPFFI_FREEBSD_IMAGE=FILE make freebsd-vm` does, see docs/freebsd.md"
        )
    return lines


def report(outcomes: Sequence[Outcome], absent: Sequence[str], required: Sequence[str]) -> int:
    """Print everything about the run; 0 if it was good."""
    failures = results.failure_lines(outcomes)
    wrong = results.complaints(outcomes, required)
    sections = [("skipped", results.skip_lines(outcomes)), ("not on this machine", absent), ("failed", failures)]
    print("\n" + "\n".join(results.table(outcomes)))
    for title, lines in [*sections, ("wrong", wrong)]:
        if lines:
            print(f"\n{title}:\n" + "\n".join(f"  {line}" for line in lines))
    print("\n" + results.last_line(outcomes), flush=True)
    bad = any(outcome.status != 0 or results.counts(outcome)[1] for outcome in outcomes)
    return 1 if bad or wrong or not outcomes else 0


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Run every check that this machine can run.")
    parser.add_argument("--only", metavar="ENV,ENV", help="these; `usrsctp`: all interpreters, `this`: the running one")
    parser.add_argument("--list", action="store_true", help="say what would run")
    options = parser.parse_args(arguments)
    if not options.list and bootstrap.main([step(options.only)]) != 0:
        return 1
    system, has_sctp = system_name(), bootstrap.kernel_has_sctp()
    interpreters = find_interpreters()
    everything = plan(system, has_sctp, interpreters)
    envs = everything if options.only is None else expand(options.only, everything, own_env())
    for interpreter in interpreters.values():
        print(f"{interpreter.env}: {interpreter.title}, {interpreter.path}")
    print("to run: " + " ".join(envs), flush=True)
    if options.list:
        return 0
    # Cancelled by a CI system, or started by a shell that made SIGINT ignored: what was started is ended all the same.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    for folder in (JUNIT, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SCTPFFI_RUNNER", "host" if has_sctp else "uml")  # of the environment `interop`
    try:
        wheel = build_wheel() if set(envs) - {*OWN_WHEEL, *NO_WHEEL} else None
        outcomes = Runner(interpreters, wheel).run_all(envs)
    except bootstrap.BootstrapError as exc:
        print(f"check.py: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("check.py: interrupted", file=sys.stderr)
        return 130
    required = required_backends(system) if options.only is None else []
    return report(outcomes, not_here(system, has_sctp, interpreters, envs), required)


if __name__ == "__main__":
    sys.exit(main())
