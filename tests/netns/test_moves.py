#!/usr/bin/env python3
"""Movement on real packets: every way of changing links, two interfaces, two mobile hosts, home agent
discovery, and daemons and links that start in any order."""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.netlab import Lab, wait_for  # noqa: E402
from lab.site import CHM, HA, HOME, KEYS, Site  # noqa: E402
from lab.traffic import Ping, Stream  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]
HOME2 = "2001:db8:1::bb"
PATIENCE = 40.0


class Moves(Site):
    """The demonstration's site with other mobile hosts in it."""

    def __init__(self, stem="moves"):
        super().__init__(Lab(f"hmipd-{stem}"), HMIPD, PLUGINS)
        self.build()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind and os.environ.get("HMIPD_TEST_KEEP"):
            self.lab.keep = True
            print(f"# kept: {self.lab.prefix}* {self.lab.dir}", flush=True)
        self.lab.close()

    def mobile(self, **settings):
        """Starts the mobile host with these settings in place of the usual ones."""
        body = {"interface": "wlan0", "home-address": f"{HOME}/64", "home-agent": HA,
                "correspondents": CHM} | {k.replace("_", "-"): v for k, v in settings.items()}
        self.daemons["mh"] = self.make("mh", "mh", "\n[mh]\n" + "".join(
            f"{key} = {value}\n" for key, value in body.items() if value))
        self.daemons["mh"].start()
        return self.daemons["mh"]

    def plug(self, port, link):
        """Plugs a port of the air into a link, or out (None)."""
        if link is None:
            self.lab.run("air", "ip", "link", "set", port, "down")
            return
        self.lab.run("air", "ip", "link", "set", port, "master", f"br-{link}")
        self.lab.run("air", "ip", "link", "set", port, "up")

    def reaches(self, source, target, count=3):
        return " 0% packet loss" in self.lab.run(
            source, "ping", "-6", "-n", "-q", "-i", "0.05", "-c", str(count), "-W", "1", target,
            check=False)

    def wait_reached(self, source="ch", target=HOME, timeout=PATIENCE):
        wait_for(f"{source} to reach {target}", lambda: self.reaches(source, target), timeout)

    def wait_lcoa(self, prefix):
        wait_for(f"a binding to {prefix}", lambda: any(
            r["lcoa"].startswith(prefix) for r in self.daemons["msa"].show("bindings")), PATIENCE)

    def lcoas(self, host="mh", interface="wlan0"):
        text = self.lab.run(host, "ip", "-6", "-o", "addr", "show", "dev", interface, "scope",
                            "global", check=False)
        return [line.split()[3].split("/")[0] for line in text.splitlines() if "deprecated" not in line]


# --- the home agent -----------------------------------------------------------------------------

def test_a_home_agent_that_is_no_router_is_discovered_and_returned_to():
    with Moves() as site:
        lab = site.lab
        lab.host("agent")
        lab.link("air", "ap-agent", "agent", "home0")
        lab.run("air", "ip", "link", "set", "ap-agent", "master", "br-home")
        agent = "2001:db8:1::3"
        lab.addr("agent", "home0", f"{agent}/64")
        lab.route("agent", "default", HA)
        site.start(mobile=False)
        site.daemons["home"].stop()
        site.daemons["home"] = site.make("home", "ra", "\n[ra]\ninterface = home0\n"
                                         "prefix = 2001:db8:1::/64\nmobility = none\n")
        site.daemons["home"].start()
        site.daemons["agent"] = site.make("agent", "ha", f"\n[ha]\ninterface = home0\n"
                                          f"address = {agent}/64\n")
        site.daemons["agent"].start()
        site.mobile(home_agent="auto")
        site.move("a1")
        site.wait_reached()
        expect_eq([r["home_address"] for r in site.daemons["agent"].show("bindings")], [HOME], "bindings")
        site.move("home")
        wait_for("the binding to end", lambda: not site.daemons["agent"].show("bindings"), PATIENCE)
        site.wait_reached()
        expect(HOME in site.lcoas(), "the home address is on the home link")


# --- two interfaces -----------------------------------------------------------------------------

