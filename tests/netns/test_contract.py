#!/usr/bin/env python3
"""What the manual promises, on the real binary: commands, exit statuses, signals, files, the store."""

import itertools
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import expect, expect_eq  # noqa: E402

from lab.netlab import LabError, sh, wait_for  # noqa: E402
from lab.site import HOME, KEYS  # noqa: E402
from test_daemon import OneHost  # noqa: E402
from test_input import LCOA, MS, Rig, ip6, registration  # noqa: E402

HMIPD, PLUGINS, OURS = sys.argv[1:4]
GCOA = "2001:db8:f1::aa"


def hmipd(*argv, **kwargs):
    return subprocess.run([HMIPD, *argv], capture_output=True, text=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL, **kwargs)


def statuses(answers):
    """Status and number of each Binding Acknowledgement."""
    found = []
    for answer in answers:
        expect_eq(answer[6], 60, "next header of an answer")
        if answer[42] == 0x1e:
            continue  # Mobility Information
        at = answer.index(b"\x07", 42)
        found.append((answer[at + 2], struct.unpack_from("!H", answer, at + 3)[0]))
    return found


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


# --- the command line ---

def test_wrong_command_lines_end_with_64():
    for argv in (["--nonsense"], ["show"], ["show", "bindings", "routers"], ["nonsense"], ["watch", "x"],
                 ["--role=nonsense"], ["--json"], ["--log-level=loud"], ["--config="],
                 ["--help-plugin=nonsense"], ["--help-plugin=tunnel-../x"], ["show", "nonsense"]):
        done = hmipd(*argv)
        expect_eq(done.returncode, 64, f"exit of {argv} ({done.stderr})")
        expect(done.stderr.strip(), f"{argv} says nothing")
        expect_eq(done.stdout, "", f"output of {argv}")


def test_help_and_version_end_with_0():
    text = hmipd("--help")
    expect_eq(text.returncode, 0, "exit of --help")
    for option in ("--role", "--config", "--state-dir", "--control-socket", "--plugin-dir", "--log-level",
                   "--check-config", "--check-system", "--help", "--version", "--help-plugin", "--json"):
        expect(option in text.stdout, f"{option} is not in the help")
    version = hmipd("--version")
    expect_eq(version.returncode, 0, "exit of --version")
    expect(re.search(r"SQLite 3\.\d+\.\d+ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [0-9a-f]{40}", version.stdout),
           version.stdout)
    plugin = hmipd(f"--plugin-dir={PLUGINS}", "--help-plugin=tunnel-tun")
    expect_eq(plugin.returncode, 0, f"exit of --help-plugin ({plugin.stderr})")
    expect("device" in plugin.stdout and "batch" in plugin.stdout, plugin.stdout)


def test_asking_where_no_daemon_is_ends_with_69():
    for argv in (["show", "status"], ["watch"]):
        done = hmipd(*argv, "--control-socket=/nonexistent/hmipd.sock")
        expect_eq(done.returncode, 69, f"exit of {argv} ({done.stderr})")
        expect("/nonexistent/hmipd.sock" in done.stderr, done.stderr)


# --- configuration ---

def test_every_error_of_a_configuration_is_reported_with_its_line():
    with OneHost(start=False) as host:
        path = host.lab.write("bad.conf", "[hmipd]\nrole = ms\nnonsense = 1\n[ms]\naddress = x\n"
                              "lifetime-max = 5 parsecs\n[nonsense]\na = b\n[key k]\nspi = 1\n")
        done = hmipd(f"--config={path}", "--check-config")
        expect_eq(done.returncode, 78, f"exit ({done.stderr})")
        for line in (3, 5, 6, 7, 10):
            expect(f"{path}:{line}:" in done.stderr, f"line {line} is not named: {done.stderr}")
        good = hmipd(f"--config={host.daemon.config}", "--check-config")
        expect_eq((good.returncode, good.stderr), (0, ""), "a good one")
        expect_eq(hmipd("--config=/nonexistent.conf").returncode, 78, "exit without a file")


