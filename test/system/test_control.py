#!/usr/bin/env python3
"""The control socket under people who hang up, do not read, come all at once, or sit at a terminal:
the daemon goes on serving everybody else."""
import json
import os
import pty
import select
import socket
import subprocess
import threading
import time

from harness import ILS, Network, Tap, free_port, wait_until

tap = Tap()
ROWS = 120000


def connect(c):
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(c.data, 'control.sock'))  # blocks while the queue is full
    s.settimeout(60)
    return s


def request(command, bytes_=None, **args):
    line = {'command': command, 'args': args}
    if bytes_ is not None:
        line['bytes'] = bytes_
    return json.dumps(line).encode() + b'\n'


def catalog(n):
    rows = ''.join('E164,,+8131%07d\n' % i for i in range(n))
    return ('PatternType,PSTNFailover,Pattern\n' + rows).encode()


def hang_up(c):
    content = catalog(2000)
    for cut in (0, 1, 1000, len(content) - 1, len(content)):
        with connect(c) as s:
            s.sendall(request('plan import', len(content), source='cut') + content[:cut])
    with connect(c) as s:
        s.sendall(request('join', host='127.0.0.1', port=free_port()))
    with connect(c) as s:
        s.sendall(request('sql', query='with recursive a(x) as (select 1 union all select x+1 '
                          'from a) select count(*) from a'))
    with connect(c) as s:
        s.sendall(b'{"command": "trace fol')
    with connect(c) as s:
        s.sendall(request('clusters') * 3)
        s.shutdown(socket.SHUT_WR)
        lines = s.makefile().read().splitlines()
        tap.ok(len(lines) == 3 and all(json.loads(line)['ok'] for line in lines),
               'who ends his side first still gets his answers', *lines)
    tap.ok(c.ask('version')['ok'], 'the daemon outlives those who hang up')
    tap.ok(wait_until(lambda: c.json('plan', 'show')['total'] in (0, 2000)),
           'of an import that was cut off all is there or nothing')
    with connect(c) as s:
        s.sendall(request('status', 7) + b'garbage' + request('version'))
        lines = s.makefile()
        first, rest = json.loads(lines.readline()), lines.read()
        tap.ok(first['ok'] is False and rest == '',
               'content where none belongs ends the connection')


def crowd(c):
    answers = []

    def one():
        try:
            answers.append(c.ask('clusters')['ok'])
        except OSError as error:
            answers.append(repr(error))
    threads = [threading.Thread(target=one) for _ in range(200)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.same(answers.count(True), 200, '200 at once are all answered')
    idle = [connect(c) for _ in range(300)]
    tap.ok(c.ask('version')['ok'], 'so is one more beside 300 idle ones')
    for s in idle:
        s.close()


def slow(c):
    """Who asks for a large answer and does not read it is dropped; others are served meanwhile."""
    content = catalog(ROWS)
    with connect(c) as s:
        s.sendall(request('plan import', len(content), source='large') + content)
        for line in s.makefile():
            answer = json.loads(line)
            if 'ok' in answer:
                break
    tap.ok(answer['ok'] and answer['result']['added'] == ROWS, 'a large import', answer)
    with connect(c) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(request('plan export'))
        tap.ok(c.ask('version')['ok'], 'others are served beside one who does not read')
        ended = select.poll()
        ended.register(s, select.POLLRDHUP)
        tap.ok(ended.poll(40000), 'he is dropped in the end')
    out = c.must('plan', 'export', '--source', 'large')
    tap.same(len(out.splitlines()), ROWS + 1, 'who reads gets all of it')


def follow(c):
    with subprocess.Popen([ILS, 'trace', '--follow', '--json'], env=c.env, text=True,
                          stdout=subprocess.PIPE) as run:
        seen = []

        def read():
            for line in run.stdout:
                seen.append(json.loads(line))
        thread = threading.Thread(target=read)
        thread.start()

        def provoke():
            c.must('plan', 'add', 'URI', 'u%d@alpha.example.com' % time.monotonic_ns())
            return any(r['event'] == 'R1' for r in seen)
        tap.ok(wait_until(provoke, 20, 0.1), 'trace --follow shows a record as it is written', seen)
        run.kill()
        thread.join()
    tap.ok(c.ask('version')['ok'], 'and may be ended at any time')


class Terminal:
    """`ils` at a terminal, typed to."""

    def __init__(self, c, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(ILS, ['ils', *words], dict(c.env, TERM='xterm'))
        self.seen = ''

    def until(self, text, timeout=20):
        end = time.monotonic() + timeout
        while text not in self.seen and time.monotonic() < end:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    part = os.read(self.fd, 65536)
                except OSError:
                    break
                if not part:
                    break
                self.seen += part.decode(errors='replace')
        return text in self.seen

    def type(self, text):
        self.seen = ''
        os.write(self.fd, text.encode())

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def terminal(c):
    t = Terminal(c)
    tap.ok(t.until('admin:'), 'ils alone opens admin:', t.seen)
    t.type('run sql select clusterid from cluster\r')
    tap.ok(t.until('alpha\r\n') and t.until('====='), 'run sql at the prompt', t.seen)
    t.type('exit\r')
    tap.same(t.end(), 0, 'exit ends it')
    for second, wanted in (('canary', 0), ('canaries', 1)):
        t = Terminal(c, 'password', 'add')
        asked = t.until('password: ')
        os.write(t.fd, b'canary\r')
        asked = asked and t.until('once more: ')
        os.write(t.fd, second.encode() + b'\r')
        t.until('OK' if wanted == 0 else 'differ')
        tap.ok(asked and 'canar' not in t.seen, 'a password is asked for twice, without echo',
               t.seen)
        tap.same(t.end(), wanted, 'and taken when both are the same: %s' % (wanted == 0))


def main():
    with Network() as net:
        c = net.cluster('alpha')
        c.must('init', '--cluster-id', 'alpha', '--fqdn', 'alpha.example.com')
        for part in (hang_up, crowd, follow, terminal, slow):
            tap.run(part, c)
        tap.same(c.stop(), 0, 'SIGTERM ends it cleanly')
    tap.done()


main()
