"""store: a cluster whose rows lie in PostgreSQL. N entries come to a spoke that joins a hub by
mutual TLS, until its disk has all: its store in PostgreSQL, its store a file, and beside it
PostgreSQL's own logical replication of the same rows over TLS, in turns.

Then a writer and three lookup nodes on that store, all with N entries: how soon a change that is
made at the hub is known at the writer, and at a lookup node; and how many questions by ENUM one,
two and three lookup nodes answer at once, each with a program of its own that asks.

Every server is on a disk, with fsync, and runs before a clock does. The subscriber's clock begins
at CREATE SUBSCRIPTION and ends when the last row can be read, which is when it is committed."""
import os
import secrets
import subprocess
import time

import ours
import replicate
from harness import Network, wait_until
from naptr import knows
from ours import ask, cpu, key
from servers import Postgresql


class Database(Postgresql):
    """A server that keeps what it says, with memory enough for the rows."""
    SETTINGS = ('fsync=on', 'wal_level=logical', 'shared_buffers=512MB', 'max_wal_size=4GB')

    def __init__(self):
        super().__init__()
        self.secret = secrets.token_hex(12)
        self.passfile = os.path.join(self.folder, 'pgpass')

    def command(self):
        return super().command() + [w for s in self.SETTINGS for w in ('-c', s)]

    def start(self):
        super().start()
        self.admin("create role ils login superuser password '%s'" % self.secret)
        with open(self.passfile, 'w', encoding='ascii') as handle:
            handle.write('*:*:*:ils:%s\n' % self.secret)
        os.chmod(self.passfile, 0o600)
        return self

    def admin(self, *statements):
        """Rows as text; each statement by itself."""
        return self.psql('-A', '-t', *[w for s in statements for w in ('-c', s)],
                         database='postgres').strip()

    def dsn(self, name):
        return 'postgresql://ils@127.0.0.1:%d/%s?sslmode=require&passfile=%s' % (
            self.port, name, self.passfile)

    def used(self):
        """Seconds of processor of all its processes, those that are over too."""
        pid = self.process.pid
        children = subprocess.run(['pgrep', '-P', str(pid)], text=True, check=False,
                                  stdout=subprocess.PIPE).stdout.split()
        total = cpu(pid)
        for child in children:
            try:
                total += cpu(int(child))
            except OSError:
                pass
        return total


class Replication:
    """The same rows in a table of one server; another subscribes to them."""

    def __init__(self, n, source, target, figures):
        self.n, self.source, self.target, self.figures = n, source, target, figures
        source.admin('create table dial (key text primary key, route text not null)')
        rows = os.path.join(source.folder, 'rows.csv')
        with open(rows, 'w', encoding='ascii') as handle:
            handle.writelines('%s,site%03d.route.example\n' % (key(i), i % 1000) for i in range(n))
        os.chmod(rows, 0o644)
        source.psql('-c', "\\copy dial from '%s' csv" % rows, database='postgres')
        source.admin('vacuum analyze dial', 'create publication p for table dial')

    def turn(self):
        target, source = self.target, self.source
        target.admin('create table dial (key text primary key, route text not null)')
        before = source.used() + target.used()
        begun = time.monotonic()
        target.admin("create subscription s connection 'host=127.0.0.1 port=%d dbname=postgres "
                     "user=ils password=%s sslmode=require' publication p with "
                     "(synchronous_commit = on)" % (source.port, source.secret))
        if not wait_until(lambda: target.admin("select 1 from dial where key = '%s'" %
                                               key(self.n - 1)), 300, 0.01):
            raise RuntimeError('the subscriber does not come to the last row')
        self.figures.add('postgresql.durable_s', time.monotonic() - begun, 4)
        self.figures.add('postgresql.cpu_s', source.used() + target.used() - before)
        rows = target.admin('select count(*) from dial')
        if rows != str(self.n):
            raise RuntimeError('the subscriber has %s rows' % rows)
        target.admin('drop subscription s', 'drop table dial')


def in_postgresql(net, database, name):
    """A cluster with its store in a database of its own."""
    database.admin('create database %s owner ils' % name)
    c = net.cluster(name, start=False)
    c.options = ['--store', database.dsn(name)]
    c.start()
    c.must('init', '--cluster-id', name, '--fqdn', name + '.example.com')
    c.must('route', 'add', '*', 'sip:192.0.2.1')
    return c


def forget(net, database, c):
    ours.forget(net, c)
    database.admin('drop database %s' % c.name)


def joined(net, hub, n, figures, database, name):
    before = database.used()
    c = replicate.join(net, hub, n, figures, 'ils.in_postgresql.',
                       spoke=in_postgresql(net, database, name))
    figures.add('ils.in_postgresql.cpu_server_s', database.used() - before)
    rows = database.psql('-A', '-t', '-c', 'select sum(length(value)) from ils_segment',
                         database=name)
    figures.add('ils.in_postgresql.segment_bytes', int(rows or 0), 0)
    return c


