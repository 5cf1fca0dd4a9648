"""servers: PostgreSQL, MariaDB and slapd of a test's own, in a directory of its own, on loopback.

Each is started by an unprivileged user where the test is root, and ended by the process that was
started. missing() names what is not installed.
"""
import glob
import os
import shutil
import signal
import subprocess
import tempfile

from harness import free_port, wait_until

KAMAILIO = '/usr/share/kamailio'
TABLES = ('standard-create.sql', 'auth_db-create.sql', 'alias_db-create.sql')


def found(name, *folders):
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, name)), reverse=True):
            return path
    return shutil.which(name)


def schema(kind):
    """The files with which Debian's Kamailio makes its tables, in their order."""
    paths = [os.path.join(KAMAILIO, kind, name) for name in TABLES]
    return paths if all(os.path.exists(path) for path in paths) else None


class Server:
    """A process with a directory; start() waits until it answers."""
    NEEDS = ()

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='ils-server-')
        self.who = {'user': 'nobody', 'group': 'nogroup', 'extra_groups': []} \
            if os.geteuid() == 0 else {}
        if self.who:
            shutil.chown(self.folder, 'nobody', 'nogroup')
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.process = None

    @classmethod
    def missing(cls):
        return [name for name in cls.NEEDS if not cls.tool(name)]

    @classmethod
    def tool(cls, name):
        return found(name, '/usr/lib/postgresql/*/bin', '/usr/sbin', '/usr/bin')

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def run(self, *words, stdin=None, check=True):
        """A program as the server's user; its output."""
        run = subprocess.run([str(w) for w in words], input=stdin, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, cwd=self.folder, timeout=120,
                             env=dict(os.environ, HOME=self.folder), **self.who)
        if check and run.returncode != 0:
            raise RuntimeError('%s: %s' % (words[0], run.stdout.decode(errors='replace')))
        return run.stdout.decode(errors='replace') if run.returncode == 0 else None

    def starts_as(self):
        return self.who

    def start(self):
        with open(self.path('output'), 'ab') as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, cwd=self.folder,
                                            env=dict(os.environ, HOME=self.folder),
                                            **self.starts_as())
        if not wait_until(lambda: self.answers() or self.process.poll() is not None, 60) or \
                not self.answers():
            with open(self.path('output'), encoding='utf-8', errors='replace') as said:
                raise RuntimeError('%s does not start: %s' % (type(self).__name__, said.read()))
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(self.END)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    END = signal.SIGTERM

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


    def certificate(self):
        """cert.pem and key.pem for 127.0.0.1, signed by nobody."""
        self.run('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                 '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '30', '-subj',
                 '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1')


class Postgresql(Server):
    NEEDS = ('initdb', 'postgres', 'psql')
    END = signal.SIGINT
    KIND = 'postgresql'

    def __init__(self):
        super().__init__()
        self.made = []
        self.certificate()
        self.run(self.tool('initdb'), '-D', self.path('data'), '-U', 'postgres', '--no-sync',
                 '--auth-local=trust', '--auth-host=scram-sha-256', '-E', 'UTF8', '--locale=C',
                 *self.made_with())

    def made_with(self):
        return []

    def command(self):
        return [self.tool('postgres'), '-D', self.path('data'), '-k', self.folder, '-p',
                str(self.port), '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off',
                '-c', 'ssl=on', '-c', 'ssl_cert_file=' + self.path('cert.pem'),
                '-c', 'ssl_key_file=' + self.path('key.pem')]

    def psql(self, *words, check=True, database='kamailio'):
        return self.run(self.tool('psql'), '-X', '-q', '-h', self.folder, '-p', self.port, '-U',
                        'postgres', '-d', database, '-v', 'ON_ERROR_STOP=1', *words, check=check)

    def answers(self):
        return self.psql('-c', 'SELECT 1', check=False, database='postgres') is not None

    def make(self, password):
        self.psql('-c', 'CREATE DATABASE kamailio', database='postgres')
        for path in schema('postgres'):
            self.psql('-f', path)
        self.sql("CREATE ROLE ils LOGIN PASSWORD '%s'" % password,
                 'GRANT SELECT, DELETE ON subscriber, dbaliases TO ils')

    def store(self, database, user='postgres'):
        """Where `ilsd --store` finds it: by the socket, which asks for no password."""
        return 'postgresql://%s@/%s?host=%s&port=%d' % (user, database, self.folder, self.port)

    def sql_in(self, database, *statements):
        self.psql(*[word for s in statements for word in ('-c', s)], database=database)

    def sql(self, *statements):
        self.psql(*[word for s in statements for word in ('-c', s)])

    def dsn(self):
        return 'host=127.0.0.1 port=%d dbname=kamailio user=ils' % self.port

    def tls(self, authority):
        return ' sslmode=verify-full sslrootcert=' + authority


