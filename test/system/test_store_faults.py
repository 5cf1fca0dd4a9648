#!/usr/bin/env python3
"""What a PostgreSQL does to the ilsd whose store it is: it is started again, its disk is full, it
takes rights away, is slow, is silent, has no connection left. Links and lookups go on; a change is
answered within a bound, and truly: what was acknowledged is there in the end, what was refused is
not. ils status says what is wrong, and what to type."""
import os
import signal
import subprocess
import sys
import threading
import time

import harness
from harness import Network, Tap, wait_until
from servers import Postgresql

BOUND = 40  # s until a change has its answer, on a machine that has much else to do
MB, WAL_MB = 6, 32


class Small(Postgresql):
    """Few connections, and, where the test is root, a tablespace of a few MB in a mount namespace
    that ends with the server, and its log (WAL) on a disk of its own, of segments of 1 MB."""
    MOUNT = ('mount -t tmpfs -o size=%dm,mode=700,uid=65534,gid=65534 none "$1" && shift && '
             'exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"' % MB)

    def made_with(self):
        os.makedirs(self.path('wal'), exist_ok=True)
        self.wal = self.small() and subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=%dm,mode=700,uid=65534,gid=65534' % WAL_MB, 'none',
             self.path('wal')], stderr=subprocess.DEVNULL, check=False).returncode == 0
        return ['--waldir=' + self.path('wal'), '--wal-segsize=1'] if self.wal else []

    def __exit__(self, *error):
        self.stop()
        if self.wal:
            subprocess.run(['umount', self.path('wal')], check=False)
        super().__exit__(*error)

    def command(self):
        plain = super().command() + ['-c', 'max_connections=12', '-c', 'min_wal_size=2MB', '-c',
                                     'max_wal_size=8MB']
        if not self.small():
            return plain
        os.makedirs(self.path('small'), exist_ok=True)
        return ['unshare', '-m', 'sh', '-c', self.MOUNT, 'sh', self.path('small')] + plain

    def segments_left(self):
        """Of the log, that are there and not yet begun."""
        now = self.psql('-At', '-c', 'SELECT pg_walfile_name(pg_current_wal_insert_lsn())',
                        database='postgres').strip()
        return [name for name in os.listdir(self.path('wal')) if len(name) == 24 and name > now]

    def starts_as(self):
        return {} if self.small() else self.who

    @staticmethod
    def small():
        return os.geteuid() == 0 and subprocess.run(['unshare', '-m', 'true'], check=False,
                                                    stderr=subprocess.DEVNULL).returncode == 0


class Adder(threading.Thread):
    """Changes one after the other, each a number; what became of it, and after how long."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster, self.ended = cluster, threading.Event()
        self.good, self.refused, self.longest = [], [], 0

    def run(self):
        n = 0
        while not self.ended.is_set():
            n += 1
            number, began = '8%06d' % n, time.monotonic()
            answer = self.cluster.ask('plan add', kind='ENTERPRISE', key=number)
            self.longest = max(self.longest, time.monotonic() - began)
            (self.good if answer['ok'] else self.refused).append(number)
            time.sleep(0.02)

    def more(self):
        """Whether another change is taken from now on."""
        before = len(self.good)
        return wait_until(lambda: len(self.good) > before, BOUND)


class Caller(threading.Thread):
    """Lookups all the time."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster, self.ended, self.n, self.bad = cluster, threading.Event(), 0, 0

    def run(self):
        while not self.ended.is_set():
            answer = self.cluster.ask('lookup', dialled='4711')
            self.n += 1
            self.bad += not answer['ok'] or answer['result']['result'] == 'no_match'
            time.sleep(0.01)


class Link:
    """Whether osaka is linked with tokyo, at each moment of a while."""

    def __init__(self, osaka):
        self.osaka, self.flaw = osaka, None

    def looks(self, until):
        end = time.monotonic() + (until if isinstance(until, int) else 4 * BOUND)
        while time.monotonic() < end and not (callable(until) and until()):
            row = self.osaka.cluster('tokyo')
            if not row or not row.get('linked'):
                self.flaw = row
                return False
            time.sleep(0.05)
        return True


