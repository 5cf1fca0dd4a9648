"""patroni: two PostgreSQL servers under Patroni, three members of etcd, each of the three hosts in
a network namespace of its own, so that any can be killed, paused, cut off or unplugged.

    reason = missing()                     # "" where all of it can run
    with Lan() as lan:
        with Databases(lan) as databases:  # two with PostgreSQL, a third with etcd alone
            databases.dsn()                # both hosts, whoever writes
            databases.dsn(read_only=True)  # a standby where there is one
            old = databases.primary()      # as the servers themselves say
            lan.unplug(old)                # and lan.cut(), lan.heal(): as with clusters
            databases.kill(old)            # all that runs there, as when the power fails
            databases.crash(old)           # PostgreSQL alone; Patroni sees it
            databases.pause(old); databases.resume(old)
            new = databases.failed_over(old)   # waits for another primary that takes a change
            databases.start(old)           # comes back as the standby
            databases.whole()              # waits until the standby is one that commits wait for

What was committed on the primary lies on the standby as well (synchronous_mode), so nothing that
was acknowledged is lost with either. All that is started here runs as an unprivileged user, and is
ended by pid; the guard of the network ends what this program leaves behind.
"""
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

from harness import ROOT, Tap, wait_until
from netns import NET, Lan, missing as no_namespaces, run
from servers import Server

RECIPE = os.path.join(ROOT, 'docs', 'recipes', 'patroni.yml')
PORT, REST, ETCD, PEERS = 5432, 8008, 2379, 2380
TOOLS = ('postgres', 'psql', 'patroni', 'etcd', 'curl')


def missing():
    """Why no cluster of databases can be made here, in words; "" where it can."""
    lacking = [name for name in TOOLS if not Server.tool(name)]
    return 'not installed: ' + ' '.join(lacking) if lacking else no_namespaces()


