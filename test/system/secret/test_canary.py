#!/usr/bin/env python3
"""A password is nowhere but in the heads of people, and what is made of it only in one table.

Real daemons join with a canary password, well and badly, every command of `ils` is used, and then
every byte that came of it is searched: state, traces, what was printed, the support file, the
network, the control sockets, argv and environment, memory, a core file. The control is a leak that
is planted beside them and must be found.

test_canary.py STRETCH
"""
import base64
import glob
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import ILS, Network, Tap, wait_until
from recorder import Recorder

RIGHT = 'Canary-7f3e1a9b55-Right'
WRONG = 'Canary-c04d82e6aa-Wrong'
TYPED = 'Canary-91bb20d73c-Typed'


def base64_forms(secret):
    """The base64 text of it, wherever it begins among other bytes."""
    forms = set()
    for shift in range(3):
        text = base64.b64encode(b'\0' * shift + secret)
        forms.add(text[(0, 2, 3)[shift]:-4])
        forms.add(text[(0, 2, 3)[shift]:-4].replace(b'+', b'-').replace(b'/', b'_'))
    return forms


def forms(secret):
    return base64_forms(secret) | {secret, secret.hex().encode(), secret.hex().upper().encode(),
                                   secret[::-1], secret.decode('latin-1').encode('utf-16-le')}


class Needles:
    def __init__(self, stretch):
        self.clear, self.stretched = {}, {}
        for word in (RIGHT, WRONG, TYPED):
            line = subprocess.run([stretch], input=word.encode(), stdout=subprocess.PIPE,
                                  check=True).stdout.decode().split()
            self.clear[word] = forms(word.encode())
            self.stretched[word] = forms(bytes.fromhex(line[1]))

    def found(self, data, clear=True, stretched=True):
        return ['%s of %s' % (kind, word)
                for kind, on, table in (('clear', clear, self.clear),
                                        ('stretched', stretched, self.stretched)) if on
                for word, needles in table.items() if any(n in data for n in needles)]

    def found_in_files(self, folder, skip=()):
        hits = []
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if os.path.isfile(path) and not any(s in name for s in skip):
                    with open(path, 'rb') as handle:
                        hits += ['%s: %s' % (path, hit) for hit in self.found(handle.read())]
        return hits


