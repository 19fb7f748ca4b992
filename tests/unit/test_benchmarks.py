"""The benchmarks: what would be measured, how samples become medians and bars, and that the harness works.

The last part runs C and sctpffi on usrsctp for some milliseconds each; how fast they are is not looked at.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from .loading import ROOT, load_by_path

FOLDER = ROOT / "benchmarks"


def load(name):
    """A file of the benchmarks; they import each other as the scripts that they are."""
    sys.modules[name] = load_by_path(name, "benchmarks", f"{name}.py")
    return sys.modules[name]


plan = load("plan")
report = load("report")
table = load("table")
plot = load("plot")
programs = load("programs")
measure = load("measure")
bench = load("bench")
peers = load("peers")
# The tools import each other as the scripts that they are.
for tool in ("bootstrap", "results", "check"):
    sys.modules[tool] = load_by_path(tool, "tools", f"{tool}.py")
benchmark = load_by_path("benchmark", "tools", "benchmark.py")
driver = load_by_path("driver", "benchmarks", "contenders", "driver.py")
SERVED = re.findall(r'"([\w-]+)": \("contenders\.', (FOLDER / "contenders" / "serve.py").read_text())
BACKENDS = ("linux", "freebsd", "usrsctp", plan.STANDIN)
QUICK = plan.Effort(seconds=0.02, ping=0.01, rounds=1, sizes=(1000,), associations=(2,), streams=(2,))


# -- what would be measured


def all_words():
    """The jobs of all points."""
    for backend in BACKENDS:
        for point in [*plan.points(backend, plan.Effort()), *plan.endurance(backend)]:
            for contender in point.contenders:
                yield point, contender, plan.words(point, contender, plan.Effort(), 10_000_000)


def test_every_job_is_understood():
    """Python and C contenders know every word of every job."""
    in_c = (FOLDER / "contenders" / "driver.h").read_text()
    for _, _, job in all_words():
        parsed = driver.parse(f"{name}={value}" for name, value in {"role": "sender", **job}.items())
        assert {name: getattr(parsed, name) for name in job} == job
        assert [name for name in job if f'"{name}"' not in in_c and name != "backend"] == []


def test_every_contender_can_be_started():
    """Each is a C file or one that serve.py knows, has a colour, and is said what it is."""
    for each in plan.CONTENDERS:
        if each.where == "c":
            assert (FOLDER / "contenders" / f"{each.library}.c").exists()
        else:
            assert each.library in SERVED
        assert each.says
        assert each.name in plot.COLOURS or "messages" not in each.tests
    assert {name for each in plan.CONTENDERS for name in each.tests} == set(plan.TESTS)


@pytest.mark.parametrize("where", BACKENDS)
def test_points_of_a_backend(where):
    """Every size, count and test is there once, and C is among the contenders of each."""
    effort = plan.Effort()
    found = plan.points(where, effort)
    keys = [(p.test, p.size, p.associations, p.streams) for p in found]
    assert len(set(keys)) == len(keys)
    assert all(p.contenders[0].name == "c" and p.backend == where for p in found)
    assert all(len({each.name for each in p.contenders}) == len(p.contenders) for p in found)
    sizes = [p.size for p in found if p.test == "messages"]
    assert sizes == ([] if where == plan.STANDIN else [64, 1000, 16000, 60000])
    assert [p.associations for p in found if p.test == "associations"] == ([1, 10, 100, 1000] if sizes else [])
    assert [p.streams for p in found if p.test == "streams"] == ([1, 16, 256] if sizes else [])
    assert [p.size for p in found if p.test == "calls"] == ([] if where == "linux" else [64, 1000])


def test_points_leave_out_what_is_not_wanted_or_not_here():
    """Only contenders that were named and are here are measured; a point without any is none."""
    found = plan.points("linux", plan.Effort(tests=("messages",)), ["one", "pysctp"], {"pysctp": "no libsctp"})
    assert [[each.name for each in p.contenders] for p in found] == [["one"]] * 4
    assert plan.points("linux", plan.Effort(), ["c"], {"c": "no compiler"}) == []
    assert [p.contenders[0].name for p in plan.endurance("usrsctp")] == ["one", "bulk"]


def test_rounds():
    """No more rounds than were asked for, and the size that most bars are of has them all."""
    for rounds in (1, 2, 5, 9):
        found = plan.points("usrsctp", plan.Effort(rounds=rounds))
        assert all(1 <= p.rounds <= rounds for p in found)
        assert all(p.rounds == rounds for p in found if (p.test, p.size) == ("messages", 1000))


# -- samples to rows


def side(messages=300, seconds=0.3, cpu=0.003, **more):
    return {
        "total": 400,
        "elapsed": 0.4,
        "messages": messages,
        "seconds": seconds,
        "cpu": cpu,
        "peak_kib": 2048,
        **more,
    }


def sample(contender="one", backend="linux", size=1000, receiver=None, sender=None, **more):
    return {
        "backend": backend,
        "test": "messages",
        "size": size,
        "associations": 1,
        "streams": 1,
        "contender": contender,
        "seconds": 0.3,
        "sender": sender or side(),
        "receiver": receiver or side(),
        **more,
    }


def rates(contender, *numbers, **more):
    """Samples of a contender with these messages a second."""
    return [sample(contender, receiver=side(messages=rate * 0.3), **more) for rate in numbers]


def calls(contender, send_us, receive_us, backend="standin"):
    both = {**side(), "counted": 1000, "send_cpu": send_us / 1000, "receive_cpu": receive_us / 1000}
    found = sample(contender, backend, test="calls", both=both)
    return {name: value for name, value in found.items() if name not in ("sender", "receiver")}


def rows_of(*samples):
    return report.Rows(report.summarise(samples))


def test_numbers_of_a_sample():
    """Rates are the receiver's, times of the processor each side's, round trips the sender's."""
    trips = {"trips": 100, "trip_seconds": 0.01, "p50_us": 90.0, "p99_us": 200.0}
    found = report.numbers(sample(sender=side(200, 0.3, 0.001, **trips), receiver=side(600, 0.3, 0.006)))
    assert found == pytest.approx(
        {
            "rate": 2000,
            "mb": 2.0,
            "send_us": 5.0,
            "receive_us": 10.0,
            "send_mib": 2.0,
            "receive_mib": 2.0,
            "trips": 10000,
            "p50": 90.0,
            "p99": 200.0,
        }
    )


