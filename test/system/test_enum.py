#!/usr/bin/env python3
"""Calls by ENUM: Kamailio's enum_query asks the resolver of its host (dnsmasq), which asks the
DNS door of ilsd for names below its suffix; the call goes on to the Kamailio of the cluster that
has the number. All of it in a network and a /etc/resolv.conf of its own."""
import os
import shutil
import subprocess
import sys
import tempfile

from dnsdoor import Dug, is_built, number_name
from harness import Network, Tap, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'call'))
from telephony import Telephony, free_udp_port, missing

tap = Tap()
INSIDE = 'ILS_TEST_ENUM_INSIDE'
PLAN = """PatternType,PSTNFailover,Pattern
E164,,+81312345678
ENTERPRISE,,2001
E164PATTERN,,+8190XXXXXXXX
"""


def lacking():
    programs = [name for name, where in (('dnsmasq', '/usr/sbin:/usr/bin'), ('dig', None),
                                         ('unshare', None), ('ip', '/usr/sbin:/sbin:/usr/bin'))
                if not shutil.which(name, path=where)]
    return ' and '.join(([missing()] if missing() else []) + programs)


def go_inside():
    """This program again, where 127.0.0.1 and /etc/resolv.conf are nobody else's."""
    probe = subprocess.run(['unshare', '-n', '-m', 'true'], stderr=subprocess.DEVNULL, check=False)
    if probe.returncode != 0:
        tap.skip('calls by ENUM', 'no right to make a network namespace')
        tap.done()
        return
    os.environ[INSIDE] = '1'
    os.execvp('unshare', ['unshare', '-n', '-m', sys.executable, os.path.abspath(__file__)])


def resolver(folder, port):
    """dnsmasq as this host's resolver."""
    path = os.path.join(folder, 'resolv.conf')
    with open(path, 'w', encoding='ascii') as handle:
        handle.write('nameserver 127.0.0.1\noptions timeout:1 attempts:3\n')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    real = os.path.realpath('/etc/resolv.conf')
    subprocess.run(['mount', '--bind', path, real], check=True)
    return subprocess.Popen([shutil.which('dnsmasq', path='/usr/sbin:/usr/bin'), '--no-daemon',
                             '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--user=root',
                             '--listen-address=127.0.0.1', '--bind-interfaces', '--pid-file=',
                             '--no-negcache', '--server=/ils.internal/127.0.0.1#%d' % port],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            stdin=subprocess.DEVNULL)


def calls(c, world):
    tap.ok(wait_until(lambda: Dug(53, number_name('+81312345678')).answers),
           'the resolver of this host asks the door')
    for number in ('+81312345678', '2001', '+819012345678'):
        answered, _, seen = world.call(number)
        tap.ok(answered, '%s is called by ENUM' % number, seen, world.log('kamailio-asks'),
               world.log('kamailio-b'))
    log = world.log('kamailio-asks')
    tap.ok('ENUM said sip:+81312345678@127.0.0.1:%d' % world.b_port in log and
           'ENUM said sip:2001@127.0.0.1' in log, 'each went where ENUM said', log)
    for number in ('+81312345670', '2002', '+8190123456'):
        answered, _, seen = world.call(number)
        tap.ok(not answered and '404' in seen, '%s is not found' % number, seen)


def failover(a, b, world):
    """The cluster's own controller is down: the second record is the way by the PSTN."""
    a.must('route', 'remove', '*.example.com')
    a.must('route', 'add', '*.example.com', 'sip:127.0.0.1:%d' % free_udp_port())
    a.must('route', 'add', 'pstn', 'sip:127.0.0.1:%d' % world.b_port)
    b.must('plan', 'add', 'E164', '+81312345679', '--failover', 'ITSELF')
    tap.ok(wait_until(lambda: len(Dug(53, number_name('+81312345679')).answers) == 2),
           'a number with a failover has two records')
    answered, _, seen = world.call('+81312345679')
    log = world.log('kamailio-asks')
    tap.ok(answered and 'trying sip:+81312345679@127.0.0.1:%d' % world.b_port in log,
           'and is called by the second when the first is down', seen, log)


def withdrawn(b, world):
    b.must('plan', 'remove', 'E164', '+81312345678')
    tap.ok(wait_until(lambda: '404' in world.call('+81312345678')[2]),
           'what is withdrawn is not found any more')


def main():
    lack = lacking()
    if lack or os.geteuid() != 0:
        tap.skip('calls by ENUM', 'not root' if not lack else 'not installed: ' + lack)
        tap.done()
        return
    if INSIDE not in os.environ:
        go_inside()
        return
    with tempfile.TemporaryDirectory() as folder, Network() as net:
        forwarder = None
        try:
            subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
            a = net.cluster('hub-a', dns=True).hub(password='one')
            if not is_built(a):
                tap.skip('calls by ENUM', 'this ilsd is built without DNS')
                tap.done()
                return
            b = net.cluster('spoke-b').init(password='one')
            tap.same(b.join(a)['code'], 'ILS-100', 'B joins A')
            b.must('plan', 'import', '-', '--source', 'test', stdin=PLAN)
            forwarder = resolver(folder, a.dns_port)
            with Telephony(a.sip_port) as world:
                world.start('enum')
                a.must('route', 'add', '*.example.com', 'sip:127.0.0.1:%d' % world.b_port)
                tap.run(calls, a, world)
                tap.run(failover, a, b, world)
                tap.run(withdrawn, b, world)
        finally:
            if forwarder:
                forwarder.terminate()
                forwarder.wait()
    tap.done()


main()
