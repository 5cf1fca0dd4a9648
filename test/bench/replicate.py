"""replicate: N entries that came into a hub in one import, from there to a spoke that joins by
mutual TLS, until it answers the last key and its disk has all. In turns with it a Redis replica
over TLS, the limit program (limit.c) and a Knot secondary; every one of them has a server that
holds all throughout, and another that comes anew in each turn.

The clock begins at the word that makes it connect: `join` at our control socket, REPLICAOF at an
empty Redis that runs; the limit program's own clock; a Knot secondary connects at once when it is
started, so its start is in the time."""
import json
import os
import subprocess
import time

import ours
import peers
from harness import Network, wait_until
from ours import ask, cpu, key, memory, sent_by


def import_file(hub, n, figures, prefix='ils.import.'):
    path, pid = ours.data(n), hub.process.pid
    before, begun = cpu(pid), time.monotonic()
    subprocess.run([ours.BUILD + '/src/cli/ils', 'plan', 'import', path, '--source', 'bench'],
                   env=hub.env, stdout=subprocess.DEVNULL, check=True)
    took = time.monotonic() - begun
    figures.add(prefix + 's', took)
    figures.add(prefix + 'cpu_s', cpu(pid) - before, 2)
    figures.add(prefix + 'rows_per_s', n / took, 0)
    figures.add(prefix + 'peak_mib', memory(pid, 'VmHWM') / 2 ** 20, 1)


def join(net, hub, n, figures, prefix, keys=None, name='spoke', spoke=None):
    """A fresh spoke joins; it is there still when this is over."""
    spoke = spoke or ours.prepare(net, name)
    ours.trust(hub, spoke)
    ours.limits(spoke, n)
    ours.settled(hub)
    ours.settled(spoke)
    ours.at_rest((hub, spoke))
    both = (hub.process.pid, spoke.process.pid)
    before, empty = [cpu(pid) for pid in both], memory(both[1], 'VmRSS')
    sent = sent_by(hub.tls_port)
    request = json.dumps({'command': 'join', 'args': {'host': '127.0.0.1', 'wait': True,
                                                      'port': hub.tls_port}})
    text = ask('join', 'sip', spoke.sip_port, *(keys or [key(n - 1)]), '--',
               os.path.join(spoke.data, 'control.sock'), request)
    used = [cpu(pid) - b for pid, b in zip(both, before)]
    figures.take(prefix, text)
    stats = ours.Control(spoke).ask('stats')
    figures.add(prefix + 'cpu_hub_s', used[0])
    figures.add(prefix + 'cpu_spoke_s', used[1])
    figures.add(prefix + 'wire_mb', (sent_by(hub.tls_port) - sent) / 1e6, 2)
    figures.add(prefix + 'peak_hub_mib', memory(both[0], 'VmHWM') / 2 ** 20, 1)
    figures.add(prefix + 'peak_spoke_mib', memory(both[1], 'VmHWM') / 2 ** 20, 1)
    figures.add(prefix + 'bytes_per_entry', (memory(both[1], 'VmRSS') - empty) / n, 1)
    figures.add(prefix + 'segments_per_entry', stats['segment_bytes'] / n, 1)
    figures.add(prefix + 'index_per_entry', stats['index_bytes'] / n, 1)
    figures.add(prefix + 'disk_per_entry', stats['store_bytes'] / n, 1)
    return spoke


def restart(cluster, n, figures, name):
    """From the start of the process to the first right answer."""
    cluster.stop()
    begun = time.monotonic()
    cluster.launch()
    figures.take(name, ask('wait', 'sip', cluster.sip_port, begun, key(n - 1)))
    wait_until(cluster.answers)


class RedisTurns:
    def __init__(self, folder, n, figures):
        self.folder, self.n, self.figures = folder, n, figures
        self.pem = peers.certificate(folder)
        self.master = peers.Redis(folder, 'redis-a', self.pem)
        empty = memory(self.master.pid, 'VmRSS')
        self.master.load(n)
        figures.add('redis.bytes_per_entry', (memory(self.master.pid, 'VmRSS') - empty) / n, 1)

    def turn(self):
        figures, replica = self.figures, peers.Redis(self.folder, 'redis-b', self.pem)
        before = [cpu(s.pid) for s in (self.master, replica)]
        figures.take('redis.', ask('join', 'redis', replica.port, key(self.n - 1), '--',
                                   self.master.tls_port))
        wait_until(lambda: 'rdb_bgsave_in_progress:0' in self.master.cli('info'), 20)
        used = [cpu(s.pid) - b for s, b in zip((self.master, replica), before)]
        figures.add('redis.cpu_a_s', used[0])
        figures.add('redis.cpu_b_s', used[1])
        figures.add('redis.wire_mb', sent_by(self.master.tls_port) / 1e6, 2)
        figures.add('redis.peak_b_mib', memory(replica.pid, 'VmHWM') / 2 ** 20, 1)
        if replica.cli('dbsize') != str(self.n):
            raise RuntimeError('the replica has %s keys' % replica.cli('dbsize'))
        replica.stop()

    def restart(self):
        """From a file that SAVE has made."""
        self.master.cli('save')
        self.master.stop()
        begun = time.monotonic()
        self.master.run('redis-server', *map(str, self.master.options))
        self.figures.take('redis.restart.', ask('wait', 'redis', self.master.port, begun,
                                                key(self.n - 1)))

    def stop(self):
        self.master.stop()


