"""harness: real ilsd and ils on loopback, for system tests that speak TAP.

    tap = Tap()
    with Network() as net:
        hub = net.cluster('hub'); hub.hub(password='one')
        spoke = net.cluster('spoke', address='::1'); spoke.init(password='one')
        tap.ok(spoke.join(hub)['code'] == 'ILS-100', 'joins')
    tap.done()

The build directory is $ILS_BUILD. Every cluster has a directory of its own under one temporary
directory, and ports that the system gave out. Nothing waits a fixed time: wait_until asks again
until it is true or the time is over. Only processes started here are ended.
With ILS_STORE=postgresql in the environment the store of every cluster is a database in one server.
"""
import atexit
import errno
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..'))
BUILD = os.path.abspath(os.environ.get('ILS_BUILD', os.path.join(ROOT, 'build')))
ILSD = os.path.join(BUILD, 'src', 'daemon', 'ilsd')
ILS = os.path.join(BUILD, 'src', 'cli', 'ils')
TIMEOUT = 20


class Tap:
    """Counts and prints; done() prints the plan and ends the program."""

    def __init__(self):
        self.count = self.failed = 0

    def ok(self, good, name, *notes):
        self.count += 1
        self.failed += not good
        print('%s %d - %s' % ('ok' if good else 'not ok', self.count, name))
        if not good:
            for note in notes:
                for line in str(note).splitlines()[:60]:
                    print('# ' + line)
        sys.stdout.flush()
        return bool(good)

    def same(self, got, wanted, name, *notes):
        return self.ok(got == wanted, name, 'got    %r' % (got,), 'wanted %r' % (wanted,), *notes)

    def skip(self, name, reason):
        self.count += 1
        print('ok %d - %s # SKIP %s' % (self.count, name, reason))
        sys.stdout.flush()

    def run(self, function, *args):
        """A part of the test whose exception is a failure, not the end of all."""
        try:
            function(*args)
        except Exception:
            self.ok(False, '%s ended by an exception' % function.__name__, traceback.format_exc())

    def done(self):
        print('1..%d' % self.count)
        sys.exit(1 if self.failed else 0)


