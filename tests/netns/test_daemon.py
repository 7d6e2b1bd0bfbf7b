#!/usr/bin/env python3
"""The daemon as its users meet it: exit statuses, signals, what it leaves in the kernel."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.daemon import Daemon  # noqa: E402
from lab.netlab import Lab, LabError, sh, wait_for  # noqa: E402
from lab.site import KEYS  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]


class OneHost:
    """A host with one link and a mobility server."""

    def __init__(self, body="", roles="ms", start=True):
        self.lab = Lab("hmipd-one")
        self.lab.host("ms")
        self.lab.host("peer")
        self.lab.link("ms", "mn0", "peer", "up0")
        self.lab.addr("peer", "up0", "2001:db8:f1::ff/64")
        self.daemon = Daemon(self.lab, HMIPD, PLUGINS, "ms", roles, "tunnel = tun\n" + body + """
[ms]
interface = mn0
address = 2001:db8:f1::1/64
""" + KEYS)
        if start:
            self.daemon.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.close()

    def kernel(self):
        """What hmipd could have changed, as text."""
        run = self.lab.run
        return "".join(line + "\n" for command in (
            ["ip", "-o", "link"], ["ip", "-6", "-o", "addr", "show", "scope", "global"],
            ["ip", "-6", "route", "show", "table", "all"], ["ip", "-6", "rule"],
            ["nft", "list", "ruleset"],
            ["sysctl", "-a", "-r", r"net\.ipv6\.conf\.(all|mn0)\.(forwarding|accept_ra|autoconf|proxy_ndp)"])
            for line in run("ms", *command).splitlines()
                       if "expires" not in line and "Peer netns reference" not in line)


def hmipd(*argv):
    return subprocess.run([HMIPD, *argv], capture_output=True, text=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL)


def test_a_clean_stop_leaves_the_kernel_as_it_was():
    with OneHost(start=False) as host:
        before = host.kernel()
        host.daemon.start()
        expect(host.kernel() != before, "the daemon changed nothing")
        expect_eq(host.daemon.stop(), 0, "exit status")
        expect_eq(host.kernel(), before, "the kernel after a clean stop")


def test_an_upgrade_stop_leaves_everything_and_the_next_start_adopts_it():
    with OneHost() as host:
        before = host.kernel()
        expect_eq(host.daemon.signal(signal.SIGUSR1), 0, "exit status")
        left = host.lab.run("ms", "ip", "-o", "link")
        expect("hmip0" in left, f"the device is gone: {left}")
        host.daemon.start()
        wait_for("the same kernel state", lambda: _same_but_flags(host.kernel(), before))
        host.daemon.stop()


def _same_but_flags(a, b):
    def strip(text):
        return sorted(line for line in text.splitlines() if "hmip0:" not in line)
    return strip(a) == strip(b)


def test_what_a_crash_left_is_adopted_and_then_removed():
    with OneHost(start=False) as host:
        before = host.kernel()
        host.daemon.start()
        host.daemon.kill()
        host.daemon.start()
        expect_eq(host.daemon.stop(), 0, "exit status")
        expect_eq(host.kernel(), before, "the kernel after crash, start and stop")


def test_what_an_administrator_set_up_is_left_alone():
    with OneHost(start=False) as host:
        run = host.lab.run
        run("ms", "ip", "-6", "addr", "add", "2001:db8:f1::1/64", "dev", "mn0", "nodad")
        run("ms", "ip", "-6", "route", "add", "2001:db8:99::/64", "via", "2001:db8:f1::ff")
        run("ms", "ip", "-6", "rule", "add", "pref", "5000", "from", "2001:db8:77::/64", "table", "77")
        run("ms", "nft", "add table ip6 mine; add chain ip6 mine c")
        before = host.kernel()
        host.daemon.start()
        expect_eq(host.daemon.stop(), 0, "exit status")
        expect_eq(host.kernel(), before, "the administrator's settings")


def test_what_the_kernel_learnt_from_advertisements_is_forgotten_by_a_mobile_host():
    with OneHost(start=False) as host:
        run = host.lab.run
        run("ms", "sysctl", "-qw", "net.ipv6.conf.mn0.accept_ra=1")
        ip = ("ip", "-6")
        run("ms", *ip, "addr", "add", "2001:db8:77::5/64", "dev", "mn0", "nodad", "mngtmpaddr",
            "noprefixroute", "valid_lft", "1000", "preferred_lft", "500")
        run("ms", *ip, "route", "add", "2001:db8:77::/64", "dev", "mn0", "proto", "kernel", "expires", "1000")
        run("ms", *ip, "route", "add", "default", "via", "fe80::1", "dev", "mn0", "proto", "ra")
        run("ms", *ip, "addr", "add", "2001:db8:88::5/64", "dev", "mn0", "nodad")
        run("ms", *ip, "route", "add", "2001:db8:99::/64", "via", "2001:db8:88::1", "proto", "static")
        mobile = Daemon(host.lab, HMIPD, PLUGINS, "ms", "mh", """tunnel = tun
