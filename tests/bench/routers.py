"""Routers to be compared, each in network namespaces of its own: src -- router -- dst over veth.

All have the same addresses and get the same packets, for GCOA and the addresses after it; the plain one
has a route where the others have a tunnel plugin with bindings. None of them is touched while another is
measured, so they can take turns without being set up again."""

import json
import os
import subprocess
import tempfile
import time

from figures import cpu_ns
from lab.netlab import LabError, wait_for

SRC, ROUTER, MS, UPLINK = "2001:db8:c::1", "2001:db8:c::2", "2001:db8:f::1", "2001:db8:a::1"
LCOA, MOVED = "2001:db8:a::99", "2001:db8:a::98"
GCOA_PREFIX, GCOA_FIRST = "2001:db8:f::", 0x10000

SOCKET_PPS = 40000  # a socket sends that easily, and it is overload for none


class Skip(Exception):
    """This cannot be measured; the text says why."""


class Lacks(Skip):
    """This kernel does not have what the plugin needs."""


def gcoa(index):
    """The address of a binding: the prefix and a number."""
    low = GCOA_FIRST + index
    return f"{GCOA_PREFIX}{low >> 16:x}:{low & 0xffff:x}"


class Talk:
    """A program that answers each line on its standard input with one on its standard output."""

    def __init__(self, argv):
        # Complaints go to a file: nobody reads a pipe meanwhile, and one that is full stops who writes.
        self.stderr = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                        text=True)
        self.said = []

    def ask(self, line=None):
        if line is not None:
            try:
                self.process.stdin.write(line + "\n")
                self.process.stdin.flush()
            except BrokenPipeError:
                pass
        for out in self.process.stdout:
            if not out.startswith(("log ", "seen ")):
                return out.strip()
            self.said.append(out.strip())
        raise LabError(f"{self.process.args[4:]} is gone after {line!r}: {self.complaint()} "
                       f"{' '.join(self.said[-3:])}")

    def complaint(self):
        """The last of it."""
        self.stderr.seek(0)
        return self.stderr.read()[-1000:].strip()

    def end(self):
        """Ends it, and sees that it was well until then and went willingly."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if status != 0:
            raise LabError(f"{self.process.args[4:]} ended with {status}: {self.complaint()}")


class Mode:
    """LABEL=PLUGIN[,OPTION=VALUE...][@PPS]; without @ packets are offered as fast as the router takes them."""

    def __init__(self, text):
        self.text = text
        text, _, pps = text.partition("@")
        self.label, _, rest = text.partition("=")
        self.plugin, *self.options = (rest or self.label).split(",")
        self.pps = int(pps or 0)


class Router:
    def __init__(self, lab, tools, number, mode):
        self.lab, self.tools, self.mode, self.label = lab, tools, mode, mode.label
        self.src, self.router, self.dst = (f"{node}{number}" for node in ("src", "router", "dst"))
        self.s, self.r, self.up, self.d = (f"{end}{number}" for end in ("s", "r", "up", "d"))
        self.rate = mode.pps if tools.frames else SOCKET_PPS
        self.driver = self.sink = self.counted = self.napi = None
        self.bound, self.taking = 0, None
        self.lay_out()

    # --- the network ---

    def lay_out(self):
        lab = self.lab
        for name in (self.src, self.router, self.dst):
            lab.host(name, forwarding=name == self.router)
        lab.link(self.src, self.s, self.router, self.r)
        lab.link(self.router, self.up, self.dst, self.d)
        for name, interface, address in ((self.src, self.s, SRC), (self.router, self.r, ROUTER),
                                         (self.router, self.up, UPLINK), (self.dst, self.d, LCOA),
                                         (self.dst, self.d, MOVED)):
            lab.addr(name, interface, address + "/64")
        for name, address in ((self.router, MS), (self.dst, gcoa(0))):
            lab.run(name, "ip", "-6", "addr", "add", address + "/128", "dev", "lo")
        lab.run(self.src, "ip", "-6", "route", "add", "default", "via", ROUTER)
        # Room for the outer header, for all alike.
        lab.run(self.src, "ip", "-6", "route", "add", GCOA_PREFIX + "/64", "via", ROUTER, "mtu", "lock", "1460")
        lab.route(self.dst, "default", UPLINK)
        for address in (LCOA, MOVED):
            wait_for(f"{address}", lambda: "bytes from" in lab.run(
                self.src, "ping", "-n", "-c", "1", "-W", "1", address, check=False))
        self.mac = lab.run(self.router, "cat", f"/sys/class/net/{self.r}/address").strip()

    def start(self):
        """The plugin, or the route."""
        if self.mode.plugin == "plain":
            self.lab.route(self.router, GCOA_PREFIX + "/64", LCOA)
        else:
            self.open_plugin()
        if self.tools.frames:
            self.sink = Talk(self.lab.argv(self.dst, self.tools.frames, "sink", self.d))
            self.counted = self.sink.ask()
        else:
            self.lab.run(self.dst, "nft", f"table netdev sink {{ chain in {{ type filter hook ingress device {self.d}"
                         " priority 0; ip6 nexthdr { 17, 41 } drop; }; }")

    def open_plugin(self):
        module = os.path.join(self.tools.plugins, f"tunnel-{self.mode.plugin}.so")
        if not os.path.exists(module):
            raise Skip("it is not built")
        lacks = self.lab.run(self.router, self.tools.driver, "--check", module, check=False).splitlines()
        if missing := [line.partition(" ")[2] for line in lacks if line.startswith("lacks ")]:
            raise Lacks("; ".join(missing))
        self.driver = Talk(self.lab.argv(self.router, *self.tools.without, self.tools.driver, module,
                                         *self.mode.options))
        self.driver.ask()
        self.do(f"prefix {GCOA_PREFIX} 64 {MS} 0 routed")

    def do(self, command):
        answer = self.driver.ask(command)
        if not answer.startswith("ok"):
            raise LabError(f"{self.label}: {command}: {answer}: {'; '.join(self.driver.said[-3:])}")
        return answer[2:].split()

    def has_xdp(self):
        return "prog/xdp" in self.lab.run(self.router, "ip", "link", "show", "dev", self.r)

    def pin(self):
        """The thread that receives for the router, and the plugin's, on a processor that the sender does not use."""
        def threads():
            return {int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self.is_napi(pid)}

        before = threads()
        self.lab.run(self.router, "ethtool", "-K", self.r, "gro", "on")
        self.lab.run(self.router, "sh", "-c", f"echo 1 > /sys/class/net/{self.r}/threaded")
        self.napi, = wait_for("the receiving thread", lambda: threads() - before)
        for task in (self.napi, *self.threads()):
            os.sched_setaffinity(task, {self.tools.cpu})
        if not self.tools.frames:
            self.take_from_socket()

    def take_from_socket(self):
        """A veth polls for a sender on a socket only when that has no segmentation offload."""
        self.lab.run(self.src, "ethtool", "-K", self.s, "tso", "off")

    def is_napi(self, pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                return file.read().startswith(f"napi/{self.r}-")
        except (FileNotFoundError, ProcessLookupError):
            return False

    # --- bindings ---

    def bind(self, count):
        """Bindings up to that number: how many were made a second, and the octets of memory for each."""
        more, self.bound = count - self.bound, max(count, self.bound)
        if not self.driver or more <= 0:
            return None
        kernel, process = self.kernel_memory(), self.process_memory()
        made = self.load("load", more, count - more, LCOA)
        return {"made": [made], "maps": self.maps() / count, "kernel": (self.kernel_memory() - kernel) / more,
                "process": (self.process_memory() - process) / more}

    def load(self, verb, count, start, remote):
        took_us = int(self.do(f"{verb} {count} {gcoa(start)} local {MS} remote {remote}")[0])
        return count / max(took_us, 1) * 1e6

    @staticmethod
    def kernel_memory():
        """Of the whole machine: who else allocates adds to the error."""
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return 1024 * sum(int(fields[name].split()[0]) for name in ("Slab", "Percpu", "VmallocUsed", "PageTables"))

    def process_memory(self):
        with open(f"/proc/{self.driver.process.pid}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
        return 1024 * int(fields["RssAnon"].split()[0])

    def maps(self):
        """What the kernel accounts for the plugin's BPF maps."""
        total, counted = 0, set()
        where = f"/proc/{self.driver.process.pid}/fdinfo"
        for fd in os.listdir(where):
            with open(os.path.join(where, fd), encoding="ascii") as file:
                fields = dict(line.split(":", 1) for line in file if ":" in line)
            if "map_id" in fields and fields["map_id"] not in counted:
                counted.add(fields["map_id"])
                total += int(fields["memlock"])
        return total

    def threads(self):
        """Of the plugin: all of its process, which does nothing else meanwhile."""
        return [int(t) for t in os.listdir(f"/proc/{self.driver.process.pid}/task")] if self.driver else []

    # --- measurements ---

    def take_in(self, how):
        """What dst does with what arrives; the counts of it so far."""
        if self.sink:
            # Attaching a program changes the link, and plugins look again at a link that changed.
            how, self.taking = "count" if how == self.taking else how, self.taking if how == "count" else how
            return [int(n) for n in self.sink.ask(how).split()]
        return [int(self.lab.run(self.dst, "cat", f"/sys/class/net/{self.d}/statistics/rx_packets"))]

    def send(self, count, payload, rate, seconds, sender=None):
        """How many were offered, in how many seconds."""
        watched = []
        if self.sink and not sender:  # waits for the sink, if it has a processor of its own to wait on
            watched = [self.counted if self.tools.cpu else "0", str(self.tools.cpu)]
        sender = sender or self.tools.sender
        out = self.lab.run(self.src, "taskset", "-c", "0", *sender, self.s, self.mac, SRC, gcoa(0),
                           str(count), str(payload), str(rate), str(seconds), *watched, timeout=seconds + 30)
        offered, took = out.split()
        return int(offered), float(took)

    def measure(self, count, payload, rate, seconds, sender=None):
        """One slice of packets to `count` random addresses."""
        before = self.take_in("xdp" if self.has_xdp() else "tc") if self.sink else self.take_in(None)
        tasks = self.threads()
        kernel, soft, user = cpu_ns([self.napi]), cpu_ns([self.tools.ksoftirqd]), cpu_ns(tasks)
        offered, took = self.send(count, payload, rate, seconds, sender)
        time.sleep(0.05)
        kernel, soft = cpu_ns([self.napi]) - kernel, cpu_ns([self.tools.ksoftirqd]) - soft
        user = cpu_ns(tasks) - user
        kinds = [now - then for now, then in zip(self.take_in("count"), before)]
        got = sum(kinds)
        if got == 0:
            raise LabError(f"{self.label}: {offered} packets were sent and none arrived")
        if self.driver and self.sink and kinds[0]:
            raise LabError(f"{self.label}: {kinds[0]} of {got} packets arrived without a tunnel")
        return {"ns": (kernel + soft + user) / got, "napi_ns": kernel / got, "softirq_ns": soft / got,
                "plugin_ns": user / got, "offered": offered, "delivered": got, "seconds": took}

    def prove(self, count):
        """Well below any overload every packet arrives. A busy machine gets three attempts."""
        for _ in range(3):
            result = self.measure(count, 64, 5000, 0.1)
            if result["delivered"] >= 0.99 * result["offered"]:
                return
        raise LabError(f"{self.label}, {count} bindings: {result['delivered']} of {result['offered']} arrived")

    def tcp(self, amount):
        """One flow to a bound address, in bits per second, with the kernel's own offloads."""
        if self.sink:
            self.take_in("unpack")
        if self.has_xdp():
            # What a program sees as a frame has no checksum to be filled in later, and a frame that is
            # redirected into a veth needs a receiver that polls.
            for name, interface in ((self.src, self.s), (self.dst, self.d)):
                self.lab.run(name, "ethtool", "-K", interface, "tx", "off")
            self.lab.run(self.dst, "ethtool", "-K", self.d, "gro", "on")
        server = subprocess.Popen(self.lab.argv(self.dst, "iperf3", "-s", "-1", "-B", gcoa(0)),
                                  stdout=subprocess.DEVNULL)
        try:
            wait_for("iperf3", lambda: ":5201 " in self.lab.run(self.dst, "ss", "-Hltn"))
            out = self.lab.run(self.src, "iperf3", "-c", gcoa(0), *amount, "-J", "--connect-timeout", "3000",
                               check=False)
            end = json.loads(out).get("end", {}).get("sum_received")
            if not end or not end["bits_per_second"]:
                raise LabError(f"{self.label}: no TCP: {json.loads(out).get('error')}")
            return end["bits_per_second"]
        finally:
            server.kill()
            server.wait()

    def stop(self):
        for program in (self.driver, self.sink):
            if program:
                program.end()
