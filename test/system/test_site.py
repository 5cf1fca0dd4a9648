#!/usr/bin/env python3
"""A site with its call controller, by the recipes of docs/controllers.md: a caller at Kamailio A,
which asks ilsd and follows its 302 to Kamailio B, which has the callee; the failover when B is
down, under the classes of service of A's own gateway; baresip, which follows the 302 itself; and
two ilsd, of which either is killed during calls, and none fails (ILS_CALLS of them, ILS_RATE a
second)."""
import os
import re
import shutil
import sys

from harness import Network, Tap, free_port, wait_until
from phone import Baresip

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'call'))
from telephony import Telephony, missing

tap = Tap()
CALLS = int(os.environ.get('ILS_CALLS', 300))
RATE = int(os.environ.get('ILS_RATE', 20))
PLAN = """PatternType,PSTNFailover,Pattern
ENTERPRISE,4:+81312340000,2001
E164,ITSELF,+81312345678
E164,ITSELF,+81312345486
E164,ITSELF,+81312345503
E164,,+81312345000
E164,+19005550100,+81312349999
"""


def found(c, *numbers):
    return wait_until(lambda: all(c.json('lookup', n)['result'] == 'found' for n in numbers))


def called(world, number, name, where='delivering', at='kamailio-b'):
    """One call that is to be answered, at B unless said."""
    answered, _, seen = world.call(number)
    tap.ok(answered and '%s sip:%s@' % (where, number) in world.log(at), name, seen, world.log(at),
           world.log('kamailio-asks'))


def refused(world, number, code, name):
    answered, _, seen = world.call(number)
    tap.ok(not answered and "received 'SIP/2.0 %d" % code in seen, name, seen,
           world.log('kamailio-asks'))


def chain(world):
    """The caller, A, ilsd, B, the callee."""
    for number in ('2001', '+81312345678'):
        called(world, number, '%s: A asks ilsd, follows the 302 to B, the callee answers' % number)
    refused(world, '+81312345486', 486, 'who is busy is busy')
    refused(world, '2009', 404, 'a number of nobody is 404')
    tap.ok('delivering' not in world.log('kamailio-gateway'), 'the gateway was not tried',
           world.log('kamailio-gateway'))
    called(world, '+81312345503', 'B is full (503): the failover, by the gateway',
           at='kamailio-gateway')


def failover(world):
    """B is down."""
    world.end('kamailio-b')
    called(world, '+81312345678', 'B is down: the next contact, by the gateway',
           at='kamailio-gateway')
    answered, _, seen = world.call('2001')
    tap.ok(answered and 'delivering sip:+81312340000@' in world.log('kamailio-gateway'),
           '2001 has another number there', seen, world.log('kamailio-gateway'))
    refused(world, '+81312345000', 408, 'without a failover the call fails')
    refused(world, '+81312349999', 403,
            'a failover number that the caller may not dial is not dialled')
    tap.ok('the caller may not dial +19005550100' in world.log('kamailio-asks') and
           '+19005550100' not in world.log('kamailio-gateway'),
           'a learned number goes through the classes of this site', world.log('kamailio-asks'))


# --- a telephone that follows by itself

def baresip(net, a, world):
    """As docs/controllers.md says: it follows to the first contact, and no further; what it dials
    must name ilsd, for an outbound proxy is asked again."""
    if not shutil.which('baresip'):
        tap.skip('baresip follows the 302', 'not installed: baresip-core')
        return
    phone = Baresip(net)
    good = phone.call('sip:2001@127.0.0.1:%d' % a.sip_port, 'Call established')
    tap.ok(good and phone.asked() == [a.sip_port, world.b_port] and
           'SIP/2.0 302 Moved Temporarily' in phone.said and
           'delivering sip:2001@' in world.log('kamailio-b'),
           'baresip asks ilsd, follows the 302 itself, and is answered', phone.said)
    phone = Baresip(net)
    good = phone.call('sip:+81312345503@127.0.0.1:%d' % a.sip_port, 'session closed')
    tap.ok(good and phone.asked() == [a.sip_port, world.b_port],
           'baresip takes the first contact alone', phone.said)
    phone = Baresip(net, ';outbound="sip:127.0.0.1:%d"' % a.sip_port)
    good = phone.call('sip:+81312345000@b.example.com', 'session closed')
    tap.ok(good and '482 Loop Detected' in phone.said,
           'as an outbound proxy ilsd is asked again, and says so', phone.said)


# --- two of them

def kill_either(site, world, number):
    """Each of the two is killed while calls come; the other one answers."""
    calls = world.calls(number, CALLS, RATE)
    at = 0
    for c, share in zip(site, (0.2, 0.55)):
        at = wait_until(lambda: calls.answered() >= CALLS * share, 120)
        c.kill()
        killed = calls.answered()
        tap.ok(at and killed < CALLS, '%s is killed while calls come (%d of %d are over)' %
               (c.name, killed, CALLS))
        wait_until(lambda: calls.answered() >= killed + CALLS * 0.1, 120)
        c.start()
        tap.ok(wait_until(lambda: redirects(c) > 0, 60), '%s is asked again' % c.name,
               world.log('kamailio-asks')[-2000:])
    answered, seen = calls.end()
    print('# kill -9 of either: %d of %d calls answered, the longest took %.2f s to be' %
          (answered, CALLS, calls.longest()))
    tap.same(answered, CALLS, 'no call of %d failed' % CALLS, *unanswered(seen))


def unanswered(seen):
    """Of what sipp saw, without repeated replies for calls that are over: those were answered."""
    return [e for e in re.split(r"\n'(?=\d{4}-)", seen) if 'Dead call' not in e][:5]


def redirects(c):
    """How many INVITEs it has answered with 302 since its start."""
    return c.json('door', 'list')[0]['counts']['redirects']


def control(site, world, number):
    """Where both are dead calls do fail, and it is counted."""
    for c in site:
        c.kill()
    count = 10
    answered, seen = world.calls(number, count, 10).end()
    tap.ok(answered == 0 and '503' in seen, 'control: without both of them every call fails', seen)


def main():
    if missing():
        tap.skip('a site', 'not installed: ' + missing())
        tap.done()
    with Network() as net:
        first = net.cluster('tokyo-1').hub(password='one')
        second = net.cluster('tokyo-2').init(password='one')
        osaka = net.cluster('osaka').init(password='one')
        for c in (second, osaka):
            tap.same(c.join(first)['code'], 'ILS-100', c.name + ' joins')
        osaka.must('plan', 'import', '-', '--source', 'test', stdin=PLAN)
        with Telephony(first.sip_port, second.sip_port) as world:
            for c in (first, second):
                c.must('route', 'add', 'osaka.example.com', 'sip:127.0.0.1:%d' % world.b_port)
                c.must('route', 'add', 'pstn', 'sip:127.0.0.1:%d' % world.gateway_port)
                found(c, '2001', '+81312349999')
            world.start()
            tap.run(chain, world)
            tap.run(baresip, net, first, world)
            tap.run(kill_either, (first, second), world, '2001')
            tap.run(failover, world)
            tap.run(control, (first, second), world, '2001')
    tap.done()


main()