def test_unknown_options_of_a_plugin_are_refused_with_their_line():
    with OneHost(start=False) as host:
        body = read(host.daemon.config) + "\n[plugin tunnel-tun]\nnonsense = 1\n"
        path = host.lab.write("p.conf", body)
        done = subprocess.run(host.lab.argv("ms", HMIPD, f"--config={path}"), capture_output=True,
                              text=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
        expect_eq(done.returncode, 78, f"exit ({done.stderr})")
        expect(f"p.conf:{body.count(chr(10))}" in done.stderr and "nonsense" in done.stderr, done.stderr)


def test_files_with_secrets_must_be_closed_to_others():
    with OneHost(start=False) as host:
        config, state = host.daemon.config, host.daemon.state
        os.chmod(config, 0o640)
        done = hmipd(f"--config={config}", "--check-config")
        expect_eq(done.returncode, 78, f"exit with an open configuration ({done.stderr})")
        expect(config in done.stderr, done.stderr)
        os.chmod(config, 0o600)

        key = host.lab.write("x.key", "00" * 32, mode=0o604)
        path = host.lab.write("k.conf", read(config) + f"\n[key x]\nspi = 0x1009\nuse = mh-ms\n"
                              f"secret-file = x.key\nhome-address = {HOME}\n")
        done = hmipd(f"--config={path}", "--check-config")
        expect_eq(done.returncode, 78, f"exit with an open key file ({done.stderr})")
        expect(key in done.stderr or "x.key" in done.stderr, done.stderr)

        host.daemon.start()
        expect_eq(host.daemon.stop(), 0, "exit status")
        os.chmod(f"{state}/hmipd.db", 0o644)
        done = subprocess.run(host.lab.argv("ms", HMIPD, f"--config={config}"), capture_output=True,
                              text=True, timeout=20, check=False, stdin=subprocess.DEVNULL)
        expect_eq(done.returncode, 78, f"exit with an open database ({done.stderr})")
        expect(f"{state}/hmipd.db" in done.stderr, done.stderr)


# --- store and plugins that do not work ---

def refused(host, want, *texts):
    done = subprocess.run(host.lab.argv("ms", HMIPD, f"--config={host.daemon.config}"),
                          capture_output=True, text=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL)
    expect_eq(done.returncode, want, f"exit ({done.stderr})")
    for text in texts:
        expect(text in done.stderr, f"{text} is not named: {done.stderr}")


def test_a_store_that_cannot_be_used_ends_with_74():
    with OneHost(start=False) as host:
        state = host.daemon.state
        before = host.kernel()
        host.lab.write("ms.state", "a file where a directory should be")
        refused(host, 74, state)
        os.unlink(state)
        os.mkdir(state, 0o700)
        host.lab.write("ms.state/hmipd.db", "this is no database at all " * 100)
        refused(host, 74, f"{state}/hmipd.db")
        os.unlink(f"{state}/hmipd.db")
        with sqlite3.connect(f"{state}/hmipd.db") as db:
            db.execute("create table other (a)")
        os.chmod(f"{state}/hmipd.db", 0o600)
        refused(host, 74, "another program")
        expect_eq(host.kernel(), before, "the kernel after starts that failed")


def test_plugins_that_do_not_fit_end_with_69_and_the_reason():
    with OneHost(start=False) as host:
        directory = host.lab.path("plugins")
        shutil.copytree(PLUGINS, directory, symlinks=True)
        text = read(host.daemon.config)
        host.lab.write("ms.conf", text.replace(f"plugin-dir = {PLUGINS}", f"plugin-dir = {directory}"))
        path = f"{directory}/tunnel-tun.so"
        os.unlink(path)
        refused(host, 69, path)
        with open(path, "w", encoding="ascii") as file:
            file.write("not a shared object\n")
        refused(host, 69, path)
        os.unlink(path)
        shutil.copy(f"{PLUGINS}/auth-hmac.so", path)
        refused(host, 69, path)


def test_auto_says_why_faster_plugins_are_not_taken():
    with OneHost(start=False) as host:
        host.lab.write("ms.conf", read(host.daemon.config).replace("tunnel = tun", "tunnel = auto"))
        host.daemon.start()
        text = read(host.lab.path("ms.log"))
        status = {row["key"]: row["value"] for row in host.daemon.show("status")}
        for name in ("bpf", "ip6tnl", "tun"):
            if status["tunnel"] == name:
                break
            expect(re.search(rf"skip plugin=tunnel-{name} reason=\".+\"", text), f"{name}: {text}")
        expect(f"tunnel-{status['tunnel']}.so" in text, text)
        expect(not re.search(rf"skip plugin=tunnel-{status['tunnel']} ", text), text)


def test_a_kernel_without_tunnels_ends_tunnel_ip6tnl_with_69_and_the_module():
    with OneHost(start=False) as host:
        before = host.kernel()
        try:
            host.lab.run("ms", "ip", "link", "add", "try0", "type", "ip6tnl", "external")
        except LabError:
            pass
        else:
            raise tap.Skip("this kernel has ip6_tunnel")
        host.lab.write("ms.conf", read(host.daemon.config).replace("tunnel = tun", "tunnel = ip6tnl"))
        refused(host, 69, "kernel module ip6_tunnel")
        done = subprocess.run(host.lab.argv("ms", HMIPD, f"--config={host.daemon.config}", "--check-system"),
                              capture_output=True, text=True, timeout=20, check=False)
        expect_eq(done.returncode, 69, done.stdout)
        expect("missing: tunnel-ip6tnl: kernel module ip6_tunnel" in done.stdout, done.stdout)
        expect_eq(host.kernel(), before, "the kernel after starts that failed")


def auto(*variants):
    """A host whose plugin directory holds these of the tests' plugins and the real tunnel-tun."""
    host = OneHost(start=False)
    where = host.lab.path("plugins")
    os.mkdir(where, 0o755)
    shutil.copy(f"{PLUGINS}/auth-hmac.so", where)
    for variant in variants:
        real, name = {"works": ("works", "bpf"), "lacks": ("lacks", "bpf"), "fails": ("fails", "ip6tnl"),
                      "tun": (None, "tun")}[variant]
        source = f"{OURS}/tunnel-{real}.so" if real else f"{PLUGINS}/tunnel-tun.so"
        shutil.copy(source, f"{where}/tunnel-{name}.so")
    host.lab.write("ms.conf", read(host.daemon.config).replace("tunnel = tun", "tunnel = auto")
                   .replace(f"plugin-dir = {PLUGINS}", f"plugin-dir = {where}"))
    return host


def test_auto_names_each_plugin_it_passes_over_and_why():
    with auto("lacks", "fails", "tun") as host:
        host.daemon.start()
        text = read(host.lab.path("ms.log"))
        for line in ("skip plugin=tunnel-bpf reason=\"moon rock: fetch some; moon dust: fetch some too\"",
                     "skip plugin=tunnel-ip6tnl reason=\".*/tunnel-ip6tnl.so: cannot be opened: permission denied\""):
            expect(re.search(line, text), f"{line}: {text}")
        expect_eq(text.count("opened the plugin of the tests"), 1, "the one that lacks something was opened")
        expect_eq({row["key"]: row["value"] for row in host.daemon.show("status")}["tunnel"], "tun", "tunnel")
        expect_eq(host.daemon.stop(), 0, "exit")


def test_auto_takes_the_first_that_works_and_looks_no_further():
    with auto("works", "fails", "tun") as host:
        host.daemon.start()
        text = read(host.lab.path("ms.log"))
        expect("skip plugin" not in text and "tunnel-tun.so" not in text, text)
        status = {row["key"]: row["value"] for row in host.daemon.show("status")}
        expect_eq((status["tunnel"], status["tunnel.wan0"], status["tunnel.lan0"]),
                  ("bpf", "nothing, 0", "nothing, 1"), "tunnel and its lines")


def test_auto_ends_with_69_when_none_works():
    with auto("lacks", "fails") as host:
        refused(host, 69, "no tunnel plugin works here", "skip plugin=tunnel-bpf reason=\"moon rock",
                "skip plugin=tunnel-tun reason=\"")


def test_status_tells_what_the_tunnel_plugin_does_where():
    with OneHost() as host:
        status = {row["key"]: row["value"] for row in host.daemon.show("status")}
        expect(re.fullmatch(r"user space, mtu \d+", status.get("tunnel.hmip0", "")), status)


# --- running under a service manager ---

def test_readiness_is_told_to_the_service_manager():
    with OneHost(start=False) as host:
        path = host.lab.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(10)
            os.environ["NOTIFY_SOCKET"] = path
            try:
                host.daemon.start(wait=False)
            finally:
                del os.environ["NOTIFY_SOCKET"]
            expect("READY=1" in manager.recv(4096).decode(), "ready")
            expect(host.daemon.serves(), "it serves when it says so")
            expect_eq(host.daemon.signal(signal.SIGINT), 0, "exit status")
            expect("STOPPING=1" in manager.recv(4096).decode(), "stopping")


def test_lines_for_the_journal_begin_with_their_priority():
    with OneHost(start=False) as host:
        reader, writer = os.pipe()
        stat = os.fstat(writer)
        env = dict(os.environ, JOURNAL_STREAM=f"{stat.st_dev}:{stat.st_ino}")
        process = subprocess.Popen(host.lab.argv("ms", HMIPD, f"--config={host.daemon.config}"), env=env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer)
        host.lab.processes.append(process)
        os.close(writer)
        host.daemon.process = process
        wait_for("the daemon", host.daemon.serves)
        expect_eq(host.daemon.stop(), 0, "exit status")
        with os.fdopen(reader, encoding="ascii") as file:
            lines = file.read().splitlines()
        expect(len(lines) > 3, f"lines: {lines}")
        expect(all(re.match(r"<[3467]>\w", line) and "level=" not in line for line in lines), str(lines))


# --- signals ---

def test_an_upgrade_keeps_bindings_and_denies_no_tunnel_meanwhile():
    with Rig() as rig:
        expect_eq(statuses(rig.throw(registration(1))), [(0, 1)], "the answer")
        expect_eq(rig.daemon.signal(signal.SIGUSR1), 0, "exit status")
        inner = struct.pack("!IHBB", 6 << 28, 0, 59, 64) + ip6(GCOA) + ip6("2001:db8:a::99")
        outer = struct.pack("!IHBB", 6 << 28, len(inner), 41, 64) + ip6(LCOA) + ip6(MS) + inner
        expect_eq(rig.throw(outer), [], "answers to a tunnelled packet while the daemon is away")
        left = rig.lab.run("ms", "ip", "-6", "route", "show", "table", "all")
        expect("hmip0" in left, f"routes: {left}")
        rig.daemon.start()
        expect_eq([(r["gcoa"], r["lcoa"], r["sequence"]) for r in rig.bindings()], [(GCOA, LCOA, 1)],
                  "bindings after the upgrade")
        expect_eq(rig.daemon.stop(), 0, "exit status")


def test_a_reload_takes_new_keys_and_routers_and_keeps_bindings():
    with Rig() as rig:
        old, new = bytes(range(32)), bytes(range(100, 132))
        expect_eq(statuses(rig.throw(registration(1))), [(0, 1)], "the answer")
        config = read(rig.daemon.config)
        rig.lab.write("ms.conf", config.replace(old.hex(), new.hex(), 1)
                      .replace("[ms]\n", "[ms]\nrouters = 2001:db8:a::99\ninfo-interval = 1\n"))
        rig.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "reload result" in rig.daemon.tail(4))
        expect_eq(statuses(rig.throw(registration(2, key=old))), [], "answers to the old key")
        expect_eq(statuses(rig.throw(registration(3, key=new))), [(0, 3)], "the answer to the new key")
        expect_eq(len(rig.bindings()), 1, "bindings")
        expect_eq([r["router"] for r in rig.daemon.show("routers")], ["2001:db8:a::99"], "routers")
        rig.lab.write("ms.conf", config.replace("[key mh-ms]", "[key mh-ms]\nspi = 0x1001"))
        rig.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the refusal", lambda: "reload refused" in rig.daemon.tail(4))
        expect_eq(statuses(rig.throw(registration(4, key=new))), [(0, 4)], "the answer after a bad file")
        os.unlink(rig.daemon.config)
        rig.daemon.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        expect_eq(statuses(rig.throw(registration(5, key=new))), [(0, 5)], "the answer without a file")


