"""telephony: the world around ilsd on loopback: Kamailio A, which asks ilsd and follows its 302,
Kamailio B, which delivers to a telephone, the telephone (sipp) and callers (sipp)."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


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

    def __init__(self, ilsd_port):
        self.dir = tempfile.mkdtemp(prefix="ils-call-")
        self.running = []
        self.ilsd_port = ilsd_port
        self.a_port = free_udp_port()
        self.b_port = free_udp_port()
        self.callee_port = free_udp_port()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, asking="a"):
        """asking: kamailio-ASKING.cfg.in is the controller that asks ilsd."""
        self._callee()
        self._kamailio("b", self.b_port, self.callee_port)
        self._kamailio(asking, self.a_port, self.ilsd_port)

    def stop(self):
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []
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

    def _spawn(self, name, command):
        log = open(os.path.join(self.dir, name + ".log"), "wb")
        with log:
            self.running.append(subprocess.Popen(command, cwd=self.dir, stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=subprocess.STDOUT))
        return self.running[-1]

    def _kamailio(self, name, port, next_port):
        with open(os.path.join(HERE, f"kamailio-{name}.cfg.in"), encoding="utf-8") as f:
            text = f.read().replace("@PORT@", str(port)).replace("@NEXT@", str(next_port))
        config = os.path.join(self.dir, f"kamailio-{name}.cfg")
        with open(config, "w", encoding="utf-8") as f:
            f.write(text)
        run = os.path.join(self.dir, name)
        os.mkdir(run)
        process = self._spawn(f"kamailio-{name}", [find_kamailio(), "-DD", "-E", "-m", "32", "-M",
                                                   "4", "-Y", run, "-f", config])
        for _ in range(100):
            if process.poll() is not None:
                raise RuntimeError(f"kamailio {name}: " + self.log(f"kamailio-{name}"))
            if self._answers(port):
                return
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