def test_a_better_link_is_taken_before_the_old_one_goes_without_losing_a_packet():
    with Moves() as site:
        lab = site.lab
        lab.link("air", "port2", "mh", "eth0")
        lab.run("air", "ip", "link", "set", "port2", "down")
        site.start(mobile=False)
        site.mobile(interface="wlan0, eth0")
        site.plug("port2", "a2")
        site.wait_reached()
        ping = Ping(lab, "ch", HOME, 0.01)
        ping.wait_alive(time.time())
        for _ in range(3):  # again and again: the tunnel of before serves until the new one is known to
            start = time.time()
            site.plug("port", "a1")
            site.wait_lcoa("2001:db8:f1:1:")
            time.sleep(1)
            lost, _ = ping.window(start, time.time())
            expect(lost == 0, f"packets lost while both links were there: {lost}")
            site.plug("port", None)
            site.wait_lcoa("2001:db8:f1:2:")
            ping.wait_alive(time.time())
        site.plug("port", "a1")
        site.wait_lcoa("2001:db8:f1:1:")
        time.sleep(1)
        start = time.time()
        site.plug("port2", None)  # the one left: nobody may notice
        time.sleep(1)
        lost, _ = ping.window(start, time.time())
        expect(lost <= 1, f"packets lost when the old link went: {lost}")
        site.plug("port2", "a2")
        wait_for("an address on eth0", lambda: site.lcoas(interface="eth0") or "deprecated" in lab.run(
            "mh", "ip", "-6", "addr", "show", "dev", "eth0"), PATIENCE)
        time.sleep(2)
        site.plug("port", None)  # the one in use breaks: one registration, no address to make
        broken = time.time()
        ping.wait_alive(broken + 0.2, timeout=PATIENCE)
        time.sleep(1)
        _, gap = ping.window(broken - 0.5, time.time())
        expect(gap < 3.0, f"the gap when the link in use broke: {gap:.2f} s")


# --- two mobile hosts ---------------------------------------------------------------------------

KEYS2 = KEYS.replace(HOME, HOME2).replace("[key mh-", "[key mh2-").replace("0x10", "0x11")
KEYS2 = KEYS2.split("[key handoff]")[0].replace(f"peer = {CHM}\n", "")


class TwoMobiles(Moves):
    """Two mobile hosts, each the other's correspondent."""

    def __init__(self):
        super().__init__("two")
        lab = self.lab
        lab.host("mh2", dad=True)
        lab.link("air", "port-mh2", "mh2", "wlan0")
        lab.run("air", "ip", "link", "set", "port-mh2", "down")

        def make(host, roles, body, inner=self.make):
            # A key is one mobile host's: both hosts' keys for everybody.
            return inner(host, roles, body + KEYS2)
        self.make = make

    def start_both(self):
        self.start(mobile=False)
        for host, home, peer in (("mh", HOME, HOME2), ("mh2", HOME2, HOME)):
            self.daemons[host] = self.make(host, "mh,ch", f"""
[mh]
interface = wlan0
home-address = {home}/64
home-agent = {HA}
correspondents = {peer}
[ch]
interface = wlan0
[key between-{host}]
spi = 0x{3 if host == "mh" else 4}001
secret = 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e{"5f" if host == "mh" else "60"}
use = mh-ch
home-address = {home}
peer = {peer}
[key between-{"mh2" if host == "mh" else "mh"}]
spi = 0x{4 if host == "mh" else 3}001
secret = 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e{"60" if host == "mh" else "5f"}
use = mh-ch
home-address = {peer}
peer = {home}
""")
            self.daemons[host].start()

    def bound_to(self, host, home):
        return [r["lcoa"] for r in self.daemons[host].show("bindings")
                if r["home_address"] == home]


def test_two_mobile_hosts_keep_talking_while_both_move():
    with TwoMobiles() as site:
        lab = site.lab
        site.start_both()
        site.plug("port", "a1")
        site.plug("port-mh2", "b")
        site.wait_reached("mh", HOME2)
        site.wait_reached("mh2", HOME)
        ping = Ping(lab, "mh", HOME2, 0.02, log="ping1.log")
        back = Ping(lab, "mh2", HOME, 0.02, log="ping2.log")
        ping.wait_alive(time.time())
        there = Stream(lab, "mh2", HOME2, "mh", log="there", rate=400_000)
        other = Stream(lab, "mh", HOME, "mh2", port=7001, log="other", rate=400_000)
        for port, link in (("port", "a2"), ("port-mh2", "c"), ("port", "b"), ("port-mh2", "a1"),
                           ("port", "home"), ("port-mh2", "home"), ("port", "a1"), ("port-mh2", "a1")):
            site.plug(port, None)
            site.plug(port, link)
            moved = time.time()
            for what in (ping, back):
                what.wait_alive(moved, 10, PATIENCE)
            for what in (there, other):
                what.wait_alive(moved + 0.5, PATIENCE)
        expect(there.alive() and other.alive(), "both transfers go on")
        wait_for("each to have the other's binding", lambda: site.bound_to("mh", HOME2)
                 and site.bound_to("mh2", HOME), PATIENCE)


# --- what can happen to a link --------------------------------------------------------------------