class KnotTurns:
    def __init__(self, folder, n, figures):
        self.folder, self.n, self.figures = folder, n, figures
        self.master = peers.Knot(folder, 'knot-a')
        self.master.zone(n)
        self.restart()

    def turn(self):
        figures, other = self.figures, peers.Knot(self.folder, 'knot-b', self.master)
        before, wire, begun = cpu(self.master.pid), peers.loopback(), time.monotonic()
        other.start()
        figures.add('knot.answered_s', other.has(self.n - 1, begun), 4)
        figures.add('knot.wire_mb', (peers.loopback() - wire) / 1e6, 1)
        figures.add('knot.cpu_a_s', cpu(self.master.pid) - before)
        figures.add('knot.cpu_b_s', cpu(other.pid))
        figures.add('knot.peak_b_mib', memory(other.pid, 'VmHWM') / 2 ** 20, 1)
        other.stop()

    def restart(self):
        self.master.stop()
        begun = time.monotonic()
        self.master.start()
        self.figures.add('knot.restart.answered_s', self.master.has(self.n - 1, begun), 4)

    def stop(self):
        self.master.stop()


def limit_turn(folder, n, figures):
    run = subprocess.run([ours.tool('limit'), str(n), peers.certificate(folder),
                          os.path.join(folder, 'limit.log')], text=True, check=True,
                         stdout=subprocess.PIPE)
    figures.take('limit.', run.stdout)


def run_pairs(n, pairs, figures):
    """Interleaved: each turn has all of them once."""
    folder, others = os.path.join(ours.OUT, 'peers'), []
    os.makedirs(folder, exist_ok=True)
    try:
        if peers.have('redis-server', 'redis-cli', 'openssl'):
            others.append(RedisTurns(folder, n, figures))
        if peers.have('knotd'):
            others.append(KnotTurns(folder, n, figures))
        with Network() as net:
            for i in range(min(3, pairs)):
                hub = ours.make_hub(net, 'hub%d' % i)
                import_file(hub, n, figures)
                if i < min(3, pairs) - 1:
                    ours.forget(net, hub)
            for i in range(pairs):
                print('--- turn %d of %d' % (i + 1, pairs), flush=True)
                spoke = join(net, hub, n, figures, 'ils.sync.', name='spoke%d' % i)
                restart(spoke, n, figures, 'ils.restart.spoke_')
                ours.forget(net, spoke)
                for other in others:
                    other.turn()
                limit_turn(folder, n, figures)
            for i in range(min(3, pairs)):
                restart(hub, n, figures, 'ils.restart.hub_')
                for other in others:
                    other.restart()
    finally:
        for other in others:
            other.stop()


def report_pairs(report):
    report.ratio('sync until the last key, s, Redis replica over TLS', 'ils.sync.answered_s',
                 'redis.answered_s', 2.5)
    report.ratio('sync until it is durable, s, Redis replica over TLS', 'ils.sync.durable_s',
                 'redis.answered_s', 2.5)
    report.ratio('sync until it is durable, s, limit program', 'ils.sync.durable_s',
                 'limit.sync_s', 1 / 1.5)
    report.ratio('sync until it is durable, s, Knot AXFR', 'ils.sync.durable_s',
                 'knot.answered_s')
    report.ratio('bytes on the wire, MB, Redis', 'ils.sync.wire_mb', 'redis.wire_mb')
    report.ratio('bytes on the wire, MB, limit program', 'ils.sync.wire_mb', 'limit.wire_mb')
    report.ratio('peak memory of who joins, MiB, Redis', 'ils.sync.peak_spoke_mib',
                 'redis.peak_b_mib')
    report.at_most('memory of a learned entry', 'ils.sync.bytes_per_entry', 64, 'B')
    report.ratio('memory of an entry, B, Redis', 'ils.sync.bytes_per_entry',
                 'redis.bytes_per_entry')
    rows = report.figures.values.get('ils.import.rows_per_s')
    if rows:
        report.say('import: %.0f rows/s' % max(rows), max(rows) >= 500000, 'at least 500000')
    for who in ('spoke', 'hub'):
        report.at_most('restart of the %s to the first right answer' % who,
                       'ils.restart.%s_answered_s' % who, 0.5, 's')
    report.ratio('restart, s, Redis from its file', 'ils.restart.hub_answered_s',
                 'redis.restart.answered_s')
    report.ratio('restart, s, Knot from its zone file', 'ils.restart.hub_answered_s',
                 'knot.restart.answered_s')


