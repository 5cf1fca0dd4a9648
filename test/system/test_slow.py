#!/usr/bin/env python3
"""A spoke that reads slowly. Between it and its hub stands a carrier that hands on what the hub
says at a few bytes a second; the spoke is heard at once, and its keepalives show that it lives. As
long as something is taken the link stays, longer than the 18 s after which who takes nothing is
dropped. The control is an ilsd that hears nothing of a long write before its end: there the link is
dropped, the alarm names the cluster, and nobody else notices."""
import os
import random
import time

from carrier import Carrier
from harness import Cluster, wait_until
from mesh.methods import METHODS
from rows import run_all

BUILD = os.environ.get('ILS_BUILD', 'build')
DEAF = os.path.join(BUILD, 'test', 'system', 'ilsd_room')
ENTRIES = 120000
SLOW = 2500        # bytes a second: one write of the hub's (64 KiB and more) lasts beyond HOLD
HOLD = 18


def alarm(c):
    return next((a for a in c.json('alarms') if a['name'] == 'ILSSlowPeer'), None)


def link_since(hub, name):
    return next((r['link_since'] for r in hub.json('peers') if r['cluster_id'] == name), None)


def entries(c, name):
    row = c.cluster(name)
    return row['entries'] if row else 0


def large(net):
    """A plan of some megabytes that nothing makes smaller."""
    r = random.Random(7)
    path = os.path.join(net.folder, 'large.csv')
    with open(path, 'w', encoding='ascii') as out:
        out.write('PatternType,PSTNFailover,Pattern\n')
        for n in range(ENTRIES):
            out.write('URI,,%d-%x@example.com\n' % (n, r.getrandbits(152)))
    return path


def held(part, tokyo, osaka, since):
    end = time.monotonic() + HOLD + 6
    wait_until(lambda: alarm(tokyo) or link_since(tokyo, 'osaka') != since or
               time.monotonic() > end, 3 * HOLD, 0.2)
    part.ok(not alarm(tokyo) and link_since(tokyo, 'osaka') == since,
            'something is taken: the link stays', tokyo.json('alarms'))
    part.ok(entries(osaka, 'kyoto') < ENTRIES, 'and it was slow all the time')


def dropped(part, tokyo, osaka, since):
    found = wait_until(lambda: alarm(tokyo), 3 * HOLD)
    part.ok(found and found['Cluster1'] == 'osaka', 'control: ILSSlowPeer, of osaka',
            tokyo.json('alarms'))
    part.ok(any('ILS-417' in line for line in tokyo.trace_lines()), 'and ILS-417')
    part.ok(wait_until(lambda: link_since(tokyo, 'osaka') != since), 'its link was dropped')


def slow(part, net, judge, program=None):
    method = METHODS['password'](net)
    tokyo, osaka, kyoto = clusters = [net.cluster(n, start=False) for n in
                                      ('tokyo', 'osaka', 'kyoto')]
    if program:
        tokyo.command = lambda: [program] + Cluster.command(tokyo)[1:]
    for c in clusters:
        c.start()
    method.prepare(clusters)
    tokyo.must('role', 'hub')
    carrier = Carrier(tokyo)
    part.same(osaka.join(tokyo, port=carrier.port)['code'], 'ILS-100', 'osaka joins')
    part.same(kyoto.join(tokyo)['code'], 'ILS-100', 'kyoto joins')
    since = wait_until(lambda: link_since(tokyo, 'osaka'))
    carrier.rate = SLOW
    began = carrier.carried
    kyoto.must('plan', 'import', large(net), '--source', 'large')
    part.ok(wait_until(lambda: entries(tokyo, 'kyoto') == ENTRIES, 60), 'tokyo has all',
            tokyo.json('clusters'))
    part.ok(wait_until(lambda: carrier.carried > began + SLOW, 60), 'osaka begins to have it')
    judge(part, tokyo, osaka, since)
    part.ok(kyoto.cluster('tokyo')['linked'] and kyoto.json('status')['health'] == 'healthy',
            'kyoto noticed nothing', kyoto.json('status'))
    carrier.rate = None
    part.ok(wait_until(lambda: entries(osaka, 'kyoto') == ENTRIES, 90), 'osaka has all in the end',
            osaka.json('clusters'), osaka.json('verdicts')[:2])
    carrier.close()


run_all([('slow', slow, (held,)), ('deaf', slow, (dropped, DEAF))])
