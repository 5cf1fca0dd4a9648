#!/usr/bin/env python3
"""bench: what script/bench runs once all is built. Our side is real daemons on loopback; the peers
run in turns with ours. Prints `name: value`, then what follows from it, and writes that to
docs/ledger.tsv."""
import argparse
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'system'))

# pylint: disable=wrong-import-position
import change
import drop
import http_door
import longest
import naptr
import ours
import replicate
import store
import wait
from figures import Figures, Report
from harness import ROOT, Network
from join import run_join

PEERS = os.environ['PEERS']
REPLICATE = ('pairs', 'slope', 'origins')
PHASES = REPLICATE + ('replicate', 'change', 'lookup', 'patterns', 'enum', 'http', 'wait', 'drop',
                      'join', 'store')
ALIASES = {'sync': 'pairs', 'restart': 'pairs', 'bytes': 'pairs'}


# --- lookups

def our_lookups(n, figures, tool):
    with Network() as net:
        hub = ours.make_hub(net)
        replicate.import_file(hub, n, figures)
        spoke = ours.prepare(net, 'spoke')
        ours.trust(hub, spoke)
        ours.limits(spoke, n)
        spoke.join(hub, port=hub.tls_port)
        ours.ask('wait', 'sip', spoke.sip_port, 0, ours.key(n - 1))
        ours.pin(spoke.process.pid, {0})
        for window in (1, 64):
            before = ours.cpu(spoke.process.pid)
            text = subprocess.run(['taskset', '-c', '1', tool, str(spoke.sip_port), 'x',
                                   str(window), '5', str(n), 'sip'], text=True, check=True,
                                  stdout=subprocess.PIPE).stdout
            used = ours.cpu(spoke.process.pid) - before
            prefix = 'ils.invite302.window%d.' % window
            take(prefix, text, figures)
            rate = re.search(r'replies_per_s: *([\d.]+)', text)
            if rate and used > 0:  # a busy machine does not change it
                figures.add(prefix + 'replies_per_cpu_s', float(rate.group(1)) * 5 / used)
        if rate:
            half = wait.lag('sip', spoke.sip_port, float(rate.group(1)) / 2, n, 1)
            figures.take('ils.invite302.half.', half, 1)


def take(prefix, text, figures):
    """Lines `name: number` of a peer's script, without its run number."""
    for line in text.splitlines():
        match = re.match(r'([\w.+/]+): +(\d+(?:\.\d+)?)(?![\w.])', line)
        if match:
            name = re.sub(r'\.run\d+', '', match.group(1))
            figures.add(prefix + name, float(match.group(2)))


def peer(script, n, figures, **env):
    path = os.path.join(PEERS, script)
    if not os.path.exists(path):
        print('%s: skipped, there is no %s' % (script, os.path.relpath(path, ROOT)))
        return
    run = subprocess.run(['bash', path, str(n)], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False, cwd=ours.OUT,
                         env=dict(os.environ, RUNS='1', WORK=os.path.join(ours.OUT, 'scripts'),
                                  **env))
    if run.returncode != 0:
        print('%s: failed: %s' % (script, run.stdout[-500:]))
    else:
        take('', run.stdout, figures)


def peer_tool(name):
    source, target = os.path.join(PEERS, name + '.c'), os.path.join(ours.OUT, name)
    if not os.path.exists(source):
        print('%s: skipped, there is no %s' % (name, os.path.relpath(source, ROOT)))
        return None
    subprocess.run(['gcc', '-O2', '-w', '-o', target, source], check=True)
    return target


def run_lookup(n, runs, figures):
    for _ in range(runs):
        blast = peer_tool('udpblast')
        if blast:
            our_lookups(n, figures, blast)
            peer('kamailio.sh', n, figures)


# --- all of it

def measure(phase, options, n, figures):
    runs = options.runs
    if phase == 'pairs':
        replicate.run_pairs(n, runs or 5, figures)
    elif phase == 'slope':
        replicate.run_slope(n, runs or 3, figures)
    elif phase == 'origins':
        replicate.run_origins(options.origins, n // options.origins, runs or 3, figures)
    elif phase == 'change':
        change.run(n, runs or 3, options, figures)
    elif phase == 'lookup':
        run_lookup(n, runs or 3, figures)
    elif phase == 'patterns':
        longest.run(n, runs or 5, figures)
    elif phase == 'enum':
        naptr.run(n, runs or 5, figures)
    elif phase == 'http':
        http_door.run(n, runs or 3, figures)
    elif phase == 'wait':
        wait.run(n, runs or 3, figures)
    elif phase == 'drop':
        drop.run(n, runs or 3, figures)
    elif phase == 'store':
        store.run(n, runs or 3, figures)
    else:
        for _ in range(runs or 3):
            run_join(figures)


def report(phase, said):
    if phase == 'pairs':
        replicate.report_pairs(said)
    elif phase == 'slope':
        replicate.report_slope(said)
    elif phase == 'origins':
        replicate.report_origins(said)
    elif phase == 'change':
        change.report(said)
    elif phase == 'drop':
        drop.report(said)
    elif phase == 'patterns':
        longest.report(said)
    elif phase == 'enum':
        naptr.report(said)
    elif phase == 'lookup':
        said.ratio('INVITE -> 302 a second, Kamailio', 'ils.invite302.window64.replies_per_s',
                   'kamailio.invite302.window64.replies_per_s', 4, True, Figures.median)
    elif phase == 'store':
        store.report(said)
    elif phase == 'http':
        http_door.report(said, Figures.median)
    elif phase == 'join':
        said.ratio('CPU of the hub for a TLS reconnect, ms, bare handshake',
                   'ils.join.tls.cpu_ms', 'bare_tls.cpu_ms', 0.5, value=Figures.median)


def main():
    parser = argparse.ArgumentParser(prog='script/bench')
    parser.add_argument('what', nargs='*', metavar='|'.join(PHASES) + '|N')
    parser.add_argument('-r', '--runs', type=int, help='turns; else 3, of pairs 5')
    parser.add_argument('--changes', type=int, default=1000)
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--one-disk', action='store_true',
                        help='of change: all on one disk, not only the origin')
    parser.add_argument('--fifo', action='store_true',
                        help='of change: before all else that runs (SCHED_FIFO)')
    parser.add_argument('--origins', type=int, default=100)
    options = parser.parse_intermixed_args()
    n = next((int(w) for w in options.what if w.isdigit()), 1000000)
    wanted = [ALIASES.get(w, w) for w in options.what if not w.isdigit()] or ['replicate']
    if not set(wanted) <= set(PHASES):
        parser.error('there are ' + ', '.join(PHASES))
    wanted = sorted({p for w in wanted for p in (REPLICATE if w == 'replicate' else (w,))},
                    key=PHASES.index)
    figures = Figures()
    for phase in wanted:
        load = os.getloadavg()[0]
        print('=== %s, load before: %.1f' % (phase, load), flush=True)
        before = set(figures.values)
        measure(phase, options, n, figures)
        where = 'n=%d load=%.1f%s%s' % (n, load, ' one disk' * options.one_disk,
                                        ' fifo' * options.fifo)
        said = Report(figures, where, options.runs or 0)
        said.groups(set(figures.values) - before)
        report(phase, said)
        said.keep(phase)


if __name__ == '__main__':
    main()
