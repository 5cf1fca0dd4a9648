#!/usr/bin/env python3
"""2,000 connections that say nothing, from many addresses of this host, against a real hub: the
memory stays bounded, the link that stands stays, and a good cluster still joins.
"""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from harness import Network, Tap, wait_until

SILENT = 2000
SOURCES = 40


def resident(pid):
    """KiB of memory."""
    with open('/proc/%d/status' % pid, encoding='ascii') as handle:
        return next(int(line.split()[1]) for line in handle if line.startswith('VmRSS'))


def descriptors(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def flood(hub):
    sockets = []
    for i in range(SILENT):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.1.%d' % (i % SOURCES + 1), 0))
        s.connect(('127.0.0.1', hub.port))
        sockets.append(s)
    return sockets


def main():
    tap = Tap()
    with Network() as net:
        hub = net.cluster('hub').hub('one')
        live = net.cluster('live').init('one')
        new = net.cluster('new').init('one')
        tap.same(live.join(hub)['code'], 'ILS-100', 'a cluster has joined')
        before, files = resident(hub.process.pid), descriptors(hub.process.pid)
        links = len([r for r in live.trace_records() if r.get('event') == 'L1'])
        begun = time.monotonic()
        sockets = flood(hub)
        took = time.monotonic() - begun
        wait_until(lambda: descriptors(hub.process.pid) - files >= 900, 5)
        open_now = descriptors(hub.process.pid) - files
        grown = resident(hub.process.pid) - before
        print('# %d silent connections in %.1f s: %d KiB more, %d descriptors more' %
              (SILENT, took, grown, open_now))
        tap.ok(grown < 65536, 'memory grows by less than 64 MiB', grown)
        tap.same(new.join(hub)['code'], 'ILS-100', 'a new cluster joins meanwhile')
        wait_until(lambda: descriptors(hub.process.pid) - files < 50, 20, 0.2)
        print('# %d descriptors more when the time of the silent ones is over' %
              (descriptors(hub.process.pid) - files))
        tap.ok(descriptors(hub.process.pid) - files < 50, 'the silent ones are gone after 10 s')
        ended = len([r for r in live.trace_records() if r.get('event') == 'L1']) - links
        tap.same(ended, 0, 'the link that stood has stood all the time')
        tap.ok(live.up_to_date('new') or wait_until(lambda: live.up_to_date('new')),
               'and carries what the new cluster says')
        for s in sockets:
            s.close()
    tap.done()


main()
