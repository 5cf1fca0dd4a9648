"""live: a network under a running call load, and its links looked at meanwhile.

    with Load(clusters, rate=300) as load:      # sipp at the SIP door of each cluster
        with Links(clusters) as links:          # asks each cluster again and again
            ...
    load.calls, load.failed                     # failed: every reply but a 302, and no reply
    links.longest                               # {(cluster, peer): seconds without a link}

Each cluster is asked for the numbers of all others (furnish() gives them some). `down` is the same
question as Links asks, put to the trace: the longest time between the end of one link and the
beginning of the next.
"""
import csv
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from datetime import datetime

from harness import free_port, wait_until

SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="lookup">
  <send retrans="500"><![CDATA[

INVITE sip:[field0]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:load@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[field0]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:load@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Length: 0

  ]]></send>
  <recv response="302"></recv>
  <send><![CDATA[

ACK sip:[field0]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

  ]]></send>
</scenario>
"""
NUMBERS = 20


def missing():
    """What is not installed, in words; "" when all is there."""
    return '' if shutil.which('sipp') else 'sip-tester'


# --- a network that has something to look up

def numbers(clusters, c):
    """Those of cluster c."""
    at = clusters.index(c)
    return ['+8131%04d%03d' % (at, i) for i in range(NUMBERS)]


def furnish(clusters):
    """Each has numbers, and says where the calls for all others go."""
    for c in clusters:
        text = 'PatternType,PSTNFailover,Pattern\n'
        text += ''.join('E164,,%s\n' % n for n in numbers(clusters, c))
        c.must('plan', 'import', '-', '--source', 'test', stdin=text)
        c.must('route', 'add', '*', 'sip:127.0.0.1:5060')


def complete(clusters):
    """Whether each has the numbers of all others."""
    return all(c.ask('lookup', dialled=numbers(clusters, other)[-1])['result']['result'] == 'found'
               for c in clusters for other in clusters if other is not c)


# --- the load

class Door:
    """One sipp at the SIP door of one cluster."""

    def __init__(self, load, c, rate):
        self.c, self.name = c, c.name
        self.stat = os.path.join(load.folder, c.name + '.csv')
        self.errors = os.path.join(load.folder, c.name + '.errors')
        asked = os.path.join(load.folder, c.name + '.numbers')
        with open(asked, 'w', encoding='ascii') as handle:
            handle.write('SEQUENTIAL\n')
            others = [numbers(load.clusters, o) for o in load.clusters if o is not c]
            asking = [n for row in zip(*others) for n in row] + load.also
            handle.write(''.join(n + ';\n' for n in asking))
        port = free_port('127.0.0.1', socket.SOCK_DGRAM)
        self.process = subprocess.Popen(
            c.prefix +
            ['sipp', '-sf', load.scenario, '-inf', asked, '-i', '127.0.0.1', '-p', str(port),
             '-r', str(rate), '-l', '5000', '-recv_timeout', '5000', '-nostdin', '-trace_stat',
             '-stf', self.stat, '-fd', '1', '-trace_err', '-error_file', self.errors,
             '127.0.0.1:%d' % c.sip_port],
            cwd=load.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def counts(self):
        """The last line of sipp's statistics."""
        try:
            with open(self.stat, encoding='ascii', errors='replace') as handle:
                rows = [r for r in csv.DictReader(handle, delimiter=';')
                        if r.get('FailedCall(C)', '').isdigit()]
        except OSError:
            rows = []
        return rows[-1] if rows else {}

    def answered(self):
        return int(self.counts().get('SuccessfulCall(C)', 0))

    def failed(self):
        return int(self.counts().get('FailedCall(C)', 0))

    def said(self):
        if not os.path.exists(self.errors):
            return ''
        with open(self.errors, encoding='utf-8', errors='replace') as handle:
            return handle.read()[:2000]


