"""netns: real daemons, each in a network namespace of its own, and what goes wrong between them.

    reason = missing()                         # "" where namespaces can be made, as root
    with Lan() as lan:                         # a bridge, in a namespace too
        a, b = lan.cluster('a'), lan.cluster('b')   # as Network.cluster; addresses 10.7.0.x
        lan.cut(a, b)                          # nothing passes (how='drop'), 'reject', 'loss 30'
        lan.cut(a, b, both=False)              # nothing from a to b
        lan.heal()
        lan.reset(a, b)                        # their connections are reset; new ones stand
        lan.delay(a, b, 200)                   # 200 ms each way, through a proxy of ours
        lan.unplug(a); lan.plug(a)             # what the others see of a power failure
        a.pause(); a.resume(); a.kill(); a.start()

Names are this run's own. A guard process removes what is left when this program has ended, however
it ended: the daemons in these namespaces, the namespaces, the folder. A packet filter stands in the
namespace of whoever receives; `tc netem` is not needed.
"""
import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time

from harness import ILSD, Cluster, Network, wait_until

NET = '10.7.0.'
BRIDGE = NET + '1'
TLS_PORT, PASSWORD_PORT = 7501, 7502
RULES = """table inet fault
delete table inet fault
table inet fault {
 chain in { type filter hook input priority 0; %s }
 chain out { type nat hook output priority -100; %s }
}
"""


def missing():
    """Why no namespace can be made here, in words; "" where it can."""
    if os.geteuid() != 0:
        return 'only root makes network namespaces'
    lacking = [name for name in ('ip', 'nft') if shutil.which(name) is None]
    if lacking:
        return 'not installed: ' + ' '.join(lacking)
    name = 'ils-probe-' + secrets.token_hex(4)
    if subprocess.run(['ip', 'netns', 'add', name], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        return 'this host lets nobody make network namespaces'
    filters = subprocess.run(['ip', 'netns', 'exec', name, 'nft', '-f', '-'], check=False,
                             input=(RULES % ('', '')).encode(), stderr=subprocess.DEVNULL)
    subprocess.run(['ip', 'netns', 'del', name], check=False)
    return '' if filters.returncode == 0 else 'this host has no packet filter'


def run(*words, text=None):
    done = subprocess.run([str(w) for w in words], input=text, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(map(str, words)), done.stdout))
    return done.stdout


class Node(Cluster):
    """A cluster whose daemon, and whose callers, live in a namespace. Its ports are the usual."""

    def __init__(self, net, name, **more):
        self.n = len(net.clusters) + 10
        self.space = '%s-%d' % (net.id, self.n)
        net.wire(self)
        super().__init__(net, name, prefix=('ip', 'netns', 'exec', self.space), **more)
        self.address, self.port, self.tls_port = NET + str(self.n), PASSWORD_PORT, TLS_PORT
        self.paused = False
        self.program = ILSD

    def command(self):
        return [self.program if word == ILSD else word for word in super().command()]

    def pause(self):
        self.paused = True
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def kill(self):
        super().kill()
        self.paused = False

    def lives(self):
        return self.process is not None and not self.paused


