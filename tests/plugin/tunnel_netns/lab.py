"""The lab:  cn -- ha -- ms -- mh  in network namespaces, the plugin loaded where a case wants it
(tunnel-driver), and eyes on every link."""

import contextlib, ctypes, os, re, select, socket, subprocess, threading, time

from .packets import Packet

NODES = ["cn", "ha", "ms", "mh"]
LINKS = [("cn", "wan", "ha", "out"), ("ha", "in", "ms", "wan"), ("ms", "lan", "mh", "wan")]
CN, HOME, HA = "2001:db8:c::1", "2001:db8:1::aa", "2001:db8:e::1"
MS, GCOA = "2001:db8:f::1", "2001:db8:f::aa"
LCOA, LCOA2 = "2001:db8:a::99", "2001:db8:a::98"
AR = "2001:db8:a::1"  # the mobility server on the mobile host's link
ADDRESSES = {("cn", "wan"): [CN], ("ha", "out"): ["2001:db8:c::2"], ("ha", "in"): [HA],
             ("ms", "wan"): ["2001:db8:e::2"], ("ms", "lan"): [AR], ("mh", "wan"): [LCOA, LCOA2]}
ROUTES = [("cn", "default via 2001:db8:c::2"), ("ha", "default via 2001:db8:e::2"),
          ("ms", f"2001:db8:c::/64 via {HA}"), ("ms", f"2001:db8:1::/64 via {HA}"),
          ("mh", f"default via {AR}")]
libc = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """What the case needs is not on this machine, or not in this plugin."""


# What a plugin documents as not offered: FEATURE: REASON. A case is skipped only when the plugin
# refuses a feature that stands here; any other refusal is a failure. A plugin that is not listed is
# believed what it refuses. Features that are no words of an entry: "gap", forwarding while no
# process runs; "gap at hosts", the same in a mobile host's tunnels; "gap beside", with route
# optimisation; "clock", ageing by the clock that the host gives; "cuts", sending tunnel packets in
# fragments; "limit", the Tunnel Encapsulation Limit.
EVERYTHING = {}
LACKS = {
    "bpf": EVERYTHING,
    "ip6tnl": {"limit": "its kernel tunnel has encaplimit none, and hands none on",
               "gap beside": "it optimises routes in user space",
               "cuts": "its kernel tunnel answers or loses packets of 1280 octets that do not fit"},
    "tun": {"gap": "it forwards in user space, and pauses while no process runs",
            "gap at hosts": "it forwards in user space, and pauses while no process runs",
            "gap beside": "it forwards in user space, and pauses while no process runs"},
}
UNSUPPORTED = "error -8"
# Plugins whose bindings the kernel's own tunnels carry. These put ECT(0) around a congestion mark, which
# stays inside (RFC 3168 9.1.1).
KERNEL_TUNNELS = ("ip6tnl",)


class Under:
    """The plugin under test; the runner fills it in."""
    driver, plugin, options, name = "", "", [], ""

    @classmethod
    def check(cls):
        """What the machine lacks, in the plugin's own words."""
        r = subprocess.run([cls.driver, "--check", cls.plugin], capture_output=True, text=True)
        lacking = [line[6:] for line in r.stdout.split("\n") if line.startswith("lacks ")]
        if r.returncode not in (0, 69):
            raise AssertionError(r.stderr.strip() or f"check: exit {r.returncode}")
        cls.name = re.search(r"^name (\S+)$", r.stdout, re.M).group(1)
        return "; ".join(lacking)


def lacks(feature):
    """The plugin's reason for not offering it, or None."""
    return LACKS.get(Under.name, EVERYTHING).get(feature)


def needs(feature):
    if lacks(feature):
        raise Skip(f"tunnel-{Under.name}: {lacks(feature)}")


def space(node):
    """The namespace of a node of this process's lab; others have theirs beside it."""
    return f"tunnel-{os.getpid()}-{node}"


def sh(command, check=True):
    r = subprocess.run(command, shell=True, capture_output=True, text=True)
    if check and r.returncode != 0:
        raise AssertionError(f"{command}: {r.stderr.strip() or r.stdout.strip()}")
    return r.stdout