class Load:
    """`rate` lookups a second in all, from the beginning of the block to its end; `also` is asked
    for beside the numbers that are there."""

    def __init__(self, clusters, rate, doors=None, also=()):
        self.clusters, self.also = clusters, list(also)
        self.folder = tempfile.mkdtemp(prefix='load-', dir=clusters[0].net.folder)
        self.scenario = os.path.join(self.folder, 'lookup.xml')
        with open(self.scenario, 'w', encoding='ascii') as handle:
            handle.write(SCENARIO)
        self.at = doors or clusters
        self.rate = rate
        self.calls = self.failed = self.repeated = 0
        self.seconds = 0.0
        self.notes = []

    def __enter__(self):
        self.began = time.monotonic()
        each = max(1, self.rate // len(self.at))
        self.doors = [Door(self, c, each) for c in self.at]
        if not wait_until(self.runs):
            self.__exit__()
            raise RuntimeError('the load does not run: ' + ' '.join(d.said() for d in self.doors))
        return self

    def runs(self):
        """Each door has answered; each sipp lives."""
        return all(d.process.poll() is None and d.answered() > 0 for d in self.doors)

    def __exit__(self, *_):
        """No new calls; those under way come to their end."""
        self.seconds = time.monotonic() - self.began
        for d in self.doors:
            if d.process.poll() is not None:
                self.notes.append('%s: sipp ended early, status %d' % (d.name, d.process.poll()))
                self.failed += 1
            else:
                d.process.send_signal(signal.SIGUSR1)
        for d in self.doors:
            try:
                d.process.wait(20)
            except subprocess.TimeoutExpired:
                self.notes.append('%s: sipp does not end' % d.name)
                self.failed += 1
                d.process.kill()
                d.process.wait()
            row = d.counts()
            self.calls += int(row.get('TotalCallCreated', 0))
            self.failed += int(row.get('FailedCall(C)', 1))
            self.repeated += int(row.get('Retransmissions(C)', 0))
            if int(row.get('SuccessfulCall(C)', 0)) != int(row.get('TotalCallCreated', -1)):
                self.notes.append('%s: %s %s' % (d.name, row, d.said()))

    def good(self):
        """Every call ended with a 302."""
        return self.calls > 0 and self.failed == 0 and not self.notes

    def figures(self):
        return '%d lookups in %.1f s (%.0f a second at %d doors), %d failed, %d asked again' % (
            self.calls, self.seconds, self.calls / self.seconds, len(self.doors), self.failed,
            self.repeated)


# --- links

class Links:
    """Asks each cluster for its peers every 20 ms; remembers the longest time between two answers
    that say "linked", where one between them did not."""

    def __init__(self, clusters):
        self.clusters = clusters
        self.longest, self.last, self.asked, self.over = {}, {}, 0, False
        self.threads = [threading.Thread(target=self.watch, args=(c,), daemon=True)
                        for c in clusters]

    def watch(self, c):
        lost = set()
        while not self.over:
            for row in c.ask('peers')['result']:
                key, now = (c.name, row['cluster_id']), time.monotonic()
                if not row['met']:
                    continue
                if not row['linked']:
                    lost.add(key)
                if key in lost:
                    gap = now - self.last.get(key, now)
                    self.longest[key] = max(self.longest.get(key, 0.0), gap)
                if row['linked']:
                    lost.discard(key)
                    self.last[key] = now
            self.asked += 1
            time.sleep(0.02)

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for t in self.threads:
            t.join(10)

    def worst(self):
        return max(self.longest.values(), default=0.0)


def moment(text):
    """Seconds since 1970 of a time as the records and answers have it."""
    return datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').timestamp() - EPOCH


EPOCH = datetime(1970, 1, 1).timestamp()


def down(c):
    """From the trace: {peer id: the longest time without a link, seconds}, from the first link on;
    one that never came back counts until now."""
    up, since, longest = {}, {}, {}
    for r in c.trace_records():
        peer, at = r['peer_id'], moment(r['time'])
        if r['event'] in ('T3', 'T9'):
            up.setdefault(peer, set()).add(r['fields']['link'])
            longest[peer] = max(longest.get(peer, 0.0), at - since.pop(peer, at))
        elif r['event'] == 'L1':
            up.get(peer, set()).discard(r['fields']['link'])
            if not up.get(peer):
                since[peer] = at
    for peer, at in since.items():
        longest[peer] = max(longest.get(peer, 0.0), time.time() - at)
    return longest


def worst_down(clusters):
    return max((s for c in clusters for s in down(c).values()), default=0.0)