def test_a_stall_counts_with_all_of_its_time():
    """Where the receiver saw no whole window, all messages count over all of the time, and it is told."""
    slow = sample(sender={**side(0, 0.0, 0.0), "elapsed": 2.0}, receiver=side(100, 0.01, 0.0))
    assert report.numbers(slow)["rate"] == 200
    (row,) = report.summarise([slow, sample()])
    assert (row.stalls, row.samples) == (1, 2)
    assert "stood still: one 1 of 2" in table.table(report.Rows([row]), [], {}, {})


def test_medians_and_spread():
    """A row has the median, the least and the most; the spread is half of what lies between, over the median."""
    (row,) = report.summarise(rates("one", 900, 1000, 1300))
    stat = row.stats["rate"]
    assert [round(number) for number in stat] == [1000, 900, 1300]
    assert stat.spread == pytest.approx(0.2)
    assert report.Stat(0.0, 0.0, 0.0).spread == 0.0


def test_errors_are_kept():
    """A sample that failed leaves its reason, once, and no number."""
    (row,) = report.summarise([sample(), {**sample(), "error": "it ended"}, {**sample(), "error": "it ended"}])
    assert (row.samples, list(row.errors)) == (1, ["it ended"])
    (row,) = report.summarise([{**sample(), "error": "it ended"}])
    assert row.value("rate") is None
    text = table.table(report.Rows([row]), [], {}, {})
    assert "  one: it ended" in text


# -- bars


def verdicts(rows, missing=()):
    return {bar.title: bar.verdict for bar in report.bars(rows, dict(missing))}


