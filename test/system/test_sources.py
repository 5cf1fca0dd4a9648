#!/usr/bin/env python3
"""Sources of entries: a watched file, the tables of Debian's Kamailio in SQLite, PostgreSQL and
MariaDB, a directory. What changes there changes at another cluster; what fails or is empty keeps
its entries and raises the alarm, which clears when it works again."""
import os
import shutil
import socket
import sqlite3
import subprocess

from harness import ILS, ILSD, Network, Tap, wait_until
from servers import Mariadb, Postgresql, Slapd, schema

tap = Tap()
EVERYBODY = ('SELECT username, domain FROM subscriber UNION '
             'SELECT alias_username, alias_domain FROM dbaliases')


class Sqlite:
    """The same face as a server's: a file that is there or not."""
    KIND = 'sqlite'

    def __init__(self, folder):
        self.file = os.path.join(folder, 'kamailio.sqlite')

    def make(self, password):
        for path in schema('db_sqlite'):
            with open(path, encoding='utf-8') as handle:
                self.sql(handle.read())

    def sql(self, *statements):
        with sqlite3.connect(self.file) as db:
            for s in statements:
                db.executescript(s)
        db.close()

    def dsn(self):
        return self.file

    def stop(self):
        os.rename(self.file, self.file + '.away')

    def start(self):
        os.rename(self.file + '.away', self.file)


def user(name):
    return ("INSERT INTO subscriber (username, domain, password, ha1, ha1b) "
            "VALUES ('%s', 'kamailio.example.com', '', '', '')" % name)


def alias(name, of):
    return ("INSERT INTO dbaliases (alias_username, alias_domain, username, domain) "
            "VALUES ('%s', 'kamailio.example.com', '%s', 'kamailio.example.com')" % (name, of))


def alarm(cluster, name):
    """The alarm of that source: None, or whether it is active."""
    for row in cluster.json('alarms'):
        if row['name'] == 'ILSSourceFailed' and row['Source'] == name:
            return row['active']
    return None


def row_of(cluster, name):
    return next(row for row in cluster.json('source', 'list') if row['name'] == name)


def has(cluster, key):
    return cluster.json('lookup', key)['match'] is not None


def seen(cluster, *keys):
    return wait_until(lambda: all(has(cluster, key) for key in keys), 30)


def unseen(cluster, *keys):
    return wait_until(lambda: not any(has(cluster, key) for key in keys), 30)


def two(net):
    hub = net.cluster('here').hub(password='one')
    other = net.cluster('there').init(password='one')
    if other.join(hub)['code'] != 'ILS-100':
        raise RuntimeError('there does not join')
    return hub, other


# --- Kamailio's tables

