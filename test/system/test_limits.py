#!/usr/bin/env python3
"""As many clusters as there may be: 200, with the catalogs that they import. Seven hubs with up to
32 catalogs each; both alarms at every hub, what the operators read, and what ends it."""
from mesh.methods import METHODS
from harness import wait_until
from rows import run_all

MOST, EACH = 200, 32
OTHERS = 6    # a cluster does not count itself


def alarm(c, name):
    return next((a for a in c.json('alarms') if a['name'] == name and a['active']), None)


def used(c):
    return next(row['used'] for row in c.json('limits') if row['name'] == 'clusters and catalogs')


def add(c, name):
    return c.ask('catalog add', name=name, route_string='old.example.com')['ok']


def limits(part, net):
    method = METHODS['password'](net)
    hubs = [net.cluster('h%d' % n) for n in range(1, 8)]
    method.prepare(hubs)
    first, last = hubs[0], hubs[-1]
    first.must('role', 'hub')
    for c in hubs[1:]:
        method.join(c, first, 'hub')
    part.ok(wait_until(lambda: all(used(c) == OTHERS for c in hubs)), 'seven hubs', used(last))
    made = sum(add(c, '%s-%d' % (c.name, k)) for c in hubs[:-1] for k in range(EACH))
    part.same(made, 6 * EACH, 'each of six imports 32 catalogs')
    part.ok(wait_until(lambda: all(used(c) == OTHERS + made for c in hubs)), 'all count them',
            [used(c) for c in hubs])
    part.ok(all(wait_until(lambda c=c: alarm(c, 'ILSPeerLimitApproachingWarning')) for c in hubs),
            'ILSPeerLimitApproachingWarning everywhere', last.json('alarms'))
    part.ok(not any(alarm(c, 'ILSPeerLimitExceeded') for c in hubs), 'and nothing worse')
    status, _ = first.ils('catalog', 'add', 'more', '--route-string', 'old.example.com')
    part.ok(status == 1 and 'a hub imports 32 catalogs at most' in first.error,
            'one more at a hub that has 32', first.error)
    while used(last) < MOST and add(last, 'last-%d' % used(last)):
        pass
    status, _ = last.ils('catalog', 'add', 'more', '--route-string', 'old.example.com')
    part.ok(status == 1 and 'as many catalogs and clusters as there may be' in last.error,
            'one more where there are 200', last.error)
    full(part, method, net, first, last)


def full(part, method, net, first, last):
    part.ok(alarm(last, 'ILSPeerLimitExceeded'), 'ILSPeerLimitExceeded', last.json('alarms'))
    said = last.json('status')
    part.same((said['cause'], said['next']), (
        '200 clusters and catalogs are known, there is room for no more', 'ils clusters'),
        'its status')
    part.ok(last.shell(said['next'])[1].count('Imported catalog') == MOST - OTHERS,
            'typed')
    guest = net.cluster('guest')
    method.prepare([guest])
    part.ok(wait_until(lambda: used(first) == MOST), 'the other end of the mesh counts 200')
    verdict = method.join(guest, first)
    part.same((verdict['code'], verdict['remedy'], verdict['remedy_at']),
              ('ILS-418', 'ils clusters', 'there'), 'a newcomer is refused', verdict)
    last.must('catalog', 'remove', 'last-%d' % (MOST - 1))
    part.ok(wait_until(lambda: not any(alarm(c, 'ILSPeerLimitExceeded')
            for c in (first, last))), 'a catalog goes: the alarm is over', first.json('alarms'))
    part.same(method.join(guest, first)['code'], 'ILS-100', 'and the newcomer joins')


run_all([('limits', limits, ())])
