#!/usr/bin/env python3
"""Calls by HTTP: Kamailio asks GET /v1/lookup with its http_client, and the call goes on to the
Kamailio of the cluster that has the number; by the second target where the first is down."""
import glob
import os
import sys

from harness import Network, Tap, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'call'))
from telephony import Telephony, free_udp_port, missing

tap = Tap()
PLAN = """PatternType,PSTNFailover,Pattern
E164,,+81312345678
ENTERPRISE,,2001
E164PATTERN,,+8190XXXXXXXX
"""


def lacking():
    module = glob.glob('/usr/lib*/*/kamailio/modules/http_client.so')
    return missing() or ('' if module else 'kamailio-utils-modules')


def calls(world):
    for number in ('+81312345678', '2001', '+819012345678'):
        answered, _, seen = world.call(number)
        tap.ok(answered, '%s is called' % number, seen, world.log('kamailio-asks'),
               world.log('kamailio-b'))
    log = world.log('kamailio-asks')
    tap.ok('HTTP said sip:+81312345678@127.0.0.1:%d' % world.b_port in log and
           'HTTP said sip:2001@127.0.0.1' in log, 'each went where HTTP said', log)
    for number in ('+81312345670', '2002', '+8190123456'):
        answered, _, seen = world.call(number)
        tap.ok(not answered and '404' in seen, '%s is not found' % number, seen)


def failover(a, b, world):
    a.must('route', 'remove', '*.example.com')
    a.must('route', 'add', '*.example.com', 'sip:127.0.0.1:%d' % free_udp_port())
    a.must('route', 'add', 'pstn', 'sip:127.0.0.1:%d' % world.b_port)
    b.must('plan', 'add', 'E164', '+81312345679', '--failover', 'ITSELF')
    tap.ok(wait_until(lambda: len(a.json('lookup', '+81312345679')['targets']) == 2),
           'a number with a failover has two targets')
    answered, _, seen = world.call('+81312345679')
    tap.ok(answered and 'HTTP said sip:+81312345679@127.0.0.1:%d' % world.b_port in
           world.log('kamailio-asks'), 'the second is called when the first is down', seen,
           world.log('kamailio-asks'))


def gone(a, b, world):
    b.must('plan', 'remove', 'E164', '+81312345678')
    tap.ok(wait_until(lambda: '404' in world.call('+81312345678')[2]),
           'what is withdrawn is not found')
    a.must('block', 'add', '2001')
    tap.ok(wait_until(lambda: '403' in world.call('2001')[2]), 'what is blocked is forbidden')
    a.stop()
    answered, _, seen = world.call('2001')
    tap.ok(not answered and '503' in seen, 'without ilsd there is no lookup, and it is said', seen)


def main():
    if lacking():
        tap.skip('calls by HTTP', 'not installed: ' + lacking())
        tap.done()
    with Network() as net:
        a = net.cluster('hub-a', http=True).hub('one')
        b = net.cluster('spoke-b').init('one')
        b.join(a)
        b.must('plan', 'import', '-', '--source', 'test', stdin=PLAN)
        with Telephony(a.http_port) as world:
            world.start('http')
            a.must('route', 'add', '*.example.com', 'sip:127.0.0.1:%d' % world.b_port)
            wait_until(lambda: a.json('lookup', '2001')['result'] == 'found')
            tap.run(calls, world)
            tap.run(failover, a, b, world)
            tap.run(gone, a, b, world)
    tap.done()


main()
