#!/usr/bin/env python3
"""The contract of `ils` against real daemons: what is documented works, what is wrong is refused
with a sentence, the place and what to type next, and nothing is half applied."""
import json
import os
import re
import socket
import subprocess

from harness import ILSD, Network, Tap, wait_until

tap = Tap()
RFC3339 = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')


def refused(c, name, words, status, *parts, stdin=''):
    """ils refuses: exit status, and every part in what it says on standard error."""
    got, out = c.ils(*words, stdin=stdin)
    good = got == status and all(part in c.error for part in parts)
    tap.ok(good, name, 'exit %d' % got, out, c.error, 'wanted %r' % (parts,))


def identity(c):
    status, out = c.ils('status')
    tap.ok(status == 1 and 'ils init --cluster-id ID --fqdn NAME' in out,
           'status of a new cluster says what to type', out)
    refused(c, 'the factory default is no id', ['init', '--cluster-id', 'StandAloneCluster',
                                                '--fqdn', 'a.example.com'], 1, 'factory default',
            'next: ils init')
    refused(c, 'an id has no blanks', ['init', '--cluster-id', 'a b', '--fqdn', 'a.example.com'], 1,
            "'a b'")
    refused(c, 'an fqdn is one', ['init', '--cluster-id', 'a', '--fqdn', 'a..b'], 1, "'a..b'")
    tap.ok(not c.json('status')['initialised'], 'nothing of it was applied')
    c.must('init', '--cluster-id', 'alpha', '--fqdn', 'alpha.example.com', '--description',
           'first one', '--route-string', 'alpha.route')
    s = c.json('status')
    tap.same((c.status, s['cluster_id'], s['fqdn'], s['description'], s['route_string']),
             (0, 'alpha', 'alpha.example.com', 'first one', 'alpha.route'), 'init')
    refused(c, 'init is done once', ['init', '--cluster-id', 'beta', '--fqdn', 'b.example.com'], 1,
            "already 'alpha'")
    c.must('role', 'hub')
    tap.same(c.json('status')['role'], 'Hub', 'role hub')
    refused(c, 'no other role', ['role', 'boss'], 1, 'hub, spoke or standalone')


def authentication(c):
    refused(c, 'an unknown setting is named with the nearest', ['auth', 'set', '--tsl', 'on'], 64,
            "'--tsl'", "'--tls'", 'next: ils help auth set')
    refused(c, 'on or off', ['auth', 'set', '--tls', 'maybe'], 64, "'maybe'")
    refused(c, 'an unknown method is named with the nearest',
            ['auth', 'set', '--accept', 'pasword'], 64, "'pasword'", "'password'")
    c.must('auth', 'set', '--tls', 'off', '--password', 'on', '--accept', 'password', 'tls')
    tap.same(c.json('auth', 'show'),
             {'tls': False, 'password': True, 'accept': ['password', 'tls']}, 'auth set and show')
    add = ['password', 'add', '--stdin']
    refused(c, 'an empty password', add, 1, 'empty', stdin='\n')
    refused(c, 'no password at all', add, 1, 'empty', stdin='')
    refused(c, 'two entries that differ', add, 1, 'differ', stdin='one\ntwo\n')
    refused(c, 'a generation is a number', add + ['--generation', 'x'], 64, "'x'", stdin='a\n')
    refused(c, 'an interval is of a day at most', ['sync', 'every', '99999'], 1, '1440')
    refused(c, 'a generation is not 0', add + ['--generation', '0'], 1, '1 to 65535', stdin='a\n')
    tap.same(c.json('password', 'list'), [], 'no password is held after that')
    for generation in (1, 2, 3):
        c.must('password', 'add', '--generation', generation, '--stdin', stdin='canary\ncanary\n')
    refused(c, 'three are enough', add + ['--generation', '4'], 1, 'three passwords', stdin='pw\n')
    c.must('password', 'prefer', '2')
    c.must('password', 'drop', '3')
    refused(c, 'what is not held is not dropped', ['password', 'drop', '9'], 1, 'generation 9')
    tap.same(c.json('password', 'list'), [{'generation': 1, 'preferred': False},
                                          {'generation': 2, 'preferred': True}], 'password list')
    stored = b''.join(open(os.path.join(c.data, n), 'rb').read() for n in os.listdir(c.data)
                      if n.startswith('ilsd.db'))
    tap.ok(b'canary' not in stored, 'no clear password in the store')