class Mariadb(Server):
    NEEDS = ('mariadb-install-db', 'mariadbd', 'mariadb')
    KIND = 'mariadb'

    def __init__(self):
        super().__init__()
        self.certificate()
        self.run(self.tool('mariadb-install-db'), '--no-defaults', '--datadir=' + self.path('data'),
                 '--auth-root-authentication-method=normal', '--skip-test-db')

    def command(self):
        return [self.tool('mariadbd'), '--no-defaults', '--datadir=' + self.path('data'),
                '--socket=' + self.path('s'), '--port=%d' % self.port, '--bind-address=127.0.0.1',
                '--pid-file=' + self.path('pid'), '--innodb-flush-log-at-trx-commit=0',
                '--ssl-cert=' + self.path('cert.pem'), '--ssl-key=' + self.path('key.pem')]

    def client(self, text, database='kamailio', check=True):
        return self.run(self.tool('mariadb'), '--no-defaults', '--socket=' + self.path('s'),
                        '-uroot', *([database] if database else []), stdin=text.encode(),
                        check=check)

    def answers(self):
        return self.client('SELECT 1', database='', check=False) is not None

    def make(self, password):
        self.client('CREATE DATABASE kamailio', database='')
        for path in schema('mysql'):
            with open(path, encoding='utf-8') as handle:
                self.client(handle.read())
        self.client("CREATE USER ils@'%%' IDENTIFIED BY '%s'; CREATE USER ils@localhost IDENTIFIED "
                    "BY '%s'; GRANT SELECT, DELETE ON kamailio.* TO ils@'%%'; GRANT SELECT, DELETE "
                    "ON kamailio.* TO ils@localhost" % (password, password))

    def sql(self, *statements):
        self.client(';\n'.join(statements) + ';')

    def dsn(self):
        return 'host=127.0.0.1 port=%d dbname=kamailio user=ils' % self.port

    def tls(self, authority):
        return ' ssl_ca=' + authority


class Slapd(Server):
    """dc=example,dc=com with ou=people; whoever is not bound sees nothing."""
    NEEDS = ('slapd', 'ldapadd', 'ldapmodify', 'openssl')
    ROOT, SECRET = 'cn=admin,dc=example,dc=com', 'root-secret'
    SCHEMA = '/etc/ldap/schema'

    def __init__(self):
        super().__init__()
        os.mkdir(self.path('db'))
        if self.who:
            shutil.chown(self.path('db'), 'nobody', 'nogroup')
        self.certificate()
        lines = ['include %s/%s.schema' % (self.SCHEMA, name)
                 for name in ('core', 'cosine', 'inetorgperson')]
        lines += ['modulepath /usr/lib/ldap', 'moduleload back_mdb',
                  'pidfile ' + self.path('pid'),
                  'TLSCertificateFile ' + self.path('cert.pem'),
                  'TLSCertificateKeyFile ' + self.path('key.pem'),
                  # who does not ask page by page gets 500 at most
                  'sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited',
                  'database mdb', 'suffix "dc=example,dc=com"', 'rootdn "%s"' % self.ROOT,
                  'rootpw ' + self.SECRET, 'directory ' + self.path('db'), 'maxsize 67108864',
                  'access to attrs=userPassword by anonymous auth by * none',
                  'access to * by users read by * none']
        with open(self.path('slapd.conf'), 'w', encoding='utf-8') as handle:
            handle.write('\n'.join(lines) + '\n')

    def url(self):
        return 'ldap://127.0.0.1:%d' % self.port

    def command(self):
        return [self.tool('slapd'), '-f', self.path('slapd.conf'), '-h', self.url(), '-d', '0']

    def change(self, ldif, tool='ldapadd', check=True):
        return self.run(self.tool(tool), '-x', '-H', self.url(), '-D', self.ROOT, '-w', self.SECRET,
                        stdin=ldif.encode(), check=check)

    def answers(self):
        return self.run('ldapwhoami', '-x', '-H', self.url(), check=False) is not None

    def make(self, people):
        entries = ['dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\n'
                   'o: example\ndc: example\n',
                   'dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n',
                   'dn: cn=reader,dc=example,dc=com\nobjectClass: simpleSecurityObject\n'
                   'objectClass: organizationalRole\ncn: reader\nuserPassword: reader-secret\n']
        self.change('\n'.join(entries + [self.person(*p) for p in people]))

    @staticmethod
    def person(uid, *attributes):
        return ('dn: uid=%s,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: %s\n'
                'cn: %s\nsn: %s\n' % (uid, uid, uid, uid) +
                ''.join('%s: %s\n' % a for a in attributes))