def test_links_that_change_under_the_mobile_host():
    with Moves() as site:
        lab = site.lab
        site.start(mobile=False)
        site.mobile()
        site.move("a1")
        site.wait_reached()

        # The link layer stays, the network behind it changes: only silence tells.
        lab.run("air", "ip", "link", "set", "port", "master", "br-a2")
        wait_for("an address of the new network", lambda: any(
            a.startswith("2001:db8:f1:2:") for a in site.lcoas()), PATIENCE)
        site.wait_reached()

        # The interface goes and comes back with another address, while the daemon runs.
        lab.run("mh", "ip", "link", "del", "wlan0")
        time.sleep(0.5)
        lab.link("air", "port", "mh", "wlan0")
        site.plug("port", "b")
        site.wait_reached()

        # A cable that is out for a moment.
        lab.run("mh", "ip", "link", "set", "wlan0", "down")
        lab.run("mh", "ip", "link", "set", "wlan0", "up")
        site.wait_reached()

        # Renamed away: that is no interface of ours any more; and renamed back.
        lab.run("mh", "ip", "link", "set", "wlan0", "down")
        lab.run("mh", "ip", "link", "set", "wlan0", "name", "other0")
        lab.run("mh", "ip", "link", "set", "other0", "up")
        time.sleep(1)
        expect(not any(a.startswith("2001:db8:f2:1:") for a in site.lcoas(interface="other0")),
               "an address on an interface that is not configured")
        lab.run("mh", "ip", "link", "set", "other0", "down")
        lab.run("mh", "ip", "link", "set", "other0", "name", "wlan0")
        lab.run("mh", "ip", "link", "set", "wlan0", "up")
        site.wait_reached()
        site.move("home")
        wait_for("the binding to end", lambda: not site.daemons["home"].show("bindings"), PATIENCE)
        site.wait_reached()
        expect_eq(site.lcoas(), [HOME], "addresses at home")


def test_an_address_that_is_taken_makes_place_for_another():
    with Moves() as site:
        lab = site.lab
        site.start(mobile=False)
        mac = lab.run("mh", "cat", "/sys/class/net/wlan0/address").split(":")
        octets = [int(o, 16) for o in mac]
        octets[0] ^= 2
        iid = "{:02x}{:02x}:{:02x}ff:fe{:02x}:{:02x}{:02x}".format(*octets)
        lab.host("squatter")
        lab.link("air", "ap-squat", "squatter", "eth0")
        lab.run("air", "ip", "link", "set", "ap-squat", "master", "br-a1")
        lab.addr("squatter", "eth0", f"2001:db8:f1:1:{iid}/64")
        site.mobile()
        site.move("a1")
        site.wait_reached()
        taken = site.daemons["msa"].show("bindings")[0]["lcoa"]
        plain = lab.run("squatter", "ip", "-6", "-o", "addr", "show", "dev", "eth0")
        expect(f" {taken}/" not in plain, f"registered {taken}, which is another host's")
        expect(taken.startswith("2001:db8:f1:1:"), f"registered {taken}")


# --- any order ------------------------------------------------------------------------------------

def test_daemons_and_links_may_start_in_any_order():
    with Moves() as site:
        lab = site.lab
        site.start(mobile=False)
        site.mobile()
        site.move("a1")
        site.wait_reached()
        links = (("home", "home0"), ("msa", "mn0"), ("ara1", "acc0"), ("mh", "wlan0"))
        rand = random.Random(11)
        for turn in range(4):
            for daemon in site.daemons.values():
                if daemon.process.poll() is None:
                    daemon.kill() if turn % 2 else daemon.stop()
            for host, interface in links:
                lab.run(host, "ip", "link", "set", interface, "down")
            order = list(site.daemons) + [link for link in links]
            rand.shuffle(order)
            for what in order:
                if isinstance(what, str):
                    site.daemons[what].start(wait=False)
                else:
                    _come_up(lab, *what)
                time.sleep(rand.uniform(0, 0.4))
            try:
                site.wait_reached(timeout=60)
                site.wait_reached("chm", timeout=20)
            except Exception as error:
                raise AssertionError(f"turn {turn}, order {order}: {error}") from error


def _come_up(lab, host, interface):
    """The kernel forgets addresses and routes of a link that is shut: an administrator's come back."""
    lab.run(host, "ip", "link", "set", interface, "up")
    again = {"home": [("addr", f"{HA}/64")],
             "ara1": [("addr", "2001:db8:f1:1::1/64")],
             "msa": [("route", "2001:db8:f1::/64", "dev"), ("default", "2001:db8:f1::ff"),
                     ("route", "2001:db8:f1:1::/64", "2001:db8:f1::11"),
                     ("route", "2001:db8:f1:2::/64", "2001:db8:f1::12")]}
    for kind, *rest in again.get(host, ()):
        if kind == "addr":
            lab.run(host, "ip", "-6", "addr", "replace", rest[0], "dev", interface, "nodad")
        elif kind == "default":
            lab.run(host, "ip", "-6", "route", "replace", "default", "via", rest[0], "dev", interface)
        elif rest[1] == "dev":
            lab.run(host, "ip", "-6", "route", "replace", rest[0], "dev", interface)
        else:
            lab.run(host, "ip", "-6", "route", "replace", rest[0], "via", rest[1], "dev", interface)


if __name__ == "__main__":
    for unwanted in [n for n in globals() if n.startswith("test_") and sys.argv[3:]
                     and not any(part in n for part in sys.argv[3:])]:
        del globals()[unwanted]
    sys.exit(tap.main(sys.modules[__name__]))