class Bench:
    def __init__(self, tap, net):
        self.tap = tap
        harness.TIMEOUT = BOUND
        self.server = Small()
        harness.SERVERS.append(self.server)
        self.server.start()
        self.sql('postgres', 'CREATE ROLE ils LOGIN', 'CREATE DATABASE tokyo OWNER ils')
        self.tokyo = net.cluster('tokyo', start=False)
        self.tokyo.store = self.server.store('tokyo', 'ils')
        self.tokyo.start().hub(password='one')
        self.tokyo.must('plan', 'add', 'ENTERPRISE', '4711')
        self.osaka = net.cluster('osaka', start=False)
        self.osaka.store = None
        self.osaka.start().init(password='one')
        self.osaka.join(self.tokyo)
        tap.ok(wait_until(self.linked), 'a hub on PostgreSQL, and a spoke')
        self.adder, self.caller = Adder(self.tokyo), Caller(self.tokyo)
        self.adder.start()
        self.caller.start()

    def sql(self, database, *statements):
        self.server.sql_in(database, *statements)

    def linked(self):
        return self.osaka.up_to_date('tokyo')

    def says(self, *words):
        """The status names all of these at some time within the bound."""
        def looks():
            self.said = self.tokyo.ils('status')[1]
            return all(word in self.said for word in words)
        return wait_until(looks, BOUND)

    def refused(self, name, *words):
        self.refuses(name, *words)
        self.tap.ok(self.linked(), '%s: the link stands' % name)

    def refuses(self, name, *words):
        before = len(self.adder.refused)
        self.tap.ok(wait_until(lambda: len(self.adder.refused) > before, BOUND),
                    '%s: a change is refused' % name)
        self.tap.ok(self.says(*words), '%s: status says so, and what to type' % name, self.said)

    def again(self, name):
        self.tap.ok(self.adder.more(), '%s is over: changes are taken again' % name,
                    self.tokyo.ils('status')[1])
        self.tap.ok(wait_until(self.linked, BOUND), '%s is over: linked' % name)

    def processes(self):
        out = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(self.server.process.pid)],
                             stdout=subprocess.PIPE, check=False).stdout.decode().split()
        return [self.server.process.pid] + [int(pid) for pid in out]


def restart(b):
    for _ in range(2):
        b.server.stop()
        b.server.start()
        b.again('a restart of the server')


def full_disk(b):
    if not b.server.small():
        b.tap.skip('a full disk', 'not root, or no mount namespaces')
        return
    place = b.server.path('small')
    b.sql('tokyo', "CREATE TABLESPACE small LOCATION '%s'" % place)
    b.sql('tokyo', *['ALTER TABLE %s SET TABLESPACE small' % t for t in
                     ('ils_plan_log', 'ils_audit')])
    b.server.psql('-c', "CREATE TABLE fill (x text) TABLESPACE small; ALTER TABLE fill ALTER x SET "
                  "STORAGE PLAIN", database='tokyo')
    b.sql('tokyo', 'DO $$ DECLARE n int; BEGIN FOREACH n IN ARRAY ARRAY[7000, 700] LOOP BEGIN LOOP '
          "BEGIN INSERT INTO fill VALUES (repeat('x', n)); EXCEPTION WHEN disk_full THEN EXIT; "
          'END; END LOOP; END; END LOOP; END $$')
    b.refused('a full disk', 'is full: make room there', "psql 'postgresql://")
    b.sql('tokyo', 'DROP TABLE fill', 'CHECKPOINT')
    b.again('a full disk')


def full_log(b):
    """The disk of the log is full: such a server ends, and is started by its operator. Until then
    all is answered, and once the lease has run out nobody is linked: nobody knows who writes."""
    if not b.server.wal:
        b.tap.skip('a full disk under the log', 'not root, or nothing can be mounted here')
        return
    filler = b.server.path('wal', 'filler')
    b.sql('postgres', "SELECT pg_create_physical_replication_slot('forgotten', true)")
    with open(filler, 'wb', buffering=0) as handle:
        try:
            while True:
                handle.write(b'\0' * 4096)
        except OSError:
            pass
    while b.server.segments_left():
        b.sql('tokyo', 'SELECT pg_switch_wal()', 'CREATE TABLE next_segment ()',
              'DROP TABLE next_segment')
    b.refuses('a full disk under the log', 'is full: make room there', "psql 'postgresql://")
    b.server.process.wait(BOUND)
    os.unlink(filler)
    b.server.start()
    b.sql('postgres', "SELECT pg_drop_replication_slot('forgotten')")
    b.again('a full disk under the log')


def lost_rights(b):
    b.sql('tokyo', 'REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public FROM ils')
    b.refused('lost rights', 'may not do this', 'GRANT')
    time.sleep(12)  # longer than a lease
    b.tap.ok(b.linked(), 'lost rights: the link stands for longer than a lease')
    b.sql('tokyo', 'GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ils')
    b.again('lost rights')


def slow(b):
    words = [b.server.tool('psql'), '-X', '-q', '-h', b.server.folder, '-p', str(b.server.port),
             '-U', 'postgres', '-d', 'tokyo', '-c',
             'BEGIN; LOCK TABLE ils_plan_log IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(10); COMMIT']
    holder = subprocess.Popen(words, stdout=subprocess.DEVNULL, **b.server.who)
    b.refused('10 s for each change', 'did not do it in time', 'pg_stat_activity')
    holder.wait()
    b.again('10 s for each change')
    slow_lease(b)