def test_bars_of_linux():
    """Each ratio is of medians of one run, and is held against its limit."""
    good = {"c": 1000, "one": 900, "pysctp": 720, "socket": 900, "aio": 540, "aio-bulk": 4250, "bulk": 5000}
    samples = [each for name, rate in {**good, "c-mmsg": 5555}.items() for each in rates(name, rate)]
    samples += [each for name, rate in {"one": 1000, "bulk": 1200, "c-mmsg": 1400}.items() for each in
                rates(name, rate, size=64)]  # fmt: skip
    assert verdicts(rows_of(*samples)) == {
        "linux, 1000 bytes: one / c": "pass",
        "linux, 1000 bytes: one / pysctp": "pass",
        "linux, 1000 bytes: one / socket": "pass",
        "linux, 64 bytes: bulk / c-mmsg": "FAIL",
        "linux, 1000 bytes: bulk / c-mmsg": "pass",
        "linux, 64 bytes: bulk / one": "FAIL",
        "linux, 1000 bytes: bulk / one": "pass",
        "linux, 1000 bytes: aio / one": "pass",
        "linux, 1000 bytes: aio-bulk / bulk": "pass",
    }


@pytest.mark.parametrize(
    ("over", "under", "limit"), [(w.over, w.under, w.limit) for w in report._RATIOS if w.size == 1000]
)
def test_a_bar_is_where_it_should_be(over, under, limit):
    """A ratio just above its limit passes, one just below fails."""
    for factor, verdict in ((1.001, "pass"), (0.999, "FAIL")):
        rows = rows_of(*rates(under, 10000), *rates(over, 10000 * limit * factor))
        assert verdicts(rows)[f"linux, 1000 bytes: {over} / {under}"] == verdict


def test_ratios_are_of_medians():
    """One wild sample decides nothing."""
    rows = rows_of(*rates("c", 1000, 1000, 9000), *rates("one", 950, 960, 10))
    bar = next(each for each in report.bars(rows, {}) if each.title == "linux, 1000 bytes: one / c")
    assert bar.value == pytest.approx(0.95)


def test_what_was_not_measured_is_said():
    """A bar without a number is neither reached nor missed, and says why."""
    rows = rows_of(*rates("one", 1000), {**sample("socket"), "error": "it ended"})
    found = {bar.title: bar for bar in report.bars(rows, {"pysctp": "no libsctp"})}
    assert found["linux, 1000 bytes: one / pysctp"].why == "pysctp: no libsctp"
    assert found["linux, 1000 bytes: one / socket"].why == "socket: it ended"
    assert found["linux, 1000 bytes: one / c"].why == "c: not part of this run"
    assert {bar.verdict for bar in found.values()} == {"not measured"}
    assert report.last_line(list(found.values())) == "bars: 0 passed, 0 failed, 9 not measured"
    assert "not measured" in table.table(rows, list(found.values()), {}, {})


def test_bars_of_a_call():
    """What a call costs above C's is held against 1.5 microseconds, each side by itself; not on usrsctp."""
    rows = rows_of(calls("c", 1.0, 1.0), calls("one", 2.4, 2.6))
    title = "standin, 1000 bytes: one above c, us of processor time to"
    assert verdicts(rows) == {f"{title} send": "pass", f"{title} receive": "FAIL"}
    rows = rows_of(calls("c", 1.0, 1.0, "usrsctp"), calls("one", 9.0, 9.0, "usrsctp"))
    assert verdicts(rows) == {}


def test_bars_of_a_long_run():
    """What a side's memory grew by from the first tenth to the end is held against the limit."""
    grown = sample(test="endurance", sender=side(peaks_kib=[100, 200]), receiver=side(peaks_kib=[100, 5000]))
    found = verdicts(rows_of(grown))
    assert found == {"linux, one: KiB that its sender grew": "pass", "linux, one: KiB that its receiver grew": "FAIL"}


# -- what is shown


