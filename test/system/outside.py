"""A network of one's own, and another behind a wire whose packets may say that they come from
anywhere: for floods."""
import json
import os
import shutil
import subprocess
import sys

from harness import BUILD, wait_until

INSIDE = 'ILS_TEST_FLOOD_INSIDE'
FLOOD = os.path.join(BUILD, 'test', 'system', 'udp_flood')
HERE, THERE, VICTIM = '10.9.0.1', '10.9.0.2', '10.8.8.8'


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

    def flood(self, port, payload, packets, source):
        """The datagram in the name of source, or of any, 100 000 a second; bytes that came in and
        went out on the wire meanwhile."""
        before = self.bytes()
        self.run(FLOOD, HERE, str(port), str(packets), source, '100000', stdout=subprocess.DEVNULL,
                 input=payload)
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


def lost(port):
    """Datagrams that found the sockets of the port full."""
    with open('/proc/net/udp', encoding='ascii') as handle:
        return sum(int(words[12]) for words in map(str.split, list(handle)[1:])
                   if words[1].endswith(':%04X' % port))


def counts(c, door):
    return next(d for d in c.json('door', 'list') if d['door'] == door)['counts']


def memory(c):
    with open('/proc/%d/status' % c.process.pid, encoding='ascii') as handle:
        return next(int(line.split()[1]) for line in handle if line.startswith('VmRSS')) * 1024


def enter(tap, *args):
    """Begins this program anew in a network namespace; false, and skipped, where none can be."""
    if os.geteuid() != 0 or not all(map(shutil.which, ('unshare', 'nsenter', 'ip', 'sysctl'))):
        tap.skip('questions in the name of others', 'not root, or without namespaces')
        return False
    if INSIDE not in os.environ:
        probe = subprocess.run(['unshare', '-n', 'true'], stderr=subprocess.DEVNULL, check=False)
        if probe.returncode == 0:
            os.environ[INSIDE] = '1'
            os.execvp('unshare', ['unshare', '-n', sys.executable, os.path.abspath(sys.argv[0]),
                                  *map(str, args)])
        tap.skip('questions in the name of others', 'no right to make a network namespace')
        return False
    return True
