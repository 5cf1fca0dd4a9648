#!/usr/bin/env python3
"""A clock that jumps by years under a running ilsd (wrong_clock.c), by each kind of link. Ten years
back, or thirty ahead: an alarm with the command to type, links that stand go on, over TLS nobody
new is taken and both ends say why, by the password they are; when the clock is right again the
newcomer is in by itself. Back and forth a few times a second: nothing comes of it but the alarm."""
import os
import struct

from harness import BUILD, wait_until
from rows import End, run_all, where

CLOCK = os.path.join(BUILD, 'test', 'system', 'libwrong_clock.so')
YEAR = 365 * 86400


def end(method):
    return End(method, 'SS' if 'tls' in method else None)


class Hub:
    """A hub whose clock is in the hand of the test."""

    def __init__(self, net, method):
        self.file = os.path.join(net.folder, 'clock-' + method)
        self.set(0)
        env = {'LD_PRELOAD': CLOCK, 'ILS_WRONG_CLOCK': self.file}
        self.c = end(method).make(net, 'hub', env=env)

    def set(self, years):
        with open(self.file, 'r+b' if os.path.exists(self.file) else 'wb') as f:
            f.write(struct.pack('q', int(years * YEAR)))


def alarm(c):
    return [a for a in c.json('alarms') if a['name'] == 'ILSClockWrong' and a['active']]


def linked(c, name):
    return any(r['cluster_id'] == name and r['linked'] for r in c.json('peers'))


def network(part, net, method):
    hub = Hub(net, method)
    spokes = [end(method).make(net, name) for name in ('kyoto', 'osaka')]
    for c in [hub.c] + spokes:
        c.must('auth', 'set', '--tls', 'on' if 'tls' in method else 'off',
               '--password', 'off' if method == 'tls' else 'on')
    if 'tls' in method:
        for c in spokes:
            hub.c.must('trust', 'import', c.leaf.pem)
            c.must('trust', 'import', hub.c.leaf.pem)
    hub.c.must('role', 'hub')
    part.same(spokes[0].json('join', where(hub.c, method))['code'], 'ILS-100', 'joined')
    part.ok(wait_until(lambda: linked(hub.c, 'kyoto')), 'and both ends say so')
    return hub, spokes[0], spokes[1]


def jumps(part, net, method):
    hub, old, new = network(part, net, method)
    for years in (-10, 30):
        hub.set(years)
        part.ok(wait_until(lambda: alarm(hub.c)), '%+d years: an alarm' % years,
                hub.c.json('alarms'))
        part.ok(linked(old, 'hub'), 'the link stands', *old.trace_lines()[-12:])
    status = hub.c.json('status')
    part.same((status['health'], status['next']), ('degraded', 'timedatectl set-ntp true'),
              'status says what to type', status)
    v = new.json('join', where(hub.c, method))
    if method == 'password':
        part.same(v['code'], 'ILS-100', 'the password needs no date')
    else:
        refused(part, hub, new, v)
    for i in range(40):
        hub.set(i % 2 * 30)
        wait_until(lambda: False, 0.05)
    hub.set(0)
    part.ok(wait_until(lambda: not alarm(hub.c)), 'right again: the alarm is over',
            hub.c.json('alarms'))
    part.ok(wait_until(lambda: linked(new, 'hub'), 75), 'the newcomer is in',
            new.json('verdicts')[:2])
    ended = [r for r in old.trace_records() if r['event'] == 'LINK_ENDED']
    part.same(ended, [], 'the link of before never ended')


def refused(part, hub, new, v):
    part.same((v['code'], v['remedy'], v['remedy_at']),
              ('ILS-423', 'timedatectl set-ntp true', 'there'), 'the newcomer is told why', v)
    there = next(w for w in hub.c.json('verdicts') if w['verdict_id'] == v['verdict_id'])
    part.same((there['code'], there['remedy_at']), ('ILS-423', 'here'), 'and so is the hub', there)
    done = hub.c.ils('invite')
    part.ok(done[0] == 1 and 'clock' in hub.c.error,
            'no invite is made by that clock', done, hub.c.error)


if __name__ == '__main__':
    run_all([(method, jumps, (method,)) for method in ('tls', 'tls+password', 'password')])