def test_a_reload_keeps_what_was_opened_with_its_old_value_and_says_so():
    with Rig() as rig:
        config = read(rig.daemon.config)
        expect("[wire]" not in config, "the rig's configuration has that section")
        rig.lab.write("ms.conf", config + "\n[wire]\naccept-rh0 = yes\n")
        for _ in range(2):  # it was not taken, so it differs again
            before = len(read(rig.lab.path("ms.log")))
            rig.daemon.process.send_signal(signal.SIGHUP)
            wait_for("the reload", lambda: "reload result" in read(rig.lab.path("ms.log"))[before:])
            expect("keep config.wire.accept_rh0 reason=" in read(rig.lab.path("ms.log"))[before:], rig.daemon.tail(4))


# --- the store's promises ---

def test_what_was_acknowledged_survives_kill_9_and_no_number_falls():
    with Rig() as rig:
        for seq in range(1, 6):
            expect_eq(statuses(rig.throw(registration(seq))), [(0, seq)], "the answer")
            rig.daemon.kill()
            rig.daemon.start()
            row = rig.bindings()[0]
            expect_eq((row["lcoa"], row["sequence"]), (LCOA, seq), "the binding after kill -9")
            expect_eq(statuses(rig.throw(registration(seq))), [(134, seq)], "the answer to a replay")
        db = sqlite3.connect(f"file:{rig.daemon.state}/hmipd.db?mode=ro", uri=True)
        expect_eq(db.execute("select sequence from v_sequences where use='mh-ms'").fetchall(), [(5,)],
                  "the stored number")
        db.close()


