"""wait: what a question waits at each door (lag.c: it comes when it comes): with nothing else to
do, while 10 000 entries a second change, and while as many are imported as are held."""
import os
import subprocess

import change
import ours
from harness import Network

DOORS = ('sip', 'http', 'dnstcp')
ASKED = 500  # questions a second
SECONDS = 5


def lag(door, port, rate, n, core=None):
    """Lines of lag.c."""
    command = [ours.tool('lag'), door, str(port), str(SECONDS), '%.0f' % rate, str(n)]
    if core is not None:
        command = ['taskset', '-c', str(core)] + command
    return subprocess.run(command, text=True, check=True, stdout=subprocess.PIPE).stdout


def ask(prefix, door, c, n, figures):
    port = {'sip': c.sip_port, 'http': c.http_port, 'dnstcp': c.dns_port}[door]
    figures.take('ils.wait_%s.%s.' % (prefix, door), lag(door, port, ASKED, n), 1)


def cluster(net, name):
    c = net.cluster(name, http=True, dns=True)
    c.must('init', '--cluster-id', name, '--fqdn', name + '.example.com')
    c.must('route', 'add', '*', 'sip:192.0.2.1')
    return c


def pair(net, n):
    """A hub with n entries, and a spoke that has learned them."""
    hub, spoke = cluster(net, 'hub'), cluster(net, 'spoke')
    hub.must('role', 'hub')
    hub.must('plan', 'import', ours.data(n), '--source', 'bench')
    ours.trust(hub, spoke)
    ours.limits(spoke, 8 * n)
    spoke.join(hub, port=hub.tls_port)
    ours.ask('wait', 'sip', spoke.sip_port, 0, ours.key(n - 1))
    ours.settled(spoke)
    return hub, spoke


def other_data(n):
    """As many rows of other names."""
    path = os.path.join(ours.OUT, 'other.%d.csv' % n)
    with open(path, 'w', encoding='ascii') as handle:
        handle.write('type,key,failover\n')
        handle.writelines('URI,other%07d@site%03d.example.com,-\n' % (i, i % 1000)
                          for i in range(n))
    return path


def run(n, runs, figures):
    other = other_data(n)
    with Network() as net:
        hub, spoke = pair(net, n)
        control = os.path.join(hub.data, 'control.sock')
        for _ in range(runs):
            for door in DOORS:
                ask('rest', door, spoke, n, figures)
            with subprocess.Popen(
                    [ours.ASK, 'load', str(spoke.sip_port), str(SECONDS * (len(DOORS) + 1)),
                     str(change.RATE), str(change.ROWS), control], stdout=subprocess.DEVNULL):
                for door in DOORS:
                    ask('changes', door, spoke, n, figures)
            for door in DOORS:
                with subprocess.Popen(['ils', 'plan', 'import', other, '--source', 'other'],
                                      env=hub.env, stdout=subprocess.DEVNULL):
                    ask('import', door, hub, n, figures)
                hub.must('plan', 'import', '-', '--source', 'other', '--force',
                         stdin='type,key,failover\n')
    os.unlink(other)