def database(db, here, there, password_file):
    at = 'kamailio.example.com'
    name = 'pbx-' + db.KIND
    more = ['--password-file', password_file] if db.KIND != 'sqlite' else []
    words = ['--' + db.KIND, db.dsn(), '--query', EVERYBODY, '--every', '1s'] + more
    db.sql(user('alice'), user('bob'), alias('sales', 'alice'))
    status, out = here.ils('source', 'add', name, *words)
    tap.ok(status == 0 and out.startswith('3 entries: 3 directory URIs'),
           '%s: added, and read at once' % name, out, here.error)
    tap.ok(seen(there, 'alice@' + at, 'sales@' + at), '%s: at the other cluster' % name)

    db.sql(user('carol'), "DELETE FROM subscriber WHERE username = 'alice'")
    tap.ok(seen(there, 'carol@' + at) and unseen(there, 'alice@' + at),
           '%s: a change there is a change at the other cluster' % name)
    tap.ok(alarm(here, name) is None, '%s: no alarm so far' % name)

    db.sql('DELETE FROM subscriber', 'DELETE FROM dbaliases')
    tap.ok(wait_until(lambda: alarm(here, name) is True, 30), '%s: empty: alarm' % name)
    tap.ok(has(there, 'carol@' + at) and has(here, 'sales@' + at),
           '%s: empty: its entries stay' % name)
    tap.ok(here.ils('status')[0] == 1 and "ils source test '%s'" % name in here.must('alarms') +
           here.ils('status')[1], '%s: status is degraded and says what to type' % name)
    db.sql(user('dave'))
    tap.ok(seen(there, 'dave@' + at) and unseen(there, 'carol@' + at) and
           alarm(here, name) is False, '%s: not empty: taken, and the alarm is over' % name)

    db.stop()
    tap.ok(wait_until(lambda: alarm(here, name) is True, 30), '%s: away: alarm' % name)
    tap.ok(has(there, 'dave@' + at), '%s: away: its entries stay' % name)
    db.start()
    tap.ok(wait_until(lambda: alarm(here, name) is False, 60), '%s: back: the alarm is over' % name)

    db.sql(user('er@in'))
    tap.ok(wait_until(lambda: alarm(here, name) is True, 30), '%s: a wrong row: alarm' % name)
    status, out = here.ils('source', 'test', name)
    tap.ok(status == 1 and 'column username: "er@in"' in here.error and 'row ' in here.error,
           '%s: row and column are named' % name, here.error)
    tap.ok(has(there, 'dave@' + at) and "er@in" in row_of(here, name)['error'],
           '%s: its entries stay, and the list says why' % name)
    db.sql("DELETE FROM subscriber WHERE username = 'er@in'")
    tap.ok(wait_until(lambda: alarm(here, name) is False, 30), '%s: mended' % name)

    status, out = here.ils('source', 'add', 'bad', *(words[:3] + [
        "DELETE FROM subscriber WHERE username = 'dave'"] + words[4:]))
    tap.ok(status == 1 and wait_until(lambda: row_of(here, name)['state'] == 'good'),
           '%s: a query that writes is refused' % name, out, here.error)
    here.must('source', 'remove', 'bad')
    tap.ok(here.ils('source', 'test', name)[1].startswith('1 entries'),
           '%s: and wrote nothing' % name)

    before = row_of(here, name)['last_change']
    usn = here.json('plan', 'show', '--source', name)['entries'][0]['usn']
    here.restart()
    tap.ok(wait_until(lambda: row_of(here, name)['state'] == 'good', 30) and
           here.json('plan', 'show', '--source', name)['entries'][0]['usn'] == usn,
           '%s: after a restart the same is nothing new' % name, before)
    here.must('source', 'remove', name, '--entries')
    tap.ok(unseen(there, 'dave@' + at), '%s: removed with its entries' % name)


def databases():
    with Network() as net:
        here, there = two(net)
        password = os.path.join(net.folder, 'password')
        with open(password, 'w', encoding='utf-8') as handle:
            handle.write('db-secret\n')
        if schema('db_sqlite') is None:
            tap.skip('sqlite', 'kamailio-sqlite-modules is not installed')
        else:
            db = Sqlite(net.folder)
            db.make('')
            tap.run(database, db, here, there, password)
        for kind, files in ((Postgresql, 'postgres'), (Mariadb, 'mysql')):
            if kind.missing() or schema(files) is None:
                tap.skip(kind.KIND, 'not installed: %s' % (kind.missing() or
                                                          'kamailio-%s-modules' % files))
                continue
            with kind() as db:
                db.start()
                db.make('db-secret')
                tap.run(database, db, here, there, password)
                tap.run(passwords, db, here, net)


def passwords(db, here, net):
    db.sql(user('frank'))
    wrong = os.path.join(net.folder, 'wrong')
    with open(wrong, 'w', encoding='utf-8') as handle:
        handle.write('no\n')
    words = ['--' + db.KIND, db.dsn(), '--query', EVERYBODY]
    status, out = here.ils('source', 'add', 'w', *words, '--password-file', wrong)
    tap.ok(status == 1 and ('authentication failed' in here.error or
                            'Access denied' in here.error), '%s: a wrong password' % db.KIND,
           here.error)
    here.must('source', 'remove', 'w')
    right = os.path.join(net.folder, 'password')
    for authority, good in ((db.path('cert.pem'), True), (here.data + '.pem', False)):
        with open(here.data + '.pem', 'w', encoding='utf-8') as handle:
            handle.write(here.must('cert', 'export'))
        status, out = here.ils('source', 'add', 'tls', *words[:1], words[1] + db.tls(authority),
                               *words[2:], '--password-file', right)
        tap.ok(status == (0 if good else 1) and (good or 'ertificate' in here.error),
               '%s: TLS, %s authority' % (db.KIND, 'its' if good else 'another'), out, here.error)
        here.must('source', 'remove', 'tls', '--entries')
    words[1] += ' password=db-secret'
    status, out = here.ils('source', 'add', 'w', *words)
    tap.ok(status == 1 and '--password-file' in here.error and here.json('source', 'list') == [],
           '%s: a password in the DSN is refused' % db.KIND, here.error)
    tap.ok('db-secret' not in here.must('audit'), '%s: no password in the audit' % db.KIND)


