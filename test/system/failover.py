#!/usr/bin/env python3
"""failover: a cluster whose store is in PostgreSQL under Patroni, through the loss of each part:

    db1, db2, witness    PostgreSQL, Patroni and etcd (patroni.py)
    tokyo                a hub, the neighbour, with a file for a store; its numbers are asked for
    osaka-a, osaka-b     one writes and is linked with tokyo, the other stands by
    look1, look2, look3  lookup nodes; the third reads from the standby of the database

Callers ask each lookup node over SIP, DNS and HTTP; somebody adds an entry every half second at
whoever takes it. Everything is killed, paused or cut off in turn. No lookup fails, no change that
was acknowledged is lost, at no time do two write, and a change is taken again within LIMIT seconds
of the database. Then the controls: each of these absences is turned red; --kept PROGRAM does so of
two that write, with an ilsd that keeps a lease which it has lost."""
import http.client
import json
import os
import subprocess
import sys
import threading
import time

from dnsdoor import ask as ask_dns, number_name
from harness import BUILD, ILS, ILSD, Tap, wait_until
from kill import Control
from netns import Lan
from patroni import Databases, missing

tap = Tap()
STEADY = os.path.join(BUILD, 'test', 'system', 'steady')
FIRST, COUNT, RATE = 81310000000, 200, 100
LIMIT = 15
PATIENCE = 4    # a lookup without an answer for so long has failed, as steady.c has it


# --- those who ask: DNS and HTTP in a namespace (this program again), SIP by steady

def ask_http(port, number):
    web = http.client.HTTPConnection('127.0.0.1', port, timeout=PATIENCE)
    try:
        web.request('GET', '/v1/lookup?dialed=%2B' + number)
        return json.loads(web.getresponse().read())['result'] == 'found'
    finally:
        web.close()


def found_by(door, port, number):
    """Asks again until it is answered, or nobody would wait any longer."""
    end, again = time.monotonic() + PATIENCE, 0
    while True:
        try:
            if door == 'http' and ask_http(port, number):
                return True, again
            if door == 'dns':
                reply = ask_dns(port, number_name('+' + number))
                if reply is not None and reply.naptr:
                    return True, again
        except OSError:
            pass
        if time.monotonic() > end:
            return False, again
        again += 1
        time.sleep(0.05)


def call(door, port):
    """Twenty questions a second, until standard input ends; a line for each that failed, and the
    counts as the last one."""
    asked = failed = repeated = 0
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.wait(0.05):
        good, again = found_by(door, port, str(FIRST + asked % COUNT))
        asked, failed, repeated = asked + 1, failed + (not good), repeated + again
    print('%d %d %d' % (asked, failed, repeated), flush=True)


class Caller:
    def __init__(self, node, door, port):
        self.name = node.name + ' ' + door
        program = [STEADY, str(port), str(RATE), str(FIRST), str(COUNT)] if door == 'sip' else \
            [sys.executable, '-B', os.path.abspath(__file__), 'call', door, str(port)]
        self.door, self.last = door, ''
        self.process = subprocess.Popen(['ip', 'netns', 'exec', node.space] + program,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.last = line

    def end(self):
        """(asked, failed)"""
        self.process.stdin.close()
        self.process.wait(60)
        self.thread.join(60)
        self.process.stdout.close()
        n = [int(word) for word in self.last.split()]
        return (n[0], n[2] + n[3]) if self.door == 'sip' else (n[0], n[1])


# --- who writes

class Writer:
    """Adds entries at both, of which one takes them, and knows which were acknowledged."""

    def __init__(self, nodes):
        self.told, self.at = [], 0.0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(k, c), daemon=True)
                        for k, c in enumerate(nodes)]
        for t in self.threads:
            t.start()

    def run(self, k, c):
        n = 0
        while not self.over.wait(0.5):
            number = '+819%d%07d' % (k, n)
            n += 1
            if self.add(c, number):
                self.told.append(number)
                self.at = time.monotonic()

    @staticmethod
    def add(c, number):
        """Whether it was acknowledged; without an answer it may be there or not."""
        try:
            done = subprocess.run([ILS, 'plan', 'add', 'E164', number], env=c.env, timeout=8,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, check=False)
            return done.returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def again(self, since, timeout=90):
        """Seconds from then until a change was acknowledged; None when none was."""
        return wait_until(lambda: self.at > since, timeout, 0.05) and self.at - since or None

    def end(self):
        self.over.set()
        for t in self.threads:
            t.join(60)