def slow_lease(b):
    """Each statement takes 10 s, those of the lease too, and for longer than three leases: the link
    stands all the time."""
    words = ['BEGIN; LOCK TABLE ils_lease IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(10); COMMIT']
    link = Link(b.osaka)
    b.tap.ok(link.looks(2), 'a link that stands is seen to')
    holder = subprocess.Popen(
        [b.server.tool('psql'), '-X', '-q', '-h', b.server.folder, '-p', str(b.server.port), '-U',
         'postgres', '-d', 'tokyo', *[w for _ in range(4) for w in ('-c', words[0])]],
        stdout=subprocess.DEVNULL, **b.server.who)
    b.refused('10 s for each query', 'did not do it in time', 'pg_stat_activity')
    b.tap.ok(link.looks(lambda: holder.poll() is not None), '10 s for each query: the link stood '
             'all the time', link.flaw)
    b.again('10 s for each query')
    b.tokyo.process.send_signal(signal.SIGSTOP)
    b.tap.ok(not link.looks(60), 'control: a link that falls is seen to')
    b.tokyo.process.send_signal(signal.SIGCONT)
    b.again('the control')


def storm(b):
    """Who is connected stays so, but for a copy there is no connection; then he is thrown out."""
    words = [b.server.tool('psql'), '-X', '-q', '-h', b.server.folder, '-p', str(b.server.port),
             '-U', 'ils', '-d', 'tokyo', '-c', 'SELECT pg_sleep(600)']
    crowd = [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              **b.server.who) for _ in range(14)]
    try:
        wait_until(lambda: sum(p.poll() is not None for p in crowd) > 2, BOUND)
        b.tap.ok(b.adder.more() and b.linked(), 'a storm of connections: all goes on')
        code, _ = b.tokyo.ils('verify')
        b.tap.ok(code == 1 and 'no connection left' in b.tokyo.error,
                 'a storm: for another one there is no place, which is said', b.tokyo.error)
        b.sql('postgres', 'ALTER ROLE ils CONNECTION LIMIT 0')
        b.server.psql('-c', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                      "application_name = 'ilsd'", database='postgres')
        b.tap.ok(b.says('no connection left'), 'thrown out in a storm: status says so', b.said)
    finally:
        b.sql('postgres', 'ALTER ROLE ils CONNECTION LIMIT -1')
        for p in crowd:
            p.kill()
            p.wait()
        b.server.psql('-c', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = "
                      "'SELECT pg_sleep(600)'", database='postgres')
    b.again('a storm')


def silent(b):
    """The server takes bytes and says nothing."""
    for seconds in (4, 14):
        stopped = b.processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        if seconds < 8:
            b.tap.ok(b.linked(), 'a server that is silent for 4 s: the link stands')
        else:
            b.tap.ok(b.says('the store has not answered', 'psql'),
                     'a server that is silent for longer: status says so', b.said)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        b.again('silence')


def truth(b):
    b.adder.ended.set()
    b.adder.join()
    b.caller.ended.set()
    b.caller.join()
    a = b.adder
    b.tap.ok(b.caller.bad == 0 and b.caller.n > 20, 'no lookup failed (%d)' % b.caller.n,
             b.caller.bad)
    b.tap.ok(a.longest < BOUND, 'the longest change took %.1f s' % a.longest)
    b.tokyo.kill()
    b.tokyo.start()
    lost = [n for n in a.good if not known(b.tokyo, n)]
    b.tap.same(lost, [], 'of %d acknowledged changes none is lost' % len(a.good))
    more = [n for n in a.refused if known(b.tokyo, n)]
    b.tap.same(more, [], 'of %d that were refused none is there' % len(a.refused))
    b.tap.same(b.tokyo.ils('verify')[0], 0, 'the store is sound')


def known(c, number):
    return c.ask('lookup', dialled=number)['result']['result'] != 'no_match'


def main():
    tap = Tap()
    missing = Postgresql.missing()
    if missing:
        tap.skip('a store in PostgreSQL that fails', 'not installed: ' + ', '.join(missing))
        tap.done()
    with Network() as net:
        b = Bench(tap, net)
        try:
            for part in (restart, full_disk, full_log, lost_rights, slow, storm, silent):
                if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
                    tap.run(part, b)
        finally:
            tap.run(truth, b)
            b.server.__exit__()
            harness.SERVERS.clear()
    tap.done()


if __name__ == '__main__':
    main()
