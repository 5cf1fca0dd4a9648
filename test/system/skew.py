"""skew: two programs of different versions in one network: each is the hub once. They join, learn
each other's plans, hear each other's changes, and each restarts beside the other. As a program,
with the build directory of another version, which `script/prove skew` makes:

    skew.py OTHER_BUILD"""
import os
import subprocess
import sys

from harness import BUILD, Network, Tap, wait_until

ROWS = 'PatternType,PSTNFailover,Pattern\nE164,ITSELF,%s\n'
STATUS = 'usn_data_synchronization_status'


def program(build):
    return os.path.join(build, 'src', 'daemon', 'ilsd')


def found(c, number):
    return c.json('lookup', number)['result'] != 'no_match'


def cluster(net, name, build):
    c = net.cluster(name, start=False)
    plain = c.command
    c.command = lambda: [program(build)] + plain()[1:]
    return c.start()


def hears(tap, said, hearer, sayer, number):
    sayer.must('plan', 'import', '-', '--source', number[-3:], stdin=ROWS % number)
    tap.ok(wait_until(lambda: found(hearer, number)), said, hearer.json('clusters'))


def pair(tap, said, hub_build, spoke_build):
    with Network() as net:
        hub = cluster(net, 'hub', hub_build).hub('one password')
        spoke = cluster(net, 'spoke', spoke_build).init('one password')
        tap.same(spoke.join(hub)['code'], 'ILS-100', said + ': joined')
        hears(tap, said + ': the spoke learns', spoke, hub, '+81355510001')
        hears(tap, said + ': the hub learns', hub, spoke, '+81355510002')
        hub.restart()
        hears(tap, said + ': the hub was restarted', hub, spoke, '+81355510003')
        spoke.restart()
        hears(tap, said + ': the spoke was restarted', spoke, hub, '+81355510004')
        tap.same(hub.json('alarms') + spoke.json('alarms'), [], said + ': no alarm')
        tap.ok(wait_until(lambda: hub.cluster('spoke')[STATUS] == 'Up to date'
                          and spoke.cluster('hub')[STATUS] == 'Up to date'),
               said + ': up to date', hub.json('clusters'), spoke.json('clusters'))


def main():
    tap = Tap()
    other = os.path.abspath(sys.argv[1])
    versions = [subprocess.run([program(b), '--version'], text=True, stdout=subprocess.PIPE,
                               check=True).stdout.split('\n')[0] for b in (BUILD, other)]
    with open(program(BUILD), 'rb') as one, open(program(other), 'rb') as two:
        tap.ok(one.read() != two.read(), 'they are two programs')
    pair(tap, 'the other is the hub', other, BUILD)
    pair(tap, 'the other is the spoke', BUILD, other)
    print('1..%d' % tap.count)
    print('# %s beside %s' % tuple(versions))
    sys.exit(tap.failed != 0)


if __name__ == '__main__':
    main()