def write(c, name, text, encoding='utf-8'):
    path = os.path.join(c.net.folder, name)
    with open(path, 'w', encoding=encoding, newline='') as handle:
        handle.write(text)
    return path


def plan(c):
    head = 'PatternType,PSTNFailover,Pattern\n'
    good = write(c, 'good.csv', head + 'URI,,alice@alpha.example.com\nE164,ITSELF,+81312345678\n'
                 'ENTERPRISE,2:03,5551234\nE164,,"+81 3 1234 5679"\n')
    out = c.must('plan', 'import', good, '--source', 'HQ')
    tap.ok('4 added, 0 removed' in out, 'plan import', out)
    exported = c.must('plan', 'export', '--source', 'HQ')
    again = c.json('plan', 'import', '-', '--source', 'HQ', stdin=exported)
    tap.same((again['added'], again['removed']), (0, 0), 'the export imports as the same')
    every = c.must('plan', 'export')
    tap.same([row + (',source' if i == 0 else ',HQ') for i, row in
              enumerate(exported.splitlines())], every.splitlines(),
             'the export of every source names them')
    again = c.json('plan', 'import', '-', '--source', 'HQ', stdin=every)
    tap.same((again['added'], again['removed']), (0, 0), 'and imports as the same')
    tap.same(len(exported.splitlines()), 5, 'the export has every row and a header')
    bad = write(c, 'bad.csv', head + 'URI,,bob@alpha.example.com\nURI,,nobody\nE164,,123\n')
    refused(c, 'a bad row: line and column', ['plan', 'import', bad, '--source', 'HQ'], 1,
            'line 3', 'Pattern', 'nobody', 'line 4')
    kanji = write(c, 'kanji.csv', head + 'URI,,alice@alpha.example.com\n'
                  'URI,,山田@alpha.example.com\n', encoding='cp932')
    refused(c, 'a wrong encoding: line and remedy', ['plan', 'import', kanji, '--source', 'HQ'], 1,
            'line 3', '--encoding CP932')
    refused(c, 'an unknown encoding',
            ['plan', 'import', good, '--source', 'HQ', '--encoding', 'X9'], 1, 'X9')
    refused(c, 'a file that is not there',
            ['plan', 'import', '/nonexistent/x', '--source', 'HQ'], 1, '/nonexistent/x',
            'No such file')
    refused(c, 'a source is wanted', ['plan', 'import', good], 64, '--source')
    tap.same(c.must('plan', 'export'), every, 'nothing of the bad files was applied')
    shorter = head + 'URI,,alice@alpha.example.com\n'
    r = c.json('plan', 'import', '-', '--source', 'HQ', stdin=shorter)
    tap.same((r['added'], r['removed']), (0, 3), 'an import replaces what the source gave before')
    refused(c, 'an entry has one source', ['plan', 'import', '-', '--source', 'Branch'], 1,
            'another source', stdin=shorter)
    c.must('plan', 'add', 'E164', '+81355556666', '--failover', 'ITSELF')
    refused(c, 'a kind is one', ['plan', 'add', 'EMAIL', 'a@b.c'], 1,
            'E164PATTERN are known')
    refused(c, 'a key is one', ['plan', 'add', 'E164', '81'], 1, 'where: key')
    shown = c.json('plan', 'show')
    tap.same([(e['kind'], e['key'], e['failover'], e['source']) for e in shown['entries']],
             [('URI', 'alice@alpha.example.com', '', 'HQ'),
              ('E164', '+81355556666', 'ITSELF', 'manual')], 'plan show')
    c.must('plan', 'remove', 'E164', '+81355556666')
    tap.same(c.json('plan', 'show')['total'], 1, 'plan remove')


