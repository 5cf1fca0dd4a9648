#!/usr/bin/env python3
"""The call: a row imported at cluster B is a call through Kamailio A, which asks ilsd A, follows
its 302 to Kamailio B, and the callee answers. How long that took is printed, never judged."""
import os
import sys
import time

from harness import Network, Tap, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'call'))
from telephony import Telephony, ask_options, missing

tap = Tap()
CALLS = 5


def rows(c, *numbers):
    """Imports the numbers as the catalog at c: the whole of it."""
    text = 'PatternType,PSTNFailover,Pattern\n'
    text += ''.join('%s,,%s\n' % ('E164' if n.startswith('+') else 'ENTERPRISE', n)
                    for n in numbers)
    c.must('plan', 'import', '-', '--source', 'test', stdin=text)


def first_call(world, number, began):
    """Calls until it is answered: seconds since began, or None; the calls it took."""
    for tries in range(1, 200):
        answered, _, seen = world.call(number)
        if answered:
            return time.monotonic() - began, tries, seen
        if '404' not in seen or time.monotonic() - began > 30:
            break
    return None, tries, seen


def calls(a, b, world):
    numbers, took = ['2000'], []
    for i in range(CALLS):
        number = '+8131234%04d' % i if i % 2 else '%d' % (2001 + i)
        answered, _, seen = world.call(number)
        tap.ok(not answered and '404' in seen, '%s is not known yet: 404' % number, seen)
        numbers.append(number)
        began = time.monotonic()
        rows(b, *numbers)
        imported = time.monotonic() - began
        seconds, tries, seen = first_call(world, number, began)
        tap.ok(seconds is not None, '%s: imported at B and called from A' % number, seen,
               world.log('kamailio-asks'), world.log('kamailio-b'))
        if seconds is not None:
            took.append(seconds)
            print('# %s: import %.3f s, import and answered call %.3f s (%d tries)' %
                  (number, imported, seconds, tries))
    logs = world.log('kamailio-asks') + world.log('kamailio-b')
    tap.ok(logs.count('ilsd said') == len(took) and 'delivering sip:2001@' in logs,
           'each call was redirected by ilsd A and delivered by Kamailio B', logs)
    if took:
        print('# from import to the end of the answered call: worst %.3f s of %d' %
              (max(took), len(took)))


def withdrawn(a, b, world):
    rows(b, '2000')
    gone = wait_until(lambda: '404' in world.call('2001')[2])
    tap.ok(gone, 'what B withdraws is 404 again')


def main():
    lacking = missing()
    if lacking:
        tap.skip('the call', 'not installed: ' + lacking)
        tap.done()
    with Network() as net:
        a = net.cluster('hub-a').hub(password='one')
        b = net.cluster('spoke-b').init(password='one')
        tap.same(b.join(a)['code'], 'ILS-100', 'B joins A')
        with Telephony(a.sip_port) as world:
            world.start()
            a.must('route', 'add', '*.example.com', 'sip:127.0.0.1:%d' % world.b_port)
            status = ask_options(a.sip_port, 5)
            tap.same(status, 'SIP/2.0 200 OK', 'ilsd A answers OPTIONS')
            tap.run(calls, a, b, world)
            tap.run(withdrawn, a, b, world)
    tap.done()


main()