class Watch:
    """Asks both again and again what they do. Two write when one says so before and after the
    other does; fencing numbers only grow."""

    def __init__(self, nodes):
        self.nodes, self.seen, self.flaws, self.over = nodes, [], [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @staticmethod
    def part(c):
        if not c.lives():
            return None
        try:
            run = subprocess.run([ILS, 'status', '--json'], env=c.env, timeout=5, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, check=False)
            node = json.loads(run.stdout).get('node')
            return (c.name, node['fence']) if node and node['part'] == 'writes' else None
        except (ValueError, subprocess.TimeoutExpired):
            return None

    def run(self):
        last = None
        while not self.over.wait(0.05):
            for c in self.nodes:
                now = self.part(c)
                if now is None:
                    continue
                self.judge(last, now)
                last = now

    def judge(self, last, now):
        if last != now:
            self.seen.append(now)
        if last and last[0] != now[0] and now[1] <= last[1]:
            self.flaws.append('%s with %s after %s with %s' % (now + last))

    def end(self):
        self.over.set()
        self.thread.join(60)


# --- the scene

class Scene:
    def __init__(self, lan, databases, program=ILSD):
        self.lan, self.databases, self.program = lan, databases, program
        self.tokyo = lan.cluster('tokyo').hub(password='one')
        rows = ''.join('E164,,+%d\n' % n for n in range(FIRST, FIRST + COUNT))
        self.tokyo.must('plan', 'import', '-', '--source', 'steady', '--force',
                        stdin='PatternType,PSTNFailover,Pattern\n' + rows)
        self.key = os.path.join(lan.folder, 'store.key')
        self.pair = [self.node('osaka-a', databases.dsn(), '--store-key', self.key)]
        first = self.pair[0]
        first.must('init', '--cluster-id', 'osaka', '--fqdn', 'osaka.example.com')
        first.must('auth', 'set', '--tls', 'off', '--password', 'on', '--accept', 'password')
        first.must('password', 'add', '--generation', 1, '--stdin', stdin='one\n')
        first.must('route', 'add', '*', 'sip:192.0.2.5')
        tap.same(first.join(self.tokyo)['code'], 'ILS-100', 'osaka joins tokyo')
        self.pair.append(self.node('osaka-b', databases.dsn(), '--store-key', self.key))
        self.look = [self.node('look%d' % n, databases.dsn(read_only=n == 3), '--lookup-only')
                     for n in (1, 2, 3)]
        tap.ok(all(wait_until(lambda c=c: self.finds(c, '+%d' % (FIRST + COUNT - 1)), 60)
                   for c in self.pair + self.look), 'all five know what tokyo has')

    def node(self, name, dsn, *options):
        c = self.lan.cluster(name, start=False, dns=True, http=True)
        c.options = ['--store', dsn, '--node', name, *options]
        c.program = self.program
        return c.start()

    @staticmethod
    def finds(c, number):
        try:
            return c.json('lookup', number)['match'] is not None
        except (ValueError, KeyError, OSError):
            return False

    def part(self, c):
        """As it says itself; None when it does not answer."""
        if not c.lives():
            return None
        try:
            return c.json('status')['node']['part']
        except (ValueError, KeyError, TypeError, OSError, subprocess.TimeoutExpired):
            return None

    def writer(self):
        return wait_until(lambda: next((c for c in self.pair if self.part(c) == 'writes'), None),
                          60, 0.1)

    def callers(self):
        return [Caller(c, door, port) for c in self.look for door, port in (
            ('sip', c.sip_port), ('dns', c.dns_port), ('http', c.http_port))]

    def lost(self, told, patience=60):
        """What was acknowledged and is not served: at the writer, its lookup nodes, the
        neighbour."""
        lost = set()
        for c in self.pair + self.look + [self.tokyo]:
            wait_until(lambda c=c: all(self.finds(c, n) for n in told[-3:]), patience, 0.2)
            control = Control(c)
            lost |= {(c.name, n) for n in told
                     if control.ask('lookup', dialled=n)['match'] is None}
        return lost


# --- what goes wrong; each gives the moment from which a change must be taken again, and mends

def kill_primary(s):
    old = s.databases.primary()
    s.databases.kill(old)
    s.databases.failed_over(old)
    return time.monotonic(), lambda: s.databases.start(old)


def unplug_primary(s):
    old = s.databases.primary()
    s.lan.unplug(old)
    s.databases.failed_over(old)
    return time.monotonic(), lambda: s.lan.plug(old)


def kill_writer(s):
    c = s.writer()
    c.kill()
    return time.monotonic(), c.start


def pause_writer(s):
    c = s.writer()
    c.pause()
    return time.monotonic(), c.resume


def cut_writer_from_databases(s):
    c = s.writer()
    for host in s.databases.watched:
        s.lan.cut(c, host)
    return time.monotonic(), s.lan.heal


def cut_writer_from_neighbour(s):
    s.lan.cut(s.writer(), s.tokyo)
    return time.monotonic(), s.lan.heal


def cut_primary_from_standby(s):
    s.lan.cut(*s.databases.watched)
    return time.monotonic(), s.lan.heal


def cut_lookup_nodes(s):
    for c in s.look:
        for host in s.databases.watched:
            s.lan.cut(c, host)
    return time.monotonic(), s.lan.heal


def cut_databases_from_all(s):
    """Nothing can be written meanwhile; from when they are back."""
    for c in s.pair + s.look:
        for host in s.databases.watched:
            s.lan.cut(c, host)
    time.sleep(20)
    s.lan.heal()
    return time.monotonic(), lambda: None


FAULTS = (kill_primary, kill_writer, cut_writer_from_databases, cut_primary_from_standby,
          unplug_primary, pause_writer, cut_writer_from_neighbour, cut_lookup_nodes,
          cut_databases_from_all)


def trouble(s, writer, fault):
    name = fault.__name__.replace('_', ' ')
    since, mend = fault(s)
    took = writer.again(since)
    print('# %s: a change is taken after %s' % (name, '%.1f s' % took if took else 'never'),
          flush=True)
    tap.ok(took and took <= LIMIT, '%s: written again within %d s' % (name, LIMIT),
           *[c.said()[-600:] for c in s.pair], *[json.dumps(c.json('status').get('node'))
                                                 for c in s.pair if c.lives()],
           *[h.said() for h in s.databases.watched if not took])
    mend()
    tap.ok(s.databases.whole(120), name + ': both databases are there again',
           *[h.said() for h in s.databases.watched])
    tap.ok(wait_until(lambda: sorted(str(s.part(c)) for c in s.pair) == ['stands by', 'writes'],
                      60, 0.2), name + ': one writes, one stands by', *[s.part(c) for c in s.pair])


def failover(s, faults):
    callers, writer, watch = s.callers(), Writer(s.pair), Watch(s.pair)
    wait_until(lambda: len(writer.told) > 3, 60)
    try:
        for fault in faults:
            tap.run(trouble, s, writer, fault)
    finally:
        writer.end()
        watch.end()
        asked = {c.name: c.end() for c in callers}
    total, failed = (sum(n[i] for n in asked.values()) for i in (0, 1))
    print('# %d lookups, %d failed; %d changes acknowledged; who wrote: %s' % (
        total, failed, len(writer.told), ', '.join('%s %s' % one for one in watch.seen)))
    tap.ok(failed == 0 and all(n[0] > 100 for n in asked.values()), 'no lookup failed', asked)
    lost = s.lost(writer.told)
    tap.ok(not lost and len(writer.told) > 20, 'nothing that was acknowledged is lost',
           sorted(lost)[:20])
    moved = sum(f in (kill_writer, pause_writer, cut_writer_from_databases) for f in faults)
    tap.ok(not watch.flaws and len(watch.seen) > moved, 'one wrote at a time, with growing fences',
           watch.flaws, watch.seen)
    clones = [c.json('identity').get('writing') for c in s.pair + [s.tokyo]]
    tap.ok('clone' not in clones, 'the neighbour holds nobody for two', clones)
    return writer, watch


# --- the controls

def controls(s, writer, watch):
    number = writer.told[0]
    s.writer().must('plan', 'remove', 'E164', number)
    tap.ok(wait_until(lambda: len(s.lost([number], 0)) == 6, 30),
           'control: what is not there is found out, at all six')
    flaws = len(watch.flaws)
    watch.judge(('osaka-b', 8), ('osaka-a', 7))
    tap.ok(len(watch.flaws) > flaws, 'control: a fence that does not grow is found out')
    callers = s.callers()
    time.sleep(1)
    s.look[0].kill()
    time.sleep(PATIENCE + 3)
    asked = {c.name: c.end() for c in callers}
    tap.ok(all((n[1] > 0) == name.startswith('look1') for name, n in asked.items()),
           'control: a lookup node that is dead fails at each door, the others do not', asked)


def kept(program):
    """Two ilsd that never notice that they lost the lease: that is seen."""
    with Lan() as lan, Databases(lan) as databases:
        s = Scene(lan, databases, program)
        watch = Watch(s.pair)
        wait_until(lambda: watch.seen)
        cut_writer_from_databases(s)
        tap.ok(wait_until(lambda: watch.flaws, 60, 0.1), 'control: two that write are found out',
               watch.seen)
        watch.end()
        print('# %s' % '; '.join(watch.flaws[:1]))
    tap.done()


def main():
    if sys.argv[1:2] == ['--kept']:
        kept(os.path.abspath(sys.argv[2]))
    wanted = [f for f in FAULTS if not sys.argv[1:] or f.__name__ in sys.argv[1:]]
    reason = missing()
    if reason:
        tap.skip('failover', reason)
        tap.done()
    with Lan() as lan, Databases(lan) as databases:
        scene = Scene(lan, databases)
        controls(scene, *failover(scene, wanted))
    tap.done()


if __name__ == '__main__':
    if sys.argv[1:2] == ['call']:
        call(sys.argv[2], int(sys.argv[3]))
    else:
        main()
