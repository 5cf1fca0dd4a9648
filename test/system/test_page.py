#!/usr/bin/env python3
"""The admin page's HTTP API on a real ilsd: it is closed until it is set up; who comes in, and how;
every refusal with its control, the same request as it should be; commands as ils gives them."""
import glob
import json
import os
import socket
import ssl

from harness import BUILD, Network, Tap, free_port, wait_until
from page import Page
from pki import Pki

tap = Tap()
OLD_PROOF = os.path.join(BUILD, 'test', 'system', 'ilsd_old_proof')
PASSWORD = 'correct horse battery'
OTHER = 'a second long pass phrase'
CANARY = 'canary-of-the-network-4711'


def closed(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) != 0


def set_up(net):
    c = net.cluster('tokyo')
    port = free_port()
    c.must('init', '--cluster-id', 'tokyo', '--fqdn', 'ils.tokyo.example.com')
    doors = {d['door']: d for d in c.json('door', 'list')}
    tap.same(doors['page']['state'], 'off', 'the page is off until it is set up')
    tap.ok(closed(port), 'and nobody listens')
    given = c.json('page', 'setup', '--listen', '127.0.0.1:%d' % port)
    tap.same(given['url'], 'https://127.0.0.1:%d/' % port, 'page setup says where it is')
    tap.same(given['fingerprint'], c.json('cert', 'show')['in_use']['fingerprint'],
             'and which certificate it shows')
    return c, Page(port), given['code']


def come_in(c, page, code):
    tap.same(page.get('status').error(), (401, 'SESSION'), 'without a session nothing is told')
    for wrong in ('AAAA-BBBB-CCCC', '', code[:-1]):
        tap.same(page.setup(wrong, 'ann', PASSWORD).error(), (403, 'CODE'),
                 'a wrong setup code: %d characters' % len(wrong))
    for poor in ('short', 'aaaaaaaaaaaaaaaa', 'password1234'):
        tap.same(page.setup(code, 'ann', poor).error(), (400, 'PASSWORD'),
                 'a poor password: ' + poor)
    tap.same(page.setup(code, 'an n', PASSWORD).error(), (400, 'NAME'), 'a name with a blank')
    answer = page.setup(code.lower().replace('-', ' '), 'ann', PASSWORD)
    tap.same(answer.status, 200, 'the code, typed in another case, makes an account')
    cookie = answer.headers['set-cookie'][0]
    tap.ok(all(part in cookie for part in ('; Path=/', '; Secure', '; HttpOnly',
                                           '; SameSite=Strict')) and 'Domain' not in cookie,
           'the cookie is for this host and its own pages alone', cookie)
    tap.same(Page(page.port).setup(code, 'eve', PASSWORD).error(), (403, 'CODE'),
             'the code is good once')
    tap.same(page.get('status').status, 200, 'with the session status is told')
    tap.same(page.get('session').json()['name'], 'ann', 'and whose session it is')


def headers(page):
    for path in ('/', '/api/v1/session', '/nothing'):
        got = page.ask('GET', path).headers
        csp = got.get('content-security-policy', [''])[0]
        tap.ok("default-src 'none'" in csp and "frame-ancestors 'none'" in csp and
               "base-uri 'none'" in csp and 'unsafe' not in csp and
               got.get('x-content-type-options') == ['nosniff'] and
               got.get('referrer-policy') == ['no-referrer'] and
               got.get('x-frame-options') == ['DENY'], 'headers of ' + path, got)
    tap.same(page.get('status').headers['cache-control'], ['no-store'], 'answers are not kept')