# --- a directory

def directory():
    if Slapd.missing() or not os.path.isdir(Slapd.SCHEMA):
        tap.skip('ldap', 'not installed: slapd, ldap-utils')
        return
    with Network() as net, Slapd() as server:
        here, there = two(net)
        server.start()
        server.make([('p%d' % i, ('mail', 'p%d@example.com' % i)) for i in range(1200)] +
                    [('alice', ('mail', 'alice@example.com'), ('mail', 'a.lice@example.com'),
                      ('telephoneNumber', '+49 30 1234-56'), ('mobile', '+49 170 1')),
                     ('nobody',)])
        secret = os.path.join(net.folder, 'secret')
        with open(secret, 'w', encoding='utf-8') as handle:
            handle.write('reader-secret\n')
        ca = server.path('cert.pem')
        words = ['--ldap', server.url(), '--base', 'ou=people,dc=example,dc=com', '--filter',
                 '(objectClass=inetOrgPerson)', '--attributes',
                 'URI=mail,NUMBER=telephoneNumber,NUMBER=mobile', '--every', '1s']
        bind = ['--bind', 'cn=reader,dc=example,dc=com', '--password-file', secret]

        status, out = here.ils('source', 'add', 'x', *words, *bind)
        tap.ok(status == 1 and '--ca FILE' in here.error,
               'ldap: StartTLS with a certificate that nobody vouches for is refused', here.error)
        here.must('source', 'remove', 'x')
        status, out = here.ils('source', 'add', 'x', *words, '--ca', ca)
        tap.ok(status == 1, 'ldap: without --bind nothing is seen, and that is said', here.error)
        here.must('source', 'remove', 'x')

        status, out = here.ils('source', 'add', 'people', *words, *bind, '--ca', ca)
        tap.ok(status == 0 and out.startswith('1204 entries: 1202 directory URIs, 2 numbers'),
               'ldap: StartTLS, bound, page by page, every value of each attribute', out,
               here.error)
        tap.ok(seen(there, 'p1199@example.com', 'a.lice@example.com', '+4930123456',
                    '+491701'), 'ldap: at the other cluster')

        server.change('dn: uid=p7,ou=people,dc=example,dc=com\nchangetype: modify\n'
                      'replace: mail\nmail: seven@example.com\n', tool='ldapmodify')
        tap.ok(seen(there, 'seven@example.com') and unseen(there, 'p7@example.com'),
               'ldap: a change there is a change at the other cluster')
        server.change(Slapd.person('bad', ('telephoneNumber', 'call me')))
        tap.ok(wait_until(lambda: alarm(here, 'people') is True, 30), 'ldap: a wrong value: alarm')
        here.ils('source', 'test', 'people')
        tap.ok('"call me"' in here.error and 'uid=bad,ou=people' in here.error and
               'column number' in here.error, 'ldap: object and column are named', here.error)
        server.change('dn: uid=bad,ou=people,dc=example,dc=com\nchangetype: delete\n',
                      tool='ldapmodify')
        tap.ok(wait_until(lambda: alarm(here, 'people') is False, 30), 'ldap: mended')

        server.stop()
        tap.ok(wait_until(lambda: alarm(here, 'people') is True, 30) and
               has(there, 'seven@example.com'), 'ldap: stopped: alarm, and its entries stay')
        server.start()
        tap.ok(wait_until(lambda: alarm(here, 'people') is False, 60), 'ldap: back')
        here.must('source', 'remove', 'people', '--entries')
        status, out = here.ils('source', 'add', 'plain', *words, *bind, '--plain')
        tap.ok(status == 0, 'ldap: --plain does without StartTLS', here.error)
        here.must('source', 'list')


# --- a file, and what hangs

def write(path, *rows):
    """Beside it, and renamed into its place."""
    with open(path + '.new', 'w', encoding='utf-8') as handle:
        handle.write('type,key\n' + ''.join(row + '\n' for row in rows))
    os.rename(path + '.new', path)