class Talk:
    """Runs `ils` through a recorded control socket and keeps what it prints."""

    def __init__(self, net, cluster):
        self.net, self.cluster, self.n = net, cluster, 0
        self.folder = os.path.join(net.folder, 'said-' + cluster.name)
        self.data = os.path.join(net.folder, 'ctl-' + cluster.name)
        self.capture = os.path.join(net.folder, 'control-' + cluster.name)
        for folder in (self.folder, self.data):
            os.makedirs(folder)
        self.recorder = Recorder(self.capture, os.path.join(cluster.data, 'control.sock'),
                                 os.path.join(self.data, 'control.sock'))
        self.env = dict(os.environ, ILS_DATA=self.data, HOME=self.folder)
        self.processes = b''

    def ils(self, words, stdin=''):
        self.n += 1
        with open(os.path.join(self.folder, '%03d' % self.n), 'wb') as out:
            p = subprocess.Popen([ILS] + words, stdin=subprocess.PIPE, stdout=out, stderr=out,
                                 env=self.env, cwd=self.folder)
            self.processes += seen_by_all(p.pid)
            p.communicate(stdin.encode(), timeout=60)
        return p.returncode

    def typed(self, lines):
        """The same at a terminal: the admin: prompt, which hides and keeps no password."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(ILS, [ILS], self.env)
        shown, asked = b'', 0
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if not select.select([fd], [], [], 0.5)[0]:
                continue
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
            questions = len(re.findall(rb'admin:|password: |once more: ', shown))
            while asked < questions and lines:
                asked += 1
                if lines[0] == TYPED:  # as a person does, who sees the question first
                    wait_until(lambda: not termios.tcgetattr(fd)[3] & termios.ECHO)
                os.write(fd, lines.pop(0).encode() + b'\n')
        os.close(fd)  # hangs up, should it still be there
        os.waitpid(pid, 0)
        self.n += 1
        with open(os.path.join(self.folder, '%03d' % self.n), 'wb') as out:
            out.write(shown)
        return shown


def seen_by_all(pid):
    data = b''
    for name in ('cmdline', 'environ'):
        try:
            with open('/proc/%d/%s' % (pid, name), 'rb') as handle:
                data += handle.read()
        except OSError:
            pass
    return data


def memory(pid):
    """What the process holds, as far as it may be read."""
    data = bytearray()
    with open('/proc/%d/maps' % pid, encoding='ascii') as maps, \
            open('/proc/%d/mem' % pid, 'rb', 0) as mem:
        for line in maps:
            first, last = (int(x, 16) for x in line.split()[0].split('-'))
            if 'rw' not in line.split()[1] or last - first > 1 << 28:
                continue
            try:
                mem.seek(first)
                data += mem.read(last - first)
            except (OSError, ValueError, OverflowError):
                pass
    return bytes(data)


def every_command(talk, password):
    csv = 'PatternType,PSTNFailover,Pattern\nURI,,alice@%s.example.com\n' % talk.cluster.name
    support = os.path.join(talk.folder, 'support.json')
    for words, stdin in (
            (['describe', '--description', 'a test'], ''), (['status'], ''), (['clusters'], ''),
            (['peers'], ''), (['auth', 'show'], ''), (['password', 'list'], ''),
            (['password', 'add', '--generation', '2', '--stdin'], password + '\n'),
            (['password', 'prefer', '2'], ''), (['password', 'prefer', '1'], ''),
            (['password', 'drop', '2'], ''), (['trace', '--lines', '1000'], ''),
            (['trace', '--last'], ''), (['trace', 'level', 'detailed'], ''), (['alarms'], ''),
            (['verdicts'], ''), (['audit'], ''), (['sql', 'select * from verdict'], ''),
            (['sql', 'select * from password'], ''), (['sql', 'select * from sqlite_master'], ''),
            (['plan', 'import', '-', '--source', 'x'], csv), (['plan', 'show'], ''),
            (['plan', 'export'], ''), (['plan', 'add', 'URI', 'bob@example.com'], ''),
            (['plan', 'remove', 'URI', 'bob@example.com'], ''), (['lookup', 'a@b.example'], ''),
            (['route', 'add', '*', 'sip:10.0.0.1'], ''), (['route', 'list'], ''),
            (['route', 'remove', '*'], ''), (['support', support], ''), (['no', 'such'], '')):
        talk.ils(words, stdin)
        talk.ils(words + ['--json'], stdin) if words[0] not in ('support', 'no') else None
    talk.typed(['password add --generation 3', TYPED, TYPED, 'password list',
                'password drop 3', 'status', 'exit'])
    return os.path.exists(support)


def join_all(net, tap):
    hub, good, bad = (net.cluster(name) for name in ('hub', 'good', 'bad'))
    talks = [Talk(net, c) for c in (hub, good, bad)]
    recorder = Recorder(os.path.join(net.folder, 'network'), ('127.0.0.1', hub.port))
    where = '127.0.0.1:%d' % recorder.port
    for talk, password in zip(talks, (RIGHT, RIGHT, WRONG)):
        name = talk.cluster.name
        talk.ils(['init', '--cluster-id', name, '--fqdn', name + '.example.com'])
        talk.ils(['auth', 'set', '--tls', 'off', '--password', 'on'])
        talk.ils(['password', 'add', '--stdin'], password + '\n')
    talks[0].ils(['role', 'hub'])
    results = [talks[1].ils(['join', where]), talks[2].ils(['join', where])]
    tap.same(results, [0, 1], 'a good and a bad join')
    wrote = [every_command(talk, WRONG if talk is talks[2] else RIGHT) for talk in talks]
    tap.ok(all(wrote), 'every command was used, a support file was written')
    talks[1].ils(['disconnect', 'hub'])
    talks[1].ils(['connect', 'hub'])
    talks[1].ils(['join', where, '--json'])
    talks[2].ils(['join', where, '--json'])
    tap.ok(recorder.sessions >= 4, 'the joins were recorded', recorder.sessions)
    recorder.close()
    return talks


def check_control(tap, needles, talks):
    """The request that brings a password carries it stretched, and nothing else ever does."""
    clear, others, adds = [], [], 0
    for talk in talks:
        talk.recorder.close()
        with open(talk.capture, 'rb') as handle:
            data = handle.read()
        clear += needles.found(data, stretched=False)
        for request in re.split(rb'(?<=\n)', data):
            hit = needles.found(request)
            adds += bool(hit)
            if hit and b'"password add"' not in request:
                others.append(request[:200])
    tap.same(clear, [], 'no clear password on a control socket')
    tap.ok(adds > 0 and not others, 'a stretched one only in the request that brings it', adds,
           others)


def check_tables(tap, needles, talks):
    tables, clear, kept = set(), [], 0
    for talk in talks:
        for path in glob.glob(os.path.join(talk.cluster.data, '*')):
            with open(path, 'rb') if os.path.isfile(path) else open(os.devnull, 'rb') as handle:
                data = handle.read()
            if not data.startswith(b'SQLite format 3\0'):
                continue
            clear += needles.found(data, stretched=False)
            db = sqlite3.connect(path)
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
                for row in db.execute('SELECT * FROM "%s"' % name):
                    cells = b'\1'.join(c if isinstance(c, bytes) else str(c).encode() for c in row)
                    if needles.found(cells, clear=False):
                        tables.add(name)
                        kept += 1
            db.close()
    tap.same(clear, [], 'no clear password in a store')
    tap.same((sorted(tables), kept), (['password'], 3), 'a stretched one only in table password')


def check_freed_pages(tap, needles, talks):
    """What was dropped is not left behind in the file."""
    left = []
    for talk in talks:
        for path in glob.glob(os.path.join(talk.cluster.data, '*')):
            if os.path.isfile(path):
                with open(path, 'rb') as handle:
                    data = handle.read()
                left += ['%s: %s' % (path, hit) for hit in needles.found(data)
                         if TYPED in hit or (WRONG in hit) != (talk.cluster.name == 'bad')]
    tap.same(left, [], 'nothing of a dropped password in the files of the store')


def check_core(tap, net, needles, cluster):
    """The daemon's memory holds no clear password, and an abort leaves no core file."""
    pid = cluster.process.pid
    held = memory(pid)
    tap.same(needles.found(held, stretched=False), [], 'no clear password in the memory of ilsd')
    tap.ok(needles.found(held, clear=False), 'where the stretched one is, so the search sees')
    with open('/proc/%d/limits' % pid, encoding='ascii') as handle:
        limit = [line.split()[4:6] for line in handle if line.startswith('Max core file')]
    tap.same(limit, [['0', '0']], 'ilsd may write no core file')
    os.kill(pid, signal.SIGABRT)
    _, status = os.waitpid(pid, 0)
    cluster.process.returncode = -signal.SIGABRT
    cluster.process = None
    tap.ok(os.WIFSIGNALED(status) and not os.WCOREDUMP(status), 'an abort wrote none', status)
    with subprocess.Popen(['bash', '-c', 'ulimit -c unlimited; exec sleep 60'],
                          cwd=net.folder) as other:
        wait_until(lambda: b'sleep' in seen_by_all(other.pid)[:6])
        os.kill(other.pid, signal.SIGABRT)
        _, status = os.waitpid(other.pid, 0)
        other.returncode = -signal.SIGABRT
    if os.WCOREDUMP(status):
        tap.ok(True, 'where another program writes one')
    else:
        tap.skip('where another program writes one', 'this host writes no core files')


