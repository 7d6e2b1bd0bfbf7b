#!/usr/bin/env python3
"""The deployments of examples/ as their files stand: a mobile host registers, and packets reach it."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.example import Example  # noqa: E402
from lab.netlab import Lab, LabError, sh, wait_for  # noqa: E402

HMIPD, PLUGINS = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HOME = "2001:db8:1::aa"


class Running:
    """An example with everything but its mobile host started."""

    def __init__(self, name):
        self.lab = Lab("hmipd-ex")
        self.example = Example(self.lab, HMIPD, PLUGINS, os.path.join(tap.TOP, "examples", name))
        self.example.build()

    def __enter__(self):
        try:
            self.example.start()
        except LabError:
            self.lab.close()
            raise
        return self

    def __exit__(self, *failure):
        if failure[0]:
            for host, daemon in self.example.daemons.items():
                print(f"# {host}: {daemon.tail(4) if daemon.process else 'not started'}", flush=True)
        self.lab.close()

    def attach(self, interface, link):
        self.example.plug("mh", interface, link)
        if not self.example.daemons["mh"].process:
            self.example.daemons["mh"].start()

    def registered(self, kind, prefix):
        """Waits until the mobile host is registered at a peer of this kind with an address that begins so."""
        return wait_for(f"a registration ({kind}) of {prefix}...", lambda: [
            row for row in self.example.daemons["mh"].show("registrations")
            if row["kind"] == kind and row["state"] == "active"
            and (row["care_of_address"] or "").startswith(prefix)], timeout=20)

    def ping(self, source, target=HOME):
        """The traffic comes through; the first packets may be lost to address resolution."""
        def probe():
            try:
                return " 0% packet loss" in self.lab.run(source, "ping", "-6", "-n", "-q", "-c", "5", "-i",
                                                         "0.1", "-W", "2", target, check=False)
            except LabError:
                return False
        wait_for(f"a ping from {source} to {target} without loss", probe, timeout=20)


def test_single_site_keeps_the_mobile_host_reachable_on_both_links():
    with Running("single-site") as site:
        site.attach("wlan0", "acc1")
        gcoa = site.registered("ha", "2001:db8:f1::")[0]["care_of_address"]
        site.registered("ms", "2001:db8:f1:1:")
        site.ping("ch")
        site.attach("wlan0", "acc2")
        site.registered("ms", "2001:db8:f1:2:")
        site.ping("ch")
        expect_eq(site.registered("ha", "2001:db8:f1::")[0]["care_of_address"], gcoa, "GCoA after the move")
        site.registered("ch", gcoa)
        expect_eq([row["lcoa"] for row in site.example.daemons["ch"].show("bindings")], [gcoa],
                  "what the correspondent knows")


def test_several_servers_stand_in_for_each_other():
    with Running("several-servers") as site:
        site.attach("wlan0", "acc1")
        server = site.registered("ms", "2001:db8:f1:1:")[0]["peer"]
        site.ping("internet")
        site.example.daemons["ms" + server[-1]].stop()
        wait_for("the other server", lambda: [
            row for row in site.example.daemons["mh"].show("registrations")
            if row["kind"] == "ms" and row["state"] == "active" and row["peer"] != server], timeout=20)
        site.ping("internet")


def test_three_levels_tell_the_top_of_no_move_inside_a_building():
    with Running("three-levels") as site:
        def bound(host):
            return [row["lcoa"] for row in site.example.daemons[host].show("bindings")]
        site.attach("wlan0", "acc1")
        site.registered("ha", "2001:db8:f1:100:")
        site.ping("internet")
        before = bound("region") + bound("campus")
        site.attach("wlan0", "acc2")
        wait_for("the building's server to follow", lambda: bound("east")[0].startswith("2001:db8:f1:2:"))
        site.ping("internet")
        expect_eq(bound("region") + bound("campus"), before, "what the levels above hold")
        site.attach("wlan0", "acc3")
        wait_for("the other building's server", lambda: bound("west"))
        wait_for("the campus to follow", lambda: bound("campus") == ["2001:db8:f1:302::aa"])
        site.ping("internet")
        expect_eq(bound("region"), before[:1], "what the top holds")


def test_border_router_serves_a_prefix_that_is_routed_to_it():
    with Running("border-router") as site:
        site.attach("wlan0", "acc1")
        site.registered("ha", "2001:db8:f1::")
        site.registered("ms", "2001:db8:f1:1:")
        site.ping("internet")
        site.attach("wlan0", "acc2")
        site.registered("ms", "2001:db8:f1:2:")
        site.ping("internet")


def test_laptop_goes_from_the_wire_to_wireless_and_back():
    with Running("laptop") as site:
        site.attach("wlan0", "cafe")
        site.registered("ha", "2001:db8:b:1:")
        site.ping("ch")
        site.attach("eth0", "office")
        site.registered("ha", "2001:db8:a:1:")
        site.ping("ch")
        site.example.plug("mh", "eth0", None)
        site.registered("ha", "2001:db8:b:1:")
        site.ping("ch")


def test_site_correspondents_are_told_the_address_on_the_link():
    with Running("site-correspondents") as site:
        site.attach("wlan0", "acc1")
        site.registered("ms", "2001:db8:f1:1:")
        site.registered("ha", "2001:db8:f1::")
        site.ping("server")
        site.ping("ch")
        def bindings(host):
            return [row["lcoa"] for row in site.example.daemons[host].show("bindings")]
        wait_for("the LCoA at the server", lambda: bindings("server")
                 and bindings("server")[0].startswith("2001:db8:f1:1:"))
        wait_for("the GCoA at the correspondent", lambda: bindings("ch")
                 and bindings("ch")[0].startswith("2001:db8:f1::"))
        site.attach("wlan0", "acc2")
        wait_for("the new LCoA at the server", lambda: bindings("server")[0].startswith("2001:db8:f1:2:"))
        site.ping("server")
        expect(bindings("ch")[0].startswith("2001:db8:f1::"), f"the correspondent knows {bindings('ch')}")


def test_examples_try_takes_commands():
    script = "plug wlan0 acc1\ninternet ping -6 -c1 -w15 2001:db8:f1::1\nborder show bindings\nnonsense\nquit\n"
    build = os.path.dirname(os.path.dirname(HMIPD))
    with subprocess.Popen([os.path.join(tap.TOP, "examples", "try"), "border-router", "--no-install"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={**os.environ, "HMIPD_BUILD": build}) as session:
        said = session.communicate(script, timeout=120)[0]
    expect_eq(session.returncode, 0, f"exit ({said})")
    expect("1 received" in said and "machines: " in said and "2001:db8:f1::aa" in said, said)
    expect(f"hmipd-try-{session.pid}-" not in sh("ip", "netns", "list"), "namespaces are left")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
