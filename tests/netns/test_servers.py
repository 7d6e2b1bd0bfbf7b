#!/usr/bin/env python3
"""Several mobility servers on real packets: handed over from site to site, from server to server of one
Mobility Network, and rewriting instead of encapsulating."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.netlab import Lab, wait_for  # noqa: E402
from lab.site import HOME, MSA, Site  # noqa: E402
from lab.traffic import Ping, Stream  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]
TWIN = "2001:db8:f1::2"
GCOA_A = "2001:db8:f1::aa"


class OneSite:
    """The site of the demonstration, with changed configurations and perhaps another server."""

    def __init__(self, edits=(), twin=False):
        self.lab = Lab("hmipd-multi")
        self.site = Site(self.lab, HMIPD, PLUGINS)
        self.site.build()
        if twin:
            self._twin_host()
        make = self.site.make

        def changed(host, roles, body):
            for at, old, new in edits:
                if at == host:
                    expect(old in body, f"{host}: no {old}")
                    body = body.replace(old, new)
            return make(host, roles, body)
        self.site.make = changed
        if twin:
            self.site.daemons["msx"] = changed("msx", "ms", f"""
[ms]
interface = mn0
address = {TWIN}/64
routers = 2001:db8:f1:1::1, 2001:db8:f1:2::1
info-interval = 1
peers = {MSA}
""")
        self.site.start(mobile=False)

    def _twin_host(self):
        lab = self.lab
        lab.host("msx", forwarding=True)
        lab.link("bra", "mn-msx", "msx", "mn0")
        lab.run("bra", "ip", "link", "set", "mn-msx", "master", "mn0")
        lab.run("msx", "ip", "-6", "route", "add", "2001:db8:f1::/64", "dev", "mn0")
        lab.route("msx", "default", "2001:db8:f1::ff")
        for number, router in ((1, "11"), (2, "12")):
            lab.route("msx", f"2001:db8:f1:{number}::/64", f"2001:db8:f1::{router}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lab.close()

    def attach(self, link, ms):
        """The mobile host on that link, registered with that server and at home."""
        self.site.move(link)
        self.site.daemons["mh"].start()
        wait_for("the registrations", lambda: self.registered(ms) and self.registered("home"), 15)

    def registered(self, host):
        return [row for row in self.site.daemons[host].show("bindings") if row["state"] == "active"]

    def count_tunnelled(self):
        """Counts tunnelled packets as they arrive on the mobile host's link."""
        self.lab.run("mh", "nft", "add counter ip6 watch outer; add rule ip6 watch in iifname wlan0 "
                     "ip6 nexthdr 41 counter name outer")

    def outer_length(self, before=(0, 0)):
        """(packets, octets) since then."""
        text = self.lab.run("mh", "nft", "list", "counter", "ip6", "watch", "outer")
        words = text.split()
        packets = int(words[words.index("packets") + 1])
        octets = int(words[words.index("bytes") + 1])
        return packets - before[0], octets - before[1]


def delivered_from_the_old_site(peers):
    """Of one second of traffic to the old GCoA, how much arrives after a move from site A to B: the
    Internet loses everything that would tell the home agent."""
    edits = () if peers else (("msa", "peers = 2001:db8:f2::1\n", ""), ("brb", f"peers = {MSA}\n", ""))
    with OneSite(edits) as one:
        one.attach("a1", "msa")
        ping = Ping(one.lab, "ch", HOME, interval=0.02)
        ping.wait_alive(time.time())
        one.lab.run("inet", "nft", "add table ip6 hold; add chain ip6 hold f { type filter hook forward "
                    "priority 0; }; add rule ip6 hold f ip6 daddr 2001:db8:1::1 ip6 nexthdr 60 drop")
        one.site.move("b")
        wait_for("the new server", lambda: one.registered("brb"), 15)
        time.sleep(0.2)
        before = one.site.counter("mh", "via-home")
        time.sleep(1.0)
        arrived = one.site.counter("mh", "via-home") - before
        rows = one.site.daemons["msa"].show("bindings")
        states = [(row["state"], row["lcoa"]) for row in rows]
        one.lab.run("inet", "nft", "delete", "table", "ip6", "hold")
        ping.wait_alive(time.time(), count=20, timeout=40)
        return arrived, states