def lookups(c):
    l = c.json('lookup', 'sip:alice@alpha.example.com;x=y')
    tap.ok(l['dialed'].startswith('sip:alice') and l['result'] in ('local', 'found') and
           l['match']['kind'] == 'URI' and l['match']['value'] == 'alice@alpha.example.com' and
           l['match']['cluster_id'] == 'alpha' and l['match']['route_string'] == 'alpha.route' and
           isinstance(l['match']['usn'], int) and isinstance(l['targets'], list), 'lookup', l)
    l = c.json('lookup', '4711')
    tap.ok(c.status == 1 and l['result'] == 'no_match' and l['match'] is None, 'no match', l)
    l = c.json('lookup', 'not a number!')
    tap.ok(c.status == 1 and l['result'] == 'bad_input', 'bad input', l)
    c.must('route', 'add', '*.example.com', 'sip:10.0.0.5:5062;transport=tcp')
    c.must('route', 'add', '*.example.com', 'sip:10.0.0.6')
    refused(c, 'a route pattern is one', ['route', 'add', 'a.b*.c', 'sip:10.0.0.5'], 1, 'a.b*.c')
    refused(c, 'a target is a SIP URI', ['route', 'add', '*', 'http://x'], 1, 'http://x')
    tap.same(c.json('route', 'list'), [
        {'pattern': '*.example.com', 'target': 'sip:10.0.0.5:5062;transport=tcp', 'priority': 10,
         'weight': 10, 'self': False},
        {'pattern': '*.example.com', 'target': 'sip:10.0.0.6', 'priority': 20, 'weight': 10,
         'self': False}], 'routes in their order')
    c.must('route', 'remove', '*.example.com', 'sip:10.0.0.6')
    c.must('route', 'remove', '*.example.com')
    tap.same(c.json('route', 'list'), [], 'route remove')


def views(c):
    rows = c.json('clusters')
    keys = {'cluster_id', 'last_contact_time', 'role', 'advertised_route_string',
            'last_usn_data_received', 'usn_data_synchronization_status'}
    tap.ok(len(rows) == 1 and keys <= set(rows[0]) and rows[0]['role'] == 'Hub (Local Cluster)' and
           rows[0]['last_contact_time'] is None, 'clusters', rows)
    out = c.must('clusters').splitlines()
    tap.ok(re.match(r'Cluster ID/Name +Last Contact Time +Role +Advertised Route String +'
                    r'Last USN Data Received +USN Data Synchronization Status +Action$', out[0]),
           'the table of clusters', *out)
    audit = c.json('audit')
    tap.ok(all({'time', 'who', 'what'} <= set(a) and RFC3339.match(a['time']) for a in audit) and
           any(a['what'].startswith('init cluster_id=alpha') for a in audit), 'audit', audit)
    tap.ok(not any('stretched' in a['what'] for a in audit), 'no secret in the audit')
    r = c.json('sql', 'select clusterid, count(*) as n from cluster group by 1')
    tap.same((r['columns'], r['rows']), (['clusterid', 'n'], [['alpha', 1]]), 'sql')
    refused(c, 'sql reads only', ['sql', 'drop table cluster'], 1, 'only SELECT')
    refused(c, 'sql reads no files', ['sql', "attach '/etc/passwd' as x"], 1, 'only SELECT')
    refused(c, 'sql errors are shown', ['sql', 'select * from nowhere'], 1, 'nowhere')
    status, out = c.ils(stdin='run sql select * from remotecluster\nutils ils showpeerinfo\n'
                        'status\nquit\n')
    tap.ok(status == 0 and out.startswith('pkid') and 'alpha.example.com' in out and
           'healthy' in out, 'the prompt', out)
    c.ils(stdin='file get activelog cm/trace/ils/sdl/SDL.*\n')
    tap.ok([n for n in os.listdir(c.net.folder) if n.startswith('SDL')], 'file get activelog')
    c.must('trace', 'level', 'error')
    tap.same(c.must('trace', 'level').strip(), 'error', 'trace level')
    c.must('trace', 'level', 'detailed')
    path = os.path.join(c.net.folder, 'evidence')
    c.must('support', path)
    with open(path, encoding='utf-8') as handle:
        evidence = json.load(handle)
    tap.ok({'status', 'clusters', 'peers', 'alarms', 'verdicts', 'audit', 'trace last'} <=
           set(evidence), 'support', list(evidence))
    refused(c, 'support overwrites nothing', ['support', path], 1, 'File exists')


