"""`make bench`: sctpffi beside C, pysctp and CPython's sockets, in one run, on every backend of this machine.

The command line, where each backend runs, and what is written. Which samples: plan.py. How they are taken: measure.py.
What they say: report.py, plot.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import measure
import plan
import plot
import programs
import report
import table
from plan import Effort, Point

ROOT = Path(__file__).resolve().parent.parent
RUNNER = ROOT / "tools" / "vm" / "run.py"
GUEST_S = 7200
DESCRIPTORS = 8192  # on usrsctp an association has four
# Loopback's MTU of 64 KiB makes nearly every packet a short one, which is no network's case (docs/performance.md).
GUEST_MTU = "1500"
GUEST_BUFFERS = str(4 << 20)  # room for the buffers that the contenders ask for


class Orders(NamedTuple):
    """What to do for one backend; as JSON it goes into a guest."""

    backend: str
    effort: Effort
    only: List[str]
    interpreters: Dict[str, str]
    programs: Dict[str, str]
    uncompiled: Dict[str, str]  # programs, and why
    endurance: int


class Part(NamedTuple):
    """What came of it; as JSON it comes back."""

    samples: List[Dict[str, Any]]
    missing: Dict[str, str]  # contenders, and why
    kernel: str


# -- one backend


def tell(point: Point, samples: List[measure.Sample]) -> None:
    """A line for each point, as they come."""
    what = {"streams": f", {point.streams} streams", "associations": f", {point.associations} associations"}
    found = []
    for row in report.summarise(samples):
        rate, call = row.value("rate"), row.value("send_us")
        text = "failed" if row.errors else f"{rate:,.0f}/s" if rate is not None else f"{call:.2f} us" if call else "-"
        found.append(f"{row.contender} {text}")
    print(
        f"{point.backend}, {point.test}, {point.size} bytes{what.get(point.test, '')}: {'; '.join(found)}", flush=True
    )


def missing_contenders(bench: measure.Bench, orders: Orders) -> Dict[str, str]:
    """Contenders that can't be here, and why."""
    found: Dict[str, str] = {}
    gone = {where: bench.missing(where) for where in orders.interpreters}
    for each in plan.CONTENDERS:
        if orders.backend not in each.backends:
            continue
        if each.where == "c" and each.library not in orders.programs:
            found[each.name] = orders.uncompiled.get(each.library, "its C file was not compiled")
        elif each.where == "pypy" and "pypy" not in orders.interpreters:
            found[each.name] = "no PyPy was found"
        elif each.library in gone.get(each.where, {}):
            found[each.name] = gone[each.where][each.library]
    if "pysctp" in found and reason_file().exists():
        found["pysctp"] = reason_file().read_text().strip()
    return found


def reason_file() -> Path:
    """Where peers.py notes why pysctp could not be installed."""
    return Path(sys.prefix) / "pysctp-missing.txt"


def allow_descriptors() -> None:
    """A thousand associations take more descriptors than a process may have by default; what we start inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limits in ((max(DESCRIPTORS, soft), max(DESCRIPTORS, hard)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return
        except (OSError, ValueError):  # only root may raise the hard one
            continue


def measure_here(orders: Orders) -> Part:
    """All samples of one backend, on this kernel."""
    allow_descriptors()
    binaries = {name: Path(path) for name, path in orders.programs.items()}
    tools = measure.Tools(binaries, orders.interpreters, binaries.get("standin"))
    with measure.Bench(tools) as bench:
        missing = missing_contenders(bench, orders)
        points = plan.points(orders.backend, orders.effort, orders.only, missing)
        if orders.endurance:
            points = plan.endurance(orders.backend, orders.only, missing)
        samples = measure.run(bench, points, orders.effort, orders.endurance, tell)
    return Part(samples, missing, f"{platform.system()} {platform.release()}")


def measure_inside(orders: Orders, runner: str, out: Path) -> Part:
    """The same on a kernel that tools/vm/run.py has: a guest, or this one with a loopback of our own."""
    asked, answer = out / f"{orders.backend}.orders.json", out / f"{orders.backend}.part.json"
    asked.write_text(json.dumps(orders))
    answer.unlink(missing_ok=True)
    command = [sys.executable, str(RUNNER), "--runner", runner, "--timeout", str(GUEST_S), "--mtu", GUEST_MTU]
    if runner == "uml":
        command += ["--memory", "2048M"]
        for name in ("rmem_max", "wmem_max"):
            command += ["--sysctl", f"net.core.{name}={GUEST_BUFFERS}"]
    command += ["--", sys.executable, str(Path(__file__).resolve()), "--inside", str(asked), str(answer)]
    status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
    if status != 0 or not answer.exists():
        raise measure.MeasureError(f"{orders.backend}: the run on {runner} ended with status {status}; see above")
    part = Part(*json.loads(answer.read_text()))
    asked.unlink()
    answer.unlink()
    return part


def inside(asked: Path, answer: Path) -> int:
    """What `--inside` does."""
    found = Orders(*json.loads(asked.read_text()))
    orders = found._replace(effort=Effort(*found.effort))
    answer.write_text(json.dumps(measure_here(orders)))
    return 0


# -- this machine


def own_backends() -> List[str]:
    """The backends that this system can have, and the stand-in where it works."""
    system = re.sub(r"\d.*", "", sys.platform)
    return {"linux": ["linux", "usrsctp", plan.STANDIN], "freebsd": ["freebsd", "usrsctp"]}.get(system, ["usrsctp"])


def kernel_runner(backend: str) -> Optional[str]:
    """Which of tools/vm/run.py's kernels a backend takes; None: none, it runs right here."""
    if backend != "linux":
        return None
    from sctpffi import backends

    usable = {status.name for status in backends.probe_all() if status.usable}
    return "host" if backend in usable else "uml"


