"""drop: whether a question is lost while 10 000 entries a second change. A spoke holds N numbers of
its hub; the most that its SIP and its DNS door answer over UDP on one core is found, and half of it
is asked at a steady pace: with nothing else to do, while the hub's plan changes, and while its own
does. The control: the spoke stands still for a second meanwhile, and what is lost then is seen."""
import contextlib
import os
import re
import signal
import subprocess
import time

import change
import naptr
import ours
from harness import Network, wait_until

DOORS = ('sip', 'enum')
WINDOW = 64
SECONDS = 5
STILL = 1.0
LOADS = ('learned', 'own')


def numbers(n):
    """What the SIP door is asked for: 20 000 of the numbers, from all over them."""
    path = os.path.join(ours.OUT, 'drop.numbers')
    with open(path, 'w', encoding='ascii') as out:
        out.writelines('+%d\n' % (naptr.FIRST + i * n // 20000) for i in range(min(n, 20000)))
    return path


def passed_over(port):
    """Datagrams for which the door's sockets had no room, as the kernel counts them."""
    total = 0
    for name in ('udp', 'udp6'):
        with open('/proc/net/' + name, encoding='ascii') as handle:
            for row in (line.split() for line in handle):
                if re.search(':%04X$' % port, row[1]):
                    total += int(row[-1])
    return total


def ask(door, c, how, value, seconds, n):
    """Lines of blast.c and dial.c; a second of grace for the last replies is in them."""
    if door == 'enum':
        command = [ours.tool('blast'), str(c.dns_port), str(seconds), how, str(value),
                   str(naptr.FIRST), str(n), naptr.SUFFIX]
    else:
        command = [ours.tool('dial'), str(c.sip_port), os.path.join(ours.OUT, 'drop.numbers'), how,
                   str(value), str(seconds)]
    return subprocess.run(['taskset', '-c', '1'] + command, text=True, check=True,
                          stdout=subprocess.PIPE).stdout


@contextlib.contextmanager
def changing(c, prefix, figures):
    """10 000 entries of this cluster's plan change a second meanwhile."""
    with subprocess.Popen([ours.ASK, 'changes', str(SECONDS + 2), str(change.RATE),
                           str(change.ROWS), os.path.join(c.data, 'control.sock')],
                          stdout=subprocess.PIPE, text=True) as loader:
        time.sleep(0.5)
        yield
        figures.take(prefix, loader.communicate()[0], 0)
    if loader.returncode != 0:
        raise RuntimeError('the changes ended early')


@contextlib.contextmanager
def standing_still(c):
    """Of the time that is asked, a second in its middle."""
    with subprocess.Popen(['sh', '-c', 'sleep 1.5; kill -STOP %d; sleep %g; kill -CONT %d' % (
            c.process.pid, STILL, c.process.pid)]):
        try:
            yield
        finally:
            os.kill(c.process.pid, signal.SIGCONT)


def turn(prefix, door, c, rate, n, figures):
    port = {'sip': c.sip_port, 'enum': c.dns_port}[door]
    before = passed_over(port)
    figures.take(prefix, ask(door, c, 'rate', '%.0f' % rate, SECONDS, n), 1)
    figures.add(prefix + 'no_room', passed_over(port) - before, 0)


def pair(net, n):
    """The hub with n numbers, and the spoke that has learned them and answers on one core."""
    hub = ours.make_hub(net)
    hub.must('plan', 'import', naptr.rows(n), '--source', 'bench')
    spoke = net.cluster('spoke', dns=True)
    spoke.must('init', '--cluster-id', 'spoke', '--fqdn', 'spoke.example.com')
    spoke.must('route', 'add', '*', naptr.TARGET)
    ours.trust(hub, spoke)
    ours.limits(spoke, 2 * n)
    spoke.join(hub, port=hub.tls_port)
    wait_until(lambda: naptr.knows(spoke.dns_port, naptr.FIRST + n - 1), 120)
    ours.settled(spoke)
    ours.at_rest((hub, spoke))
    ours.pin(spoke.process.pid, {0})
    ours.pin(hub.process.pid, {1})
    return hub, spoke


def run(n, runs, figures):
    numbers(n)
    with Network() as net:
        hub, spoke = pair(net, n)
        who = {'learned': hub, 'own': spoke}
        for i in range(runs):
            print('--- turn %d of %d' % (i + 1, runs), flush=True)
            for door in DOORS:
                text = ask(door, spoke, 'window', WINDOW, 2, n)
                half = float(re.search(r'replies_per_s: *([\d.]+)', text).group(1)) / 2
                figures.add('ils.drop_rest.%s.rate' % door, half, 0)
                turn('ils.drop_rest.%s.' % door, door, spoke, half, n, figures)
                for load in LOADS:
                    prefix = 'ils.drop_%s.%s.' % (load, door)
                    with changing(who[load], prefix, figures):
                        turn(prefix, door, spoke, half, n, figures)
                with standing_still(spoke):
                    turn('ils.drop_control.%s.' % door, door, spoke, half, n, figures)
        wait_until(lambda: spoke.json('lookup', '8%05d' % (change.ROWS - 1))['match'], 30)


def report(said):
    figures = said.figures
    for door in DOORS:
        for load in LOADS:
            def total(what, name='ils.drop_%s.%s.' % (load, door)):
                return sum(figures.values.get(name + what, [0]))
            prefix = 'ils.drop_%s.%s.' % (load, door)
            median = figures.median
            other = 'other' if door == 'sip' else 'empty'
            lost = total('lost') - total('own_drops')
            said.say('%s over UDP at half load, %.0f a second, while %.0f entries a second of %s '
                     'change: %.0f of %.0f lost, %.0f without a target; p50 %.0f us, p99 %.0f us; '
                     'at rest %.0f and %.0f us' % (
                         door.upper(), median('ils.drop_rest.%s.rate' % door),
                         median(prefix + 'changes_per_s'),
                         "its hub's plan" if load == 'learned' else 'its own plan', lost,
                         total('asked'), total(other), median(prefix + 'p50_us'),
                         median(prefix + 'p99_us'), median('ils.drop_rest.%s.p50_us' % door),
                         median('ils.drop_rest.%s.p99_us' % door)),
                     lost <= 0 and total(other) == 0 and
                     median(prefix + 'changes_per_s') >= 9900, 'none')
        still = 'ils.drop_control.%s.' % door
        said.say('control: %s, it stands still for %g s: %.0f lost, of them %.0f because its '
                 'sockets were full' % (door.upper(), STILL, sum(figures.values[still + 'lost']),
                                        sum(figures.values[still + 'no_room'])),
                 min(figures.values[still + 'lost']) > 0, 'some')