def run_sync(net, hub, n, runs, figures, database):
    with Database() as source:
        source.start()
        peer = Replication(n, source, database, figures)
        for i in range(runs):
            print('--- turn %d of %d' % (i + 1, runs), flush=True)
            forget(net, database, joined(net, hub, n, figures, database, 'pg%d' % i))
            ours.forget(net, replicate.join(net, hub, n, figures, 'ils.in_sqlite.',
                                            name='sqlite%d' % i))
            peer.turn()


# --- lookup nodes

FIRST, NUMBERS, SECONDS, CHANGES = 81310000000, 1000, 4, 300


def lookup_node(net, database, name):
    c = net.cluster(name, start=False, dns=True)
    c.options = ['--store', database.dsn('writer'), '--node', name, '--lookup-only']
    return c.start()


def asked_at_once(nodes, figures):
    """All of them as fast as they answer."""
    before = sum(cpu(c.process.pid) for c in nodes)
    asking = [subprocess.Popen([ours.tool('blast'), str(c.dns_port), str(SECONDS), 'window', '64',
                                str(FIRST), str(NUMBERS), 'ils.internal'], text=True,
                               stdout=subprocess.PIPE) for c in nodes]
    said = [dict(line.split(': ') for line in p.communicate()[0].splitlines()) for p in asking]
    if any(float(s['empty']) for s in said):
        raise RuntimeError('a lookup node did not know a number')
    total = sum(float(s['replies_per_s']) for s in said)
    used = sum(cpu(c.process.pid) for c in nodes) - before
    figures.add('ils.nodes.%d_replies_per_s' % len(nodes), total, 0)
    figures.add('ils.nodes.%d_replies_per_cpu_s' % len(nodes), total * SECONDS / used, 0)


def run_nodes(net, hub, n, runs, figures, database):
    hub.must('plan', 'import', '-', '--source', 'numbers', stdin='type,key,failover\n' + ''.join(
        'E164,+%d,-\n' % (FIRST + i) for i in range(NUMBERS)))
    writer = joined(net, hub, n, figures, database, 'writer')
    nodes = [lookup_node(net, database, 'look%d' % i) for i in (1, 2, 3)]
    for c in nodes:
        ask('wait', 'sip', c.sip_port, 0, key(n - 1))
        figures.add('ils.nodes.resident_mib', ours.memory(c.process.pid, 'VmRSS') / 2 ** 20, 1)
        if not wait_until(lambda c=c: knows(c.dns_port, FIRST), 60):
            raise RuntimeError(c.name + ' does not know the numbers')
    where = os.path.join(hub.data, 'control.sock')
    for _ in range(runs):
        for name, c in (('at_writer', writer), ('at_lookup_node', nodes[0])):
            figures.take('ils.nodes.%s_' % name, ask('change', 'sip', c.sip_port, CHANGES, where))
        for k in (1, 2, 3):
            asked_at_once(nodes[:k], figures)


def run(n, runs, figures):
    missing = Database.missing()
    if missing:
        print('store: skipped, not installed: ' + ' '.join(missing))
        return
    with Database() as database, Network() as net:
        database.start()
        hub = ours.make_hub(net)
        replicate.import_file(hub, n, figures)
        run_sync(net, hub, n, runs, figures, database)
        run_nodes(net, hub, n, runs, figures, database)


def report(said):
    said.ratio('sync into PostgreSQL until it is durable, s, its own logical replication',
               'ils.in_postgresql.durable_s', 'postgresql.durable_s', 1)
    said.ratio('sync into PostgreSQL until it is durable, s, into SQLite',
               'ils.in_postgresql.durable_s', 'ils.in_sqlite.durable_s')
    said.ratio('sync into PostgreSQL until the last key is answered, s, its own logical '
               'replication', 'ils.in_postgresql.answered_s', 'postgresql.durable_s')
    part = said.figures.best
    if part('ils.nodes.at_writer_p50_ms'):
        said.say('a change at a neighbour, ms until it is answered, p50 and p99: by the writer '
                 '%.2f and %.2f, by a lookup node %.2f and %.2f' % tuple(
                     part('ils.nodes.%s_ms' % name) for name in (
                         'at_writer_p50', 'at_writer_p99', 'at_lookup_node_p50',
                         'at_lookup_node_p99')))
        said.say('ENUM answers a second of one, two and three lookup nodes: %s; a second of their '
                 'processors: %s' % tuple(', '.join('%.0f' % max(
                     said.figures.values['ils.nodes.%d_replies_per_%ss' % (k, how)])
                     for k in (1, 2, 3)) for how in ('', 'cpu_')))