def test_packets_to_the_old_site_follow_a_host_whose_servers_are_peers():
    arrived, states = delivered_from_the_old_site(True)
    print(f"# {arrived} packets of about 50 arrived through the old site: {states}")
    expect(arrived >= 20, f"{arrived} packets arrived")
    expect_eq([state for state, _ in states], ["forwarding"], "the old server's binding")


def test_packets_to_the_old_site_are_lost_when_the_servers_do_not_know_each_other():
    arrived, states = delivered_from_the_old_site(False)
    print(f"# {arrived} packets of about 50 arrived through the old site: {states}")
    expect(arrived <= 2, f"{arrived} packets arrived")
    expect_eq([state for state, _ in states], ["active"], "the old server's binding")


def test_a_host_that_goes_back_and_forth_ends_where_it_is():
    with OneSite() as one:
        one.attach("a1", "msa")
        ping = Ping(one.lab, "ch", HOME)
        ping.wait_alive(time.time())
        for link in ("b", "a1", "b"):
            one.site.move(link)
            time.sleep(0.4)
        wait_for("the last server", lambda: one.registered("brb"), 15)
        ping.wait_alive(time.time(), count=20, timeout=20)
        expect_eq(one.registered("msa"), [], "the first server's binding")
        one.site.move("a1")
        wait_for("the first server", lambda: one.registered("msa"), 15)
        ping.wait_alive(time.time(), count=20, timeout=20)
        expect_eq(one.registered("brb"), [], "the last server's binding")


def test_another_server_of_the_network_takes_over_from_one_that_died():
    edits = (("msa", "peers = 2001:db8:f2::1", f"peers = 2001:db8:f2::1, {TWIN}"),)
    with OneSite(edits, twin=True) as one:
        one.site.move("a1")
        one.site.daemons["mh"].start()
        wait_for("the registrations", lambda: (one.registered("msa") or one.registered("msx"))
                 and one.registered("home"), 15)
        first, second = ("msa", "msx") if one.registered("msa") else ("msx", "msa")
        ping = Ping(one.lab, "ch", HOME)
        ping.wait_alive(time.time())
        # A router takes a server for silent after three of its own intervals, once it knows them.
        wait_for("the routers to know the interval",
                 lambda: all(row["expires_in_s"] is not None and row["expires_in_s"] <= 4
                             for row in one.site.daemons["ara1"].show("peers")), 15)
        heard = one.site.counter("home"), one.site.counter("chm")
        gcoa = one.registered("home")[0]["lcoa"]
        start = time.time()
        one.site.daemons[first].kill()
        wait_for("the other server", lambda: one.registered(second), 25)
        ping.wait_alive(time.time(), count=20, timeout=20)
        print(f"# traffic stood still for {ping.window(start - 0.5, time.time())[1]:.1f} s")
        expect_eq(one.registered("home")[0]["lcoa"], gcoa, "the GCoA at the home agent")
        # The one that died comes back with a binding that is another's now.
        one.site.daemons[first].start()
        wait_for("the returned server to let go", lambda: not one.registered(first), 15)
        again = time.time()
        ping.wait_alive(again, count=20, timeout=20)
        expect(one.registered(second), "the second server serves on")
        expect_eq((one.site.counter("home"), one.site.counter("chm")), heard,
                  "messages the home agent and the correspondent heard")


def octets_on_the_link(edits):
    """Octets of a tunnelled packet of 1000 on the mobile host's link."""
    with OneSite(edits) as one:
        one.attach("a1", "msa")
        stream = Stream(one.lab, "ch", "2001:db8:c::2", "mh")
        stream.wait_alive(time.time() + 0.5)
        stream.client.terminate()
        stream.client.wait(10)
        time.sleep(0.5)
        one.count_tunnelled()
        one.lab.run("ch", "ping", "-6", "-n", "-q", "-c", "20", "-i", "0.02", "-s", "952", HOME)
        packets, octets = one.outer_length()
        expect(packets >= 20, f"{packets} tunnelled packets")
        return octets / packets


def test_rewriting_saves_a_header_of_every_packet():
    nested = octets_on_the_link(())
    rewritten = octets_on_the_link((("msa", "[ms]\n", "[ms]\nforwarding = rewrite\n"),))
    print(f"# a packet of 1000 octets takes {nested:.0f} nested, {rewritten:.0f} rewritten")
    expect_eq((nested, rewritten), (1080, 1040), "octets on the mobile host's link")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