class Host:
    """A namespace with a member of etcd, and PostgreSQL under Patroni unless it is the third."""

    def __init__(self, databases, name, n, watched):
        self.databases, self.name, self.n, self.watched = databases, name, n, watched
        self.lan = databases.lan
        self.space = '%s-%d' % (self.lan.id, n)
        self.lan.wire(self)
        self.address = NET + str(n)
        self.folder = os.path.join(databases.folder, name)
        os.mkdir(self.folder)
        shutil.chown(self.folder, 'nobody', 'nogroup')
        self.started = []

    def path(self, name):
        return os.path.join(self.folder, name)

    def inside(self, *words):
        """The words of a command that runs here, as nobody."""
        return ['ip', 'netns', 'exec', self.space, 'setpriv', '--reuid', 'nobody', '--regid',
                'nogroup', '--clear-groups', 'env', 'HOME=' + self.folder, *map(str, words)]

    def launch(self, name, *words):
        with open(self.path(name + '.out'), 'ab') as out:
            self.started.append(subprocess.Popen(self.inside(*words), stdout=out, stderr=out,
                                                 stdin=subprocess.DEVNULL, cwd=self.folder))

    def start(self):
        self.launch('etcd', Server.tool('etcd'), '--name', self.name, '--data-dir',
                    self.path('etcd'), '--listen-client-urls', self.url(ETCD),
                    '--advertise-client-urls', self.url(ETCD), '--listen-peer-urls',
                    self.url(PEERS), '--initial-advertise-peer-urls', self.url(PEERS),
                    '--initial-cluster', self.databases.members(), '--initial-cluster-token',
                    self.databases.token, '--heartbeat-interval', '100', '--election-timeout',
                    '1000', '--enable-v2=true', '--log-level', 'warn')
        if self.watched:
            with open(self.path('patroni.yml'), 'w', encoding='ascii') as handle:
                handle.write(self.settings())
            # it gives up when etcd is slow to start; systemd would start it again
            self.launch('patroni', 'sh', '-c', 'until "$0" "$1"; do sleep 1; done',
                        Server.tool('patroni'), self.path('patroni.yml'))

    def url(self, port):
        return 'http://%s:%d' % (self.address, port)

    def settings(self):
        """Patroni's file: the recipe of the documentation, with what is this host's."""
        with open(RECIPE, encoding='ascii') as handle:
            text = handle.read()
        secret = self.databases.secret
        for old, new in [('10.0.0.11:8008', '%s:%d' % (self.address, REST)),
                         ('10.0.0.11:5432', '%s:%d' % (self.address, PORT)),
                         ('name: db-1', 'name: ' + self.name), ('SECRET-1', secret),
                         ('SECRET-2', secret), ('SECRET-3', secret),
                         ('/usr/lib/postgresql/15/bin', os.path.dirname(Server.tool('postgres'))),
                         ('/var/lib/postgresql/15/openils', self.path('data')),
                         ('/var/lib/postgresql/patroni.pgpass', self.path('pgpass')),
                         ('/run/postgresql', self.folder), ('512MB', '64MB'),
                         ('all all peer', 'all all trust'), ('10.0.0.0/24', NET + '0/24'),
                         ('synchronous_mode: true',
                          'synchronous_mode: %s' % str(self.databases.synchronous).lower())] + \
                [('10.0.0.%d:2379' % (11 + i), '%s:%d' % (h.address, ETCD))
                 for i, h in enumerate(self.databases.hosts)]:
            if old not in text:
                raise RuntimeError('%s is not in %s' % (old, RECIPE))
            text = text.replace(old, new)
        return text

    # --- asking

    def sql(self, *statements, database='postgres', check=True):
        """Rows as text, asked from within; None when it does not answer."""
        words = [word for s in statements for word in ('-c', s)]
        try:
            done = subprocess.run(
                self.inside(Server.tool('psql'), '-X', '-q', '-A', '-t', '-h', self.folder, '-p',
                            PORT, '-U', 'postgres', '-d', database, '-v', 'ON_ERROR_STOP=1',
                            *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return None
        if check and done.returncode != 0:
            raise RuntimeError('%s: %s' % (self.name, done.stdout))
        return done.stdout.strip() if done.returncode == 0 else None

    def standby(self):
        """Whether it replays another's changes; None when it does not answer."""
        said = self.sql('select pg_is_in_recovery()', check=False) if self.running() else None
        return None if said is None else said == 't'

    def synchronous(self):
        """Whether Patroni holds it for one that has all that was acknowledged."""
        return subprocess.run(self.inside('curl', '-sf', '-m', '5', '-o', '/dev/null',
                                          self.url(REST) + '/sync'), check=False).returncode == 0

    def said(self):
        """The ends of what its programs said."""
        texts = []
        for name in ('etcd.out', 'patroni.out'):
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding='utf-8', errors='replace') as handle:
                    texts += ['--- %s %s' % (self.name, name)] + handle.read().splitlines()[-40:]
        return '\n'.join(texts)

    # --- ending

    def running(self):
        return bool(self.started)

    def pids(self):
        return [int(pid) for pid in run('ip', 'netns', 'pids', self.space).split()]

    def send(self, number, pids):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def postmaster(self):
        """The pid of PostgreSQL's first process."""
        with open(os.path.join(self.path('data'), 'postmaster.pid'), encoding='ascii') as handle:
            return int(handle.readline())

    def kill(self):
        """Until nothing runs here: Patroni may be about to start something."""
        wait_until(lambda: self.send(signal.SIGKILL, self.pids()) or not self.pids(), 10)
        for process in self.started:
            process.wait()
        self.started = []
        pid = os.path.join(self.path('data'), 'postmaster.pid')
        if os.path.exists(pid):
            os.unlink(pid)


class Databases:
    def __init__(self, lan, first=200, synchronous=True):
        self.lan, self.synchronous = lan, synchronous
        self.secret, self.token = secrets.token_hex(12), secrets.token_hex(4)
        self.passfile = os.path.join(lan.folder, 'pgpass-%d' % first)
        os.chmod(lan.folder, 0o711)   # those who are nobody pass through it
        self.folder = tempfile.mkdtemp(prefix='databases-', dir=lan.folder)
        os.chmod(self.folder, 0o711)
        self.hosts = []
        for n, name in enumerate(('db1', 'db2', 'witness')):
            self.hosts.append(Host(self, name, first + n, watched=n < 2))
        self.watched = self.hosts[:2]

    def members(self):
        return ','.join('%s=%s' % (h.name, h.url(PEERS)) for h in self.hosts)

    def __enter__(self):
        for host in self.hosts:
            host.start()
        if not self.whole(120):
            raise RuntimeError('no database: ' + '\n'.join(h.said() for h in self.hosts))
        self.make()
        return self

    def __exit__(self, *error):
        for host in self.hosts:
            host.send(signal.SIGCONT, host.pids())
            host.kill()

    def make(self):
        """The database of the store and its owner; the password lies in a file of libpq's form."""
        primary = self.primary()
        primary.sql("create role ils login password '%s'" % self.secret)
        primary.sql('create database ils owner ils')
        with open(self.passfile, 'w', encoding='ascii') as handle:
            handle.write('*:*:ils:ils:%s\n*:*:*:postgres:%s\n' % (self.secret, self.secret))
        os.chmod(self.passfile, 0o600)

    # --- who is who

    def dsn(self, read_only=False, user='ils', only=None):
        """Both servers, or one; `session`: which of them will do."""
        hosts = ','.join('%s:%d' % (h.address, PORT) for h in ([only] if only else self.watched))
        session = 'any' if only else 'prefer-standby' if read_only else 'read-write'
        return 'postgresql://%s@%s/ils?passfile=%s&connect_timeout=2&target_session_attrs=%s' % (
            user, hosts, urllib.parse.quote(self.passfile, safe=''), session)

    def primary(self):
        """The one that is no standby; None without one, or with two."""
        those = [h for h in self.watched if h.standby() is False]
        return those[0] if len(those) == 1 else None

    def standby(self):
        those = [h for h in self.watched if h.standby()]
        return those[0] if len(those) == 1 else None

    def whole(self, timeout=60):
        """Waits until a commit at the primary waits for the other, and the other may take over,
        which it may a moment later; the primary, or None."""
        def both():
            primary, standby = self.primary(), self.standby()
            if not primary or not standby:
                return None
            waits = primary.sql("select count(*) from pg_stat_replication where sync_state = "
                                "'sync'", check=False) == '1'
            return primary if waits and standby.synchronous() or not self.synchronous else None
        return wait_until(both, timeout, 0.2)

    def failed_over(self, old, timeout=60):
        """Waits until the other takes a change; that one, or None."""
        other = self.watched[1 - self.watched.index(old)]
        return wait_until(lambda: other if other.standby() is False and other.sql(
            'create temporary table openils_try (n int)', check=False) is not None else None,
            timeout, 0.1)

    # --- faults

    def start(self, host):
        self.lan.plug(host)
        host.start()

    def kill(self, host):
        """All at once: PostgreSQL, Patroni and its member of etcd; and what a kernel would still
        send of what they wrote."""
        self.lan.unplug(host)
        host.kill()

    def crash(self, host):
        """PostgreSQL's first process is killed; what watches it goes on."""
        host.send(signal.SIGKILL, [host.postmaster()])

    def pause(self, host):
        host.send(signal.SIGSTOP, host.pids())

    def resume(self, host):
        host.send(signal.SIGCONT, host.pids())

    def cut(self, host, others):
        """Nothing passes between the host and each of the others."""
        for other in others:
            if other is not host:
                self.lan.cut(host, other)


def measure(databases, how, name):
    """How long an ordinary client that connects again and again cannot write, and how many changes
    are lost of those that it was told are there."""
    old = databases.primary()
    client = Client(databases)
    wait_until(client.write)
    began = time.monotonic()
    how(old)
    done = wait_until(client.write, 60, 0.0)
    seconds = time.monotonic() - began
    rows = client.rows()
    lost = [n for n in client.told if n not in rows]
    print('# %s: %.1f s until a change was taken again, %d told, %d lost' % (
        name, seconds, len(client.told), len(lost)), flush=True)
    return bool(done), len(lost)


class Client:
    """psql, connected anew for each change, from a namespace beside the servers."""

    def __init__(self, databases):
        self.databases, self.told, self.n = databases, [], 0
        databases.primary().sql('create table if not exists tries (n int)', 'truncate tries',
                                'grant all on tries to ils', database='ils')

    def psql(self, statement):
        words = ['ip', 'netns', 'exec', self.databases.lan.bridge, Server.tool('psql'), '-X', '-q',
                 '-A', '-t', '-v', 'ON_ERROR_STOP=1', self.databases.dsn(), '-c', statement]
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, timeout=5, check=False)
        except subprocess.TimeoutExpired:
            return None
        return done.stdout if done.returncode == 0 else None

    def write(self):
        self.n += 1
        if self.psql('insert into tries values (%d)' % self.n) is None:
            return False
        self.told.append(self.n)
        return True

    def rows(self):
        said = wait_until(lambda: self.psql('select n from tries')) or ''
        return {int(n) for n in said.split()}