def main(stretch):
    tap = Tap()
    needles = Needles(stretch)
    with Network() as net:
        # What travels and what is left are searched when everything has happened.
        talks = join_all(net, tap)
        seen = b''.join(talk.processes + seen_by_all(talk.cluster.process.pid) for talk in talks)
        tap.ok(b'password' in seen, 'argv and environment were read')
        tap.same(needles.found(seen), [], 'nothing in argv or environment')
        check_core(tap, net, needles, talks[0].cluster)
        for talk in talks[1:]:
            talk.cluster.stop()
        talks[0].cluster.start()
        talks[0].cluster.stop()
        check_control(tap, needles, talks)
        check_tables(tap, needles, talks)
        check_freed_pages(tap, needles, talks)
        tap.ok(os.path.getsize(os.path.join(net.folder, 'network')) > 2000, 'the network was seen')
        stores = ('control-', 'ilsd.db')  # searched above
        tap.same(needles.found_in_files(net.folder, stores), [],
                 'nothing in traces, output, support files, traffic, or other state')
        leaks = os.path.join(net.folder, 'said-hub')
        for name, data in (('clear', RIGHT.encode()), ('hex', RIGHT.encode().hex().encode()),
                           ('base64', base64.b64encode(b'to: ' + WRONG.encode() + b'.'))):
            with open(os.path.join(leaks, name), 'wb') as handle:
                handle.write(b'before ' + data + b' after')
        tap.same(len(needles.found_in_files(net.folder, stores)), 3, 'planted leaks are found')
        shutil.rmtree(leaks)
    tap.done()


main(sys.argv[1])