def watched_file():
    with Network() as net:
        here, there = two(net)
        path = os.path.join(net.folder, 'plan.csv')
        write(path, 'URI,alice@example.com')
        here.must('source', 'add', 'file', '--file', 'plan.csv', '--every', '1h')
        tap.ok(seen(there, 'alice@example.com'), 'file: read at once')
        write(path, 'URI,bob@example.com', 'E164,+4930123')
        tap.ok(seen(there, 'bob@example.com', '+4930123') and unseen(there, 'alice@example.com'),
               'file: renamed into its place, it is read, an hour before its time')
        with open(path, 'a', encoding='utf-8') as handle:
            handle.write('URI,carol@example.com\n')
        tap.ok(seen(there, 'carol@example.com'), 'file: written in its place, it is read')
        write(path, 'URI,dave')
        tap.ok(wait_until(lambda: alarm(here, 'file') is True), 'file: a wrong line: alarm')
        text = next(a['text'] for a in here.json('alarms') if a['active'])
        tap.ok('line 2, column key' in text, 'file: the alarm names line and column', text)
        os.remove(path)
        status, out = here.ils('source', 'test', 'file')
        tap.ok(status == 1 and 'No such file' in here.error and 'ls -l' in here.error,
               'file: gone, with the remedy', here.error)
        tap.ok(has(there, 'carol@example.com'), 'file: its entries stay')
        here.restart()
        tap.ok(wait_until(lambda: row_of(here, 'file')['state'] == 'failed') and
               row_of(here, 'file')['entries'] == 3, 'file: also over a restart, and are counted',
               row_of(here, 'file'))
        write(path, 'URI,erin@example.com')
        tap.ok(seen(there, 'erin@example.com') and
               wait_until(lambda: alarm(here, 'file') is False), 'file: back: the alarm is over')

        write(path, *['E164,+4930%05d' % i for i in range(300)])
        tap.ok(seen(there, '+493000299'), 'file: 300 numbers')
        write(path, 'URI,erin@example.com')
        tap.ok(wait_until(lambda: alarm(here, 'file') is True) and has(there, '+493000299') and
               "ils source run 'file' --force" == row_of(here, 'file')['next'],
               'file: most of it gone: its entries stay, alarm, and the way out',
               row_of(here, 'file'))
        here.must('source', 'run', 'file', '--force')
        tap.ok(seen(here, 'erin@example.com') and unseen(here, '+493000299') and
               alarm(here, 'file') is False, 'file: meant so: taken, and the alarm is over')
        there.ils('held', 'release', 'here')  # where such a plan is held back

        here.must('plan', 'import', '-', '--source', 'pipe',
                  stdin='type,key\nURI,piped@example.com\n')
        tap.ok(seen(there, 'piped@example.com', 'erin@example.com'),
               'pipe: another source leaves the file alone')
        status, out = here.ils('source', 'remove', 'file')
        tap.ok(status == 0 and '1 entries stay' in out and has(there, 'erin@example.com'),
               'file: removed, its entries stay', out)
        here.restart()
        tap.same(here.json('source', 'list'), [], 'file: and it does not come back')


def between_sources():
    """A key belongs to one source; the other says whose it is, and what a test would do."""
    with Network() as net:
        here = net.cluster('here').hub(password='one')
        first, second = (os.path.join(net.folder, name) for name in ('first.csv', 'second.csv'))
        write(first, 'URI,alice@example.com', 'URI,bob@example.com')
        write(second, 'URI,bob@example.com')
        here.must('source', 'add', 'first', '--file', first)
        status, out = here.ils('source', 'add', 'second', '--file', second, '--every', '1s')
        tap.ok(status == 1 and 'bob@example.com' in here.error and alarm(here, 'second') is True,
               'another source has the key: refused, and named', here.error)
        write(first, 'URI,alice@example.com')
        tap.ok(unseen(here, 'bob@example.com'), 'the first lets it go')
        here.must('source', 'run', 'second')
        tap.ok(has(here, 'bob@example.com') and alarm(here, 'second') is False,
               'the second has it, and the alarm is over')
        here.must('plan', 'rollback', here.json('plan', 'log')['changes'][0]['number'])
        before = row_of(here, 'second')['last_run']
        tap.ok(unseen(here, 'bob@example.com') and
               wait_until(lambda: row_of(here, 'second')['last_run'] > before) and
               not has(here, 'bob@example.com'),
               'what an operator takes back stays so while the source gives the same')
        would = here.json('source', 'test', 'second')['would']
        tap.same((would['added'], would['removed']), (1, 0), 'a test says what would change', would)
        write(second, 'URI,bob@example.com', 'URI,carol@example.com')
        tap.ok(seen(here, 'bob@example.com', 'carol@example.com'), 'something else is taken again')