def test_a_reader_holds_up_no_acknowledgement():
    with Rig() as rig:
        db = sqlite3.connect(f"file:{rig.daemon.state}/hmipd.db?mode=ro", uri=True)
        db.isolation_level = None
        db.execute("begin")
        db.execute("select count(*) from v_bindings").fetchone()
        for seq in range(1, 6):
            expect_eq(statuses(rig.throw(registration(seq))), [(0, seq)], "the answer")
        db.execute("commit")
        expect_eq(db.execute("select sequence from v_bindings").fetchall(), [(5,)], "what is stored")
        db.close()


def test_the_views_are_there_for_people_with_sqlite3_alone():
    columns = {
        "v_bindings": "role home_address gcoa lcoa state sequence epoch lifetime_s registered_at "
                      "expires_at expires_in_s",
        "v_sequences": "use peer home_address spi sequence epoch updated_at",
        "v_registrations": "peer kind home_address care_of_address sequence state expires_at",
        "v_keys": "spi use peer home_address algorithm not_before not_after origin"}
    with Rig() as rig:
        expect_eq(statuses(rig.throw(registration(7))), [(0, 7)], "the answer")
        path = f"{rig.daemon.state}/hmipd.db"
        expect_eq(oct(os.stat(path).st_mode & 0o777), "0o600", "mode of the database")
        for view, names in columns.items():
            text = sh("sqlite3", "-readonly", path, f"select group_concat(name,' ') from "
                      f"pragma_table_info('{view}')")
            expect_eq(text.split(), names.split(), f"columns of {view}")
        text = sh("sqlite3", "-readonly", path, "select role,home_address,gcoa,lcoa,state,sequence,epoch,"
                  "lifetime_s from v_bindings")
        expect_eq(text.strip(), f"ms|{HOME}|{GCOA}|{LCOA}|active|7|0|600", "v_bindings")
        text = sh("sqlite3", "-readonly", path, "select registered_at, expires_in_s from v_bindings").strip()
        expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\|(59\d|600)", text), text)
        expect("1001" in sh("sqlite3", "-readonly", path, "select printf('%x',spi) from v_keys"), "v_keys")
        expect("00010203" not in sh("sqlite3", "-readonly", path, ".dump").lower(), "a secret is stored")
        expect_eq(sh("sqlite3", path, "pragma journal_mode; pragma user_version").split()[0], "wal", "mode")