def on(node, command, check=True):
    if command.startswith("ip "):
        return sh(f"ip -n {space(node)} {command[3:]}", check)
    return sh(f"ip netns exec {space(node)} {command}", check)


def batch(node, commands, tool="ip", check=True):
    """Many commands in one process, which is what a lab costs; what they say."""
    where = [] if node is None else ["-n", space(node)]
    r = subprocess.run([*tool.split(), *where, *([] if check else ["-force"]), "-batch", "-"],
                       input="\n".join(commands), capture_output=True, text=True)
    assert r.returncode == 0 or not check, f"{node}: {commands}: {r.stderr.strip()}"
    return r.stdout


@contextlib.contextmanager
def inside(node):
    """What this thread opens belongs to that namespace."""
    with open("/proc/thread-self/ns/net") as here, open(f"/run/netns/{space(node)}") as there:
        assert libc.setns(there.fileno(), 0x40000000) == 0
        try:
            yield
        finally:
            assert libc.setns(here.fileno(), 0x40000000) == 0


def socket_in(node, *args):
    with inside(node):
        return socket.socket(*args)


def settings(node, values):
    """NAME=VALUE of net.ipv6 in that namespace, without a process for each."""
    with inside(node):
        for name, value in values.items():
            with open("/proc/sys/net/ipv6/" + name, "w") as file:
                file.write(str(value))


class Tap:
    """Everything that passes an interface, in both directions."""

    def __init__(self, node, interface):
        self.s = socket_in(node, socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.s.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
        self.s.bind((interface, 3))

    def until(self, want, seconds=3):
        end, seen = time.monotonic() + seconds, []
        while True:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.s], [], [], left)[0]:
                raise AssertionError(f"not seen within {seconds} s; seen: {seen[-8:]}")
            octets, where = self.s.recvfrom(70000)
            if where[1] != 0x86DD or len(octets) < 40:
                continue
            packet = Packet(octets)
            if want(packet):
                return packet
            seen.append(packet)

    def never(self, unwanted, seconds=0.3):
        try:
            packet = self.until(unwanted, seconds)
        except AssertionError:
            return
        raise AssertionError(f"seen: {packet}")

    def all(self, seconds=0.5, most=None):
        """What came and comes, until nothing does for that long. Under a stream, name the most: a slow
        machine reads no faster than more comes."""
        packets = []
        while (most is None or len(packets) < most) and select.select([self.s], [], [], seconds)[0]:
            octets, where = self.s.recvfrom(70000)
            if where[1] == 0x86DD and len(octets) >= 40:
                packets.append(Packet(octets))
        return packets

    def drain(self):
        while select.select([self.s], [], [], 0)[0]:
            self.s.recv(70000)


