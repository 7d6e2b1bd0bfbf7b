"""The network of the demonstration: a home network, an Internet, two correspondents, domain A with one
mobility server and two access links, domain B whose border router is its mobility server, and a link
that knows nothing of mobility servers.

    ch   chm        home link
     |    |            | home0
     +- inet ------- home (ha, ra)
       /   |  \\
    bra   brb   arc
     |mn0   |b0    |c0
  msa ara1 ara2    |           access links a1, a2, b, c and home are bridges of `air`,
       |     |     |           and moving is plugging the mobile host's port into another
      a1    a2     ...
"""

import os
import time

from .daemon import Daemon
from .netlab import LabError

HOME = "2001:db8:1::aa"
HA = "2001:db8:1::1"
CH = "2001:db8:c::2"
CHM = "2001:db8:c:1::2"
MSA = "2001:db8:f1::1"
MSB = "2001:db8:f2::1"
LINKS = ("home", "a1", "a2", "b", "c")

KEYS = f"""
[key mh-ms]
spi = 0x1001
secret = 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
use = mh-ms
home-address = {HOME}

[key mh-ha]
spi = 0x1002
secret = 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f
use = mh-ha
home-address = {HOME}

[key mh-ch]
spi = 0x1003
secret = 404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f
use = mh-ch
home-address = {HOME}
peer = {CHM}

[key handoff]
spi = 0x2002
secret = 606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f
use = ms-ms
peer = 2001:db8:f0::/44

[key information]
spi = 0x2001
secret = 808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f
use = ms-ra
peer = 2001:db8:f0::/44
"""


