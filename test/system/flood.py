#!/usr/bin/env python3
"""flood: ten thousand strangers at the door of a hub, and who still gets in.

    flood.py [--seconds N] [--joins N] [--reconnects N] [--ilsd PATH] [--control] [--whole]

A hub with live links is flooded by flood.c: 10 000 connections from 100 addresses on both ports,
silent, with half a hello, or at a byte a second, each opened anew as soon as the hub closes it.
Meanwhile clusters whom it knows are killed, started and dial again, and clusters that it has never
seen join for the first time, half by password, half by invite. All are real daemons. What must
hold:

    memory   the hub has at most 64 MiB more than before
    live     the links that stood before the flood are the same links after it
    known    those whom it knows are back within 5 s of their start (p99)
    joins    each newcomer is linked within 30 s

Whoever dials does so from a source address of his own, none of the flood's and none that the hub
has met: everything runs in a network namespace of its own, in which 127.200.I.J is reached from
127.201.I.J. Where none can be made, all come from 127.0.0.1, and that is said.

Then a hub that may have few files is flooded: a newcomer joins all the same, and as soon as the
strangers hold still, so does the hub.

--control floods an ilsd without a limit of half-open links, which must be found out.
--whole: a third of the strangers send the whole ClientHello, so that the hub has to answer it.
"""
import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import harness
from harness import BUILD, Network, Tap, wait_until

FLOOD = os.path.join(BUILD, 'test', 'system', 'flood')
CONTROL = os.path.join(BUILD, 'test', 'system', 'ilsd_half_open')
SPACE = 'ILS_TEST_SPACE'
CONNECTIONS, SOURCES = 10000, 100
MEMORY = 64 * 1024      # KiB
KNOWN_WITHIN, JOIN_WITHIN = 5, 30
STRETCHED = '5a' * 32   # of the network's password; any 32 bytes are one
AT_ONCE = 8             # newcomers
DIALLERS = 4            # known clusters that come back at once