def put_back():
    """A backup brings a source back as well, and it is read."""
    with Network() as net:
        here = net.cluster('here').hub(password='one')
        path, backup = (os.path.join(net.folder, name) for name in ('plan.csv', 'backup'))
        write(path, 'URI,alice@example.com')
        here.must('source', 'add', 'file', '--file', path)
        here.must('backup', backup)
        here.must('source', 'remove', 'file', '--entries')
        rows = [row['what'] for row in here.json('audit') if 'source remove' in row['what']]
        tap.same((len(rows), has(here, 'alice@example.com')), (1, False),
                 'removed with its entries: one row of the audit', rows)
        here.must('restore', backup, '--yes')
        tap.ok(wait_until(here.answers) and row_of(here, 'file')['place'] == path,
               'backup: the source is back')
        write(path, 'URI,bob@example.com')
        tap.ok(seen(here, 'bob@example.com'), 'backup: and is watched')


class Elsewhere(Network):
    """An ilsd that was copied without its modules."""

    def cluster(self, name, **more):
        c = super().cluster(name, start=False, **more)
        c.store = None   # that of PostgreSQL is a module as well
        os.mkdir(os.path.join(self.folder, 'bin'))
        ilsd = shutil.copy(ILSD, os.path.join(self.folder, 'bin', 'ilsd'))
        c.env.pop('LD_LIBRARY_PATH', None)  # in which meson names them
        c.command = lambda whole=c.command: [ilsd] + whole()[1:]
        return c.start()


def without_modules():
    with Elsewhere() as net:
        here = net.cluster('here').hub(password='one')
        for kind, package in (('postgresql', 'libpq-dev'), ('mariadb', 'libmariadb-dev')):
            here.ils('source', 'add', kind, '--' + kind, 'dbname=x', '--query', 'SELECT 1')
            tap.ok('built without ' + kind in here.error and package in here.error,
                   'without its module: %s' % kind, here.error)
        here.ils('source', 'add', 'ldap', '--ldap', 'ldap://h', '--filter', '(a=b)',
                 '--attributes', 'URI=mail')
        tap.ok('built without ldap' in here.error and 'libldap-dev' in here.error,
               'without its module: ldap', here.error)


def hanging():
    """A server that takes the call and says nothing holds up neither others nor the end."""
    with Network() as net, socket.socket() as silent:
        here = net.cluster('here').hub(password='one')
        silent.bind(('127.0.0.1', 0))
        silent.listen(16)
        port = silent.getsockname()[1]
        words = {
            'postgresql': ['host=127.0.0.1 port=%d dbname=x user=x' % port, '--query', 'SELECT 1'],
            'mariadb': ['host=127.0.0.1 port=%d dbname=x user=x' % port, '--query', 'SELECT 1'],
            'ldap': ['ldap://127.0.0.1:%d' % port, '--plain', '--filter', '(a=b)', '--attributes',
                     'URI=mail'],
        }
        waiting = [subprocess.Popen([ILS, 'source', 'add', kind, '--' + kind] + more,
                                    env=here.env, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL) for kind, more in words.items()]
        tap.ok(wait_until(lambda: [r['state'] for r in here.json('source', 'list')] ==
                          ['running'] * 3), 'hanging: all three wait for an answer')
        path = os.path.join(net.folder, 'plan.csv')
        write(path, 'URI,alice@example.com')
        here.must('source', 'add', 'file', '--file', path)
        tap.ok(has(here, 'alice@example.com') and
               [r['state'] for r in here.json('source', 'list')].count('running') == 3,
               'hanging: another source is read meanwhile')
        here.must('source', 'remove', 'mariadb')
        tap.ok('mariadb' not in here.must('source', 'list'), 'hanging: one is removed')
        tap.same(here.stop(), 0, 'hanging: and ilsd ends in order')
        for process in waiting:
            process.wait()


tap.run(watched_file)
tap.run(between_sources)
tap.run(put_back)
tap.run(without_modules)
tap.run(hanging)
tap.run(databases)
tap.run(directory)
tap.done()
