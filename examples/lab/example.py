"""A deployment of examples/ as a lab: each machine a namespace with the interfaces and addresses that the
directory's file `network` lists, running hmipd on the very files of the directory.

Lines of `network`:
  routers NAME...                          machines that forward
  link MACHINE:INTERFACE[=ADDRESS/PLEN]... [as NAME]
                                           one Ethernet; a named one can be plugged into
  address MACHINE INTERFACE ADDRESS/PLEN   one more address
  route MACHINE DESTINATION GATEWAY
  mobile MACHINE:INTERFACE                 an interface that is plugged into nothing at first
  advertise MACHINE INTERFACE PREFIX       a router that is not ours and knows nothing of mobility
  hmipd MACHINE FILE                       runs hmipd with this file of the directory"""

import os
import re
import secrets
import shutil

from .daemon import Daemon
from .netlab import wait_for

AIR = "air"


class ExampleDaemon(Daemon):
    """A daemon whose configuration is a file as it stands: what differs here is said by options."""

    def __init__(self, example, host, config):
        self.lab, self.binary, self.host = example.lab, example.binary, host
        stem = os.path.splitext(config)[0]
        self.socket = self.lab.path(f"{host}-{stem}.sock")
        self.state = self.lab.path(f"{host}-{stem}.state")
        self.config = self.lab.path(config)
        self.log = f"{host}-{stem}.log"
        self.options = [f"--state-dir={self.state}", f"--control-socket={self.socket}",
                        f"--plugin-dir={example.plugin_dir}"]
        self.process = None

    def start(self, wait=True):
        self.process = self.lab.spawn(self.host, self.binary, f"--config={self.config}", *self.options,
                                      log=self.log, stays=True)
        if wait:
            self.wait()

    def wait(self):
        wait_for(f"hmipd on {self.host} to serve (see {self.lab.path(self.log)})", self.serves)


class Example:
    def __init__(self, lab, binary, plugin_dir, directory):
        self.lab, self.binary, self.plugin_dir = lab, binary, plugin_dir
        self.daemons = {}
        self.links = 0
        self.named = []
        copy_with_keys(directory, lab.dir)
        with open(os.path.join(directory, "network"), encoding="ascii") as file:
            self.lines = [line.split() for line in file if line.strip() and not line.startswith("#")]

    def build(self):
        """The machines, in one go; then what they are plugged into, then routes."""
        routers = {name for words in self.lines if words[0] == "routers" for name in words[1:]}
        machines = {end.partition(":")[0] for words in self.lines if words[0] in ("link", "mobile")
                    for end in words[1:] if ":" in end.partition("=")[0]}
        mobiles = {words[1].partition(":")[0] for words in self.lines if words[0] == "mobile"}
        self.lab.host(AIR)
        for name in sorted(machines):
            self.lab.host(name, forwarding=name in routers, dad=name in mobiles)
        for kind in ("link", "address", "mobile", "route"):
            for words in self.lines:
                if words[0] == kind:
                    getattr(self, f"_{kind}")(*words[1:])

    def start(self):
        """All daemons but those of mobile hosts, which are started by who moves them."""
        self._advertisers()
        for host, file in (words[1:] for words in self.lines if words[0] == "hmipd"):
            self.daemons[host] = ExampleDaemon(self, host, file)
            if host not in self._mobile_hosts():
                self.daemons[host].start(wait=False)
        for host, daemon in self.daemons.items():
            if host not in self._mobile_hosts():
                daemon.wait()

    def plug(self, host, interface, link):
        """Plugs an interface of a mobile host into a link, or with None unplugs it."""
        port = f"{host}.{interface}"
        self.lab.run(AIR, "ip", "link", "set", port, "down")
        if link:
            self.lab.run(AIR, "ip", "link", "set", port, "master", f"l-{link}")
            self.lab.run(AIR, "ip", "link", "set", port, "up")

    def _mobile_hosts(self):
        return {words[1].partition(":")[0] for words in self.lines if words[0] == "mobile"}

    def _link(self, *words):
        self.links += 1
        name = words[words.index("as") + 1] if "as" in words else str(self.links)
        self.named += [name] if "as" in words else []
        self.lab.bridge(AIR, f"l-{name}")
        for number, word in enumerate(w for w in words if ":" in w.partition("=")[0]):
            end, _, address = word.partition("=")
            machine, _, interface = end.partition(":")
            port = f"p{self.links}-{number}"
            self.lab.link(AIR, port, machine, interface)
            self.lab.run(AIR, "ip", "link", "set", port, "master", f"l-{name}")
            if address:
                self._address(machine, interface, address)

    def _address(self, machine, interface, address):
        self.lab.addr(machine, interface, address)

    def _mobile(self, end):
        machine, _, interface = end.partition(":")
        port = f"{machine}.{interface}"
        self.lab.link(AIR, port, machine, interface)
        self.lab.run(AIR, "ip", "link", "set", port, "down")

    def _route(self, machine, destination, gateway):
        self.lab.route(machine, destination, gateway)

    def _advertisers(self):
        """Stands in for radvd and the like."""
        for _, host, interface, prefix in (words for words in self.lines if words[0] == "advertise"):
            self.lab.write(f"{host}-router.conf", f"[hmipd]\nrole = ra\nauth = none\n[ra]\ninterface = "
                           f"{interface}\nprefix = {prefix}\nmobility = none\nmin-interval = 3\n"
                           "max-interval = 10\n")
            self.daemons[host] = ExampleDaemon(self, host, f"{host}-router.conf")
            self.daemons[host].start(wait=False)


def copy_with_keys(directory, target):
    """The directory's configurations, and a fresh key for each key file they name."""
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".conf"):
            continue
        shutil.copy(os.path.join(directory, name), target)
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            text = file.read()
        for key in re.findall(r"^secret-file = (\S+)", text, re.M):
            path = os.path.join(target, key)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            if not os.path.exists(path):
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as out:
                    out.write(secrets.token_hex(32) + "\n")