# --- how it grows

SIZES = ('0.1', '1', '10')


def run_slope(million, runs, figures):
    """A tenth of it, all of it, ten times as much: the same hub, `runs` spokes after each other."""
    for size, n in zip(SIZES, (million // 10, million, million * 10)):
        prefix = 'ils.slope.%sM.' % size
        with Network() as net:
            hub = ours.make_hub(net)
            import_file(hub, n, figures, prefix + 'import_')
            for i in range(runs):
                spoke = join(net, hub, n, figures, prefix, name='spoke%d' % i)
                restart(spoke, n, figures, prefix + 'restart_spoke_')
                ours.forget(net, spoke)
            restart(hub, n, figures, prefix + 'restart_hub_')


def report_slope(report):
    t = [report.figures.best('ils.slope.%sM.durable_s' % size) for size in SIZES]
    if None in t:
        return
    low, high = (t[1] - t[0]) / 0.9, (t[2] - t[1]) / 9
    start = t[0] - 0.1 * low
    report.say('slope from 1 to 10 million %.4f s a million, from 0.1 to 1 million %.4f: %.0f %% '
               'apart' % (high, low, 100 * abs(high / low - 1)), abs(high / low - 1) <= 0.25,
               'at most 25 %')
    report.say('intercept %.1f ms' % (start * 1e3), start <= 0.05, 'at most 50 ms')
    report.say('10 million: %.3f s, %.1f MB, %.1f B of memory an entry, import %.0f rows/s' % (
        t[2], report.figures.best('ils.slope.10M.wire_mb'),
        report.figures.best('ils.slope.10M.bytes_per_entry'),
        max(report.figures.values['ils.slope.10M.import_rows_per_s'])))
    report.say('restart with 10 million to the first right answer: spoke %.3f s, hub %.3f s' %
               tuple(report.figures.best('ils.slope.10M.restart_%s_answered_s' % who)
                     for who in ('spoke', 'hub')))


# --- many origins

def add_origin(net, hub, i, each):
    """A spoke that tells what it has and is ended then: here it would only use up the processor
    that the others are measured on. It takes nothing from others."""
    c = ours.prepare(net, 'origin%03d' % i)
    rows = 'type,key,failover\n' + ''.join('URI,%s,-\n' % key(k, i) for k in range(each))
    c.must('limits', 'set', 'learned', 1)
    c.must('plan', 'import', '-', '--source', 'bench', stdin=rows)
    c.must('join', hub.json('invite')['token'])
    ask('wait', 'sip', hub.sip_port, 0, key(each - 1, i))
    ours.forget(net, c)


def run_origins(count, each, runs, figures):
    """`count` spokes, half at each of two hubs, with `each` entries of their own; who joins the
    first hub learns them all."""
    with Network() as net:
        hubs = [ours.make_hub(net, 'hub1'), ours.prepare(net, 'hub2')]
        for hub in hubs:
            ours.limits(hub, count * each)
        ours.trust(*hubs)
        hubs[1].must('join', '127.0.0.1:%d' % hubs[0].tls_port, '--as', 'hub')
        for i in range(count):
            add_origin(net, hubs[i % 2], i, each)
        keys = [key(each - 1, i) for i in range(count)]
        for hub in hubs:
            ask('wait', 'sip', hub.sip_port, 0, *keys)
        for i in range(runs):
            spoke = join(net, hubs[0], count * each, figures, 'ils.origins.', keys, 'spoke%d' % i)
            ours.forget(net, spoke)


def report_origins(report):
    report.ratio('100 origins behind two hubs until the last keys, s, Redis replica of as many',
                 'ils.origins.answered_s', 'redis.answered_s', 2.5)
    report.ratio('100 origins until it is durable, s, Redis replica of as many',
                 'ils.origins.durable_s', 'redis.answered_s', 2.5)
    report.ratio('100 origins of 10 000, s, limit program', 'ils.origins.durable_s',
                 'limit.sync_s', 1 / 1.5)
    report.at_most('memory of an entry of 100 origins', 'ils.origins.bytes_per_entry', 64, 'B')