def test_table():
    """Each contender has a line with its numbers and its ratio to C, in columns; the machine's facts come last."""
    answers = [
        sample("one", test="associations", associations=n, receiver=side(peak_kib=2048 + 10 * n)) for n in (1, 101)
    ]
    rows = rows_of(*rates("c", 2000), *rates("one", 1000, 1100), *answers, calls("c", 1, 1), calls("one", 2, 3))
    text = table.table(rows, report.bars(rows, {}), {"machine": "fast"}, {"one": "send, recv"})
    lines = text.splitlines()
    start = lines.index("linux: one association, 1,000 bytes")
    assert lines[start + 2].split() == ["c", "2,000", "0", "1.00", "2.0", "10.00", "5.00", "2.0", "2.0"]
    assert lines[start + 3].split()[:4] == ["one", "1,050", "5", "0.53"]
    assert "  one: client 0.0 KiB, server 10.0 KiB" in lines
    assert re.search(r"one +2\.00 +0 +\+1\.00 +3\.00 +0 +\+2\.00", text)
    assert "  one  send, recv" in lines
    assert lines[-1] == "machine: fast"
    assert not any(line.endswith(" ") for line in lines)


def test_plot():
    """The picture is well-formed, has a panel for each backend and a bar for each rate, at its height."""
    rows = rows_of(*rates("c", 1000), *rates("one", 10), *rates("c", 50, backend="usrsctp"), calls("c", 1, 1))
    root = xml.etree.ElementTree.fromstring(plot.svg(rows))
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    assert [text for text in texts if "messages a second" in text] == [
        "linux: messages a second, one association",
        "usrsctp: messages a second, one association",
    ]
    titles = [each.text for each in root.iter() if each.tag.endswith("title")]
    assert titles == ["c: 1,000 messages/s", "one: 10 messages/s", "c: 50 messages/s"]
    scale = plot.Scale([10, 1000], 0.0, 200.0)
    assert (scale.y(10), scale.y(100), scale.y(1000)) == (200.0, 100.0, 0.0)
    assert xml.etree.ElementTree.fromstring(plot.svg(rows_of())) is not None


# -- the driver of the Python contenders


def test_meter_counts_a_window(monkeypatch):
    """Messages of the warm-up and of what comes after the window are in the total only."""
    now = [0.0]
    monkeypatch.setattr(driver, "clock", lambda: now[0])
    meter = driver.Meter(driver.Job("sender", seconds=1.0, warmup=0.5))
    for now[0], count in [(0.4, 10), (0.5, 20), (1.2, 30), (1.6, 40), (1.7, 50)]:
        assert meter.goes_on(1.1) is (now[0] < 1.6)
        meter.add(count)
    found = meter.as_dict()
    assert (found["total"], found["messages"]) == (150, 70)
    assert found["seconds"] == pytest.approx(1.1)
    assert found["elapsed"] == pytest.approx(1.7)


def test_meter_of_a_long_run():
    """With a number of messages the window is the whole run, and each tenth notes the peak of the memory."""
    meter = driver.Meter(driver.Job("sender", messages=640, warmup=0.0, seconds=0.0))
    while meter.goes_on(1):
        meter.add(64)
    found = meter.as_dict()
    assert (found["total"], found["messages"]) == (640, 576)
    assert len(found["peaks_kib"]) == 10
    assert found["peaks_kib"] == sorted(found["peaks_kib"])
    assert found["peaks_kib"][0] > 1000


# -- the command line, and what is compared with


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "x\n_sctp.h:34:10: fatal error: netinet/sctp.h: No such file\nerror: command 'gcc' failed\n",
            "fatal error: netinet/sctp.h: No such file",
        ),  # fmt: skip
        (
            "ERROR: Could not find a version that satisfies pysctp\nERROR: No matching\n",
            "ERROR: Could not find a version that satisfies pysctp",
        ),  # fmt: skip
        ("", "pip said nothing"),
    ],
)
def test_why_pysctp_is_missing(output, expected):
    """The reason is the compiler's, else pip's."""
    assert peers.reason(output) == expected


def test_options_choose(capsys):
    """--quick, --only and the like make the effort; a name that is none is refused with those that are."""
    options = bench.parser().parse_args(["--quick", "--only", "calls,messages", "--rounds", "3"])
    effort = bench.effort_of(options)
    assert (effort.tests, effort.rounds, effort.sizes) == (("calls", "messages"), 3, (1000,))
    assert bench.effort_of(bench.parser().parse_args([])) == plan.Effort()
    with pytest.raises(SystemExit):
        bench.parser().parse_args(["--contender", "one,two"])
    assert "'two' is no contender; there are c, " in capsys.readouterr().err