def refusals(c, page):
    """Each by what is wrong with it alone: the control is the first line."""
    good = {'minutes': 20}
    port = page.port
    tap.same(page.api('sync/every', good).status, 200, 'the control: a change')
    for name, answer, wanted in (
            ('no cookie', page.api('sync/every', good, Cookie=None), (401, 'SESSION')),
            ('another session', page.api('sync/every', good, Cookie='__Host-ils=' + '0' * 64),
             (401, 'SESSION')),
            ('two cookies in one header',
             page.api('sync/every', good, Cookie='__Host-ils=%s; __Host-ils=%s' %
                      (page.cookie, page.cookie)), (401, 'SESSION')),
            ('Cookie twice', page.api('sync/every', good, Cookie=['__Host-ils=' + page.cookie] * 2),
             (400, 'FRAMING')),
            ('no token', page.api('sync/every', good, X_CSRF_Token=None), (403, 'CSRF')),
            ('another token', page.api('sync/every', good, X_CSRF_Token='0' * 64), (403, 'CSRF')),
            ('another Host', page.api('sync/every', good, Host='evil.example:%d' % port),
             (421, 'HOST')),
            ('no Host', page.api('sync/every', good, Host=None), (400, 'FRAMING')),
            ('another Origin', page.api('sync/every', good, Origin='https://evil.example'),
             (403, 'ORIGIN')),
            ('Origin without TLS',
             page.api('sync/every', good, Origin='http://127.0.0.1:%d' % port), (403, 'ORIGIN')),
            ('Origin null', page.api('sync/every', good, Origin='null'), (403, 'ORIGIN')),
            ('cross-site', page.api('sync/every', good, Sec_Fetch_Site='cross-site'),
             (403, 'ORIGIN')),
            ('same-site', page.api('sync/every', good, Sec_Fetch_Site='same-site'),
             (403, 'ORIGIN')),
            ('cross-site reading', page.get('status', Sec_Fetch_Site='cross-site'),
             (403, 'ORIGIN')),
            ('by GET', page.get('sync/every?minutes=20'), (405, 'METHOD')),
            ('by PUT', page.ask('PUT', '/api/v1/sync/every', good), (405, 'METHOD')),
            ('as a form', page.ask('POST', '/api/v1/sync/every', b'minutes=20',
                                   Content_Type='application/x-www-form-urlencoded'),
             (415, 'TYPE')),
            ('as text', page.ask('POST', '/api/v1/sync/every', b'{"minutes":20}',
                                 Content_Type='text/plain'), (415, 'TYPE')),
            ('chunked', page.ask('POST', '/api/v1/sync/every', Transfer_Encoding='chunked'),
             (411, 'LENGTH')),
            ('no JSON', page.ask('POST', '/api/v1/sync/every', b'{"minutes":'), (400, 'SETTING')),
            ('a key twice', page.ask('POST', '/api/v1/sync/every', b'{"minutes":1,"minutes":2}'),
             (400, 'SETTING')),
            ('no such setting', page.api('sync/every', {'hours': 1}), (400, 'SETTING')),
            ('no such command', page.api('sync/never', good), (404, 'PATH')),
            ('setup codes by the page', page.api('page/setup'), (404, 'PATH')),
            ('another path', page.ask('GET', '/../../etc/passwd'), (404, 'PATH')),
            ('too long', page.api('sync/every', {'minutes': 'x' * 70000}), (413, 'TOO_LARGE'))):
        tap.same(answer.error(), wanted, 'refused: ' + name, answer.body[:300])
    lengths = b'Content-Length: 14\r\nContent-Length: 14\r\n'
    raw = page.raw('POST', '/api/v1/sync/every', b'{"minutes":20}', Content_Length=None)
    twice = page.send(raw.replace(b'\r\n\r\n', b'\r\n' + lengths + b'\r\n', 1))
    tap.ok(b' 400 ' in twice.split(b'\r\n')[0], 'refused: two lengths', twice[:200])
    same = 'https://127.0.0.1:%d' % port
    tap.same(page.api('sync/every', good, Origin=same, Sec_Fetch_Site='same-origin').status, 200,
             'the control: from its own page')
    tap.same(page.api('sync/every', good, Host='ils.tokyo.example.com:%d' % port).status, 200,
             'the control: by the name of the cluster')
    with socket.create_connection(('127.0.0.1', port), 20) as s:
        s.sendall(b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
        s.settimeout(20)
        try:
            got = s.recv(4096)
        except ConnectionResetError:
            got = b''
    tap.ok(b'200' not in got, 'refused: without TLS', got)


def roles(c, page):
    tap.same(page.api('users', {'name': 'rob', 'password': OTHER, 'role': 'read'}).status, 200,
             'an account that may read')
    rob = Page(page.port)
    tap.same(rob.login('rob', OTHER).json()['role'], 'read', 'it logs in')
    tap.same(rob.get('clusters').status, 200, 'it reads')
    tap.same(rob.api('sync/every', {'minutes': 5}).error(), (403, 'ROLE'), 'it changes nothing')
    tap.same(rob.api('users', {'name': 'rob', 'password': OTHER}).error(), (403, 'ROLE'),
             'it does not raise itself')
    tap.same(page.api('users', {'name': 'sue', 'password': OTHER}).json()[2]['role'], 'read',
             'an account has the role read unless another is said')
    tap.same(rob.get('users').error(), (403, 'ROLE'), 'it does not see who else may come')
    tap.same(page.api('users', {'name': 'ann', 'password': PASSWORD, 'role': 'read'}).error(),
             (409, 'LAST_ADMIN'), 'the last admin stays one')
    tap.same(page.api('users/remove', {'name': 'ann'}).error(), (409, 'LAST_ADMIN'), 'and stays')
    tap.same(page.api('users/remove', {'name': 'rob'}).status, 200, 'an account goes')
    tap.same(rob.get('clusters').error(), (401, 'SESSION'), 'and its session with it')
    tap.same(rob.login('rob', OTHER).error(), (401, 'LOGIN'), 'it does not come in again')


def guessing(c, page):
    other = Page(page.port)
    said = []
    for _ in range(8):
        said.append(other.login('ann', 'wrong wrong wrong').error())
    tap.ok((401, 'LOGIN') in said and said[-1] == (429, 'WAIT'),
           'whoever guesses must wait', said)
    tap.same(page.get('status').status, 200, 'who is in stays in')
    tap.ok(wait_until(lambda: page.login('ann', PASSWORD).status == 200, 40),
           'the right password is good after the waiting')
    unknown = other.login('nobody', 'wrong wrong wrong').error()
    tap.same(unknown, (401, 'LOGIN'), 'an unknown name is refused by the same words')


def commands(c, page):
    for command in ('status', 'clusters', 'auth show', 'alarms', 'hubs', 'door list'):
        mine = page.get(command.replace(' ', '/')).json()
        tap.same(sorted(mine), ['exit', 'ok', 'result'], 'the answer to %s has its shape' % command)
    tap.same(page.get('clusters').json()['result'], c.ask('clusters')['result'],
             'clusters are those of the control socket')
    tap.same(page.get('audit?max=1').json()['result'][0]['who'].split(' ')[0], 'ann',
             'the audit says who it was')
    tap.same(page.get('audit?max=x').error(), (400, 'SETTING'), 'a number that is none')
    rows = page.get('audit?max=2').json()['result']
    older = page.get('audit?max=1&before=' + rows[0]['id']).json()['result']
    tap.same(older, rows[1:], 'the next page of the audit')
    tap.same(page.get('trace/last?before=1&level=error').json()['result'], [], 'and of the trace')
    tap.same(page.get('verdict?id=' + 16 * '0').json()['result']['verdict'], None,
             'a verdict that nobody knows, by GET')
    tap.same(page.get('lookup?dialled=%2B81312345678').json()['ok'], True, 'a lookup by GET')
    csv = b'PatternType,PSTNFailover,Pattern\r\nE164,ITSELF,+81665550123\r\n'
    got = page.ask('POST', '/api/v1/plan/import?source=HQ', csv, Content_Type='text/csv')
    tap.same((got.status, got.json().get('ok')), (200, True), 'a file is imported', got.body)
    got = page.api('plan/import', {'source': 'B', 'content': 'PatternType,Pattern\r\nbad,row\r\n'})
    tap.same(got.status, 409, 'a bad file is refused', got.body[:300])
    tap.ok(got.json()['error']['text'], 'and says why')
    whole = page.get('plan/export').json()
    tap.ok('+81665550123' in json.dumps(whole['lines']), 'an export comes with its lines')
    lines = page.get('plan/export', Accept='application/x-ndjson').body.splitlines()
    tap.ok(len(lines) > 1 and json.loads(lines[-1])['ok'], 'or line by line')
    got = page.api('diagnose/trace', {'content': 'no trace'})
    tap.same(got.error(), (409, 'TRACE'), 'what is no trace is refused')
    wrong = page.ask('POST', '/api/v1/cert/install?password=x', b'x', Content_Type='text/plain')
    tap.same(wrong.error(), (400, 'SETTING'), 'a secret is not taken out of an address')


def password(c, page):
    tap.same(page.api('password/add', {'generation': 1, 'password': CANARY}).json()['ok'], True,
             'the password of the network is set')
    other = c.net.cluster('osaka').init(password=CANARY)
    form = {'role': 'hub', 'use_tls': False, 'use_password': True, 'password': CANARY}
    got = page.api('configure', dict(form, minutes=1441)).json()
    tap.same(got['error']['where'], 'minutes', 'a form names its first mistake')
    got = page.api('configure', dict(form, dry_run=True)).json()['result']
    tap.same([row['field'] for row in got['changes']],
             ['role', 'use_tls', 'use_password', 'accept'],
             'a form is told beforehand; its password is the one that is held')
    tap.same(page.get('status').json()['result']['role'], 'Standalone', 'and nothing is done')
    tap.same(page.api('configure', form).json()['ok'], True, 'without dry_run it is done')
    tap.same(other.join(c)['code'], 'ILS-100', 'it is the one that ils would have made of it')
    one, two = ['\n'.join(end.trace_lines()).encode() for end in (c, other)]
    got = page.ask('POST', '/api/v1/diagnose/trace?names=a&names=b&second_bytes=%d' % len(two),
                   one + two, Content_Type='text/plain').json()['result']
    tap.same((got['explained'], [f['name'] for f in got['files']],
              got['attempts'][-1]['pairing']), (True, ['a', 'b'], 'address'),
             'the traces of both ends are the body of a request')
    names = [n for events in [page.events()]
             for _, (n, _) in zip(range(5), events)]
    tap.same(sorted(names), ['alarms', 'clusters', 'hubs', 'status', 'verdicts'],
             'events tell all tables')
    seen = page.events()
    found = False
    other.must('describe', '--description', 'told live')
    for _, (name, answer) in zip(range(40), seen):
        found = found or (name == 'clusters' and 'osaka' in json.dumps(answer))
        if found:
            break
    tap.ok(found, 'a cluster that joined is in the events')


def proofs(c, page):
    tap.same(page.api('session/proof', {'password': 'wrong wrong wrong'}).error(), (403, 'LOGIN'),
             'a wrong password is no proof')
    tap.same(page.prove(PASSWORD).json()['proved'], True,
             'the right one is')


DELICATE = (('auth/set', {'tls': True}), ('configure', {'use_tls': True}),
            ('configure', {'password': OTHER, 'dry_run': True}),
            ('password/add', {'generation': 2, 'password': OTHER}),
            ('password/drop', {'generation': 2}), ('trust/import', {'verdict': '00'}),
            ('trust/remove', {'fingerprint': '00'}), ('cert/renew', {}), ('invite', {}),
            ('token/add', {'name': 'x'}), ('door/set', {'door': 'http', 'listen': 'off'}),
            ('page/set', {'second_factor': 'optional'}), ('session/factor', {}),
            ('users', {'name': 'rob', 'password': OTHER}), ('users/remove', {'name': 'rob'}))


def old_proofs(c, page):
    """An ilsd to which every password was given long ago; the control is the ordinary one."""
    for path, body in DELICATE:
        answer = page.api(path, body).error()
        tap.ok(answer != (403, 'PROOF'), 'with a recent password: ' + path, answer)
    c.stop()
    c.command = lambda: [OLD_PROOF] + type(c).command(c)[1:]
    c.start()
    page.login('ann', PASSWORD)
    tap.same(page.api('sync/every', {'minutes': 20}).status, 200, 'what is not delicate goes on')
    tap.same(page.api('configure', {'minutes': 20, 'use_tls': False, 'dry_run': True}).status, 200,
             'nor is asking what a form would do')
    for path, body in DELICATE:
        tap.same(page.api(path, body).error(), (403, 'PROOF'), 'with an old one: ' + path)
    del c.command


def quiet(c, page):
    """A stream of events begins at once, not with the first of them."""
    c.must('trace', 'level', 'error')
    with page.connect() as s:
        s.settimeout(5)
        s.sendall(page.raw('GET', '/api/v1/trace/follow', Accept='text/event-stream'))
        try:
            begun = s.recv(100)
        except TimeoutError:
            begun = b''
    tap.ok(begun.startswith(b'HTTP/1.1 200'), 'a trace without lines is open all the same', begun)
    c.must('trace', 'level', 'detailed')


def leaving(c, page):
    """Who hangs up takes nothing with him."""
    for i in range(20):
        with page.connect() as s:
            s.sendall(page.raw('GET', '/api/v1/events' if i % 2 else '/api/v1/trace/follow',
                               Accept='text/event-stream'))
            if i % 4 == 1:
                s.recv(100)
    with page.connect() as s:
        s.sendall(page.raw('POST', '/api/v1/session/proof', {'password': PASSWORD}))
    tap.same(page.get('status').status, 200, 'after those who hung up others are served')


def document(page):
    got = Page(page.port).get('openapi.json').json()
    known = {path for path in got['paths']}
    tap.ok({'/status', '/plan/import', '/session', '/events', '/auth/set'} <= known,
           'the OpenAPI document has the commands')
    for path, methods in got['paths'].items():
        for method in methods:
            if method == 'post' and path not in ('/session', '/setup'):
                answer = Page(page.port).ask('POST', '/api/v1' + path, {})
                if answer.error() != (401, 'SESSION'):
                    tap.ok(False, 'no session: POST ' + path, answer.error())
            elif method == 'get' and path not in ('/session',):
                answer = Page(page.port).get(path[1:])
                if answer.error() != (401, 'SESSION'):
                    tap.ok(False, 'no session: GET ' + path, answer.error())
    tap.ok(True, 'each of its %d paths wants a session' % len(known))


def after_restart(c, page):
    c.restart()
    tap.same(page.get('status').error(), (401, 'SESSION'), 'a restart ends the sessions')
    tap.same(page.login('ann', PASSWORD).status, 200, 'the account is there, and the page')
    tap.same(page.ask('DELETE', '/api/v1/session').status, 200, 'logged out')
    tap.same(page.get('status').error(), (401, 'SESSION'), 'the session is over')
    tap.same(c.json('page')['users'][0]['name'], 'ann', 'ils page lists the account')
    c.must('page', 'remove', 'ann')
    tap.same(page.login('ann', PASSWORD).error(), (401, 'LOGIN'), 'ils page remove takes it away')
    c.must('door', 'set', 'page', '--listen', 'off')
    tap.ok(closed(page.port), 'the door is closed again')


def secrets(c, page, code, cookies):
    """No byte of a secret in what is kept; the control is a word that is kept."""
    words = {'password': PASSWORD, 'another': OTHER, 'network': CANARY, 'code': code}
    for i, cookie in enumerate(cookies):
        words['session %d' % i] = cookie
    kept = b''
    for path in glob.glob(c.data + '/**', recursive=True) + [c.output]:
        if os.path.isfile(path):
            with open(path, 'rb') as handle:
                kept += handle.read()
    tap.ok(b'page user name=ann' in kept, 'the control: the audit is looked through')
    for name, word in words.items():
        tap.ok(word.encode() not in kept, 'not kept: ' + name)


def trusted(net):
    """As a browser does it that knows one authority: the chain, the name, the dates."""
    name, port = 'ils.nara.example.com', free_port()
    c = net.cluster('nara')
    pki = Pki(os.path.join(net.folder, 'pki'))
    root = pki.authority('Root')
    leaf = pki.leaf(name, root)
    c.must('init', '--cluster-id', 'nara', '--fqdn', name)
    c.must('page', 'setup', '--listen', '127.0.0.1:%d' % port)

    def verify(host):
        context = ssl.create_default_context(cafile=root.pem)
        try:
            with socket.create_connection(('127.0.0.1', port), 20) as plain, \
                    context.wrap_socket(plain, server_hostname=host) as s:
                return s.getpeercert() is not None
        except ssl.SSLCertVerificationError:
            return False

    tap.same(verify(name), False, 'V12.2.2: the control: one of its own nobody else vouches for')
    c.must('cert', 'install', leaf.file, '--key', leaf.key, '--now')
    tap.ok(wait_until(lambda: verify(name)),
           'V12.2.2: the page shows the certificate that was installed, with its chain')
    tap.same(verify('ils.kobe.example.com'), False, 'V12.2.2: the control: for its name alone')


with Network() as net:
    cluster, user, setup_code = set_up(net)
    tap.run(come_in, cluster, user, setup_code)
    first = user.cookie or 'none'
    tap.run(headers, user)
    tap.run(refusals, cluster, user)
    tap.run(roles, cluster, user)
    tap.run(commands, cluster, user)
    tap.run(password, cluster, user)
    tap.run(guessing, cluster, user)
    tap.run(proofs, cluster, user)
    tap.run(document, user)
    tap.run(trusted, net)
    tap.run(quiet, cluster, user)
    tap.run(leaving, cluster, user)
    tap.run(old_proofs, cluster, user)
    last = user.cookie or 'none'
    tap.run(after_restart, cluster, user)
    tap.run(secrets, cluster, user, setup_code, [first, last])
tap.done()
