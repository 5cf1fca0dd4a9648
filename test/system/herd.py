#!/usr/bin/env python3
"""herd: many spokes without anything join one hub at the same moment, all real daemons, and each
fetches the hub's whole plan: what becomes of the hub? Each must have all, nobody may fall off, the
hub's memory may grow by what is on the way and not by all that is asked for, and its SIP door must
answer everything meanwhile. Prints when the first and the last have all, and what the doors let a
question wait. The spokes run on the same machine, with little priority.

    herd.py [SPOKES] [ENTRIES] [--rate BYTES]     every spoke hears so many bytes a second"""
import argparse
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from carrier import Carrier
from harness import Network, Tap, wait_until

if 'BENCH_OUT' not in os.environ:
    os.environ['BENCH_OUT'] = tempfile.mkdtemp(prefix='ils-herd-')
    atexit.register(shutil.rmtree, os.environ['BENCH_OUT'])
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'bench'))
import ours  # pylint: disable=wrong-import-position

ASKED = 200    # questions a second at each door
EACH = 3 << 20 # bytes of the hub's memory for each spoke; all of what it asks for would be more


def lag(port, door, n, seconds):
    """Microseconds: what the door lets a question wait (none: it answered nothing); and how many it
    did not answer."""
    text = subprocess.run([ours.tool('lag'), door, str(port), str(seconds), str(ASKED), str(n)],
                          text=True, check=True, stdout=subprocess.PIPE).stdout
    return {k: float(v) for k, v in re.findall(r'(\w+): *([\d.]+)', text)}


def make_hub(net, n):
    hub = net.cluster('hub', http=True).hub('herd password')
    hub.must('route', 'add', '*', 'sip:192.0.2.1')
    hub.must('plan', 'import', ours.data(n), '--source', 'bench')
    return hub


def make_spokes(net, count, n):
    spokes = [net.cluster('spoke%02d' % i, start=False) for i in range(count)]
    for c in spokes:
        c.prefix = ['nice', '-n', '10']
        c.launch()
    for c in spokes:
        wait_until(c.answers)
        c.init('herd password')
        c.must('route', 'add', '*', 'sip:192.0.2.1')
        ours.limits(c, n)
    return spokes


def together(hub, spokes, ports, n):
    """All join at once. Seconds until each answers the last key; what the doors said meanwhile."""
    begun, took, over = time.monotonic(), [], threading.Event()
    seen = {'sip': [], 'http': []}

    def one(spoke, port):
        spoke.json('join', '127.0.0.1:%d' % port)
        ours.ask('wait', 'sip', spoke.sip_port, 0, ours.key(n - 1))
        took.append(time.monotonic() - begun)

    def look(door):
        port = hub.sip_port if door == 'sip' else hub.http_port
        while not over.is_set():
            seen[door].append(lag(port, door, n, 2))

    lookers = [threading.Thread(target=look, args=(d,)) for d in seen]
    joins = [threading.Thread(target=one, args=pair) for pair in zip(spokes, ports)]
    for t in lookers + joins:
        t.start()
    for t in joins:
        t.join()
    over.set()
    for t in lookers:
        t.join()
    return sorted(took), seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('spokes', type=int, nargs='?', default=50)
    parser.add_argument('entries', type=int, nargs='?', default=200000)
    parser.add_argument('--rate', type=int)
    o = parser.parse_args()
    tap = Tap()
    with Network() as net:
        hub = make_hub(net, o.entries)
        spokes = make_spokes(net, o.spokes, o.entries)
        ports = [hub.port] * o.spokes
        if o.rate:
            carriers = [Carrier(hub) for _ in spokes]
            ports = [c.port for c in carriers]
            for c in carriers:
                c.rate = o.rate
        rest = lag(hub.sip_port, 'sip', o.entries, 3)
        before = ours.memory(hub.process.pid, 'VmRSS')
        with open('/proc/%d/clear_refs' % hub.process.pid, 'w', encoding='ascii') as handle:
            handle.write('5')  # VmHWM counts from here on
        used = ours.cpu(hub.process.pid)
        took, seen = together(hub, spokes, ports, o.entries)
        grown = ours.memory(hub.process.pid, 'VmHWM') - before
        used = ours.cpu(hub.process.pid) - used
        tap.same(len(took), o.spokes, 'every spoke has all')
        tap.ok(grown < o.spokes * EACH + (16 << 20), 'the hub holds what is on the way, not all '
               'that was asked for', '%d bytes more' % grown)
        tap.same(hub.json('alarms'), [], 'nobody is slow, nothing is alarmed')
        tap.same([line for c in [hub] + spokes for line in c.trace_lines() if ' ended, ' in line or
                  'no answer' in line], [], 'and nobody fell off')
        tap.same(sum(s['unanswered'] for s in seen['sip']), 0, 'the SIP door answered everything')
        worst = {d: max(s.get('p99_us', 2e6) for s in seen[d]) / 1000 for d in seen}
        print('1..%d' % tap.count)
        print('# all after %.1f s, the first after %.1f; hub: %.1f MB more for each at most, '
              '%.0f ms of processor; p99 of SIP %.0f ms (%.0f at rest), of HTTP %.0f ms' %
              (took[-1], took[0], grown / 1e6 / o.spokes, used * 1000, worst['sip'],
               rest['p99_us'] / 1000, worst['http']))
    sys.exit(tap.failed != 0)


if __name__ == '__main__':
    main()
