"""Network namespaces as hosts, for the demonstration and for tests on real packets.

A Lab makes namespaces under one prefix, runs programs in them, and takes everything away again,
whatever happened. Nothing outside its own namespaces is touched."""

import atexit
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time


class LabError(Exception):
    """Something the lab needs could not be done; the text says what."""


def sh(*argv, check=True, timeout=30, **kwargs):
    """Runs a command and returns its output."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL, **kwargs)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {done.stdout.strip()}")
    return done.stdout


def remove_stale(stem):
    """Removes namespaces of earlier runs under this stem whose process is gone."""
    for line in sh("ip", "netns", "list", check=False).splitlines():
        name = line.split()[0] if line.split() else ""
        match = re.fullmatch(re.escape(stem) + r"-(\d+)-\w+", name)
        if match and not os.path.exists(f"/proc/{match.group(1)}"):
            sh("ip", "netns", "delete", name, check=False)


class Lab:
    def __init__(self, stem, keep=False):
        if os.geteuid() != 0:
            raise LabError("network namespaces need root (CAP_SYS_ADMIN and CAP_NET_ADMIN)")
        remove_stale(stem)
        self.prefix = f"{stem}-{os.getpid()}-"
        self.keep = keep
        self.names = []
        self.processes = []
        self.dir = tempfile.mkdtemp(prefix=self.prefix)
        os.chmod(self.dir, 0o700)
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))

    def close(self):
        """Ends what was started and removes what was made; safe to call twice."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + 5
        for process in self.processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []
        if self.keep:
            return
        for name in self.names:
            sh("ip", "netns", "delete", self.prefix + name, check=False)
        self.names = []
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- hosts and links ---

    def host(self, name, forwarding=False, dad=False):
        """A namespace. Infrastructure skips duplicate address detection to start at once."""
        sh("ip", "netns", "add", self.prefix + name)
        self.names.append(name)
        settings = ["net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0"]
        if not dad:
            settings += ["net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.dad_transmits=0"]
        if forwarding:
            settings.append("net.ipv6.conf.all.forwarding=1")
        self.run(name, "sysctl", "-qw", *settings)
        self.run(name, "ip", "link", "set", "lo", "up")

    def link(self, a, a_if, b, b_if):
        """A cable between two hosts, both ends up."""
        sh("ip", "link", "add", a_if, "netns", self.prefix + a, "type", "veth",
           "peer", "name", b_if, "netns", self.prefix + b)
        self.run(a, "ip", "link", "set", a_if, "up")
        self.run(b, "ip", "link", "set", b_if, "up")

    def bridge(self, name, bridge):
        self.run(name, "ip", "link", "add", "name", bridge, "type", "bridge", "forward_delay", "0",
                 "mcast_snooping", "0")
        self.run(name, "ip", "link", "set", bridge, "up")

    def addr(self, name, interface, address):
        self.run(name, "ip", "-6", "addr", "add", address, "dev", interface, "nodad")

    def route(self, name, destination, via):
        self.run(name, "ip", "-6", "route", "add", destination, "via", via)

    # --- programs ---

    def argv(self, name, *argv):
        return ["ip", "netns", "exec", self.prefix + name, *argv]

    def run(self, name, *argv, **kwargs):
        return sh(*self.argv(name, *argv), **kwargs)

    def spawn(self, name, *argv, log=None, **kwargs):
        """Starts a program in a host; its output goes to the file `log` of the lab's directory."""
        out = open(os.path.join(self.dir, log), "ab") if log else subprocess.DEVNULL
        try:
            process = subprocess.Popen(self.argv(name, *argv), stdin=subprocess.DEVNULL,
                                       stdout=kwargs.pop("stdout", out), stderr=out, **kwargs)
        finally:
            if log:
                out.close()
        self.processes.append(process)
        return process

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode=0o600):
        path = self.path(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
                  encoding="ascii") as file:
            file.write(text)
        return path


def wait_for(what, probe, timeout=10.0, step=0.05):
    """Polls until probe() is true and returns its value; LabError after the timeout."""
    deadline = time.monotonic() + timeout
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(step)