def processor() -> str:
    """The processor's name, as far as it is told."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def interpreter_title(command: str) -> str:
    """What an interpreter says that it is."""
    code = "import platform as p; print(p.python_implementation(), p.python_version())"
    return subprocess.run([command, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def facts(interpreters: Dict[str, str], kernels: Dict[str, str], seconds: float) -> Dict[str, str]:
    """What the numbers depend on."""
    import sctpffi

    return {
        "machine": f"{processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end",
        "kernels": ", ".join(f"{backend}: {kernel}" for backend, kernel in kernels.items()),
        "interpreters": ", ".join(interpreter_title(command) for command in interpreters.values()),
        "sctpffi": sctpffi.__version__,
        "taken": time.strftime("%Y-%m-%d %H:%M:%S %Z") + f", in {seconds:.0f} s",
    }


# -- the command line


def write(out: Path, parts: Dict[str, Part], about: Dict[str, str]) -> int:
    """The three files, and the table on the screen; 1 if a contender gave no sample where it should have."""
    samples = [sample for part in parts.values() for sample in part.samples]
    missing = {name: why for part in parts.values() for name, why in part.missing.items()}
    rows = report.Rows(report.summarise(samples))
    bars = report.bars(rows, missing)
    legend = {each.name: each.says for each in reversed(plan.CONTENDERS)}
    text = table.table(rows, bars, {**about, **{f"without {n}": why for n, why in missing.items()}}, legend)
    results = {
        "facts": about,
        "missing": missing,
        "bars": [{**bar._asdict(), "verdict": bar.verdict} for bar in bars],
        "rows": [report.row_as_dict(row) for row in rows.all],
        "samples": samples,
    }
    (out / "table.txt").write_text(text)
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "throughput.svg").write_text(plot.svg(rows))
    print(f"\n{text}\nwritten: {out}/table.txt, results.json, throughput.svg")
    print(report.last_line(bars))
    return 1 if any(not row.samples for row in rows.all) else 0


def names(text: str) -> List[str]:
    """A comma list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def known(text: str, allowed: Sequence[str], what: str) -> List[str]:
    """A comma list of what is known. Raises ArgumentTypeError."""
    found = names(text)
    for name in found:
        if name not in allowed:
            raise argparse.ArgumentTypeError(f"{name!r} is no {what}; there are {', '.join(allowed)}")
    return found


def parser() -> argparse.ArgumentParser:
    """All options."""
    contenders = list(dict.fromkeys(each.name for each in plan.CONTENDERS))
    found = argparse.ArgumentParser(description="sctpffi beside C, pysctp and CPython's sockets, in one run.")
    found.add_argument("--quick", action="store_true", help="some 40 seconds: 1,000 bytes, two rounds")
    found.add_argument("--backend", type=lambda text: known(text, own_backends(), "backend of this machine"))
    found.add_argument("--only", type=lambda text: known(text, plan.TESTS, "test"), help=", ".join(plan.TESTS))
    found.add_argument("--contender", type=lambda text: known(text, contenders, "contender"), default=[])
    found.add_argument("--size", type=lambda text: [int(name) for name in names(text)], help="bytes, a comma list")
    found.add_argument("--rounds", type=int, help="samples of each contender at each point")
    found.add_argument("--seconds", type=float, help="length of a sample's window")
    found.add_argument("--pypy", help="a PyPy that has sctpffi")
    found.add_argument("--endurance", type=int, nargs="?", const=10_000_000, default=0, metavar="MESSAGES",
                       help="in place of all else: does the memory grow over so many (default %(const)s)?")  # fmt: skip
    found.add_argument("--out", type=Path, default=ROOT / ".benchmarks")
    found.add_argument("--inside", type=Path, nargs=2, help=argparse.SUPPRESS)
    return found


def effort_of(options: argparse.Namespace) -> Effort:
    """How much of everything."""
    effort = plan.QUICK if options.quick else Effort()
    if options.only:
        effort = effort._replace(tests=tuple(options.only))
    if options.size:
        effort = effort._replace(sizes=tuple(options.size))
    if options.rounds:
        effort = effort._replace(rounds=options.rounds)
    if options.seconds:
        effort = effort._replace(seconds=options.seconds)
    return effort


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line."""
    options = parser().parse_args(arguments)
    if options.inside:
        return inside(*options.inside)
    began = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    built = programs.build(options.out / "build")
    for name, why in built.missing.items():
        print(f"bench.py: {name}: {why}", file=sys.stderr)
    interpreters = {"cpython": sys.executable, **({"pypy": options.pypy} if options.pypy else {})}
    binaries = {name: str(path) for name, path in built.files.items()}
    parts: Dict[str, Part] = {}
    for backend in options.backend or own_backends():
        if options.endurance and backend == plan.STANDIN:
            continue
        orders = Orders(
            backend,
            effort_of(options),
            options.contender,
            interpreters,
            binaries,
            built.missing,
            options.endurance,
        )
        runner = kernel_runner(backend)
        try:
            parts[backend] = measure_inside(orders, runner, options.out) if runner else measure_here(orders)
        except measure.MeasureError as exc:
            print(f"bench.py: {exc}", file=sys.stderr)
            return 2
    kernels = {backend: part.kernel for backend, part in parts.items()}
    return write(options.out, parts, facts(interpreters, kernels, time.monotonic() - began))


if __name__ == "__main__":
    sys.exit(main())
