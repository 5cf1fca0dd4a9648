#!/usr/bin/env python3
"""bench: what script/bench runs once all is built. Our side is two real daemons on loopback; the
peers are scripts of their own, started in turns with ours. Prints `name: value`, then medians and
ratios, and writes those to docs/ledger.tsv."""
import argparse
import datetime
import os
import re
import statistics
import subprocess
import sys
import time

import bench_change
from bench_join import run_join
from harness import BUILD, ROOT, Network, wait_until
from kill import Control, invite

OUT = os.environ['BENCH_OUT']
PEERS = os.environ['PEERS']
LEDGER = os.path.join(ROOT, 'docs', 'ledger.tsv')
PHASES = ('sync', 'replicate', 'restart', 'bytes', 'lookup', 'join', 'change')


def key(i):
    return 'user%07d@site%03d.example.com' % (i, i % 1000)


def data(n):
    path = os.path.join(OUT, 'data.%d.csv' % n)
    if not os.path.exists(path):
        with open(path + '.part', 'w', encoding='ascii') as handle:
            handle.write('type,key,failover\n')
            handle.writelines('URI,%s,-\n' % key(i) for i in range(n))
        os.rename(path + '.part', path)
    with open(path, 'rb') as handle:
        return handle.read()


def cpu(cluster):
    with open('/proc/%d/stat' % cluster.process.pid, encoding='ascii') as handle:
        words = handle.read().rsplit(') ', 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


def memory(cluster, what):
    with open('/proc/%d/status' % cluster.process.pid, encoding='ascii') as handle:
        return int(re.search(what + r':\s+(\d+) kB', handle.read()).group(1)) * 1024


def sent_by(port):
    """Bytes that the hub's end of its one link has sent, as the kernel counts them."""
    text = subprocess.run(['ss', '-tinH', 'sport', '=', ':%d' % port], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return sum(int(n) for n in re.findall(r'bytes_sent:(\d+)', text))


class Figures:
    """Every value of every name, in the order they came."""

    def __init__(self):
        self.values = {}

    def add(self, name, value, digits=3):
        self.values.setdefault(name, []).append(value)
        print('%s: %.*f' % (name, digits, value), flush=True)

    def median(self, name):
        return statistics.median(self.values[name]) if name in self.values else None


# --- our side

def prepare(net, name):
    """A cluster that only needs to join, started anew by the one who measures."""
    c = net.cluster(name)
    c.must('init', '--cluster-id', name, '--fqdn', name + '.example.com')
    c.must('route', 'add', '*', 'sip:192.0.2.1')
    return c


def trust(a, b):
    """Each has the other's certificate: method 2, mutual TLS."""
    for one, other in ((a, b), (b, a)):
        one.must('trust', 'import', '-', stdin=other.must('cert', 'export'))


def import_all(hub, n, figures):
    rows, before, begun = data(n), cpu(hub), time.monotonic()
    Control(hub).ask('plan import', rows, source='bench')
    figures.add('ils.import_s', time.monotonic() - begun)
    figures.add('ils.import_cpu_s', cpu(hub) - before, 2)


def ours(n, figures):
    """One turn: an import at a hub, and a spoke from its start to the last key."""
    with Network() as net:
        hub = prepare(net, 'hub')
        hub.must('role', 'hub')
        import_all(hub, n, figures)
        spoke = prepare(net, 'spoke')
        trust(hub, spoke)
        spoke.stop()
        hub_cpu, begun = cpu(hub), time.monotonic()
        spoke.launch()
        wait_until(spoke.answers, every=0.001)
        link, empty = Control(spoke), memory(spoke, 'VmRSS')
        joining = time.monotonic()
        code = link.ask('join', host='127.0.0.1', port=hub.tls_port, wait=True)['code']
        if code != 'ILS-100':
            sys.exit('the spoke does not join: ' + code)
        address, last = ('127.0.0.1', spoke.sip_port), key(n - 1)
        found = wait_until(lambda: (invite(address, last) or (0,))[0] == 302, 120, 0.001)
        answered = time.monotonic()
        stored = wait_until(lambda: link.ask('stats')['store_pending'] == 0, 120, 0.001)
        durable = time.monotonic()
        if not found or not stored:
            sys.exit('the spoke does not answer, or its disk does not')
        figures.add('ils.sync_s', durable - begun)
        figures.add('ils.sync.from_join_s', durable - joining)
        figures.add('ils.sync.join_to_answer_s', answered - joining)
        figures.add('ils.sync.cpu_hub_s', cpu(hub) - hub_cpu, 2)
        figures.add('ils.sync.cpu_spoke_s', cpu(spoke), 2)
        sizes(n, figures, sent_by(hub.tls_port), memory(spoke, 'VmRSS') - empty, link.ask('stats'))
        for c in (hub, spoke):
            begun = time.monotonic()
            c.restart()
            wait_until(lambda c=c: Control(c).ask('lookup', dialled=last)['match'], 60, 0.001)
            figures.add('ils.restart_%s_s' % c.name, time.monotonic() - begun)


def sizes(n, figures, wire, resident, stats):
    figures.add('ils.bytes.wire', wire / n, 1)
    figures.add('ils.bytes.segments', stats['segment_bytes'] / n, 1)
    figures.add('ils.bytes.index', stats['index_bytes'] / n, 1)
    figures.add('ils.bytes.resident', resident / n, 1)
    figures.add('ils.bytes.disk', stats['store_bytes'] / n, 1)


def our_lookups(n, figures, tool):
    with Network() as net:
        hub = prepare(net, 'hub')
        hub.must('role', 'hub')
        import_all(hub, n, figures)
        spoke = prepare(net, 'spoke')
        trust(hub, spoke)
        spoke.join(hub, port=hub.tls_port)
        wait_until(lambda: (invite(('127.0.0.1', spoke.sip_port), key(n - 1)) or (0,))[0] ==
                   302, 120)
        os.sched_setaffinity(spoke.process.pid, {0})
        for window in (1, 64):
            text = subprocess.run(['taskset', '-c', '1', tool, str(spoke.sip_port), 'x',
                                   str(window), '5', str(n), 'sip'], text=True, check=True,
                                  stdout=subprocess.PIPE).stdout
            take('ils.invite302.window%d.' % window, text, figures)


# --- the peers

def take(prefix, text, figures):
    """Lines `name: number` of a peer, without its run number."""
    for line in text.splitlines():
        match = re.match(r'([\w.+/]+): +(\d+(?:\.\d+)?)(?![\w.])', line)
        if match:
            name = re.sub(r'\.run\d+', '', match.group(1))
            figures.add(prefix + name, float(match.group(2)))


def peer(script, n, figures, **env):
    path = os.path.join(PEERS, script)
    if not os.path.exists(path):
        print('%s: skipped, there is no %s' % (script, os.path.relpath(path, ROOT)))
        return False
    run = subprocess.run(['bash', path, str(n)], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False, cwd=OUT,
                         env=dict(os.environ, RUNS='1', WORK=os.path.join(OUT, 'peers'), **env))
    if run.returncode != 0:
        print('%s: failed: %s' % (script, run.stdout[-500:]))
        return False
    take('', run.stdout, figures)
    return True


def tool(name):
    source, target = os.path.join(PEERS, name + '.c'), os.path.join(OUT, name)
    if not os.path.exists(source):
        print('%s: skipped, there is no %s' % (name, os.path.relpath(source, ROOT)))
        return None
    subprocess.run(['gcc', '-O2', '-w', '-o', target, source], check=True)
    return target


# --- what is said of it

def commit():
    def git(*words):
        return subprocess.run(['git', '-C', ROOT, *words], text=True, check=False,
                              stdout=subprocess.PIPE)
    changed = git('diff', '--quiet', 'HEAD', '--', 'src', 'meson.build').returncode
    return git('rev-parse', '--short=12', 'HEAD').stdout.strip() + '+' * bool(changed)


def ledger(name, parameters, count, result):
    line = '\t'.join([datetime.datetime.now(datetime.timezone.utc).strftime('%FT%TZ'), commit(),
                      name, parameters, str(count), result])
    new = not os.path.exists(LEDGER)
    with open(LEDGER, 'a', encoding='utf-8') as handle:
        if new:
            handle.write('date\tcommit\tname\tparameters\tcount\tresult\n')
        handle.write(line + '\n')
    print(line)


def ratio(figures, name, ours_name, theirs_name, more_is_better=False):
    a, b = figures.median(ours_name), figures.median(theirs_name)
    if not a or not b:
        return None
    return '%s %.3g against %.3g: %.2f x %s' % (name, a, b, a / b if more_is_better else b / a,
                                                 'better')


def report(figures, n, runs, load):
    for name in figures.values:
        print('median %s: %g   (%s)' % (name, figures.median(name), ' '.join(
            '%g' % v for v in figures.values[name])))
    pairs = [
        ratio(figures, 'sync with start, s, Redis over TLS', 'ils.sync_s', 'redis.tls.sync_s'),
        ratio(figures, 'sync from join, s, limit', 'ils.sync.from_join_s', 'limit.tls+log.sync_s'),
        ratio(figures, 'wire, MB, Redis', 'wire_mb', 'redis.tls.wire_mb'),
        ratio(figures, 'memory, B an entry, Redis', 'ils.bytes.resident', 'redis.bytes_per_entry'),
        ratio(figures, 'INVITE -> 302 a second, Kamailio', 'ils.invite302.window64.replies_per_s',
              'kamailio.invite302.window64.replies_per_s', True),
        ratio(figures, 'CPU of the hub for a TLS reconnect, ms, bare handshake',
              'ils.join.tls.cpu_ms', 'bare_tls.cpu_ms'),
        ratio(figures, 'change over three hops, p50, ms, chain of Redis', 'ils.change.p50_ms',
              'redis.chain.p50_ms'),
        ratio(figures, 'change over three hops, p99, ms, chain of Redis', 'ils.change.p99_ms',
              'redis.chain.p99_ms')]
    for text in filter(None, pairs):
        print(text)
    for name in sorted({'.'.join(k.split('.')[:2]) for k in figures.values if k[:4] == 'ils.'}):
        these = [k for k in figures.values if k == name or k.startswith(name + '.')]
        ledger('bench ' + name, 'n=%d load=%.1f' % (n, load), runs, ', '.join(
            '%s %g' % (k[len(name) + 1:] or 'median', figures.median(k)) for k in these))
    for text in filter(None, pairs):
        ledger('bench ratio', 'n=%d load=%.1f' % (n, load), runs, text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-r', '--runs', type=int, default=3)
    parser.add_argument('what', nargs='*', metavar='replicate|restart|bytes|lookup|join|change|N')
    parser.add_argument('--changes', type=int, default=1000)
    parser.add_argument('--seconds', type=int, default=60)
    options = parser.parse_args()
    n = next((int(w) for w in options.what if w.isdigit()), 1000000)
    phases = [w for w in options.what if not w.isdigit()] or ['sync', 'lookup']
    if not set(phases) <= set(PHASES):
        parser.error('there are ' + ', '.join(PHASES))
    figures, load = Figures(), os.getloadavg()[0]
    print('load before: %.1f' % load)
    for run in range(options.runs):
        print('--- turn %d of %d' % (run + 1, options.runs), flush=True)
        if {'sync', 'replicate', 'restart', 'bytes'} & set(phases):
            ours(n, figures)
        if {'sync', 'replicate'} & set(phases):
            peer('redis.sh', n, figures, PHASES='sync')
            peer('limit.sh', n, figures)
        if 'lookup' in phases:
            blast = tool('udpblast')
            if blast:
                our_lookups(n, figures, blast)
                peer('kamailio.sh', n, figures)
        if 'join' in phases:
            run_join(figures)
        if 'change' in phases:
            bench_change.ours(n, options.changes, options.seconds, data, prepare, trust, figures)
            bench_change.redis_chain(n, options.changes, OUT, PEERS, figures)
    if 'ils.bytes.wire' in figures.values:
        figures.values['wire_mb'] = [v * n / 1e6 for v in figures.values['ils.bytes.wire']]
    report(figures, n, options.runs, load)


if __name__ == '__main__':
    assert BUILD
    main()