def losses(tap):
    """What Patroni and libpq need by themselves, for each way of losing the primary."""
    with Lan() as lan, Databases(lan) as databases:
        ways = (('PostgreSQL crashes', databases.crash, None),
                ('the power fails', databases.kill, databases.start),
                ('the host is unplugged', lan.unplug, lan.plug),
                ('all on it stands still', databases.pause, databases.resume))
        for name, how, back in ways:
            host = databases.primary()
            tap.same(measure(databases, how, name), (True, 0),
                     name + ': a change is taken again, none that was told is lost',
                     *[h.said() for h in databases.hosts])
            if back:
                back(host)
            tap.ok(databases.whole(120), name + ': it comes back as the standby', host.said())


def control(tap):
    """Commits that wait for nobody: what was told while the standby is cut off is lost."""
    with Lan() as lan, Databases(lan, synchronous=False) as databases:
        def how(old):
            databases.kill(old)
            lan.heal()
        Client(databases)   # its table is there before the cut
        wait_until(lambda: databases.standby().sql('select n from tries', database='ils',
                                                   check=False) is not None)
        lan.cut(*databases.watched)
        done, lost = measure(databases, how, 'control: the standby is not waited for')
        tap.ok(done and lost > 0, 'control: a change that was told is found to be lost')


def main():
    tap = Tap()
    reason = missing()
    if reason:
        tap.skip('a primary is lost', reason)
    else:
        tap.run(losses, tap)
        tap.run(control, tap)
    tap.done()


if __name__ == '__main__':
    main()
