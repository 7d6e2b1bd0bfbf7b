#!/usr/bin/env python3
"""Three levels of mobility servers on real packets (PROTOCOL 6)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.netlab import Lab, wait_for  # noqa: E402
from lab.site import HOME, Site  # noqa: E402
from lab.traffic import Ping, Stream  # noqa: E402

HMIPD, PLUGINS = sys.argv[1], sys.argv[2]


def add_server(site, name, number, level, extra=""):
    """A server with a Mobility Network of its own, reached over domain A's."""
    lab = site.lab
    lab.host(name, forwarding=True)
    lab.link("bra", f"mn-{name}", name, "mn0")
    lab.run("bra", "ip", "link", "set", f"mn-{name}", "master", "mn0")
    lab.addr(name, "mn0", f"2001:db8:f1::{number}/64")
    lab.route(name, "default", "2001:db8:f1::ff")
    lab.route("bra", f"2001:db8:f1:{number}::/64", f"2001:db8:f1::{number}")
    site._count_signalling(name)
    site.daemons[name] = site.make(name, "ms", f"""
[ms]
address = 2001:db8:f1:{number}::1/64
level = {level}
routers = 2001:db8:f1:1::1, 2001:db8:f1:2::1
info-interval = 1
{extra}""")


def journey(extra):
    """Attaches under three servers, moves below the lowest; what the wire carried per packet of 1000, and
    how many of them had a limit that was counted down."""
    lab = Lab("hmipd-levels")
    try:
        site = Site(lab, HMIPD, PLUGINS)
        site.build()
        make = site.make
        site.make = lambda host, roles, body: make(
            host, roles, body.replace("[ms]\n", f"[ms]\nlevel = 1\n{extra}") if host == "msa" else body)
        add_server(site, "msmid", 20, 2, extra)
        add_server(site, "mslow", 30, 3, extra)
        site.start(mobile=False)
        site.move("a1")
        site.daemons["mh"].start()

        def bound(host):
            return [row for row in site.daemons[host].show("bindings") if row["state"] == "active"]
        wait_for("all registrations",
                 lambda: all(bound(host) for host in ("mslow", "msmid", "msa", "home")), 20)
        expect_eq([bound(host)[0]["lcoa"] for host in ("msmid", "msa", "home")],
                  ["2001:db8:f1:30::aa", "2001:db8:f1:20::aa", "2001:db8:f1::aa"],
                  "what each level knows")
        ping = Ping(lab, "ch", HOME)
        ping.wait_alive(time.time(), timeout=20)
        stream = Stream(lab, "ch", "2001:db8:c::2", "mh")
        time.sleep(2)
        heard = [site.counter(host) for host in ("mslow", "msmid", "msa", "home", "chm")]
        start, _ = site.move("a2")
        ping.wait_alive(time.time(), count=20, timeout=20)
        stream.wait_alive(time.time())
        time.sleep(1)
        now = [site.counter(host) for host in ("mslow", "msmid", "msa", "home", "chm")]
        print(f"# lost, gap: {ping.window(start - 0.5, time.time())}")
        expect(now[0] > heard[0], "the lowest server heard of the move")
        # The correspondent within the domain's reach is told by nobody; it binds to the top GCoA.
        expect_eq(now[1:], heard[1:], "messages that the levels above and beyond heard")
        expect(stream.alive(), "the transfer ended")
        stream.client.terminate()
        stream.client.wait(10)
        time.sleep(0.5)
        lab.run("mh", "nft", "add counter ip6 watch outer; add rule ip6 watch in iifname wlan0 "
                "ip6 nexthdr { 41, 60 } meta length 1000-1300 counter name outer; "
                # Limits of the outermost tunnel and of the one within.
                "add counter ip6 watch limited; add rule ip6 watch in iifname wlan0 "
                "ip6 nexthdr 60 @nh,320,8 41 @nh,336,8 4 @nh,352,8 3 "
                "@nh,432,8 60 @nh,720,8 4 @nh,736,8 4 meta length 1000-1300 counter name limited")
        lab.run("ch", "ping", "-6", "-n", "-q", "-c", "20", "-i", "0.02", "-s", "952", HOME)

        def counted(name):
            words = lab.run("mh", "nft", "list", "counter", "ip6", "watch", name).split()
            return int(words[words.index("packets") + 1]), int(words[words.index("bytes") + 1])
        packets, octets = counted("outer")
        return octets / packets, counted("limited")[0] / packets
    finally:
        lab.close()


def test_a_move_below_the_lowest_of_three_servers_concerns_only_that_one():
    octets, limited = journey("")
    print(f"# a packet of 1000 octets takes {octets:.0f} on the mobile host's link")
    # The third and the fourth header have a Tunnel Encapsulation Limit.
    expect_eq(octets, 1000 + 4 * 40 + 2 * 8, "octets on the mobile host's link")
    expect_eq(limited, 1, "packets with limits of 4 and 3")


def test_three_servers_that_rewrite_take_one_header():
    octets, limited = journey("forwarding = rewrite\n")
    print(f"# a packet of 1000 octets takes {octets:.0f} on the mobile host's link")
    expect_eq(octets, 1000 + 40, "octets on the mobile host's link")
    expect_eq(limited, 0, "packets with limits")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