def test_a_full_disk_refuses_registrations_and_nothing_else():
    with Rig() as rig:
        rig.daemon.stop()
        state = rig.daemon.state
        shutil.rmtree(state)
        os.mkdir(state, 0o700)
        sh("mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "hmipd-contract", state)
        try:
            rig.daemon.start()
            expect_eq(statuses(rig.throw(registration(1))), [(0, 1)], "the answer with room")
            fill(f"{state}/ballast")
            seq, got = 1, None
            while seq < 400 and (not got or got[0][0] == 0):
                seq += 1
                got = statuses(rig.throw(registration(seq)))
                expect(got, "no answer at all")
            expect(got[0][0] >= 128, f"answers: {got}")
            expect_eq(rig.daemon.process.poll(), None, "the daemon's exit")
            expect_eq(len(rig.bindings()), 1, "bindings while the disk is full")
            os.unlink(f"{state}/ballast")
            wait_for("registrations to be accepted again", lambda: accepts(rig))
            expect_eq(rig.daemon.stop(), 0, "exit status")
        finally:
            for process in rig.lab.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            sh("umount", state)


def fill(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(fd, bytes(4096))
    except OSError:
        os.close(fd)


def accepts(rig, seqs=itertools.count(1000)):
    seq = next(seqs)
    return statuses(rig.throw(registration(seq)))[:1] == [(0, seq)]


# --- logs ---

def test_logs_stay_short_and_hold_no_secret():
    with Rig() as rig:
        expect_eq(statuses(rig.throw(registration(1))), [(0, 1)], "the answer")
        before = len(read(rig.lab.path("ms.log")).splitlines())
        rig.throw(*[registration(seq) for seq in range(2, 102)])
        grown = len(read(rig.lab.path("ms.log")).splitlines()) - before
        expect(grown <= 2, f"{grown} lines for 100 refreshed registrations: {rig.daemon.tail(3)}")
        rig.throw(*[registration(1) for _ in range(100)])
        rig.throw(*[registration(200 + n, malen=48) for n in range(100)])
        grown = len(read(rig.lab.path("ms.log")).splitlines()) - before
        expect(grown <= 6, f"{grown} lines for 200 refusals: {rig.daemon.tail(8)}")
        rig.daemon.stop()
        text = read(rig.daemon.config).replace("log-level = info", "log-level = debug")
        rig.lab.write("ms.conf", text)
        rig.daemon.start()
        rig.throw(registration(500))
        rig.daemon.process.send_signal(signal.SIGHUP)
        wait_for("the reload", lambda: "reload result" in read(rig.lab.path("ms.log")))
        log = read(rig.lab.path("ms.log")).lower()
        expect("role=ms >" in log, "no debug lines")
        for secret in re.findall(r"secret = (\w+)", KEYS):
            expect(secret[:16] not in log, f"a secret in the log: {secret[:16]}")


if __name__ == "__main__":
    sys.exit(tap.main(sys.modules[__name__]))
