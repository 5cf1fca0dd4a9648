#!/usr/bin/env python3
"""Questions in the name of others, from another network: who is named as their sender gets fewer
bytes than were sent, what ilsd keeps of sources is bounded, and who is really there is answered, by
UDP or by TCP. The control is a door without a rate.   test_dns_flood.py [PACKETS]"""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import dnsdoor
from harness import BUILD, Network, Tap, wait_until

tap = Tap()
INSIDE = 'ILS_TEST_FLOOD_INSIDE'
FLOOD = os.path.join(BUILD, 'test', 'system', 'udp_flood')
HERE, THERE, VICTIM, PORT = '10.9.0.1', '10.9.0.2', '10.8.8.8', 5300
NUMBER = '+81661234567'


def run(*words):
    subprocess.run(words, check=True)


class Outside:
    """Another network, behind a wire: its packets may say that they come from anywhere."""

    def __init__(self):
        self.process = subprocess.Popen(['unshare', '-n', 'sleep', '1000'])
        own = os.readlink('/proc/self/ns/net')
        wait_until(lambda: os.readlink('/proc/%d/ns/net' % self.process.pid) != own)
        run('ip', 'link', 'set', 'lo', 'up')
        run('ip', 'link', 'add', 'inner', 'type', 'veth', 'peer', 'name', 'outer', 'netns',
            str(self.process.pid))
        run('ip', 'addr', 'add', HERE + '/24', 'dev', 'inner')
        run('ip', 'link', 'set', 'inner', 'up')
        self.run('ip', 'addr', 'add', THERE + '/24', 'dev', 'outer')
        self.run('ip', 'link', 'set', 'outer', 'up')
        run('ip', 'route', 'add', 'default', 'via', THERE)
        run('sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.inner.rp_filter=0')

    def run(self, *words, **more):
        return subprocess.run(['nsenter', '-n', '-t', str(self.process.pid), *words], check=True,
                              **more)

    def flood(self, packets, source):
        """Bytes that came in and went out on the wire meanwhile."""
        before = self.bytes()
        self.run(FLOOD, HERE, str(PORT), str(packets), source, stdout=subprocess.DEVNULL,
                 input=dnsdoor.question(dnsdoor.number_name(NUMBER)))
        return [b - a for a, b in zip(before, self.bytes())]

    @staticmethod
    def bytes():
        out = subprocess.run(['ip', '-s', '-j', 'link', 'show', 'inner'], check=True,
                             stdout=subprocess.PIPE).stdout
        stats = json.loads(out)[0]['stats64']
        return stats['rx']['bytes'], stats['tx']['bytes']

    def end(self):
        self.process.kill()
        self.process.wait()


def memory(c):
    with open('/proc/%d/status' % c.process.pid, encoding='ascii') as handle:
        return next(int(line.split()[1]) for line in handle if line.startswith('VmRSS')) * 1024


def counts(c):
    return next(d for d in c.json('door', 'list') if d['door'] == 'dns')['counts']


def by_tcp():
    """What is asked by TCP is answered, whatever comes by UDP."""
    q = dnsdoor.question(dnsdoor.number_name(NUMBER))
    with socket.create_connection((HERE, PORT), timeout=20) as s:
        s.sendall(len(q).to_bytes(2, 'big') + q)
        stream = s.makefile('rb')
        return dnsdoor.Reply(stream.read(int.from_bytes(stream.read(2), 'big'))).naptr


def one_victim(c, outside, packets):
    c.must('door', 'set', 'dns', '--rate', '100/s')
    came, went = outside.flood(packets, VICTIM)
    tap.ok(went <= came, 'the named sender gets no more than was sent: %.2f' % (went / came))
    print('# %d questions in the name of one: %.2f bytes out for each that came' % (
        packets, went / came))
    c.must('door', 'set', 'dns', '--rate', 'off')
    came, went = outside.flood(packets // 10, VICTIM)
    tap.ok(went > came, 'control: without a rate he gets more: %.2f' % (went / came))


def all_of_them(c, outside, packets):
    c.must('door', 'set', 'dns', '--rate', '100/s')
    outside.flood(packets // 10, 'any')
    before, waits = memory(c), []
    child = os.fork()
    if child == 0:
        outside.flood(packets, 'any')
        os._exit(0)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        begun = time.monotonic()
        if by_tcp():
            waits.append(time.monotonic() - begun)
        time.sleep(0.01)
    waits.sort()
    grown = memory(c) - before
    tap.ok(grown < 8 << 20, 'as many sources: %.1f MiB more' % (grown / 2 ** 20))
    tap.ok(len(waits) > 0, 'who asks by TCP meanwhile is answered')
    if waits:
        print('# %d questions by TCP meanwhile: p50 %.1f ms, p99 %.1f ms' % (
            len(waits), waits[len(waits) // 2] * 1e3, waits[len(waits) * 99 // 100] * 1e3))
    print('# counted: %s' % counts(c))


def main():
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    if os.geteuid() != 0 or not all(map(shutil.which, ('unshare', 'nsenter', 'ip', 'sysctl'))):
        tap.skip('questions in the name of others', 'not root, or without namespaces')
        tap.done()
        return
    if INSIDE not in os.environ:
        probe = subprocess.run(['unshare', '-n', 'true'], stderr=subprocess.DEVNULL, check=False)
        if probe.returncode == 0:
            os.environ[INSIDE] = '1'
            os.execvp('unshare', ['unshare', '-n', sys.executable, os.path.abspath(__file__),
                                  str(packets)])
        tap.skip('questions in the name of others', 'no right to make a network namespace')
        tap.done()
        return
    outside = Outside()
    try:
        with Network() as net:
            c = net.cluster('tokyo').init()
            c.must('describe', '--route-string', 'tokyo.example.com')
            c.must('plan', 'add', 'E164', NUMBER)
            c.must('route', 'add', 'tokyo.example.com', 'sip:10.0.0.5:5080;transport=tcp')
            c.must('door', 'set', 'dns', '--listen', '%s:%d' % (HERE, PORT), '--allow', 'any')
            tap.ok(by_tcp(), 'the door answers')
            tap.run(one_victim, c, outside, packets)
            tap.run(all_of_them, c, outside, packets)
            tap.ok(by_tcp() and c.answers(), 'and it is there afterwards')
    finally:
        outside.end()
    tap.done()


main()