def test_orders_travel_as_json(tmp_path, monkeypatch):
    """What a guest is told is what was meant, and what it answers is a part."""
    orders = bench.Orders("linux", QUICK, ["one"], {"cpython": "python3"}, {"kernel": "/k"}, {}, 0)
    seen = []
    monkeypatch.setattr(bench, "measure_here", lambda found: seen.append(found) or bench.Part([sample()], {}, "Linux"))
    (tmp_path / "orders").write_text(json.dumps(orders))
    assert bench.main(["--inside", str(tmp_path / "orders"), str(tmp_path / "part")]) == 0
    points = plan.points("linux", seen[0].effort, seen[0].only)
    assert points == plan.points("linux", QUICK, ["one"])
    assert bench.Part(*json.loads((tmp_path / "part").read_text())).samples == [sample()]


@pytest.fixture
def started(monkeypatch):
    """What tools/benchmark.py starts, with nothing to get ready; the status that the next gives."""
    commands, statuses = [], []

    def run(command, **options):
        commands.append([str(part) for part in command])
        return subprocess.CompletedProcess(command, statuses.pop(0) if statuses else 0)

    monkeypatch.setattr(benchmark.subprocess, "run", run)
    monkeypatch.setattr(benchmark.bootstrap, "main", lambda arguments: 0)
    monkeypatch.setattr(benchmark.check, "build_wheel", lambda: "/the.whl")
    return commands, statuses


@pytest.mark.parametrize(
    ("found", "statuses", "more"),
    [
        ({"pypy3": "/p"}, [0, 0], ["--pypy", str(benchmark.WORK / "bench-pypy3" / "bin" / "python")]),
        ({"pypy3": "/p"}, [1, 0], []),
        ({"py39": "/c"}, [0], []),
    ],
    ids=["with PyPy", "PyPy can't have the package", "no PyPy"],
)
def test_make_bench(found, statuses, more, started, monkeypatch, capsys):
    """`make bench` gives its arguments, the wheel and a PyPy that has one, too, to the environment `bench`."""
    interpreters = {name: benchmark.check.Interpreter(name, path, name) for name, path in found.items()}
    monkeypatch.setattr(benchmark.check, "find_interpreters", lambda: interpreters)
    started[1].extend(statuses)
    assert benchmark.main(["--quick"]) == 0
    last = started[0][-1]
    assert last[last.index("-e") + 1 :] == ["bench", "--installpkg", "/the.whl", "--", "--quick", *more]
    assert len(started[0]) == len(statuses)
    assert ("going on without" in capsys.readouterr().out) is not bool(more)


def test_make_bench_tells_how_it_ended(started, monkeypatch):
    """Its status is the benchmark's, and 1 if the machine can't be made ready."""
    monkeypatch.setattr(benchmark.check, "find_interpreters", dict)
    started[1].append(2)
    assert benchmark.main([]) == 2
    monkeypatch.setattr(benchmark.bootstrap, "main", lambda arguments: 1)
    assert benchmark.main([]) == 1
    assert len(started[0]) == 1


def test_what_benchmarks_need_of_debian(monkeypatch):
    """What pysctp is built against is asked for by `make bench` alone, and nothing fails without it."""
    for step, wanted in (("demo", False), ("test", False), ("bench", True)):
        needs = benchmark.bootstrap.debian_needs(step)
        assert ("libsctp-dev" in needs.optional) is wanted
        assert "libsctp-dev" not in needs.required
    monkeypatch.setattr(benchmark.bootstrap, "kernel_has_sctp", lambda: False)
    assert "user-mode-linux" in benchmark.bootstrap.debian_needs("bench").required


class Libraries:
    """A bench whose interpreters lack some libraries."""

    def __init__(self, gone):
        self.gone = gone

    def missing(self, where):
        return self.gone.get(where, {})


