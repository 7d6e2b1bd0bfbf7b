#!/usr/bin/env python3
"""Keys that are obtained when they are needed, on real packets: neither mobility server has a configured key
for mobile hosts or for the other server, nor the mobile host one for any mobility server."""

import os
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.daemon import Daemon  # noqa: E402
from lab.netlab import Lab, wait_for  # noqa: E402
from lab.site import HOME, KEYS, MSA, Site  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]
DELAY_MS = 300


def sections(text, names):
    """Those [key NAME] sections of KEYS."""
    parts = [part for part in text.split("[key ") if "]" in part]
    return "".join("[key " + part for part in parts if part.split("]")[0] in names)


def table():
    """What the server knows: the same keys as the mobile host's configuration has."""
    values = {}
    for part in KEYS.split("[key ")[1:]:
        name, body = part.split("]", 1)
        values[name] = dict(line.split(" = ") for line in body.strip().splitlines())
    row = "{use} {spi} {home} {peer} {secret}\n"
    return "".join(row.format(home=v.get("home-address", "-"), **{"peer": "-", **v})
                   for name, v in values.items() if name in ("mh-ms", "handoff"))


class AaaSite(Site):
    """The demonstration's site; mobility servers and mobile host ask for keys."""

    def __init__(self, lab):
        super().__init__(lab, HMIPD, PLUGINS)
        path = lab.write("aaa.table", table())
        with_keys = self.make
        plugin = f"\n[plugin auth-aaa-stub]\ntable = {path}\ndelay = {DELAY_MS}ms\n"

        def make(host, roles, body):
            if not {"ms", "mh"} & set(roles.split(",")):
                return with_keys(host, roles, body)
            return Daemon(lab, HMIPD, PLUGINS, host, roles, "tunnel = tun\nauth = aaa-stub\n" + body
                          + sections(KEYS, ("information", "mh-ha", "mh-ch") if roles == "mh"
                                     else ("information",)) + plugin)
        self.make = make

    def count(self, host, name):
        return {row["name"]: row["value"] for row in self.daemons[host].show("counters")}[name]

    def keys(self, host):
        """What anyone with sqlite3 sees of learnt keys."""
        path = os.path.join(self.daemons[host].state, "hmipd.db")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT spi, use, peer, home_address, origin, not_after > "
                              "strftime('%Y-%m-%dT%H:%M:%SZ', 'now') FROM v_keys "
                              "WHERE origin <> 'config' ORDER BY spi").fetchall()
        return rows

    def bound(self, host, prefix, state="active"):
        """The LCoA that a server holds for the mobile host, when it lies in the prefix."""
        return any(row["home_address"] == HOME and row["lcoa"].startswith(prefix)
                   and row["state"] == state for row in self.daemons[host].show("bindings"))

    def alive(self):
        return subprocess.run(self.lab.argv("ch", "ping", "-6", "-n", "-q", "-c1", "-W1", HOME),
                              capture_output=True, timeout=10, check=False).returncode == 0


def flood(site, seconds):
    """Registrations about home addresses that nobody has, from many addresses of the correspondent's links."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flood.py")
    return site.lab.spawn("ch", sys.executable, script, "up0", MSA, str(seconds), log="flood.log")


def move_under_flood(site):
    """A local handoff while strangers ask for keys; returns how long it took."""
    dropped = site.count("msa", "aaa_dropped")
    process = flood(site, 30)
    wait_for("the flood to reach its ceilings", lambda: site.count("msa", "aaa_dropped") > dropped + 100)
    start = time.monotonic()
    site.move("a2")
    wait_for("the known host to be served", lambda: site.bound("msa", "2001:db8:f1:2:"), timeout=15)
    took = time.monotonic() - start
    status = {row["key"]: row["value"] for row in site.daemons["msa"].show("status")}
    expect(int(status["auth_waiting"]) <= 256, f"{status['auth_waiting']} packets wait")
    expect(process.poll() is None, "the flood ended before the handoff did")
    process.terminate()
    process.wait(20)
    return took


def test_a_site_without_configured_keys():
    """keys are asked for once, kept over a restart, signed with, and out of a flood's reach"""
    with_lab = Lab("hmipd-aaa")
    try:
        site = AaaSite(with_lab)
        site.build()
        site.start(mobile=False)
        expect_eq(site.keys("msa"), [], "keys before")
        site.move("a1")
        site.daemons["mh"].start()
        wait_for("the mobile host to be registered", lambda: site.bound("msa", "2001:db8:f1:1:"), timeout=15)
        expect_eq(site.count("msa", "aaa_asked"), 1, "questions")
        expect_eq(site.count("msa", "registrations_refused"), 0, "refusals")
        expect(site.count("mh", "sends_waited_for_key") >= 1, "the mobile host had a key")
        expect_eq(site.keys("mh"), [(0x1001, "mh-ms", None, HOME, "aaa", 1)], "keys of the mobile host")
        expect_eq(site.keys("msa"), [(0x1001, "mh-ms", None, HOME, "aaa", 1)], "keys")
        wait_for("traffic", site.alive, timeout=15)

        site.daemons["msa"].kill()
        site.daemons["msa"].start()
        site.move("a2")
        wait_for("the mobile host to be registered after a crash",
                 lambda: site.bound("msa", "2001:db8:f1:2:"), timeout=15)
        expect_eq(site.count("msa", "aaa_asked"), 0, "questions after the restart")

        site.move("b")
        wait_for("the mobile host to be registered at B", lambda: site.bound("brb", "2001:db8:f2:1:"), timeout=15)
        wait_for("A to forward to B: the Handoff Request waited for its key",
                 lambda: site.bound("msa", "2001:db8:f2:", "forwarding"), timeout=8)
        expect(site.count("brb", "sends_waited_for_key") >= 1, "no packet waited for a key")
        expect_eq([row[:2] for row in site.keys("brb")], [(0x1001, "mh-ms"), (0x2002, "ms-ms")], "keys of B")
        expect_eq([row[:2] for row in site.keys("msa")], [(0x1001, "mh-ms"), (0x2002, "ms-ms")], "keys of A")

        site.move("a1")
        wait_for("the mobile host to be back", lambda: site.bound("msa", "2001:db8:f1:1:"), timeout=15)
        wait_for("traffic", site.alive, timeout=15)
        took = move_under_flood(site)
        print(f"# a local handoff under the flood took {took * 1000:.0f} ms")
        expect_eq(len(site.keys("msa")), 2, "strangers have no keys")
        wait_for("traffic after the flood", site.alive, timeout=15)
        for host in ("msa", "brb"):
            expect_eq(site.daemons[host].stop(), 0, f"exit status of {host}")
    finally:
        with_lab.close()


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
