"""One hmipd per host of a lab: its configuration, its life, what it tells."""

import json
import os
import signal
import subprocess

from .netlab import LabError, Lacking, wait_for


class Daemon:
    def __init__(self, lab, binary, plugin_dir, host, roles, body, level="info"):
        self.lab, self.binary, self.host = lab, binary, host
        self.socket = lab.path(f"{host}.sock")
        self.state = lab.path(f"{host}.state")
        self.config = lab.write(f"{host}.conf", f"""[hmipd]
role = {roles}
state-dir = {self.state}
control-socket = {self.socket}
plugin-dir = {plugin_dir}
log-level = {level}
{body}""")
        self.log = f"{host}.log"
        self.process = None

    def start(self, wait=True):
        self.process = self.lab.spawn(self.host, self.binary, f"--config={self.config}", log=self.log,
                                      stays=True)
        if wait:
            self.wait()

    def wait(self):
        """Until it serves."""
        wait_for(f"hmipd on {self.host} to serve (see {self.lab.path(self.log)})", self.serves)

    def serves(self):
        if self.process.poll() == 69:
            raise Lacking(f"hmipd on {self.host}: {self.tail()}")
        if self.process.poll() is not None:
            raise LabError(f"hmipd on {self.host} ended with {self.process.returncode}: "
                           + self.tail())
        return os.path.exists(self.socket) and self.show("status", check=False) is not None

    def tail(self, lines=5):
        with open(self.lab.path(self.log), encoding="utf-8", errors="replace") as file:
            return " | ".join(file.read().splitlines()[-lines:])

    def show(self, what, check=True):
        """The rows of `hmipd show WHAT --json`."""
        done = subprocess.run(self.lab.argv(self.host, self.binary, "show", what, "--json",
                                            f"--control-socket={self.socket}"),
                              capture_output=True, text=True, timeout=10, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            if check:
                raise LabError(f"show {what} on {self.host}: exit {done.returncode}: {done.stderr}")
            return None
        return json.loads(done.stdout)["rows"]

    def signal(self, number):
        self.process.send_signal(number)
        self.process.wait(15)
        return self.process.returncode

    def kill(self):
        """As a power cut would."""
        self.signal(signal.SIGKILL)

    def stop(self):
        """SIGTERM; the exit status."""
        return self.signal(signal.SIGTERM)
