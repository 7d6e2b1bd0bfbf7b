#!/usr/bin/env python3
"""Interfaces that go down, change, vanish and come back under each role of a working site."""

import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.netlab import Lab, wait_for  # noqa: E402
from lab.site import HOME, Site  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]
SITE = []


def site():
    """One site for all tests; each leaves it working."""
    if not SITE:
        lab = Lab("hmipd-links")
        SITE.append(Site(lab, HMIPD, PLUGINS))
        SITE[0].build()
        SITE[0].start(mobile=False)
        SITE[0].move("a1")
        SITE[0].daemons["mh"].start()
    heals(SITE[0], "the site before the test")
    return SITE[0]


def reached(s):
    return subprocess.run(s.lab.argv("ch", "ping", "-6", "-n", "-c1", "-W1", HOME), check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0


def heals(s, what, timeout=25):
    wait_for(f"{what}: the mobile host to be reached", lambda: reached(s), timeout)
    for host, daemon in s.daemons.items():
        expect_eq(daemon.process.poll(), None, f"{what}: exit of hmipd on {host}")


def registered(s, care_of):
    rows = {r["kind"]: r for r in s.daemons["mh"].show("registrations")}
    return rows.get("ha", {}).get("state") == "active" and rows["ha"]["care_of_address"] == care_of


def ip(s, host, *argv):
    s.lab.run(host, "ip", *argv)


def bounce(s, host, interface):
    ip(s, host, "link", "set", interface, "down")
    ip(s, host, "link", "set", interface, "up")


def remake(s, far, far_if, host, interface, bridge):
    """The cable is pulled out at both ends and replaced by another."""
    prefix = s.lab.prefix
    ip(s, host, "link", "del", interface)
    ip(s, far, "link", "add", far_if, "type", "veth", "peer", "name", interface, "netns", prefix + host)
    ip(s, far, "link", "set", far_if, "master", bridge, "up")
    ip(s, host, "link", "set", interface, "up")


# --- the mobile host ---

def test_a_mobile_hosts_link_is_set_down_and_up():
    s = site()
    bounce(s, "mh", "wlan0")
    heals(s, "wlan0 down and up")
    routes = s.lab.run("mh", "ip", "-6", "route", "show", "default", "dev", "wlan0")
    expect("fe80" in routes, f"no default route: {routes}")


def test_a_mobile_hosts_link_narrows_to_what_ipv6_demands():
    """Packets nobody may refuse go in fragments where tunnels make them too long; others are refused, and
    every sender hears of it: from the access router to the mobility server to the home agent and beyond."""
    s = site()

    def answered(size):
        return subprocess.run(s.lab.argv("ch", "ping", "-6", "-n", "-c1", "-W1", "-s", str(size), HOME), check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0
    try:
        ip(s, "ara1", "link", "set", "acc0", "mtu", "1280")
        ip(s, "mh", "link", "set", "wlan0", "mtu", "1280")
        wait_for("1280 octets to pass", lambda: answered(1232), 20)
        wait_for("four fragments to pass", lambda: answered(4000), 20)
        told = s.lab.run("ch", "ip", "-6", "route", "get", HOME)
        expect("mtu 1280" in told, f"the correspondent was not told: {told}")
        counted = {host: {row["name"]: row["value"] for row in s.daemons[host].show("counters")
                          if row["group"] == "tunnel"} for host in ("home", "msa", "mh")}
        for host in counted:
            expect(counted[host]["fragmented"] > 0, f"{host} sent no fragments: {counted[host]}")
        for host in ("msa", "mh"):
            expect(counted[host]["reassembled"] > 0, f"{host} joined no fragments: {counted[host]}")
    finally:
        ip(s, "ara1", "link", "set", "acc0", "mtu", "1500")
        ip(s, "mh", "link", "set", "wlan0", "mtu", "1500")
    heals(s, "wlan0 narrow and wide again")


def test_a_mobile_hosts_link_gets_another_hardware_address():
    s = site()
    before = s.daemons["mh"].show("registrations")[0]["care_of_address"]
    ip(s, "mh", "link", "set", "wlan0", "address", "02:00:00:00:99:01")
    heals(s, "wlan0 with another hardware address")
    bounce(s, "mh", "wlan0")
    heals(s, "wlan0 with another hardware address, down and up")
    expect(before, "a care-of address before")


def test_a_mobile_hosts_link_is_renamed_and_named_again():
    s = site()
    for old, new in (("wlan0", "other0"), ("other0", "wlan0")):
        ip(s, "mh", "link", "set", old, "down")
        ip(s, "mh", "link", "set", old, "name", new)
        ip(s, "mh", "link", "set", new, "up")
    heals(s, "wlan0 renamed and named again")


def test_a_mobile_hosts_link_vanishes_and_comes_back():
    s = site()
    remake(s, "air", "port", "mh", "wlan0", f"br-{s.where}")
    heals(s, "wlan0 made anew")
    expect(registered(s, "2001:db8:f1::aa"), "registered with the GCoA")


def test_a_mobile_host_whose_address_is_taken_away_gets_it_again():
    s = site()
    rows = {r["kind"]: r for r in s.daemons["mh"].show("registrations")}
    ip(s, "mh", "-6", "addr", "del", rows["ms"]["care_of_address"] + "/64", "dev", "wlan0")
    heals(s, "an address taken away")


# --- the mobility server ---

def test_a_mobility_servers_link_is_set_down_and_up():
    s = site()
    bounce(s, "msa", "mn0")
    mend_msa(s)
    heals(s, "mn0 down and up")


def mend_msa(s):
    """The routes that are the administrator's."""
    run = s.lab.run
    wait_for("the server's address", lambda: "2001:db8:f1::1/64" in run(
        "msa", "ip", "-6", "addr", "show", "dev", "mn0"))
    for route, via in (("default", "ff"), ("2001:db8:f1:1::/64", "11"), ("2001:db8:f1:2::/64", "12")):
        run("msa", "ip", "-6", "route", "replace", route, "via", f"2001:db8:f1::{via}", "dev", "mn0",
            "onlink")


def test_a_mobility_servers_link_vanishes_and_comes_back():
    s = site()
    remake(s, "bra", "mn-msa", "msa", "mn0", "mn0")
    mend_msa(s)
    heals(s, "mn0 made anew")
    s.move("a2")
    heals(s, "a move after mn0 was made anew")
    wait_for("the binding to follow", lambda: s.daemons["msa"].show("bindings")[0]["lcoa"].startswith(
        "2001:db8:f1:2:"))
    s.move("a1")
    heals(s, "a move back")


def test_a_mobility_servers_link_gets_another_hardware_address():
    s = site()
    ip(s, "msa", "link", "set", "mn0", "address", "02:00:00:00:99:02")
    heals(s, "mn0 with another hardware address")


# --- router advertiser and home agent ---

def test_a_router_advertisers_link_is_set_down_and_vanishes_and_comes_back():
    s = site()
    bounce(s, "ara1", "acc0")
    s.lab.addr("ara1", "acc0", "2001:db8:f1:1::1/64")
    heals(s, "acc0 down and up")
    remake(s, "air", "ap-a1", "ara1", "acc0", "br-a1")
    s.lab.addr("ara1", "acc0", "2001:db8:f1:1::1/64")
    heals(s, "acc0 made anew")


def test_a_home_agents_link_vanishes_and_comes_back():
    s = site()
    remake(s, "air", "ap-home", "home", "home0", "br-home")
    wait_for("the home agent's address", lambda: "2001:db8:1::1/64" in s.lab.run(
        "home", "ip", "-6", "addr", "show", "dev", "home0"))
    heals(s, "home0 made anew")


# --- what the daemon hears of it ---

def test_notifications_that_are_lost_are_asked_for():
    s = site()
    daemon = s.daemons["mh"]
    rows = {r["kind"]: r for r in daemon.show("registrations")}
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        storm(s, "mh", 6000)
        ip(s, "mh", "-6", "addr", "del", rows["ms"]["care_of_address"] + "/64", "dev", "wlan0")
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    wait_for("the daemon to see that it missed something", lambda: "resync kernel" in daemon.tail(100))
    heals(s, "an address taken away unseen")
    s.move("a2")
    heals(s, "a move after the storm")
    s.move("a1")
    heals(s, "a move back")


def storm(s, host, news):
    """More news of a link than a socket holds."""
    ip(s, host, "link", "add", "storm0", "type", "bridge")
    ip(s, host, "-batch", s.lab.write("storm", "".join(
        f"link set storm0 mtu {1400 + n % 2}\n" for n in range(news))))
    ip(s, host, "link", "del", "storm0")


def test_the_end_is_clean():
    s = site()
    for host, daemon in s.daemons.items():
        expect_eq(daemon.stop(), 0, f"exit of hmipd on {host}")
        left = s.lab.run(host, "ip", "-6", "route", "show", "table", "all")
        expect("hmip" not in left and "proto 72" not in left, f"{host}: {left}")
        expect("hmip" not in s.lab.run(host, "nft", "list", "ruleset"), f"rules on {host}")
    s.lab.close()


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