def usage(c):
    refused(c, 'an unknown command with the nearest', ['stauts'], 64, "'stauts'", "'status'")
    refused(c, 'half a command', ['password'], 64, 'one more word')
    refused(c, 'a word too many', ['status', 'now'], 64, "'now'")
    refused(c, 'a word too few', ['lookup'], 64, 'DIALLED')
    refused(c, 'a port is a number', ['join', 'host:ssh'], 64, "'ssh'")
    tap.same(c.ils('--version')[0], 0, '--version')
    tap.ok('usage: ils join' in c.must('help', 'join'), 'help for a command')
    said = c.must('help', 'lookup')
    tap.ok(said.startswith('usage: ils lookup DIALLED') and 'ils lookup set' in said and
           'see also' not in c.must('help', 'lookup', 'set'),
           'which names the commands that begin with its words', said)
    for typed, near, remedy in (('routes', 'route', 'ils help route'),
                                ('statsu', 'status', 'ils help'),
                                ('door lst', 'door list', 'ils help')):
        status, _ = c.ils(*typed.split())
        tap.ok(status == 64 and "did you mean '%s'?" % near in c.error and
               c.error.rstrip().endswith('next: ' + remedy), '%s is near %s' % (typed, near),
               c.error)
    status, _ = c.ils('--data', '/nonexistent', 'status')
    tap.ok(status == 2 and 'next: ilsd --data /nonexistent' in c.error, 'no daemon', c.error)
    error = c.json('--data', '/nonexistent', 'status')
    tap.ok(c.status == 2 and error['error']['next'] == 'ilsd --data /nonexistent', 'as JSON', error)


def as_stranger(path):
    """What the control socket says to a user without any group."""
    read, written = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(b'{"command":"status"}\n')
                os.write(written, s.makefile('rb').readline())
        finally:
            os._exit(0)
    os.close(written)
    with os.fdopen(read, 'rb') as handle:
        answer = handle.read()
    os.waitpid(child, 0)
    return json.loads(answer)


def protocol(c):
    tap.same(c.ask('nonsense')['error']['name'], 'COMMAND', 'an unknown request')
    tap.same(c.ask('status', x=1)['error']['name'], 'SETTING', 'an unknown argument')
    tap.same(c.ask('join', host=7)['error']['name'], 'SETTING', 'an argument of the wrong type')
    path = os.path.join(c.data, 'control.sock')
    for name, bytes_sent in (('no JSON', b'hello\n'), ('no command', b'{}\n'),
                             ('a line without end', b'x' * (1 << 20))):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(path)
            s.sendall(bytes_sent)
            answer = json.loads(s.makefile('r').readline())
            tap.ok(answer['ok'] is False and answer['exit'] == 1, 'refused: ' + name, answer)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        s.sendall(b'{"command":"version"}\n{"command":"clusters"}\n{"command":"sql","args":'
                  b'{"query":"select 1"}}\n{"command":"version"}\n')
        lines = s.makefile('r')
        answers = [json.loads(lines.readline()) for _ in range(4)]
        tap.ok(all(a['ok'] for a in answers) and 'columns' in answers[2]['result'],
               'several requests on one connection, in order', answers)
    if os.geteuid() == 0:
        os.chmod(c.net.folder, 0o755)
        os.chmod(c.data, 0o755)
        answer = as_stranger(path)
        tap.ok(answer['ok'] is False and 'openils' in answer['error']['text'],
               'a stranger is refused, and told why', answer)
    else:
        tap.skip('a stranger is refused, and told why', 'not root')


