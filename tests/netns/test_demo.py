#!/usr/bin/env python3
"""examples/demo as its users meet it: the story, what it leaves, and what becomes of one that is stopped."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from html.parser import HTMLParser

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.netlab import namespaces, wait_for  # noqa: E402

HMIPD, PLUGINS = (os.path.abspath(path) for path in sys.argv[1:3])
FASTEST = []  # the plugin that `auto` chose
DEMO = os.path.join(tap.TOP, "examples", "demo")
ENV = {**os.environ, "HMIPD_BUILD": os.path.dirname(os.path.dirname(HMIPD))}


def demo(*options, **kwargs):
    return subprocess.run([DEMO, *options], capture_output=True, text=True, timeout=200, check=False,
                          env={**ENV, **kwargs.pop("env", {})}, stdin=subprocess.DEVNULL, **kwargs)


def left(pid):
    return [name for name in namespaces() if name.startswith(f"hmipd-demo-{pid}-")]


class Table(HTMLParser):
    """Cells per row; a tag that is not closed fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.rows = [], []
        self.feed(text)
        self.close()
        expect_eq(self.open, [], "open tags")

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += 1
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        expect_eq(self.open.pop(), tag, "closed tag")


def test_every_handoff_keeps_the_traffic_alive():
    with tempfile.TemporaryDirectory(prefix="hmipd-demo-test-") as where:
        pcap = [] if not shutil.which("tcpdump") else ["--pcap", where]
        done = demo("--fast", "--no-install", "--keep", "--report", f"{where}/r.html", *pcap)
        ending = re.search(r"^end:  examples/demo --clean (\d+)$", done.stdout, re.M)
        expect(ending, f"it says not how to end it: {done.stdout}{done.stderr}")
        run = ending.group(1)
        try:
            expect_eq(done.returncode, 0, f"exit ({done.stdout}{done.stderr})")
            FASTEST.append(re.search(r"^tunnel plugins: (\w+) \(", done.stdout, re.M).group(1))
            expect_eq(len(re.findall(r"^  A, link .* link change [\d.]+ ms, registration RTT [\d.]+ ms: \d+ in "
                                     r"flight; lost ", done.stdout, re.M)), 2, f"local handoffs: {done.stdout}")
            with open(f"{where}/r.html", encoding="utf-8") as file:
                rows = Table(file.read()).rows
            expect_eq(rows, [rows[0]] * 8, "cells per row of the report")
            for name in ("mh", "home", "msa", "brb") if pcap else ():
                expect(os.path.getsize(f"{where}/{name}.pcap") > 1000, f"{name}.pcap is empty")
            see_what_was_kept(run, done.stdout)
        finally:
            expect_eq(demo("--clean", run).returncode, 0, "exit of --clean")
        expect_eq(left(run), [], "namespaces after --clean")


def test_every_other_tunnel_plugin_that_works_here_keeps_it_alive_too():
    names = sorted(re.fullmatch(r"tunnel-(\w+)\.so", file).group(1) for file in os.listdir(PLUGINS)
                   if re.fullmatch(r"tunnel-\w+\.so", file))
    names.remove(FASTEST[0])
    lacking = []
    for name in names:
        done = demo("--fast", "--no-install", f"--tunnel={name}")
        if done.returncode == 69:
            expect(f"examples/demo --tunnel={name}: " in done.stderr, done.stderr)
            lacking.append(done.stderr.strip())
            continue
        expect_eq(done.returncode, 0, f"exit with {name} ({done.stdout}{done.stderr})")
        expect(f"tunnel plugins: {name} (" in done.stdout, f"{name}: {done.stdout}")
    if len(lacking) == len(names):
        raise tap.Skip("; ".join(lacking) or f"only tunnel-{FASTEST[0]} is built")


def test_a_tunnel_plugin_that_does_not_work_here_exits_69():
    done = demo("--fast", "--no-install", "--tunnel=none-such")
    expect_eq(done.returncode, 69, f"exit ({done.stdout}{done.stderr})")
    expect(re.fullmatch(r"examples/demo --tunnel=none-such: .*tunnel-none-such\.so: No such file or directory\n",
                        done.stderr), done.stderr)


def see_what_was_kept(run, said):
    """The line that says how to look works, and so does the ping."""
    look = re.search(r"^look: (.*)$", said, re.M).group(1).split()
    shown = subprocess.run(look, capture_output=True, text=True, timeout=10, check=False)
    expect_eq(shown.returncode, 0, f"exit of {look} ({shown.stderr})")
    subprocess.run(["ip", "netns", "exec", f"hmipd-demo-{run}-ch", "ping", "-6", "-c1", "-w5",
                    "2001:db8:1::aa"], check=True, capture_output=True, timeout=10)


def test_one_that_is_interrupted_cleans_up():
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 1)):
        with start() as process:
            process.send_signal(number)
            process.communicate(timeout=60)
        expect_eq(process.returncode, status, f"exit after signal {number}")
        expect_eq(left(process.pid), [], f"namespaces after signal {number}")


def test_what_a_killed_one_left_goes_with_the_next():
    with start() as process:
        process.kill()
    expect(left(process.pid), "the killed one left nothing: not much of a test")
    with start() as other:
        remains = left(process.pid)
        other.send_signal(signal.SIGINT)
        other.communicate(timeout=60)
    expect_eq(remains, [], "namespaces of the killed one")


def start():
    """A demo in the middle of its story."""
    process = subprocess.Popen([DEMO, "--fast", "--no-install"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, env=ENV, stdin=subprocess.DEVNULL)
    wait_for("the demo to have begun", lambda: len(left(process.pid)) >= 8, timeout=60)
    time.sleep(0.5)
    return process


def test_it_says_what_is_missing_and_exits_69():
    with tempfile.TemporaryDirectory(prefix="hmipd-demo-test-") as where:
        done = subprocess.run([sys.executable, DEMO, "--pcap", where], capture_output=True, text=True,
                              check=False, env={**ENV, "PATH": where}, stdin=subprocess.DEVNULL)
    expect_eq((done.returncode, done.stderr),
              (69, "examples/demo --pcap needs tcpdump (as root: apt-get install tcpdump)\n"), "without tcpdump")
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", DEMO],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if "Permission denied" in done.stderr:
        raise tap.Skip("the source tree cannot be read by an unprivileged user")
    expect_eq((done.returncode, done.stderr),
              (69, "examples/demo makes network namespaces: run it as root\n"), "as nobody")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
