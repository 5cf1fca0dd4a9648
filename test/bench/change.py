"""change: how soon a change is seen three hops away, and whether it stays so under load: a spoke,
its hub, another hub, and a spoke of that one, all holding N entries. Beside it a chain of Redis
servers, each the replica of the one before it over TLS, the first with a log synced at every write;
and the floor program (floor.c). All are asked by ask.c, without a pause, until the far end knows
it."""
import os
import shutil
import subprocess
import tempfile

import ours
import peers
from harness import Network, wait_until
from ours import ask, key

RATE = 100    # imports a second under load, of so many changed rows each
ROWS = 100


def family(pid):
    """The process, and all that it began."""
    yield pid
    for task in os.listdir('/proc/%d/task' % pid):
        with open('/proc/%d/task/%s/children' % (pid, task), encoding='ascii') as handle:
            for child in handle.read().split():
                yield from family(int(child))


def scheduled(policy, priority):
    for pid in list(family(os.getpid())):
        for task in os.listdir('/proc/%d/task' % pid):
            os.sched_setscheduler(int(task), policy, os.sched_param(priority))


def changes(fifo, *words):
    """What ask says; fifo: meanwhile all that takes part comes before whatever else runs."""
    if not fifo:
        return ask('change', *words)
    scheduled(os.SCHED_FIFO, 1)
    try:
        return ask('change', *words)
    finally:
        scheduled(os.SCHED_OTHER, 0)


class Disks:
    """Whoever passes a change on writes it to a disk of its own, and nobody waits for that. Here
    all would share one with the origin, whose disk is waited for: theirs is in memory."""

    def __init__(self, one_disk):
        self.folder = None
        if not one_disk and os.access('/dev/shm', os.W_OK):
            self.folder = tempfile.mkdtemp(prefix='ils-bench-', dir='/dev/shm')
        print('the disks of who passes it on: ' + (self.folder or "the origin's"), flush=True)

    def place(self, net, name):
        if self.folder is not None:
            os.mkdir(os.path.join(self.folder, name))
            os.symlink(os.path.join(self.folder, name), os.path.join(net.folder, name))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def chain(net, disks, n):
    for name in ('hub', 'other', 'far'):
        disks.place(net, name)
    near, hub, other, far = (ours.prepare(net, name) for name in ('near', 'hub', 'other', 'far'))
    for c in (near, hub, other, far):
        ours.limits(c, n)
        for d in (near, hub, other, far):
            if c is not d:
                c.must('trust', 'import', '-', stdin=d.must('cert', 'export'))
    hub.must('role', 'hub')
    for c, role, to in ((other, 'hub', hub), (near, 'spoke', hub), (far, 'spoke', other)):
        c.must('join', '127.0.0.1:%d' % to.tls_port, '--as', role)
    near.must('plan', 'import', ours.data(n), '--source', 'bench')
    for c in (hub, other, far):
        ask('wait', 'sip', c.sip_port, 0, key(n - 1))
    for c in (near, hub, other, far):
        ours.settled(c)
    ours.at_rest((near, hub, other, far))
    return near, far


def wire_of(far):
    """far's link must be to its own hub, and to no alternate."""
    linked = [row['cluster_id'] for row in far.json('peers') if row['linked']]
    if linked != ['other']:
        raise RuntimeError('far is linked to %s' % linked)


def run_ours(n, turns, count, figures, options):
    """`turns` is a function of one turn of the others, called after each of ours."""
    with Disks(options.one_disk) as disks, Network() as net:
        near, far = chain(net, disks, n)
        wire_of(far)
        where = os.path.join(near.data, 'control.sock')
        for turn in turns:
            figures.take('ils.change.', changes(options.fifo, 'sip', far.sip_port, count, where))
            turn()
        wire_of(far)


def run_load(n, seconds, figures, one_disk):
    with Disks(one_disk) as disks, Network() as net:
        near, far = chain(net, disks, n)
        where = os.path.join(near.data, 'control.sock')
        figures.take('ils.load.', ask('load', far.sip_port, seconds, RATE, ROWS, where))


class RedisChain:
    """Four servers in a row."""

    def __init__(self, folder, n):
        pem = peers.certificate(folder)
        self.servers = [peers.Redis(folder, 'chain%d' % i, pem, aof=i == 0) for i in range(4)]
        for one, other in zip(self.servers[1:], self.servers):
            one.follow(other)
        self.servers[0].load(n)
        ask('wait', 'redis', self.servers[3].port, 0, key(n - 1))
        wait_until(lambda: self.servers[3].cli('dbsize') == str(n), 60)

    def turn(self, count, figures, fifo):
        figures.take('redis.chain.', changes(fifo, 'redis', self.servers[3].port, count,
                                             self.servers[0].port))

    def stop(self):
        for server in self.servers:
            server.stop()


class Floor:
    def __init__(self, folder):
        self.process = subprocess.Popen([ours.tool('floor'), folder, peers.certificate(folder)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port, self.where = int(self.process.stdout.readline()), folder + '/floor.sock'

    def turn(self, count, figures, fifo):
        figures.take('floor.', changes(fifo, 'floor', self.port, count, self.where))

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def run(n, runs, options, figures):
    folder, others = os.path.join(ours.OUT, 'peers'), []
    os.makedirs(folder, exist_ok=True)

    def turn():
        for other in others:
            other.turn(options.changes, figures, options.fifo)
    try:
        others.append(Floor(folder))
        if peers.have('redis-server', 'redis-cli'):
            others.append(RedisChain(folder, n))
        run_ours(n, [turn] * runs, options.changes, figures, options)
    finally:
        for other in others:
            other.stop()
    if options.seconds > 0:
        run_load(n, options.seconds, figures, options.one_disk)


def report(said):
    said.ratio('a change over three hops, p50, ms, floor program', 'ils.change.p50_ms',
               'floor.p50_ms', 1 / 1.5)
    said.ratio('a change over three hops, p99, ms, floor program', 'ils.change.p99_ms',
               'floor.p99_ms')
    for part in ('p50', 'p99'):
        said.ratio('a change over three hops, %s, ms, chain of Redis' % part,
                   'ils.change.%s_ms' % part, 'redis.chain.%s_ms' % part, 1)
    first, last = (said.figures.best('ils.load.%s.p99_ms' % part) for part in ('first', 'last'))
    if first and last:
        said.say('under %.0f changes a second: lag p99 of the first 10 s %.2f ms, of the last %.2f '
                 'ms, %.2f x' % (said.figures.best('ils.load.changes_per_s'), first, last,
                                 last / first), last <= 2 * first, 'at most 2 x')