def starting(net, c):
    second = subprocess.run([ILSD, '--data', c.data, '--address', '127.0.0.1', '--sip-port', '0',
                             '--dns-port', '0'],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    tap.ok(second.returncode != 0 and c.data in second.stdout, 'a data directory that is locked',
           second.stdout)
    tap.ok(c.answers(), 'the first daemon lives on')
    junk = os.path.join(net.folder, 'junk')
    os.mkdir(junk)
    with open(os.path.join(junk, 'ilsd.db'), 'wb') as handle:
        handle.write(b'this is no database' * 500)
    corrupt = subprocess.run([ILSD, '--data', junk, '--address', '127.0.0.1', '--sip-port', '0',
                             '--dns-port', '0'],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=30)
    tap.ok(corrupt.returncode != 0 and 'ilsd.db' in corrupt.stdout, 'a store that is corrupt',
           corrupt.stdout)
    unknown = subprocess.run([ILSD, '--colour', 'red'], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.STDOUT, timeout=30)
    tap.ok(unknown.returncode == 64 and 'colour' in unknown.stdout, 'an unknown setting of ilsd',
           unknown.stdout)
    other = net.cluster('taken', start=False)
    other.port = c.port
    other.start()
    other.must('init', '--cluster-id', 'taken', '--fqdn', 'taken.example.com')
    other.ils('role', 'hub')
    found = wait_until(lambda: [a for a in other.json('alarms') if a['name'] == 'ILSTCPInUse'])
    tap.ok(found and found[0]['active'] and found[0]['Port'].startswith(str(c.port)),
           'a port in use: alarm ILSTCPInUse', other.json('alarms'), other.said())
    text = found[0]['Port'] + other.said() + other.must('trace') if found else ''
    tap.ok('ilsd' in text and str(c.process.pid) in text, 'and it names the process', text)


def full(net):
    """A disk that is full: the change is refused whole, what was there is served. That of a server
    is in test_store_faults.py."""
    if os.environ.get('ILS_STORE'):
        tap.skip('a disk that is full', 'the store is not on it')
        return
    folder = os.path.join(net.folder, 'full')
    os.mkdir(folder)
    if os.geteuid() != 0 or subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', 'size=2m', 'full', folder],
            stderr=subprocess.DEVNULL, check=False).returncode != 0:
        tap.skip('a disk that is full', 'no file system of its own can be mounted here')
        return
    c = net.cluster('full', start=False)
    try:
        c.start()
        c.must('init', '--cluster-id', 'full', '--fqdn', 'full.example.com')
        c.must('plan', 'add', 'URI', 'alice@full.example.com')
        head = 'PatternType,PSTNFailover,Pattern\n'
        rows = ''.join('URI,,%x%x@full.example.com\n' % (i * 7919, i * 104729)
                       for i in range(100000))
        refused(c, 'a disk that is full', ['plan', 'import', '-', '--source', 'HQ'], 1,
                'nothing was changed', 'next: df ' + folder, stdin=head + rows)
        tap.same(c.json('plan', 'show')['total'], 1, 'nothing of it was applied')
        tap.ok([a for a in c.json('alarms') if a['name'] == 'ILSDBLException'],
               'alarm ILSDBLException', c.json('alarms'))
        tap.same(c.json('lookup', 'alice@full.example.com')['match']['value'],
                 'alice@full.example.com', 'what was there is still answered')
        few = rows[:200].rsplit('\n', 1)[0]
        c.must('plan', 'import', '-', '--source', 'HQ', stdin=head + few)
        tap.ok(wait_until(lambda: not [a for a in c.json('alarms') if a['active']], 10),
               'a change that fits is taken, and the alarm is gone', c.json('alarms'))
    finally:
        c.stop()
        subprocess.run(['umount', folder], check=False)


def durable(c):
    before = c.json('status')
    c.kill()
    c.start()
    after = c.json('status')
    tap.same([after[k] for k in ('cluster_id', 'peer_id', 'role', 'usn', 'own_entries')],
             [before[k] for k in ('cluster_id', 'peer_id', 'role', 'usn', 'own_entries')],
             'after kill -9 all of it is there')
    tap.ok(after['boot'] > before['boot'], 'with a higher boot number')
    tap.same(c.stop(), 0, 'SIGTERM ends it cleanly')


def main():
    with Network() as net:
        c = net.cluster('alpha')
        for part in (identity, authentication, plan, lookups, views, usage, protocol):
            tap.run(part, c)
        tap.run(starting, net, c)
        tap.run(full, net)
        tap.run(durable, c)
    tap.done()


main()
