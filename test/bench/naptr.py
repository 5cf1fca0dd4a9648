"""naptr: ENUM over UDP, ilsd beside knotd with the same records, the same program asking both in
turns: the server has one core and who asks has the other. The answers must be the same bytes."""
import os
import subprocess

import dnsdoor
import ours
import peers
from harness import Network, free_port, wait_until

FIRST = 81900000000
SUFFIX = 'ils.internal'
TARGET = 'sip:192.0.2.1:5080;transport=tcp'
WINDOWS = (1, 64, 256)
SECONDS = 4

CONF = """server:
    listen: 127.0.0.1@%(port)d
    rundir: %(folder)s
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %(folder)s/db
zone:
  - domain: %(suffix)s
    storage: %(folder)s
    file: zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
"""


def name(number):
    return '.'.join(reversed(str(number))) + '.' + SUFFIX


def rows(n):
    """A file of n numbers, made once."""
    path = os.path.join(ours.OUT, 'enum.%d.csv' % n)
    if not os.path.exists(path):
        with open(path + '.part', 'w', encoding='ascii') as handle:
            handle.write('type,key,failover\n')
            handle.writelines('E164,+%d,-\n' % (FIRST + i) for i in range(n))
        os.rename(path + '.part', path)
    return path


def knows(port, number):
    reply = dnsdoor.ask(port, name(number))
    return reply is not None and reply.naptr


class Zone(peers.Server):
    """knotd with the records that ilsd makes up."""

    def __init__(self, folder, n):
        super().__init__(folder, 'knot-enum')
        self.port = free_port()
        conf = os.path.join(self.folder, 'knot.conf')
        with open(conf, 'w', encoding='ascii') as out:
            out.write(CONF % {'folder': self.folder, 'port': self.port, 'suffix': SUFFIX})
        with open(os.path.join(self.folder, 'zone'), 'w', encoding='ascii') as out:
            out.write('$ORIGIN %s.\n$TTL 30\n@ SOA ns hostmaster 1 3600 600 604800 30\n@ NS ns\n'
                      'ns A 127.0.0.1\n' % SUFFIX)
            out.writelines('%s. NAPTR 100 100 "u" "E2U+sip" "!^.*$!sip:+%d@%s!" .\n' % (
                name(FIRST + i), FIRST + i, TARGET[4:]) for i in range(n))
        self.run('taskset', '-c', '0', 'knotd', '-c', conf)
        wait_until(lambda: knows(self.port, FIRST), 120)


def blast(port, how, value, n):
    return subprocess.run(['taskset', '-c', '1', ours.tool('blast'), str(port), str(SECONDS), how,
                           str(value), str(FIRST), str(n), SUFFIX], text=True, check=True,
                          stdout=subprocess.PIPE).stdout


def turn(side, pid, port, n, figures):
    """How many a second, and how many a second of the server's processor, which other programs of
    the machine do not take away; then half of that as they come, for what each waits."""
    for window in WINDOWS:
        prefix, before = '%s.enum.window%d.' % (side, window), ours.cpu(pid)
        figures.take(prefix, blast(port, 'window', window, n), 1)
        replies = figures.values[prefix + 'replies_per_s'][-1] * SECONDS
        figures.add(prefix + 'per_cpu_s', replies / (ours.cpu(pid) - before), 0)
    most = max(figures.values['%s.enum.window%d.replies_per_s' % (side, w)][-1] for w in WINDOWS)
    figures.take('%s.enum.half.' % side, blast(port, 'rate', most / 2, n), 1)


def run(n, runs, figures):
    folder = os.path.join(ours.OUT, 'peers')
    os.makedirs(folder, exist_ok=True)
    knot = None
    try:
        with Network() as net:
            hub = ours.make_hub(net)
            hub.must('plan', 'import', rows(n), '--source', 'bench')
            spoke = net.cluster('spoke', dns=True)
            spoke.must('init', '--cluster-id', 'spoke', '--fqdn', 'spoke.example.com')
            spoke.must('route', 'add', '*', TARGET)
            ours.trust(hub, spoke)
            ours.limits(spoke, n)
            spoke.join(hub, port=hub.tls_port)
            wait_until(lambda: knows(spoke.dns_port, FIRST + n - 1), 120)
            ours.settled(spoke)
            hub.stop()
            subprocess.run(['taskset', '-a', '-p', '-c', '0', str(spoke.process.pid)], check=True,
                           stdout=subprocess.DEVNULL)
            if peers.have('knotd'):
                knot = Zone(folder, n)
                sums = [blast(port, 'sum', '-', n) for port in (spoke.dns_port, knot.port)]
                figures.add('enum.same_answers', float(sums[0] == sums[1]), 0)
            for i in range(runs):
                print('--- turn %d of %d' % (i + 1, runs), flush=True)
                turn('ils', spoke.process.pid, spoke.dns_port, n, figures)
                if knot:
                    turn('knot', knot.pid, knot.port, n, figures)
            figures.add('ils.enum.rss_mib', ours.memory(spoke.process.pid, 'VmRSS') / 2 ** 20, 1)
            if knot:
                figures.add('knot.enum.rss_mib', ours.memory(knot.pid, 'VmRSS') / 2 ** 20, 1)
    finally:
        if knot:
            knot.stop()


def report(said):
    for window in WINDOWS:
        said.ratio('ENUM over UDP, answers a second, %d open, knotd' % window,
                   'ils.enum.window%d.replies_per_s' % window,
                   'knot.enum.window%d.replies_per_s' % window, 1 if window > 1 else None, True,
                   said.figures.__class__.median)
    said.ratio('ENUM over UDP, answers a second of processor, 64 open, knotd',
               'ils.enum.window64.per_cpu_s', 'knot.enum.window64.per_cpu_s', 1, True,
               said.figures.__class__.median)
    same = said.figures.values.get('enum.same_answers')
    if same:
        said.say('the same bytes as knotd answers', same[0] == 1, 'every one')
    for quantile in ('p50', 'p99'):
        said.ratio('ENUM at half load, %s, us, knotd' % quantile, 'ils.enum.half.%s_us' % quantile,
                   'knot.enum.half.%s_us' % quantile, value=said.figures.__class__.median)