def test_contenders_that_are_not_here(monkeypatch, tmp_path):
    """What was not compiled, is not installed or has no interpreter is left out, each with its reason."""
    orders = bench.Orders("linux", QUICK, [], {"cpython": "python3"}, {}, {"kernel": "no <linux/sctp.h>"}, 0)
    running = Libraries({"cpython": {"pysctp": "No module named 'sctp'"}})
    monkeypatch.setattr(bench, "reason_file", lambda: tmp_path / "reason")
    expected = {
        "c": "no <linux/sctp.h>",
        "c-mmsg": "no <linux/sctp.h>",
        "pysctp": "No module named 'sctp'",
        **{each.name: "no PyPy was found" for each in plan.CONTENDERS if each.where == "pypy"},
    }
    assert bench.missing_contenders(running, orders) == expected
    (tmp_path / "reason").write_text("it could not be built\n")
    assert bench.missing_contenders(running, orders) == {**expected, "pysctp": "it could not be built"}


# -- the harness at work


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A bench with the C contender of usrsctp, compiled, and the running interpreter."""
    built = programs.build(tmp_path_factory.mktemp("bench"))
    assert built.files["usrsctp"].exists(), built.missing
    with measure.Bench(measure.Tools(built.files, {"cpython": sys.executable}, built.files.get("standin"))) as found:
        yield found


def test_harness(running):
    """C and sctpffi measure all there is on usrsctp: rates, round trips, time of the processor, memory, many peers."""
    points = plan.points("usrsctp", QUICK, ["c", "one", "bulk", "aio", "udp"])
    told = []
    samples = measure.run(running, points, QUICK, 0, lambda point, found: told.append((point.test, len(found))))
    assert [each["error"] for each in samples if "error" in each] == []
    assert told == [("messages", 5), ("streams", 2), ("associations", 3), ("calls", 4)]
    rows = report.Rows(report.summarise(samples))
    for row in rows.all:
        for name in ["send_us", "receive_us"] if row.test == "calls" else ["rate", "send_mib", "receive_mib"]:
            assert row.value(name) > 0, (row.test, row.contender, name)
    for name in ("c", "one", "aio", "udp"):
        row = rows.find("usrsctp", "messages", 1000, name)
        assert 0 < row.value("p50") <= row.value("p99")
        assert math.isclose(row.value("mb"), row.value("rate") / 1000)
    assert json.loads(json.dumps(samples)) == samples


def test_harness_of_a_long_run(running):
    """A run of so many messages counts them all, and has the memory of ten moments."""
    (point,) = plan.endurance("usrsctp", ["bulk"])
    (found,) = measure.run(running, [point], QUICK, 6400, lambda point, samples: None)
    assert [found[role]["total"] for role in ("sender", "receiver")] == [6400, 6400]
    assert [len(found[role]["peaks_kib"]) for role in ("sender", "receiver")] == [10, 10]


def test_a_contender_that_fails_is_told(running):
    """What a contender raises is the sample's error, and the next sample is taken as if nothing had been."""
    (point,) = plan.points("usrsctp", QUICK._replace(tests=("calls",)), ["one"])
    job = plan.words(point, point.contenders[0], QUICK)
    bad = running.sample(point, point.contenders[0], {**job, "mode": "two"}, 20.0)
    good = running.sample(point, point.contenders[0], job, 20.0)
    assert bad["error"] == "KeyError: 'two'"
    assert "error" not in good
    assert good["both"]["counted"] > 0


def test_a_contender_that_hangs_is_ended(running):
    """One that says nothing for too long is an error and is gone, whether C or Python."""
    (point,) = plan.points("usrsctp", QUICK._replace(tests=("calls",)), ["c", "one"])
    for contender in point.contenders:
        job = {**plan.words(point, contender, QUICK), "seconds": 600.0}
        assert running.sample(point, contender, job, 0.3)["error"] == "nothing was said for 0.3 s"
    job = plan.words(point, point.contenders[1], QUICK)
    assert "error" not in running.sample(point, point.contenders[1], job, 20.0)


def test_a_program_that_is_gone_is_told():
    """A side that ends before it has said everything is an error with its status."""
    side = measure.Program(["sh", "-c", "echo '{\"port\": 1}'; exit 3"], {})
    assert side.line(20.0) == {"port": 1}
    with pytest.raises(measure.MeasureError, match="it ended with status 3"):
        side.line(20.0)
    side.end(1.0)