class Site:
    def __init__(self, lab, binary, plugin_dir, tunnel="tun", level="info"):
        self.lab = lab
        self.make = lambda host, roles, body: Daemon(
            lab, binary, plugin_dir, host, roles, f"tunnel = {tunnel}\n" + body + KEYS, level)
        self.daemons = {}
        self.where = None
        self.by_xtables = False

    # --- the network ---

    def build(self):
        lab = self.lab
        for router in ("inet", "home", "bra", "ara1", "ara2", "brb", "arc", "msa"):
            lab.host(router, forwarding=True)
        for host in ("ch", "chm", "air"):
            lab.host(host)
        lab.host("mh", dad=True)
        self._internet()
        self._domain_a()
        self._access()
        for host in lab.names:
            self._count_signalling(host)

    def _internet(self):
        lab = self.lab
        for number, (host, prefixes) in enumerate({
                "home": ["2001:db8:1::/64"], "ch": [], "chm": [],
                "bra": ["2001:db8:f1::/48"], "brb": ["2001:db8:f2::/48"],
                "arc": ["2001:db8:f3::/48"]}.items()):
            lab.link("inet", f"to-{host}", host, "up0")
            net = {"ch": "2001:db8:c:", "chm": "2001:db8:c:1:"}.get(host, f"2001:db8:ff:{number}:")
            lab.addr("inet", f"to-{host}", f"{net}:1/64")
            lab.addr(host, "up0", f"{net}:2/64")
            lab.route(host, "default", f"{net}:1")
            for prefix in prefixes:
                lab.route("inet", prefix, f"{net}:2")

    def _domain_a(self):
        """The Mobility Network is a link: border router, mobility server and access routers on it."""
        lab = self.lab
        lab.bridge("bra", "mn0")
        lab.addr("bra", "mn0", "2001:db8:f1::ff/64")
        for host, own in (("msa", None), ("ara1", "2001:db8:f1::11/64"), ("ara2", "2001:db8:f1::12/64")):
            lab.link("bra", f"mn-{host}", host, "mn0")
            lab.run("bra", "ip", "link", "set", f"mn-{host}", "master", "mn0")
            if own:
                lab.addr(host, "mn0", own)
                lab.route(host, "default", "2001:db8:f1::ff")
        # The mobility server's own address is its daemon's to assign; the way out is ours.
        lab.run("msa", "ip", "-6", "route", "add", "2001:db8:f1::/64", "dev", "mn0")
        lab.route("msa", "default", "2001:db8:f1::ff")
        for number, router in ((1, "11"), (2, "12")):
            net = f"2001:db8:f1:{number}::/64"
            lab.route("bra", net, f"2001:db8:f1::{router}")
            lab.route("msa", net, f"2001:db8:f1::{router}")

    def _access(self):
        lab = self.lab
        routers = {"home": ("home", "home0", f"{HA}/64"), "a1": ("ara1", "acc0", "2001:db8:f1:1::1/64"),
                   "a2": ("ara2", "acc0", "2001:db8:f1:2::1/64"),
                   "b": ("brb", "acc0", "2001:db8:f2:1::1/64"),
                   "c": ("arc", "acc0", "2001:db8:f3:1::1/64")}
        for link in LINKS:
            host, interface, address = routers[link]
            lab.bridge("air", f"br-{link}")
            lab.link("air", f"ap-{link}", host, interface)
            lab.run("air", "ip", "link", "set", f"ap-{link}", "master", f"br-{link}")
            lab.addr(host, interface, address)
        lab.link("air", "port", "mh", "wlan0")
        lab.run("air", "ip", "link", "set", "port", "down")

    # --- counting signalling ---

    def _count_signalling(self, host):
        """Counts control packets that reach this host from outside: Destination Options with no payload,
        or with the Home Address in a header of its own before another."""
        try:
            self.lab.run(host, "nft", "add table ip6 watch; add chain ip6 watch in { type filter hook "
                         "prerouting priority -400; }; add counter ip6 watch signalling; add counter ip6 "
                         "watch via-home; add rule ip6 watch in fib daddr type local iif != lo "
                         "ip6 nexthdr 60 dst nexthdr { 59, 60 } counter name signalling; "
                         f"add rule ip6 watch in ip6 daddr {HOME} counter name via-home")
        except LabError:  # no nftables for IPv6 in this kernel
            for words in ("-N watch", "-A watch ! -i lo -m addrtype --dst-type LOCAL -m u32 --u32 "
                          "3&0xFF=60&&37&0xFF=59:60 -m comment --comment signalling",
                          f"-A watch -d {HOME} -m comment --comment via-home"):
                self.lab.run(host, "ip6tables", "-w", "-t", "raw", *words.split())
            self.by_xtables = True

    def counter(self, host, name="signalling"):
        if self.by_xtables:
            return self._xtables_counter(host, name)
        text = self.lab.run(host, "nft", "list", "counter", "ip6", "watch", name)
        return int(text.split("packets ")[1].split()[0])

    def _xtables_counter(self, host, name):
        raw = ("ip6tables", "-w", "-t", "raw")
        # In front of the daemon's own chain, which drops what is counted here and came later.
        self.lab.run(host, *raw, "-D", "PREROUTING", "-j", "watch", check=False)
        self.lab.run(host, *raw, "-I", "PREROUTING", "-j", "watch")
        rules = self.lab.run(host, *raw, "-L", "watch", "-vnx").splitlines()
        return next(int(rule.split()[0]) for rule in rules if f"/* {name} */" in rule)

    # --- daemons ---

    def start(self, mobile=True):
        make = self.make
        self.daemons["home"] = make("home", "ha,ra", f"""
[ha]
interface = home0
address = {HA}/64
[ra]
interface = home0
prefix = 2001:db8:1::/64
mobility = none
""")
        self.daemons["msa"] = make("msa", "ms", f"""
[ms]
interface = mn0
address = {MSA}/64
routers = 2001:db8:f1:1::1, 2001:db8:f1:2::1
info-interval = 1
peers = {MSB}
""")
        self.daemons["brb"] = make("brb", "ms,ra", f"""
[ms]
address = {MSB}/64
routers = 2001:db8:f2:1::1
info-interval = 1
peers = {MSA}
[ra]
interface = acc0
prefix = 2001:db8:f2:1::/64
""")
        for host, number, mobility in (("ara1", "f1:1", "dynamic"), ("ara2", "f1:2", "dynamic"),
                                       ("arc", "f3:1", "none")):
            self.daemons[host] = make(host, "ra", f"""
[ra]
interface = acc0
prefix = 2001:db8:{number}::/64
mobility = {mobility}
""")
        self.daemons["chm"] = make("chm", "ch", "\n[ch]\ninterface = up0\n")
        self.daemons["mh"] = make("mh", "mh", f"""
[mh]
interface = wlan0
home-address = {HOME}/64
home-agent = {HA}
correspondents = {CHM}
""")
        for host, daemon in self.daemons.items():
            if host != "mh":
                daemon.start(wait=False)
        for host, daemon in self.daemons.items():
            if host != "mh":
                daemon.wait()
        if mobile:
            self.daemons["mh"].start()

    def move(self, link, outage=0.0):
        """Plugs the mobile host into another link; (moment unplugged, moment plugged in)."""
        lab = self.lab
        lab.run("air", "ip", "link", "set", "port", "down")
        start = time.time()
        if outage:
            time.sleep(outage)
        lab.run("air", "ip", "link", "set", "port", "master", f"br-{link}")
        lab.run("air", "ip", "link", "set", "port", "up")
        self.where = link
        return start, time.time()

    def rtt_ms(self, source, target):
        """The shortest of a few round trips between a host and an address."""
        text = self.lab.run(source, "ping", "-6", "-n", "-q", "-c", "5", "-i", "0.02", target)
        return float(text.split("min/avg/max/mdev = ")[1].split("/")[0])


def build_tree(top):
    """Paths of the executable and the plugins in the build tree that `examples/demo` uses."""
    build = os.environ.get("HMIPD_BUILD", os.path.join(top, "build", "demo"))
    return build, os.path.join(build, "src", "hmipd"), os.path.join(build, "plugins")
