#!/usr/bin/env python3
"""kill: kill -9 of either ilsd at any moment, and what must still be true afterwards.

    kill.py [-n KILLS] [--seed N] [--control] [--verbose]

Worlds of a hub A and a spoke B, real daemons, one after another. In each, B is set up, given a
plan and joined to A while the first kill falls; then two writers keep changing B's plan (imports
that replace a whole source, single entries that come and go), a reader keeps asking A over SIP,
and the kills go on. Some fall while a third writer changes half of BULK entries at once, so that
segments are rewritten, and some while a backup that was made under load is put back at B (`ils
restore FILE`), which then must take over from A what the backup had not yet. After each kill the
daemon is started again and everything is compared:

    promised  every change that B acknowledged is there at B; one under way is there whole or not
              at all; settings that were acknowledged stand
    usn       B's USN is not below any that B or A ever showed
    same      A has taken up B's USN again and answers every key as B does, the removed keys are
              gone, and the first row of all, the callee, answers 302 at A, even before the
              link is back once A has read it from its own disk
    strange   A never redirects a number that was never submitted

Which daemon, which moment and what is written come from the seed; the machine's scheduling does
not. A kill counts as inside a write when there is evidence for at least one of:

    call      just before the signal a thread of the daemon was in a write, sync or truncate of its
              database or log (/proc/PID/task/TID/syscall)
    torn      the log (WAL) that was left holds valid pages of a transaction without its commit
    unsaid    a change that B had not acknowledged is there after the start: the kill fell between
              the write and the answer

--control runs the same on an ilsd that acknowledges before it has written. It must be found out:
exit status 0 when it is.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time

import harness
from harness import BUILD, Network, Tap, wait_until

CONTROL = os.path.join(BUILD, 'test', 'system', 'ilsd_ack_early')
KILLS_PER_WORLD = 10
PATIENCE = 60            # s that a resync may take before it counts as failed
UNIVERSE = 3000          # keys that an import draws from
BULK = 12000             # entries of which an import changes half: what they were in is rewritten
GHOSTS = 200             # numbers that nobody submits
WRITES = {1: 'write', 18: 'pwrite64', 20: 'writev', 74: 'fsync', 75: 'fdatasync',
          77: 'ftruncate', 277: 'sync_file_range'}
CALLEE = '+81312345678'


class Cut(Exception):
    """The daemon went away before its answer was whole."""


class Refused(Exception):
    """The daemon said no."""


class Control:
    """A connection to the control socket, kept open: `ils` without the start of a process."""

    def __init__(self, cluster):
        self.socket = socket.socket(socket.AF_UNIX)
        try:
            self.socket.connect(os.path.join(cluster.data, 'control.sock'))
        except OSError as error:
            raise Cut from error
        self.socket.settimeout(PATIENCE)
        self.lines = self.socket.makefile('rb')

    def ask(self, command, content=None, sent=None, **args):
        request = {'command': command, 'args': args}
        if content is not None:
            request['bytes'] = len(content)
        try:
            self.socket.sendall(json.dumps(request).encode() + b'\n' + (content or b''))
            if sent:
                sent()
            return self.answer()
        except OSError as error:
            raise Cut from error

    def answer(self):
        parts = ''
        while True:
            line = self.lines.readline()
            if not line.endswith(b'\n'):
                raise Cut
            answer = json.loads(line)
            parts += answer.get('part', '')
            if 'ok' not in answer:
                continue
            if not answer['ok']:
                raise Refused(answer['error'])
            return parts or answer['result']


def invite(address, number):
    """The status code of the answer to an INVITE, and its Contact; None when there is none. A
    `number` that is a whole URI is asked for as it is."""
    uri = number if '@' in number else '%s@%s:%d' % (number, *address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(2)
        s.connect(address)
        mark = '%016x' % random.getrandbits(64)
        s.send(('INVITE sip:%s SIP/2.0\r\n'
                'Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK%s\r\n'
                'Max-Forwards: 70\r\nFrom: <sip:caller@a.example.com>;tag=%s\r\nTo: <sip:%s>\r\n'
                'Call-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:caller@127.0.0.1:9>\r\n'
                'Content-Length: 0\r\n\r\n' % (uri, mark, mark, uri, mark)).encode())
        try:
            text = s.recv(65536).decode(errors='replace')
        except OSError:
            return None
    contact = re.search(r'^Contact: *(.*?)\r$', text, re.M | re.I)
    return int(text.split(' ', 2)[1]), contact.group(1) if contact else ''


# --- the evidence

def call_of_write(process, data):
    """The name of the write, sync or truncate of its database that a thread is in now, or None."""
    folder = '/proc/%d' % process.pid
    try:
        for task in os.listdir(folder + '/task'):
            with open('%s/task/%s/syscall' % (folder, task), encoding='ascii') as handle:
                words = handle.read().split()
            if words[0].isdigit() and int(words[0]) in WRITES:
                path = os.readlink('%s/fd/%d' % (folder, int(words[1], 16)))
                if path.startswith(os.path.join(data, 'ilsd.db')):
                    return WRITES[int(words[0])]
    except (OSError, IndexError, ValueError):
        pass
    return None


def wal_sum(data, s, order):
    a, b = s
    words = struct.unpack('%s%dI' % (order, len(data) // 4), data)
    for i in range(0, len(words), 2):
        a = (a + words[i] + b) & 0xffffffff
        b = (b + words[i + 1] + a) & 0xffffffff
    return a, b


def wal_torn(data):
    """Valid pages after the last commit in the log that a dead daemon left."""
    try:
        with open(os.path.join(data, 'ilsd.db-wal'), 'rb') as handle:
            log = handle.read()
    except OSError:
        return 0
    if len(log) < 32:
        return 0
    magic, _, page = struct.unpack('>3I', log[:12])
    order = '>' if magic & 1 else '<'
    s = wal_sum(log[:24], (0, 0), order)
    at, torn = 32, 0
    while at + 24 + page <= len(log):
        frame, body = log[at:at + 24], log[at + 24:at + 24 + page]
        s = wal_sum(frame[:8] + body, s, order)
        if frame[8:16] != log[16:24] or struct.unpack('>2I', frame[16:24]) != s:
            break
        torn = 0 if struct.unpack('>I', frame[4:8])[0] else torn + 1
        at += 24 + page
    return torn


# --- who writes

class Writer(threading.Thread):
    """Changes one source of B's plan. `held` is what B has acknowledged; `next` is what it would be
    with the change under way, None when there is none."""

    def __init__(self, world, source, rand, held=None):
        super().__init__(daemon=True)
        self.world, self.source, self.rand = world, source, rand
        self.held = held or {}
        self.next = None
        self.ended = None
        self.pause = threading.Event()
        self.submitted = threading.Event()
        self.latency = 0.01

    def run(self):
        try:
            link = Control(self.world.b)
            while not self.pause.is_set():
                self.change(link)
        except Cut:
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.ended = error

    def change(self, link):
        after, command, content, args = self.draw()
        self.world.seen_keys.update(after)
        self.next = after
        begun = time.monotonic()
        link.ask(command, content, sent=self.sent, **args)
        self.held, self.next = after, None
        self.world.acknowledged += 1
        self.took(time.monotonic() - begun)
        self.world.see_usn(link.ask('status')['usn'], 'B')

    def sent(self):
        self.world.submitted.set()

    def took(self, seconds):
        self.world.latency = 0.8 * self.world.latency + 0.2 * seconds

    def draw(self):
        raise NotImplementedError


class Importer(Writer):
    def draw(self):
        n = self.rand.choice((1, 20, 200, self.rand.randrange(1, UNIVERSE)))
        first, version = self.rand.randrange(UNIVERSE - n + 1), self.rand.randrange(10 ** 6)
        after = {'+4420%07d' % i: '+1%06d' % version for i in range(first, first + n)}
        content = 'type,key,failover\n' + ''.join('E164,%s,%s\n' % row for row in after.items())
        return after, 'plan import', content.encode(), {'source': self.source, 'force': True}


class Adder(Writer):
    def draw(self):
        after = dict(self.held)
        gone = sorted(set(after) - {CALLEE})
        if gone and self.rand.random() < 0.4:
            key = self.rand.choice(gone)
            del after[key]
            return after, 'plan remove', None, {'kind': 'E164', 'key': key}
        key = '+4930%07d' % self.rand.randrange(300)
        after[key] = '+2%06d' % self.rand.randrange(10 ** 6)
        return after, 'plan add', None, {'kind': 'E164', 'key': key, 'failover': after[key]}


class Bulk(Writer):
    """Works only at the moment `rewrite`: the others would wait for it all the time."""

    def sent(self):
        self.world.rewriting.set()

    def took(self, seconds):
        self.world.rewrite_latency = seconds

    def draw(self):
        version = self.rand.randrange(10 ** 6)
        after = {'+4921%07d' % i: '+3%06d' % version if self.rand.random() < 0.5 else
                 self.held.get('+4921%07d' % i, '+30') for i in range(BULK)}
        content = 'type,key,failover\n' + ''.join('E164,%s,%s\n' % row for row in after.items())
        return after, 'plan import', content.encode(), {'source': self.source, 'force': True}


class Reader(threading.Thread):
    """Asks A for what was never submitted, and what USN of B it shows."""

    def __init__(self, world, rand):
        super().__init__(daemon=True)
        self.world, self.rand = world, rand
        self.over = threading.Event()
        self.asked = 0

    def run(self):
        link = None
        while not self.over.is_set():
            ghost = '+999%07d' % self.rand.randrange(GHOSTS)
            answer = invite(self.world.a_sip, ghost)
            self.asked += answer is not None
            if answer is not None and answer[0] != 404:
                self.world.fault('strange', '%s was never submitted, A says %r' % (ghost, answer))
            try:
                link = link or Control(self.world.a)
                row = self.world.row_of_b(link)
                if row:
                    self.world.see_usn(row['usn'], 'A')
            except Cut:
                link = None
            time.sleep(0.005)


# --- a world

class World:
    """A and B from nothing to the last of some kills."""

    def __init__(self, net, tally, seed, kills, program):
        self.rand = random.Random(seed)
        self.seed, self.kills, self.tally = seed, kills, tally
        name = 'w%d' % seed
        self.a = net.cluster(name + 'a', start=False)
        self.b = net.cluster(name + 'b', start=False)
        for c in (self.a, self.b):
            if program:
                c.command = lambda c=c, old=c.command: [program] + old()[1:]
            c.start()
        self.a_sip = ('127.0.0.1', self.a.sip_port)
        self.usn_shown, self.usn_by = 0, ''
        self.lock = threading.Lock()
        self.submitted = threading.Event()
        self.rewriting = threading.Event()
        self.latency, self.rewrite_latency, self.restore_latency = 0.01, 0.05, 0.1
        self.acknowledged = 0
        self.seen_keys = set()
        self.a_read_callee = False
        self.faults = []
        self.kill_n = 0
        self.writers = [Importer(self, 'file', random.Random(self.rand.random())),
                        Adder(self, 'manual', random.Random(self.rand.random())),
                        Bulk(self, 'bulk', random.Random(self.rand.random()))]

    def fault(self, kind, text):
        with self.lock:
            self.faults.append((kind, 'world %d, kill %d: %s' % (self.seed, self.kill_n, text)))

    def see_usn(self, usn, where):
        with self.lock:
            if usn > self.usn_shown:
                self.usn_shown, self.usn_by = usn, where

    def row_of_b(self, link):
        for row in link.ask('clusters'):
            if row['cluster_id'] == self.b.name:
                return row
        return None

    # --- the kill

    def kill(self, victim, moment):
        """kill -9 now; the evidence of a write."""
        under_way = [w for w in self.writers if w.next is not None and w.is_alive()]
        call = call_of_write(victim.process, victim.data)
        victim.kill()
        torn = wal_torn(victim.data)
        self.kill_n += 1
        return {'who': 'A' if victim is self.a else 'B', 'moment': moment, 'call': call,
                'torn': torn, 'under_way': len(under_way), 'unsaid': 0, 'restoring': False,
                'rewriting': any(isinstance(w, Bulk) for w in under_way)}

    def start(self, victim, again=True):
        """Starts the victim; with luck it is killed once more in the middle of that."""
        if again and self.rand.random() < 0.15 and self.kill_n < self.kills:
            victim.launch()
            time.sleep(self.rand.uniform(0, 0.03))
            self.tally.add(self.kill(victim, 'start'))
        victim.start()

    # --- the beginning, in steps that may be repeated

    def set_up_steps(self):
        key = '%064x' % (self.seed + 1)
        for c in (self.a, self.b):
            yield c, 'init', dict(cluster_id=c.name, fqdn=c.name + '.example.com')
            yield c, 'auth set', dict(tls=False, password=True, accept=['password'])
            yield c, 'password add', dict(generation=1, stretched=key)
        yield self.a, 'role', dict(role='hub')
        yield self.a, 'route add', dict(pattern='*', target='sip:192.0.2.1')
        yield self.b, 'plan add', dict(kind='E164', key=CALLEE, failover='-')
        yield self.b, 'join', dict(host='127.0.0.1', port=self.a.port, wait=True)

    def stands(self, c, link, command, args):
        """Is what was acknowledged still there?"""
        if command == 'init':
            return link.ask('status')['cluster_id'] == args['cluster_id']
        if command == 'auth set':
            return link.ask('auth show') == args
        if command == 'password add':
            return [p['generation'] for p in link.ask('password list')] == [1]
        if command == 'role':
            return link.ask('status')['role'].startswith('Hub')
        if command == 'route add':
            return [r['pattern'] for r in link.ask('route list')] == ['*']
        if command == 'plan add':
            return CALLEE in self.plan(link, 'manual')
        return link.ask('status')['role'].startswith('Spoke')

    def set_up(self):
        """The first kill falls somewhere here, drawn over the time that it takes."""
        victim = self.rand.choice((self.a, self.b))
        timer = threading.Event()
        delay = self.rand.uniform(0, self.tally.set_up_time * 1.5)
        killer = threading.Thread(target=self.kill_in_set_up, args=(victim, delay, timer),
                                  daemon=True)
        begun = time.monotonic()
        killer.start()
        done, links, cut, tries = [], {}, False, 0
        for c, command, args in self.set_up_steps():
            while True:
                try:
                    if c not in links:
                        links[c] = Control(c)
                    if not cut or not self.stands(c, links[c], command, args):
                        links[c].ask(command, **args)
                    done.append((c, command, args))
                    break
                except Cut:
                    timer.wait(PATIENCE)
                    cut, links = True, {}
                except Refused as reason:
                    tries += 1
                    time.sleep(0.1)
                    if command != 'join' or tries > 20:
                        self.fault('promised', '%s at %s after what was acknowledged: refused: %s' %
                                   (command, c.name, reason))
                        killer.join()
                        return
        if not cut and not timer.is_set():
            self.tally.set_up_took(time.monotonic() - begun)
        killer.join()
        links = {c: Control(c) for c in (self.a, self.b)}
        for c, command, args in done:
            if not self.stands(c, links[c], command, args):
                self.fault('promised', '%s %r was acknowledged and is gone' % (command, args))
        self.writers[1].held = {CALLEE: ''}
        self.seen_keys.add(CALLEE)

    def kill_in_set_up(self, victim, delay, timer):
        time.sleep(delay)
        self.tally.add(self.kill(victim, 'join'))
        victim.start()
        timer.set()

    # --- the comparison

    def plan(self, link, source):
        text = link.ask('plan export', source=source)
        rows = text.splitlines()[1:] if isinstance(text, str) else []
        return {row.split(',')[1]: row.split(',')[2] for row in rows}

    def compare_b(self, link, kill):
        for w in self.writers:
            got = self.plan(link, w.source)
            if w.next is not None and got == w.next and got != w.held:
                kill['unsaid'] += 1
                w.held = w.next
            elif got != w.held:
                lost = sorted(set(w.held.items()) - set(got.items()))
                more = sorted(set(got.items()) - set(w.held.items()))
                self.fault('promised', 'source %s at B lacks %d acknowledged rows (%r ...) and has '
                           '%d others (%r ...); under way: %r' %
                           (w.source, len(lost), lost[:2], len(more), more[:2],
                            w.next is not None))
                w.held = got
            w.next = None
        usn = link.ask('status')['usn']
        if usn < self.usn_shown:
            self.fault('usn', 'B is at %d, and %s had shown %d' % (usn, self.usn_by,
                                                                  self.usn_shown))
            self.usn_shown = usn
        self.see_usn(usn, 'B')

    def compare_a(self, kill):
        """After the resync."""
        b, a = Control(self.b), Control(self.a)
        try:  # A goes on with what a plan was before it shrank, until that is confirmed
            b.ask('plan confirm-shrink')
        except Refused:
            pass
        wanted = b.ask('status')
        row = None

        def level():
            nonlocal row
            row = self.row_of_b(a)
            return row and row['usn'] == wanted['usn'] and \
                row['usn_data_synchronization_status'] == 'Up to date'
        if not wait_until(level, PATIENCE):
            self.fault('same', 'A does not come up to USN %d of B: %r' % (wanted['usn'], row))
            return
        if row['entries'] != wanted['own_entries']:
            self.fault('same', 'A has %d entries, B %d' % (row['entries'], wanted['own_entries']))
        held = {**self.writers[0].held, **self.writers[1].held, **self.writers[2].held}
        some = self.rand.sample(sorted(self.writers[2].held), min(50, len(self.writers[2].held)))
        for key in [*self.writers[0].held, *self.writers[1].held, *some]:
            here, there = (x.ask('lookup', dialled=key)['match'] for x in (b, a))
            if here is None or there is None or \
                    any(here[k] != there[k] for k in ('kind', 'value', 'cluster_id', 'usn')):
                self.fault('same', '%s: B says %r, A says %r' % (key, here, there))
                break
        for key in sorted(self.seen_keys - set(held))[:50]:
            if a.ask('lookup', dialled=key)['match'] is not None:
                self.fault('same', '%s was removed, A still has it' % key)
                break
        self.call('after %s was killed' % kill['who'])

    def call(self, when):
        answer = invite(self.a_sip, CALLEE)
        if answer is None or answer[0] != 302 or '192.0.2.1' not in answer[1]:
            self.fault('same', 'the callee at A %s: %r' % (when, answer))

    def after_start(self, victim, kill):
        """What must be there before anybody else is asked."""
        if victim is self.b:
            self.compare_b(Control(self.b), kill)
        elif self.a_read_callee or self.acknowledged > 0:
            answer = invite(self.a_sip, CALLEE)
            held = answer is not None and answer[0] == 302
            if self.a_read_callee and not held:
                self.fault('same', 'A had the callee on disk; now it says %r' % (answer,))
            self.a_read_callee = held

    # --- the whole

    def wait_for_the_moment(self, moment):
        if moment in ('write', 'rewrite'):
            event, latency = {'write': (self.submitted, self.latency),
                              'rewrite': (self.rewriting, self.rewrite_latency)}[moment]
            event.clear()
            event.wait(5)
            until = time.monotonic() + self.rand.uniform(0, 1.5 * latency)
            while time.monotonic() < until:
                pass
        else:
            time.sleep(self.rand.uniform(0, 0.3))

    def go(self, writers, moment):
        self.writers = writers
        for w in writers:
            if moment == 'rewrite' or not isinstance(w, Bulk):
                w.start()

    def rest(self):
        """Ends the writers between two changes; whoever was cut is left with what it wanted."""
        for w in self.writers:
            w.pause.set()
        for w in self.writers:
            if w.ident is not None:
                w.join(PATIENCE)
            if w.is_alive():
                self.fault('same', 'B does not answer a change')
            if w.ended:
                self.fault('promised', 'a change was refused: %s' % w.ended)

    def fresh(self):
        return [type(w)(self, w.source, w.rand, w.held) for w in self.writers]

    def restore(self, file, answer):
        try:
            begun = time.monotonic()
            Control(self.b).ask('restore', file=file)
            self.restore_latency = time.monotonic() - begun
            answer.append(True)
        except Cut:
            pass
        except Refused as reason:
            answer.append(reason)

    def level(self):
        """B has everything that it acknowledged, of its own disk or of what A holds."""
        try:
            link = Control(self.b)
            return link.ask('identity')['writing'] == 'yes' and \
                all(self.plan(link, w.source) == w.held for w in self.writers)
        except (Cut, Refused):
            return False

    def kill_in_restore(self):
        """A backup made under load is put back at B. A holds everything that came after it."""
        file = os.path.join(self.b.data, 'backup-%d' % self.kill_n)
        self.go(self.fresh(), 'restore')
        time.sleep(self.rand.uniform(0, 0.1))
        Control(self.b).ask('backup', file=file)
        time.sleep(self.rand.uniform(0, 0.1))
        self.rest()
        self.compare_a({'who': 'nobody'})
        answer = []
        restoring = threading.Thread(target=self.restore, args=(file, answer), daemon=True)
        restoring.start()
        time.sleep(self.rand.uniform(0, 1.2 * self.restore_latency))
        under_way = not answer
        kill = self.kill(self.b, 'restore')
        kill['restoring'] = under_way
        restoring.join(PATIENCE)
        if answer and answer[0] is not True:
            self.fault('same', 'the backup was refused: %s' % answer[0])
        self.start(self.b)
        if not wait_until(self.level, PATIENCE):
            link = Control(self.b)
            self.fault('promised', 'a minute after a restore was cut: %s; rows %r of %r' % (
                link.ask('identity'), [len(self.plan(link, w.source)) for w in self.writers],
                [len(w.held) for w in self.writers]))
        self.compare_b(Control(self.b), kill)
        self.compare_a(kill)
        self.tally.add(kill)
        os.unlink(file)
        for name in os.listdir(self.b.data):
            if name.startswith('ilsd.db-') and name not in ('ilsd.db-wal', 'ilsd.db-shm'):
                os.unlink(os.path.join(self.b.data, name)) # former stores

    def one_kill(self):
        victim = self.rand.choice((self.a, self.b))
        moment = self.rand.choice(('write', 'write', 'any', 'resync', 'rewrite', 'restore'))
        if moment == 'restore':
            self.kill_in_restore()
            return
        self.go(self.fresh(), moment)
        self.wait_for_the_moment(moment)
        kill = self.kill(victim, moment)
        if victim is self.b:
            self.rest()
        # B would fetch from A what it has lost itself: mostly it must show its own disk first.
        alone = victim is self.b and self.rand.random() < 0.75
        if alone:
            self.a.process.send_signal(signal.SIGSTOP)
        self.start(victim)
        self.after_start(victim, kill)
        if alone:
            self.a.process.send_signal(signal.SIGCONT)
        self.rest()
        if moment != 'resync':
            self.compare_a(kill)
        self.tally.add(kill)

    def run(self):
        reader = Reader(self, random.Random(self.rand.random()))
        reader.start()
        self.set_up()
        while self.kill_n < self.kills and not self.faults:
            self.one_kill()
        self.rest()
        if not self.faults:
            self.compare_a({'who': 'anybody'})
        reader.over.set()
        reader.join()
        self.tally.asked += reader.asked
        self.tally.acknowledged += self.acknowledged
        for c in (self.a, self.b):
            if c.stop() != 0:
                self.fault('same', '%s did not end cleanly: %s' % (c.name, c.said()[-500:]))


class Tally:
    def __init__(self, verbose):
        self.kills, self.verbose = [], verbose
        self.asked = self.acknowledged = 0
        self.set_up_time = 0.3
        self.lock = threading.Lock()

    def set_up_took(self, seconds):
        self.set_up_time = min(self.set_up_time, seconds)

    def add(self, kill):
        with self.lock:
            self.kills.append(kill)
        if self.verbose:
            print('# %(who)s %(moment)-7s under way %(under_way)d, call %(call)s, torn %(torn)d, '
                  'unsaid %(unsaid)d' % kill, flush=True)

    def text(self):
        def count(test):
            return sum(1 for k in self.kills if test(k))
        inside = count(lambda k: k['call'] or k['torn'] or k['unsaid'])
        moments = ', '.join('%s %d' % (m, count(lambda k, m=m: k['moment'] == m))
                            for m in sorted({k['moment'] for k in self.kills}))
        return ('%d kills (A %d, B %d; %s), %d with a change under way, %d of them one that '
                'rewrites, %d in a restore, %d inside a write (in a '
                'call %d, log torn %d, written and not yet said %d); %d changes acknowledged, '
                '%d strange numbers asked' %
                (len(self.kills), count(lambda k: k['who'] == 'A'),
                 count(lambda k: k['who'] == 'B'), moments, count(lambda k: k['under_way']),
                 count(lambda k: k['rewriting']), count(lambda k: k['restoring']), inside,
                 count(lambda k: k['call']), count(lambda k: k['torn']),
                 count(lambda k: k['unsaid']), self.acknowledged, self.asked))


def storm(kills, seed, verbose=False, program=None, keep=False):
    """Worlds until there were so many kills or something was wrong: (tally, faults)."""
    tally, faults = Tally(verbose), []
    while len(tally.kills) < kills and not faults:
        with Network() as net:
            world = World(net, tally, seed, min(KILLS_PER_WORLD, kills - len(tally.kills)), program)
            world.run()
            faults = world.faults
            if faults and keep:
                kept = tempfile.mkdtemp(prefix='ils-kill-')
                shutil.copytree(net.folder, kept, dirs_exist_ok=True, ignore=lambda folder, names: [
                    n for n in names if n.endswith('.sock')])
                print('# kept: ' + kept)
        seed += 1
    return tally, faults


def prove(tap, kills, seed, verbose=False):
    tally, faults = storm(kills, seed, verbose, keep=True)
    for kind, name in (('promised', 'nothing acknowledged is lost, nothing is half applied'),
                       ('usn', 'no USN goes backwards'),
                       ('same', 'the same answers at both after a resync'),
                       ('strange', 'nothing appears that nobody submitted')):
        tap.ok(not any(k == kind for k, _ in faults), name, *[t for k, t in faults if k == kind])
    inside = [k for k in tally.kills if k['call'] or k['torn'] or k['unsaid']]
    tap.ok(inside or kills < 20, 'some kills fell inside a write')
    return tally.text()


def control(tap, kills, seed, verbose=False):
    tally, faults = storm(kills, seed, verbose, program=CONTROL)
    tap.ok(any(kind in ('promised', 'usn') for kind, _ in faults),
           'an ilsd that acknowledges before it has written is found out', tally.text())
    return 'the control was found out after %d kills: %s' % (
        len(tally.kills), '; '.join('%s: %s' % f for f in faults)[:300])


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('-n', type=int, default=100)
    parser.add_argument('--seed', type=int, default=int(time.time()) % 10 ** 6 * 1000)
    parser.add_argument('--control', action='store_true')
    parser.add_argument('--verbose', action='store_true')
    options = parser.parse_args()
    harness.TIMEOUT = PATIENCE
    tap = Tap()
    text = (control if options.control else prove)(tap, options.n, options.seed, options.verbose)
    print('1..%d' % tap.count)
    print('# seed %d: %s' % (options.seed, text))
    sys.exit(1 if tap.failed else 0)


if __name__ == '__main__':
    main()