def enter():
    """Starts this program anew in a network of its own, where that can be done."""
    try:
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    except (OSError, ValueError):
        pass
    if SPACE in os.environ:
        return
    run = ['unshare', '--user', '--map-root-user', '--net']
    check = subprocess.run(run + ['sh', '-c', 'ip link set lo up && ip route replace local '
                                  '127.200.0.1 dev lo table local src 127.201.0.1'],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    if check.returncode != 0:
        os.environ[SPACE] = ''
        return
    os.environ[SPACE] = 'own'
    os.execvp(run[0], run + ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', sys.executable] +
              sys.argv)


class Places:
    """Addresses of the hub, each reached from a source of its own."""

    def __init__(self):
        self.own, self.n = os.environ[SPACE] == 'own', 0

    def next(self):
        if not self.own:
            return '127.0.0.1'
        self.n += 1
        tail = '%d.%d' % (self.n // 250, self.n % 250 + 1)
        subprocess.run(['ip', 'route', 'replace', 'local', '127.200.' + tail, 'dev', 'lo', 'table',
                        'local', 'src', '127.201.' + tail], check=True)
        return '127.200.' + tail


def cpu(c):
    with open('/proc/%d/schedstat' % c.process.pid, encoding='ascii') as handle:
        return int(handle.read().split()[0]) / 1e9


class Watch(threading.Thread):
    """What the hub needs: resident memory, CPU time, and how long it takes to answer."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.over = hub, False
        self.before = self.most = self.resident()
        self.cpu_before, self.begun = cpu(hub), time.monotonic()
        self.slowest = 0

    def resident(self):
        with open('/proc/%d/status' % self.hub.process.pid, encoding='ascii') as handle:
            for line in handle:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1])
        return 0

    def run(self):
        while not self.over:
            begun = time.monotonic()
            self.hub.ask('version')
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.most = max(self.most, self.resident())
            time.sleep(0.2)

    def stop(self):
        self.over = True
        self.join()
        self.share = (cpu(self.hub) - self.cpu_before) / (time.monotonic() - self.begun)


class Flood:
    """The strangers. figures: one a second, as flood.c tells them."""

    def __init__(self, hub, connections, whole=False, sources=SOURCES):
        words = [FLOOD, '127.0.0.1', str(hub.tls_port), str(hub.port), str(connections),
                 str(sources)] + (['whole'] if whole else [])
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.figures = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.figures.append(json.loads(line))

    def hold(self):
        self.process.send_signal(signal.SIGSTOP)

    def opened(self):
        return sum(f['opened'] for f in self.figures)

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()
        self.reader.join()


def linked(c, name):
    try:
        for row in c.ask('peers')['result']:
            if row['cluster_id'] == name and row['linked']:
                return row['link_since']
    except (OSError, RuntimeError):
        pass
    return None


class World:
    """The hub, whom it knows, and whom it will see for the first time."""

    def __init__(self, net, joins, ilsd=None, live=4, known=DIALLERS, prefix=()):
        self.net, self.places = net, Places()
        self.hub = net.cluster('hub', start=False, address='0.0.0.0', prefix=prefix)
        self.hub.command = self.command(self.hub, ilsd)
        self.hub.start()
        self.set_up(self.hub, True, True, 'password', 'tls', 'tls+password')
        self.hub.must('role', 'hub')
        self.live = [self.member('live%d' % i, i % 2 == 0) for i in range(live)]
        self.known = [self.member('known%d' % i, i % 2 == 0) for i in range(known)]
        for c in self.live + self.known:
            self.begin(c)
        for c in self.live + self.known:
            if not wait_until(lambda: linked(c, 'hub') and linked(self.hub, c.name)):
                raise RuntimeError('%s does not join: %s' % (c.name, c.json('status')))
        self.new = [self.member('new%03d' % i, i % 2 == 0, launch=False) for i in range(joins)]
        for c in self.new:
            c.launch()
        for c in self.new:
            self.settle(c)

    @staticmethod
    def command(c, ilsd):
        given = type(c).command
        return lambda: [ilsd if ilsd and word == harness.ILSD else word for word in given(c)]

    @staticmethod
    def set_up(c, tls, password, *accept):
        c.must('init', '--cluster-id', c.name, '--fqdn', c.name + '.example.com')
        c.must('auth', 'set', '--tls', 'on' if tls else 'off', '--password',
               'on' if password else 'off', '--accept', *accept)
        c.ask('password add', generation=1, stretched=STRETCHED)

    def member(self, name, tls, launch=True):
        c = self.net.cluster(name, start=False)
        c.place, c.tls = self.places.next(), tls
        if launch:
            c.launch()
            self.settle(c)
        return c

    def settle(self, c):
        """Its settings; the token of those who come by invite."""
        wait_until(c.answers)
        self.set_up(c, c.tls, not c.tls, 'tls' if c.tls else 'password')
        c.token = None
        if c.tls:
            c.token = self.hub.json('invite', '--address',
                                    '%s:%d' % (c.place, self.hub.tls_port))['token']

    def begin(self, c):
        where = c.token or '%s:%d' % (c.place, self.hub.port)
        c.must('join', where, '--no-wait')


def first_joins(world, took):
    """Newcomers, a few at a time; took: seconds, or None for who was not linked in time."""
    rest, lock = list(world.new), threading.Lock()

    def work():
        while True:
            with lock:
                if not rest:
                    return
                c = rest.pop(0)
            begun = time.monotonic()
            world.begin(c)
            good = wait_until(lambda: linked(c, 'hub'), JOIN_WITHIN, 0.05)
            took.append(time.monotonic() - begun if good else None)
            if not good:
                print('# %s: %s' % (c.name, json.dumps(c.json('status').get('hub'))))

    workers = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for w in workers:
        w.start()
    return workers


def returns(world, took, until, least):
    """Each known cluster is killed and started, time and again."""
    def work(c):
        while time.monotonic() < until or len(took) < least:
            c.kill()
            begun = time.monotonic()
            c.launch()
            good = wait_until(lambda: c.answers() and linked(c, 'hub'), JOIN_WITHIN, 0.02)
            took.append(time.monotonic() - begun if good else JOIN_WITHIN)
            if time.monotonic() > until + JOIN_WITHIN:
                return

    workers = [threading.Thread(target=work, args=[c]) for c in world.known]
    for w in workers:
        w.start()
    return workers


def attempts(clusters):
    """How often each code ended an attempt."""
    codes = {}
    for c in clusters:
        for r in c.trace_records():
            if r.get('code') and not r['event'].startswith('T'):
                codes[r['code']] = codes.get(r['code'], 0) + 1
    return codes


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else float('inf')


class Result:
    """One flood, and what became of everybody."""

    def __init__(self, options, ilsd=None):
        self.joined, self.back = [], []
        with Network() as net:
            self.world = world = World(net, options.joins, ilsd)
            since = [linked(world.hub, c.name) for c in world.live]
            self.watch = Watch(world.hub)
            self.watch.start()
            flood = Flood(world.hub, options.connections, options.whole)
            wait_until(lambda: flood.opened() >= options.connections, 5)
            until = time.monotonic() + options.seconds
            for w in (returns(world, self.back, until, options.reconnects) +
                      first_joins(world, self.joined)):
                w.join()
            time.sleep(max(0, until - time.monotonic()))
            self.watch.stop()
            self.live = [linked(world.hub, c.name) for c in world.live] == since
            self.gate = world.hub.ask('stats')['result']
            self.flooded = time.monotonic() - self.watch.begun
            flood.stop()
            self.figures = flood.figures
            self.opened = flood.opened()
            self.attempts = [attempts(world.known), attempts(world.new)]
            self.own_addresses = world.places.own

    def text(self):
        w, joined = self.watch, [t for t in self.joined if t is not None]
        return ('%d connections opened in %.0f s (%.0f/s); memory +%.1f MiB; CPU %.0f %%; '
                'slowest answer %.2f s; %d of %d joins, p50 %.2f s, worst %.2f s; '
                '%d returns, p50 %.2f s, p99 %.2f s%s' % (
                    self.opened, self.flooded, self.opened / self.flooded,
                    (w.most - w.before) / 1024, w.share * 100, w.slowest, len(joined),
                    len(self.joined), percentile(joined, 0.5), max(joined, default=-1),
                    len(self.back), percentile(self.back, 0.5), percentile(self.back, 0.99),
                    '' if self.own_addresses else '; all from 127.0.0.1'))


def prove(tap, options):
    r = Result(options)
    tap.ok(r.opened > options.connections, 'the strangers come again and again',
           r.figures)
    tap.ok(r.watch.most - r.watch.before <= MEMORY, 'at most 64 MiB more memory',
           '%d KiB before, %d KiB at most' % (r.watch.before, r.watch.most))
    tap.ok(r.gate['half_open'] <= 1024 < r.gate['half_open_evicted'], 'who had to go is counted',
           r.gate)
    tap.ok(r.live, 'the links that stood are the same links')
    tap.ok(len(r.back) >= options.reconnects and percentile(r.back, 0.99) <= KNOWN_WITHIN,
           'known clusters are back within 5 s (p99)', sorted(r.back)[-10:], r.attempts)
    tap.ok(len(r.joined) == options.joins and None not in r.joined,
           'all newcomers join within 30 s', r.joined, r.attempts)
    print('# verdicts: known %s, new %s' % tuple(r.attempts))
    return r.text()


def few_files(tap):
    """A hub that may open 200 files; 36 of them are for half-open links."""
    joined = []
    with Network() as net:
        prefix = ['sh', '-c', 'ulimit -n 200 && exec "$@"', 'sh']
        world = World(net, 2, live=2, known=0, prefix=prefix)
        since = [linked(world.hub, c.name) for c in world.live]
        flood = Flood(world.hub, 1000, sources=8)
        wait_until(lambda: flood.opened() > 2000)
        for w in first_joins(world, joined):
            w.join()
        tap.ok(len(joined) == 2 and None not in joined, 'few files: newcomers join', joined)
        tap.same([linked(world.hub, c.name) for c in world.live], since,
                 'few files: the links that stood are the same links')
        flood.hold()
        idle = lambda begun: time.sleep(0.5) or cpu(world.hub) - begun < 0.1
        tap.ok(wait_until(lambda: idle(cpu(world.hub)), 10),
               'few files: the hub rests when nobody comes any more')
        flood.stop()


def control(tap, options):
    r = Result(options, CONTROL)
    tap.ok(r.watch.most - r.watch.before > MEMORY or None in r.joined,
           'an ilsd without a limit of half-open links is found out', r.text())
    return 'the control: ' + r.text()


def options_of(words=None):
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--joins', type=int, default=100)
    parser.add_argument('--reconnects', type=int, default=100)
    parser.add_argument('--connections', type=int, default=CONNECTIONS)
    parser.add_argument('--control', action='store_true')
    parser.add_argument('--whole', action='store_true')
    return parser.parse_args(words)


def main():
    enter()
    options, tap = options_of(), Tap()
    text = (control if options.control else prove)(tap, options)
    if not options.control:
        few_files(tap)
    print('1..%d' % tap.count)
    print('# ' + text)
    sys.exit(1 if tap.failed else 0)


if __name__ == '__main__':
    main()