def wait_until(condition, timeout=TIMEOUT, every=0.02):
    """The first true value of condition(), or its last value when the time is over."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


PORTS = range(10240, 32768)   # below those that the system gives to whoever connects
BLOCK = 64


class Ports:
    """The ports of one process: blocks that it has locked, so that of two tests at once none takes
    what the other has chosen and not opened yet. The system ends a lock with its process."""

    def __init__(self):
        self.process, self.left, self.turn = None, [], threading.Lock()

    def next(self):
        with self.turn:
            if self.process != os.getpid():   # a child of fork has none of its parent's
                self.process, self.left, self.locks = os.getpid(), [], []
            if not self.left:
                self.left = self.take()
            return self.left.pop()

    def take(self):
        folder = os.path.join(tempfile.gettempdir(), 'openils-ports-%d' % os.getuid())
        os.makedirs(folder, exist_ok=True)
        blocks = list(range(PORTS.start, PORTS.stop, BLOCK))
        random.shuffle(blocks)
        for first in blocks:
            lock = open(os.path.join(folder, str(first)), 'w')
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self.locks.append(lock)
            return random.sample(range(first, first + BLOCK), BLOCK)
        raise RuntimeError('other tests have all ports: see ' + folder)


GIVEN = Ports()


def free_port(address='127.0.0.1', kind=socket.SOCK_STREAM):
    """A port that nobody has; no port is given twice, nor to two tests at once."""
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    while True:
        port = GIVEN.next()
        with socket.socket(family, kind) as s:
            try:
                s.bind((address, port))
            except OSError as e:
                if e.errno == errno.EADDRINUSE:
                    continue
                raise
            return port


def has_ipv6():
    try:
        free_port('::1')
        return True
    except OSError:
        return False


SERVERS = []


def new_store(name):
    """The DSN of a new database; the server is that of this test, and ends with it."""
    if not SERVERS:
        from servers import Postgresql
        SERVERS.append(Postgresql())
        atexit.register(SERVERS[0].__exit__)
        SERVERS[0].start()
    server = SERVERS[0]
    name = 'ils_%d_%s' % (len(server.made), ''.join(c for c in name.lower() if c.isalnum()))
    server.made.append(name)
    server.psql('-c', 'CREATE DATABASE ' + name, database='postgres')
    return server.store(name)


class Cluster:
    """One ilsd with its data directory. start() waits until it answers."""

    def __init__(self, net, name, address='127.0.0.1', prefix=(), env=None, advertise=None,
                 dns=False, http=False):
        self.net, self.name, self.address = net, name, address
        self.data = os.path.join(net.folder, name)
        self.prefix = list(prefix)   # what runs ilsd: `ip netns exec X`
        self.env = dict(os.environ, ILS_DATA=self.data, **(env or {}))
        self.env['PATH'] = os.pathsep.join([os.path.dirname(ILSD), os.path.dirname(ILS),
                                            os.environ.get('PATH', '')])
        self.port, self.tls_port = free_port(address), free_port(address)
        self.sip_port = free_port('127.0.0.1', socket.SOCK_DGRAM)
        self.dns_port = free_port('127.0.0.1') if dns else 0
        self.http_port = free_port('127.0.0.1') if http else 0
        self.advertise = advertise
        self.process = None
        self.options = []
        self.store = new_store(name) if os.environ.get('ILS_STORE') == 'postgresql' else None
        os.makedirs(self.data, exist_ok=True)

    # --- life

    def command(self):
        argv = self.prefix + [ILSD, '--data', self.data, '--address', self.address,
                              '--tls-port', str(self.tls_port), '--password-port', str(self.port),
                              '--sip-port', str(self.sip_port),
                              '--dns-port', str(self.dns_port),
                              '--http-port', str(self.http_port)]
        if self.advertise:
            argv += ['--advertise', self.advertise]
        if self.store:
            argv += ['--store', self.store]
        return argv + self.options

    def launch(self):
        """Starts without waiting; the output goes to a file beside the data."""
        self.output = self.data + '.out'
        with open(self.output, 'ab') as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, env=self.env)
        return self

    def start(self):
        self.launch()
        wait_until(lambda: self.answers() or self.process.poll() is not None)
        if not self.answers():
            self.kill()
            raise RuntimeError('%s does not start: %s' % (self.name, self.said()))
        return self

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(os.path.join(self.data, 'control.sock'))
                return True
            except OSError:
                return False

    def said(self):
        with open(self.output, encoding='utf-8', errors='replace') as handle:
            return handle.read()

    def stop(self, timeout=TIMEOUT):
        """SIGTERM; the exit status, or None when it had to be killed."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        self.process = None
        return status

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    # --- asking

    def ils(self, *words, stdin=''):
        """(exit status, standard output); standard error is kept in .error."""
        run = subprocess.run([ILS] + [str(w) for w in words], input=stdin.encode(), env=self.env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                             cwd=self.net.folder)
        self.error = run.stderr.decode(errors='replace')
        return run.returncode, run.stdout.decode(errors='replace')

    def must(self, *words, stdin=''):
        status, out = self.ils(*words, stdin=stdin)
        if status != 0:
            raise RuntimeError('%s: ils %s: exit %d: %s%s' % (self.name, ' '.join(map(str, words)),
                                                             status, out, self.error))
        return out

    def json(self, *words, stdin=''):
        """The answer of ils --json as an object, whatever the exit status (kept in .status)."""
        self.status, out = self.ils(*words, '--json', stdin=stdin)
        return json.loads(out)

    def shell(self, command, stdin='', before=''):
        """Types a command at this end: a shell with this build in its PATH."""
        run = subprocess.run(['bash', '-c', before + '\n' + command], input=stdin.encode(),
                             env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=120, cwd=self.net.folder)
        return run.returncode, run.stdout.decode(errors='replace')

    def ask(self, command, **args):
        """One request straight to the control socket: the last line of the answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.data, 'control.sock'))
            s.settimeout(TIMEOUT)
            s.sendall(json.dumps({'command': command, 'args': args}).encode() + b'\n')
            for line in s.makefile('r', encoding='utf-8'):
                answer = json.loads(line)
                if 'ok' in answer:
                    return answer
        raise RuntimeError('%s: no answer to %s' % (self.name, command))

    def trace_lines(self):
        """The texts of all trace lines so far, as they lie on the disk."""
        folder = os.path.join(self.data, 'trace', 'ils', 'sdl')
        lines = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), encoding='utf-8') as handle:
                lines += [line.rstrip('\n') for line in handle if '|AppInfo' in line]
        return lines

    def trace_records(self):
        folder = os.path.join(self.data, 'trace', 'ils', 'json')
        records = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), encoding='utf-8') as handle:
                records += [json.loads(line) for line in handle if line.endswith('\n')]
        return records

    # --- the usual

    def init(self, password=None, accept='password', generation=1):
        self.must('init', '--cluster-id', self.name, '--fqdn', self.name + '.example.com')
        self.must('auth', 'set', '--tls', 'off', '--password', 'on', '--accept', accept)
        if password:
            self.must('password', 'add', '--generation', generation, '--stdin',
                      stdin=password + '\n')
        return self

    def hub(self, password=None, **more):
        self.init(password, **more)
        self.must('role', 'hub')
        return self

    def join(self, hub, host=None, port=None):
        """Joins and gives the verdict."""
        host = host or hub.address
        where = '%s:%d' % ('[%s]' % host if ':' in host else host, port or hub.port)
        return self.json('join', where)

    def cluster(self, name):
        for row in self.json('clusters'):
            if row['cluster_id'] == name:
                return row
        return None

    def up_to_date(self, name):
        row = self.cluster(name)
        return row is not None and row['usn_data_synchronization_status'] == 'Up to date'


class Network:
    """The clusters of one test, ended and removed with it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='ils-')
        self.clusters = []

    def cluster(self, name, start=True, **more):
        c = Cluster(self, name, **more)
        self.clusters.append(c)
        if start:
            for attempt in range(3):
                try:
                    return c.start()
                except RuntimeError:
                    if attempt == 2:
                        raise
                    c.port, c.tls_port = free_port(c.address), free_port(c.address)
                    c.sip_port = free_port('127.0.0.1', socket.SOCK_DGRAM)
        return c

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for c in self.clusters:
            c.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
