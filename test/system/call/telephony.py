"""telephony: the world around ilsd on loopback: Kamailio A, which asks ilsd by one of the recipes
in docs/recipes, as it is shown there; Kamailio B, which delivers to a telephone; a gateway; the
telephones behind both (sipp) and callers (sipp)."""

import csv
import glob
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
RECIPES = os.path.normpath(os.path.join(HERE, "..", "..", "..", "docs", "recipes"))
LISTED = "sip:127.0.0.1:5070", "sip:127.0.0.1:5071"   # what docs/recipes/kamailio-302.list has


def missing():
    """What is not installed, in words; "" when all is there."""
    lacking = []
    if find_kamailio() is None:
        lacking.append("kamailio")
    if shutil.which("sipp") is None:
        lacking.append("sip-tester")
    return " and ".join(lacking)


def find_kamailio():
    return shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin:/usr/local/sbin")


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask_options(port, timeout=0.3):
    """Status line of whoever answers an OPTIONS on the port; None without an answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(timeout)
        own = s.getsockname()[1]
        text = (f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{own};branch=z9hG4bK{time.monotonic_ns()}\r\n"
                f"From: <sip:probe@127.0.0.1>;tag=p\r\nTo: <sip:127.0.0.1:{port}>\r\n"
                f"Call-ID: {time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
                "Content-Length: 0\r\n\r\n")
        try:
            s.sendto(text.encode(), ("127.0.0.1", port))
            return s.recv(65536).split(b"\r\n")[0].decode()
        except (TimeoutError, ConnectionError):
            return None


class Telephony:
    """Everything but ilsd; ended, with all it started, by stop()."""

    def __init__(self, *ilsd_ports):
        """One port of ilsd, or the two of a site (SIP); of HTTP where that is asked."""
        self.dir = tempfile.mkdtemp(prefix="ils-call-")
        self.running = {}
        self.ilsd_ports = ilsd_ports
        self.a_port = free_udp_port()
        self.b_port = free_udp_port()
        self.gateway_port = free_udp_port()
        self.callee_port = free_udp_port()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, asking="302"):
        """asking: docs/recipes/kamailio-ASKING.cfg is the controller that asks ilsd."""
        self.start_b()
        self._kamailio("asks", self.a_port, os.path.join(RECIPES, f"kamailio-{asking}.cfg"), [
            f'LIST="{self._list()}"', f'HTTP="http://127.0.0.1:{self.ilsd_ports[0]}"',
            f'GATEWAY="127.0.0.1:{self.gateway_port}"'])

    def start_b(self):
        """Only what is called: the telephones, B and the gateway before them."""
        self._callee()
        callee = f'CALLEE="sip:127.0.0.1:{self.callee_port}"'
        own = os.path.join(HERE, "kamailio-b.cfg")
        self._kamailio("b", self.b_port, own, [callee, 'FULL="503$"'])
        self._kamailio("gateway", self.gateway_port, own, [callee])

    def end(self, name):
        """Ends one of them: "callee", "kamailio-b", "kamailio-gateway", "kamailio-asks"."""
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self):
        for name in reversed(list(self.running)):
            self.end(name)
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self, name):
        with open(os.path.join(self.dir, name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def call(self, number):
        """One call through Kamailio A. (answered, seconds, what sipp saw)"""
        began = time.monotonic()
        done = subprocess.run(
            ["sipp", "-sf", os.path.join(HERE, "caller.xml"), "-s", number, "-m", "1",
             "-i", "127.0.0.1", "-p", str(free_udp_port()), "-recv_timeout", "8000", "-nostdin",
             "-trace_err", "-error_file", os.path.join(self.dir, "caller-errors.log"),
             f"127.0.0.1:{self.a_port}"],
            cwd=self.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60, check=False)
        seconds = time.monotonic() - began
        errors = ""
        path = os.path.join(self.dir, "caller-errors.log")
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                errors = f.read()
            os.unlink(path)
        return done.returncode == 0, seconds, errors or done.stdout.decode(errors="replace")

    def calls(self, number, count, rate):
        """So many calls through Kamailio A, begun here, `rate` a second."""
        return Calls(self, number, count, rate)

    def _spawn(self, name, command):
        log = open(os.path.join(self.dir, name + ".log"), "wb")
        with log:
            self.running[name] = subprocess.Popen(command, cwd=self.dir, stdin=subprocess.DEVNULL,
                                                  stdout=log, stderr=subprocess.STDOUT)
        return self.running[name]

    def _list(self):
        """The list of the recipe with the ports of here; without the line of a second ilsd that is
        not there."""
        with open(os.path.join(RECIPES, "kamailio-302.list"), encoding="utf-8") as f:
            text = f.read()
        for at, listed in enumerate(LISTED):
            assert listed in text
            text = (text.replace(listed, f"sip:127.0.0.1:{self.ilsd_ports[at]}")
                    if at < len(self.ilsd_ports) else text.replace(f"1 {listed}\n", ""))
        path = os.path.join(self.dir, "ilsd.list")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def _kamailio(self, name, port, config, defines):
        run = os.path.join(self.dir, name)
        os.mkdir(run)
        words = [w for d in [f"LISTEN=udp:127.0.0.1:{port}", *defines] for w in ("-A", d)]
        process = self._spawn(f"kamailio-{name}", [find_kamailio(), "-DD", "-E", "-m", "32", "-M",
                                                   "4", "-Y", run, "-f", config, *words])
        for _ in range(100):
            if process.poll() is not None:
                raise RuntimeError(f"kamailio {name}: " + self.log(f"kamailio-{name}"))
            if self._answers(port):
                return process
        raise RuntimeError(f"kamailio {name} does not answer: " + self.log(f"kamailio-{name}"))

    @staticmethod
    def _answers(port):
        status = ask_options(port)
        if status is None:
            time.sleep(0.05)
        return status is not None

    def _callee(self):
        self._spawn("callee", ["sipp", "-sf", os.path.join(HERE, "callee.xml"), "-i", "127.0.0.1",
                               "-p", str(self.callee_port), "-nostdin"])


class Calls:
    """A sipp that makes many calls; answered() while it does, end() waits and gives (how many were
    answered, what sipp saw of the others)."""

    def __init__(self, world, number, count, rate):
        self.dir = world.dir
        self.stat = os.path.join(world.dir, "calls.csv")
        self.errors = os.path.join(world.dir, "calls-errors.log")
        self.process = subprocess.Popen(
            ["sipp", "-sf", os.path.join(HERE, "caller.xml"), "-s", number, "-m", str(count),
             "-r", str(rate), "-l", "1000", "-i", "127.0.0.1", "-p", str(free_udp_port()),
             "-recv_timeout", "20000", "-nostdin", "-trace_rtt", "-rtt_freq", "1",
             "-trace_stat", "-stf", self.stat, "-fd", "1", "-trace_err",
             "-error_file", self.errors, f"127.0.0.1:{world.a_port}"],
            cwd=world.dir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def count(self, name):
        """Of sipp's statistics, which it writes once a second and at its end."""
        try:
            with open(self.stat, encoding="ascii", errors="replace") as f:
                rows = [row for row in csv.DictReader(f, delimiter=";")
                        if (row.get("FailedCall(C)") or "").isdigit()]
        except OSError:
            rows = []
        return int(rows[-1][name]) if rows else 0

    def answered(self):
        return self.count("SuccessfulCall(C)")

    def longest(self):
        """Seconds from an INVITE to its 200, of the slowest call."""
        took = [0]
        for path in glob.glob(os.path.join(self.dir, "caller_*_rtt.csv")):
            with open(path, encoding="ascii", errors="replace") as f:
                took += [float(row.split(";")[1]) for row in f
                         if re.match(r"[\d.]+;[\d.]+;", row)]
        return max(took) / 1000

    def end(self, timeout=300):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        seen = ""
        if os.path.exists(self.errors):
            with open(self.errors, encoding="utf-8", errors="replace") as f:
                seen = f.read()
        return self.answered(), seen