[mh]
interface = mn0
home-address = 2001:db8:1::aa/64
home-agent = 2001:db8:1::1
""" + KEYS)
        mobile.start()
        left = run("ms", *ip, "route") + run("ms", *ip, "addr")
        expect("2001:db8:77:" not in left and "proto ra" not in left, f"still there: {left}")
        expect("2001:db8:88::5" in left and "2001:db8:99::/64" in left, f"gone: {left}")
        expect_eq(mobile.stop(), 0, "exit status")


def test_a_second_daemon_on_the_same_state_is_refused():
    with OneHost() as host:
        other = subprocess.run(host.lab.argv("ms", HMIPD, f"--config={host.daemon.config}"),
                               capture_output=True, text=True, timeout=20, check=False,
                               stdin=subprocess.DEVNULL)
        expect(other.returncode in (69, 74), f"exit {other.returncode}: {other.stderr}")
        expect("hmipd.db" in other.stderr or host.daemon.state in other.stderr
               or host.daemon.socket in other.stderr, f"names nothing: {other.stderr}")
        expect(host.daemon.show("status"), "the first one still serves")


def test_a_reload_keeps_bindings_and_an_invalid_file_changes_nothing():
    with OneHost() as host:
        with open(host.daemon.config, encoding="ascii") as file:
            good = file.read()
        host.lab.write("ms.conf", good + "\n[nonsense]\n")
        host.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the complaint", lambda: "nonsense" in host.daemon.tail(20))
        expect(host.daemon.show("status"), "still serves")
        host.lab.write("ms.conf", good.replace("2001:db8:f1::1/64\n", "2001:db8:f1::1/64\nlifetime-max = 120\n"))
        host.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "reload" in host.daemon.tail(3))
        expect(host.daemon.show("status"), "still serves")


def test_every_start_without_authentication_warns():
    with OneHost("auth = none\n", start=False) as host:
        for start in (1, 2):
            host.daemon.start()
            expect_eq(host.daemon.stop(), 0, "exit status")
            expect_eq(host.daemon.tail(1000).count("level=warning accept everything"), start,
                      f"warnings after start {start}")


def test_a_missing_plugin_is_named():
    with OneHost(start=False) as host:
        text = host.lab.write("x.conf", f"[hmipd]\nrole = ms\nplugin-dir = {PLUGINS}\ntunnel = nosuch\n"
                              f"state-dir = {host.lab.dir}/x\ncontrol-socket = {host.lab.dir}/x.sock\n"
                              "[ms]\naddress = 2001:db8:f1::1/64\n" + KEYS)
        done = hmipd(f"--config={text}")
        expect_eq(done.returncode, 69, f"exit ({done.stderr})")
        expect("tunnel-nosuch.so" in done.stderr, done.stderr)


def test_an_unprivileged_start_names_what_is_missing():
    with OneHost(start=False) as host:
        os.chmod(host.lab.dir, 0o711)
        config = host.lab.write("u.conf", f"[hmipd]\nrole = ms\nplugin-dir = {PLUGINS}\n"
                                "state-dir = /tmp/hmipd-none\ncontrol-socket = /tmp/hmipd-none.sock\n"
                                "auth = none\n[ms]\naddress = 2001:db8:f1::1/64\n", mode=0o644)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", HMIPD,
                               f"--config={config}"], capture_output=True, text=True, timeout=20,
                              check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 126 or "Permission denied" in done.stderr and "CAP_" not in done.stderr:
            raise tap.Skip("the build tree cannot be read by an unprivileged user")
        expect_eq(done.returncode, 69, f"exit ({done.stderr})")
        expect("CAP_NET_ADMIN" in done.stderr or "/dev/net/tun" in done.stderr, done.stderr)


def test_check_system_tells_what_is_there():
    with OneHost(start=False) as host:
        done = subprocess.run(host.lab.argv("ms", HMIPD, f"--config={host.daemon.config}", "--check-system"),
                              capture_output=True, text=True, timeout=20, check=False,
                              stdin=subprocess.DEVNULL)
        expect_eq(done.returncode, 0, f"exit ({done.stdout}{done.stderr})")
        expect(all(line.startswith("ok") for line in done.stdout.splitlines()), done.stdout)
        expect("tun" in done.stdout, done.stdout)


def test_interfaces_may_come_after_the_daemon():
    with OneHost(start=False) as host:
        run = host.lab.run
        run("ms", "ip", "link", "del", "mn0")
        host.daemon.start()
        host.lab.link("ms", "mn0", "peer", "up0")
        host.lab.addr("peer", "up0", "2001:db8:f1::ff/64")
        wait_for("the address on the late interface",
                 lambda: "2001:db8:f1::1" in run("ms", "ip", "-6", "addr", "show", "dev", "mn0"))
        run("peer", "ping", "-6", "-c1", "-W2", "2001:db8:f1::1")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