class Driver:
    running = []

    def __init__(self, node, *options, under=(), plugin=None):
        """under: a command that runs it; plugin: another one of this build, by name."""
        path = os.path.join(os.path.dirname(Under.plugin), f"tunnel-{plugin}.so") if plugin else Under.plugin
        if not os.path.exists(path):
            raise Skip(f"{path} is not built")
        self.node, self.seen, self.logs, self.lines = node, [], [], []
        self.p = subprocess.Popen(["ip", "netns", "exec", space(node), *under, Under.driver, path,
                                   *([] if plugin else Under.options), *options],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.more = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()
        Driver.running.append(self)
        self.answer("open")

    def listen(self):
        for line in self.p.stdout:
            word, _, rest = line.strip().partition(" ")
            with self.more:
                {"seen": self.seen, "log": self.logs}.get(word, self.lines).append(
                    rest if word in ("seen", "log") else line.strip())
                self.more.notify()
        with self.more:
            self.lines.append(f"ended with {self.p.wait()}")
            self.more.notify()

    def has_seen(self, what, seconds=3):
        """A report of traffic, which may come a second late."""
        with self.more:
            assert self.more.wait_for(lambda: what in self.seen, seconds), f"not {what}: {self.seen}"

    def answer(self, command):
        with self.more:
            assert self.more.wait_for(lambda: self.lines, 60), f"no answer; log: {self.logs}"
            line = self.lines.pop(0)
        if line == UNSUPPORTED:
            self.refused(command)
        assert line.startswith("ok"), f"{command}: {line}; log: {self.logs}"
        return line[2:].strip()

    def refused(self, command):
        lacks = LACKS.get(Under.name)
        reason = " ".join(self.logs[-1:]) if lacks is None else \
            "; ".join(lacks[word] for word in command.split() if word in lacks)
        assert reason or lacks is None, f"{command}: refused; log: {self.logs}"
        raise Skip(f"tunnel-{Under.name}: {reason or 'does not do ' + command}")

    def do(self, command):
        self.p.stdin.write(command + "\n")
        self.p.stdin.flush()
        said = self.answer(command)
        if command.startswith("put home "):
            self.wait_for_address(command.split()[2])
        return said

    def wait_for_address(self, address):
        """The kernel makes the local route of an address a moment after the address, when it comes to it:
        on a busy machine what arrives in between is taken for somebody else's."""
        end = time.monotonic() + 5
        while not on(self.node, f"ip -6 route show table local {address}"):
            assert time.monotonic() < end, f"{address} does not become an address of {self.node}"
            time.sleep(0.005)

    def stats(self):
        return {k: int(v) for k, v in (pair.split("=") for pair in self.do("stat").split())}

    def count(self, key):
        """packets and octets in, packets and octets out"""
        return [int(word) for word in self.do(f"count {key}").split()]

    def tell(self):
        """Its state, for who looks for the cause of a failure."""
        try:
            counted = {name: value for name, value in self.stats().items() if value}
        except (AssertionError, OSError) as e:
            counted = f"does not answer: {e}"
        return f"{self.node}: {counted} log: {self.logs[-8:]}"

    def memory_kb(self):
        with open(f"/proc/{self.p.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def stop(self, how="clean"):
        self.do(f"stop {how}")
        self.p.wait(10)
        Driver.running.remove(self)

    def kill(self):
        self.p.kill()
        self.p.wait(10)
        Driver.running.remove(self)


def lay_out():
    batch(None, [f"netns add {space(node)}" for node in NODES])
    for node in NODES:
        settings(node, {"conf/all/forwarding": int(node in ("ha", "ms")), "icmp/ratelimit": 0})
    for link in LINKS:
        connect(*link)
    for node in NODES:
        commands = ["link set lo up"] + [f"addr add {MS}/128 dev lo"] * (node == "ms")
        for interface in (i for n, i in ADDRESSES if n == node):
            commands += bring_up(node, interface)
        batch(node, commands + [f"route add {route}" for n, route in ROUTES if n == node])
    for node in ("cn", "mh"):
        silence(node)


def connect(a, x, b, y):
    """A link, down."""
    batch(a, [f"link add name {x} type veth peer name {y} netns {space(b)}"])
    for node, interface in ((a, x), (b, y)):
        settings(node, {f"conf/{interface}/accept_dad": 0, f"conf/{interface}/ndisc_notify": 1})
        # XDP gives frames on as they are, without the word of a sender on this machine that their
        # checksums are unfinished: virtual links are for tc, and XDP wants finished checksums.
        if "path=xdp" in Under.options:
            on(node, f"ethtool -K {interface} tx off")


def bring_up(node, interface):
    return [f"link set dev {interface} up"] + addresses(node, interface)


def addresses(node, interface, name=None):
    return [f"addr add {address}/64 dev {name or interface} nodad" for address in ADDRESSES[node, interface]]


def plug(a, x, b, y):
    """A link and the addresses at its ends."""
    connect(a, x, b, y)
    for node, interface in ((a, x), (b, y)):
        batch(node, bring_up(node, interface))


def assign(node, interface, name=None):
    """The addresses of an interface, whatever its name is now."""
    batch(node, addresses(node, interface, name))


def _drop(node, hook, what, *rules):
    """What nftables calls that; ip6tables with those rules, where the kernel has no nftables."""
    if subprocess.run(["ip", "netns", "exec", space(node), "nft",
                       f"table ip6 lab {{ chain {hook} {{ type filter hook {hook} priority raw; {what} drop ; }} ; }}"],
                      capture_output=True).returncode:
        for rule in rules:
            on(node, f"ip6tables -t raw -A {hook.upper()} {rule} -j DROP")


def silence(node):
    """Route optimisation's headers are the plugin's alone: the daemon's filter, by hand."""
    _drop(node, "prerouting", "ip6 nexthdr { 43, 60 }", *(f'-m u32 --u32 "3&0xff={header}"' for header in (43, 60)))


def deny_nothing(node):
    """A kernel with ip6_tunnel says Port Unreachable to every tunnel packet that is not its own, and a host's
    own tunnel makes Address Unreachable of that: the daemon's other filter, by hand."""
    _drop(node, "output", "icmpv6 type 1 icmpv6 code 4 @th,112,8 41",
          '-p icmpv6 --icmpv6-type 1/4 -m u32 --u32 "51&0xff=41"')


def inhabitants(node):
    """The processes in a namespace, which nobody else has."""
    try:
        namespace = os.stat(f"/run/netns/{space(node)}").st_ino
    except FileNotFoundError:
        return
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{pid}/ns/net").st_ino == namespace:
                yield int(pid)


def tear_down():
    for driver in list(Driver.running):
        driver.kill()
    for node in NODES:
        for pid in inhabitants(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
    batch(None, [f"netns del {space(node)}" for node in NODES], check=False)


def snapshot(node):
    """What a plugin may leave behind."""
    links = on(node, "ip -o link")
    interfaces = sorted(re.findall(r"^\d+: ([^:@]+)", links, re.M))
    found = [batch(node, ["rule", "route show table all", "addr", "neigh show proxy"], "ip -6", check=False)]
    found.append(re.sub(r"\d+: ", "", links))
    found.append(on(node, "nft list ruleset", False))
    found.append(on(node, "sysctl -a -r '^net.ipv6.(conf|route)|^net.ipv4.conf.all'", False))
    found.append(batch(node, [f"{what} show dev {interface} {hook}" for interface in interfaces
                              for what, hook in (("qdisc", ""), ("filter", "ingress"), ("filter", "egress"))],
                       "tc", check=False))
    found.append(pinned(node))
    return found


def pinned(node):
    """Objects of eBPF that outlive their process; they lie under the number of their namespace."""
    number = str(os.stat(f"/run/netns/{space(node)}").st_ino)
    return "\n".join(sorted(os.path.join(where, name) for top in ("/sys/fs/bpf", "/run/hmipd")
                            for where, _, names in os.walk(top) for name in names if number in where))


def unchanged(node, before):
    for was, now in zip(before, snapshot(node)):
        assert now == was, f"{node}:\n{was}\nbecame\n{now}"


def counts(driver, key=f"encap {GCOA}"):
    """Whether the plugin counts per entry; one that does must count right."""
    try:
        driver.count(key)
    except Skip:
        return False
    return True


def in_kernel(driver, *names):
    """The kernel carried packets, where the plugin has it do so for hosts."""
    beside = any(name.startswith("optimised") for name in names)
    if lacks("gap beside" if beside else "gap at hosts") or Under.name not in LACKS:
        return
    stats = driver.stats()
    assert all(stats[f"host_{name}"] > 5 for name in names), stats


def server():
    """A mobility server that binds the GCoA to the LCoA."""
    ms = Driver("ms")
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA}")
    return ms


def whole_way(ms_options="", servers=None):
    """Home agent, mobility server, mobile host two tunnels deep; servers: with another plugin there."""
    ms, ha, mh = Driver("ms", plugin=servers), Driver("ha", plugin=servers), Driver("mh")
    ms.do(f"prefix 2001:db8:f:: 64 {MS} 0 routed")
    ms.do(f"put encap {GCOA} local {MS} remote {LCOA} {ms_options}")
    ha.do(f"prefix 2001:db8:1:: 64 {HA} 0 routed")
    ha.do(f"put encap {HOME} local {HA} remote {GCOA}")
    mh.do(f"put home {HOME} hop {GCOA} {HA} hop {LCOA} {MS}")
    return ms, ha, mh


def stop_all(*drivers):
    for driver in drivers:
        driver.stop()