class Lan(Network):
    def __init__(self):
        super().__init__()
        self.id = 'ils-%d-%s' % (os.getpid(), secrets.token_hex(2))
        self.faults = {}   # (from, to): what the filter at `to` does with packets of `from`
        self.turned = {}   # (from, to): {port of `to`: port of the proxy}
        self.proxies = []
        self.guard = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), 'guard', self.id, self.folder],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        self.bridge = self.id + '-0'
        run('ip', 'netns', 'add', self.bridge)
        self.ip(self.bridge, 'link set dev lo up\nlink add name bridge0 type bridge\n'
                'link set dev bridge0 up\naddr add %s/24 dev bridge0\n' % BRIDGE)

    @staticmethod
    def ip(space, text):
        run('ip', '-n', space, '-batch', '-', text=text)

    def wire(self, node):
        run('ip', 'netns', 'add', node.space)
        self.ip(self.bridge, 'link add name v%d type veth peer name eth0 netns %s\n'
                'link set dev v%d master bridge0 up\n' % (node.n, node.space, node.n))
        self.ip(node.space, 'link set dev lo up\nlink set dev eth0 up\n'
                'addr add %s%d/24 dev eth0\n' % (NET, node.n))

    def cluster(self, name, start=True, **more):
        c = Node(self, name, **more)
        self.clusters.append(c)
        return c.start() if start else c

    def __exit__(self, *error):
        for c in self.clusters:
            if c.paused:
                c.resume()
            c.stop()
        self.guard.stdin.close()
        self.guard.wait()

    # --- faults

    def cut(self, a, b, how='drop', both=True):
        """Of the packets from a to b, and from b to a: 'drop' and 'reject' (an ICMP message says
        so) take all, 'reset' answers those of TCP with a reset, 'loss N' takes N of 100."""
        self.faults[a, b] = how
        if both:
            self.faults[b, a] = how
        self.apply(*((a, b) if both else (b,)))

    def heal(self, *nodes):
        """All faults of these nodes are over; without any: all faults there are."""
        gone = [pair for pair in self.faults if not nodes or set(pair) <= set(nodes)]
        turned = [pair for pair in self.turned if not nodes or set(pair) <= set(nodes)]
        for pair in gone:
            del self.faults[pair]
        for pair in turned:
            del self.turned[pair]
        self.apply(*{c for pair in gone + turned for c in pair})
        if not self.turned:
            for p in self.proxies:
                p.kill()
                p.wait()
            self.proxies = []

    def apply(self, *nodes):
        for c in nodes:
            taken = [self.rule(a, how) for (a, to), how in self.faults.items() if to is c]
            turned = ['ip daddr %s tcp dport %d dnat ip to %s:%d' % (to.address, port, BRIDGE, by)
                      for (a, to), ports in self.turned.items() if a is c
                      for port, by in ports.items()]
            run('ip', 'netns', 'exec', c.space, 'nft', '-f', '-',
                text=RULES % tuple(''.join(r + '; ' for r in rules) for rules in (taken, turned)))

    @staticmethod
    def rule(a, how):
        packets = 'ip saddr ' + a.address
        if how.startswith('loss '):
            return packets + ' numgen random mod 100 < %s drop' % how[5:]
        return {'drop': packets + ' drop', 'reject': packets + ' reject',
                'reset': packets + ' tcp flags & (syn | rst) == 0 counter '
                                   'reject with tcp reset'}[how]

    def reset(self, a, b, timeout=20):
        """Whoever of the two sends next is reset; new connections are let through."""
        self.cut(a, b, 'reset')
        hit = wait_until(lambda: any(self.hits(c) for c in (a, b)), timeout, 0.05)
        self.heal(a, b)
        return hit

    @staticmethod
    def hits(c):
        text = run('ip', 'netns', 'exec', c.space, 'nft', 'list', 'chain', 'inet', 'fault', 'in')
        return 'counter packets' in text and 'counter packets 0 ' not in text

    def delay(self, a, b, ms):
        """Connections between the two go through a proxy from now on, which keeps every byte for
        `ms`; those that stand are reset."""
        first = 9000 + 10 * len(self.proxies)
        ways, at = [], first
        for one, other in ((a, b), (b, a)):
            ports = self.turned[one, other] = {}
            for port in (TLS_PORT, PASSWORD_PORT):
                ports[port] = at
                ways.append('%d=%s:%d' % (at, other.address, port))
                at += 1
        self.proxies.append(subprocess.Popen(
            ['ip', 'netns', 'exec', self.bridge, sys.executable, os.path.abspath(__file__),
             'proxy', str(ms)] + ways, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
        if self.proxies[-1].stdout.readline() != b'ready\n':
            raise RuntimeError('the proxy does not start')
        self.apply(a, b)
        self.faults[a, b] = self.faults[b, a] = 'reset'
        self.apply(a, b)
        wait_until(lambda: any(self.hits(c) for c in (a, b)), 20, 0.05)
        del self.faults[a, b], self.faults[b, a]
        self.apply(a, b)

    def unplug(self, node):
        """The others hear nothing more of it, and it hears nothing of them."""
        self.ip(self.bridge, 'link set dev v%d down\n' % node.n)

    def plug(self, node):
        self.ip(self.bridge, 'link set dev v%d up\n' % node.n)

    def connections(self, a, b):
        """How many TCP connections stand between the two, as the kernel of a sees it."""
        text = run('ip', 'netns', 'exec', a.space, 'ss', '-Htn', 'state', 'established', 'dst',
                   b.address)
        return len(text.splitlines())


# --- the guard

def guard(name, folder):
    """Waits for the end of whoever holds the other end of standard input; then ends every process
    in the namespaces of that name, and removes them with the folder."""
    sys.stdin.buffer.read()
    spaces = [line.split()[0] for line in run('ip', 'netns', 'list').splitlines()
              if line.startswith(name + '-')]
    for space in spaces:
        for pid in run('ip', 'netns', 'pids', space).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    for space in spaces:
        wait_until(lambda: not run('ip', 'netns', 'pids', space).split(), 5)
        run('ip', 'netns', 'del', space)
    shutil.rmtree(folder, ignore_errors=True)


# --- the proxy

async def carry(reader, writer, seconds):
    """Every piece leaves `seconds` after it came, and the end of the stream too."""
    queue, loop = asyncio.Queue(), asyncio.get_running_loop()

    async def leave():
        while True:
            when, piece = await queue.get()
            await asyncio.sleep(max(0.0, when - loop.time()))
            if not piece:
                break
            writer.write(piece)
            await writer.drain()
        writer.close()
    leaving = asyncio.ensure_future(leave())
    piece = b'-'
    while piece:
        try:
            piece = await reader.read(65536)
        except OSError:
            piece = b''
        queue.put_nowait((loop.time() + seconds, piece))
    await asyncio.gather(leaving, return_exceptions=True)


def way(target, seconds):
    host, port = target.rsplit(':', 1)

    async def accepted(reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.close()
            return
        for w in (writer, far_writer):
            w.get_extra_info('socket').setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(carry(reader, far_writer, seconds),
                             carry(far_reader, writer, seconds), return_exceptions=True)
    return accepted


async def proxy(ms, ways):
    for one in ways:
        port, target = one.split('=')
        await asyncio.start_server(way(target, ms / 1000), BRIDGE, int(port))
    print('ready', flush=True)
    await asyncio.Event().wait()


if __name__ == '__main__':
    if sys.argv[1] == 'guard':
        guard(sys.argv[2], sys.argv[3])
    else:
        asyncio.run(proxy(float(sys.argv[2]), sys.argv[3:]))
