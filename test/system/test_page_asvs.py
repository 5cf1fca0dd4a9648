#!/usr/bin/env python3
"""The admin page held to OWASP ASVS 5.0.0, levels 1 and 2: each check begins with the number of the
requirement that it shows, and docs/asvs.md says of each where it is met. The law test `law asvs`
holds both to each other. What a browser must show is in test/page."""
import glob
import os
import re
import socket
import ssl
import threading
import time
import warnings

from harness import BUILD, Network, Tap, free_port, wait_until
from page import Answer, Page

tap = Tap()
BRIEF = os.path.join(BUILD, 'test', 'system', 'ilsd_brief')
ONE = 'correct horse battery'
TWO = 'a second long pass phrase'
MARK = '<script>alert(1)</script>'


def set_up(net):
    c = net.cluster('tokyo')
    c.stop()
    kept = os.stat(c.output)  # as under systemd: what goes to the journal is in the file
    c.env['JOURNAL_STREAM'] = '%d:%d' % (kept.st_dev, kept.st_ino)
    c.start()
    port = free_port()
    c.must('init', '--cluster-id', 'tokyo-east', '--fqdn', 'ils.tokyo.example.com')
    given = c.json('page', 'setup', '--listen', '127.0.0.1:%d' % port)
    tap.same(Page(port).get('session').json(), {'accounts': False},
             'V13.2.3: nobody has an account before one is made')
    return c, Page(port), given['code']


def brief(net):
    """An ilsd whose sessions end after 3 s without a request and after 6 s: beside the others,
    since it takes its time. The checks are those of what the thread says."""
    c = net.cluster('brief', start=False)
    c.command = lambda: [BRIEF] + type(c).command(c)[1:]
    c.start()
    port = free_port()
    c.must('init', '--cluster-id', 'brief', '--fqdn', 'ils.brief.example.com')
    code = c.json('page', 'setup', '--listen', '127.0.0.1:%d' % port)['code']
    page, said = Page(port), {}
    page.setup(code, 'ann', ONE)

    def wait():
        begun, one, two = time.monotonic(), page, Page(port)
        two.login('ann', ONE)
        while one.get('status').status == 200 and time.monotonic() - begun < 30:
            said['used'] = time.monotonic() - begun
            time.sleep(0.2)
        said['whole'] = time.monotonic() - begun
        said['idle'] = two.get('status').error()
        two.login('ann', ONE)
        with two.connect() as s:
            s.settimeout(20)
            s.sendall(two.raw('GET', '/api/v1/events'))
            begun = time.monotonic()
            said['ends'] = ends(s)
            said['seconds'] = time.monotonic() - begun
    thread = threading.Thread(target=wait)
    thread.start()
    return thread, said


def over_time(thread, said):
    thread.join()
    tap.ok(3.2 < said['used'] and said['whole'] < 20,
           'V7.3.2: a session that is used ends all the same', said)
    tap.same(said['idle'], (401, 'SESSION'), 'V7.3.1: one that is not used ends before')
    tap.ok(said['ends'] and 1 < said['seconds'] < 12,
           'V7.3.1: events that are told do not keep it, and end with it', said)


def other(page, name, password):
    user = Page(page.port)
    user.login(name, password)
    return user


# --- V1, V2: what comes in

def encoding(c, page):
    answer = page.ask('GET', '/api/v1/' + MARK)
    tap.ok(MARK.encode() not in answer.body and answer.status == 404,
           'V1.2.1: a path with markup is not told back', answer.body)
    hostile = '"};' + MARK + '\\'
    page.api('describe', {'description': hostile})
    answer = page.get('status')
    tap.same((answer.headers['content-type'], answer.json()['result']['description']),
             (['application/json'], hostile), 'V1.2.3: what is told back in JSON is encoded')
    tap.same(c.json('status')['description'], hostile, 'V1.1.2: what is kept is what was given')
    for name in (MARK, 'a\x1b[31m', 'a\nb', '../a', 'a' * 65):
        tap.same(page.api('users', {'name': name, 'password': TWO}).error(), (400, 'NAME'),
                 'V1.3.3: no name of an account: %r' % name[:20])
    page.api('describe', {'description': 'tokyo'})
    table = page.get('sql?query=select%20name%20from%20hubs%20where%20name%3D%27x').json()
    tap.ok(not table['ok'], 'V1.2.4: a query that does not end is an error and no more', table)
    learned = page.get("learned?search=%27%20or%201=1--").json()
    tap.same(learned['ok'], True, 'V1.2.4: a quote in a search is a quote', learned)
    tap.same(page.get('audit?max=%2531').error(), (400, 'SETTING'),
             'V1.1.1: what is encoded twice is decoded once')
    tap.same(page.get('audit?max=%31').status, 200, 'V1.1.1: the control: encoded once')
    tap.same(page.ask('POST', '/api/v1/sync/every', b'{"minutes": 99999999999999999999}').status,
             400, 'V1.4.2: a number that no integer holds is refused')
    tap.same(page.api('sync/every', {'minutes': [20]}).error(), (400, 'SETTING'),
             'V1.5.2: a list where a number is wanted is refused')
    deep = b'[' * 30000 + b']' * 30000
    tap.same(page.ask('POST', '/api/v1/sync/every', deep).error(), (400, 'SETTING'),
             'V1.5.2: JSON that is nested 30 000 deep is refused')


def validation(c, page):
    tap.same(page.api('sync/every', {'minutes': 0}).json()['ok'], False,
             'V2.2.1: a value outside of its range is refused')
    tap.same(page.api('role', {'role': 'king'}).json()['ok'], False,
             'V2.2.2: what no form offers is refused')
    tap.same(page.api('role', {'role': 'spoke'}).json()['ok'], False,
             'V2.2.3: a spoke wants a hub')
    tap.same(page.api('sync/every', {'minutes': '20'}).error(), (400, 'SETTING'),
             'V15.3.5: a number as text is refused')
    tap.ok(page.api('init', {'cluster_id': 'x'}).status in (400, 409),
           'V2.3.1: a cluster that is initialised is not initialised once more')
    tap.same(page.api('users', {'name': 'eve', 'password': TWO, 'role': 'read', 'made': '0'})
             .error(), (400, 'REQUEST'), 'V15.3.3: a field that is not for the asker is refused')
    tap.same(page.api('session', {'name': 'ann', 'password': ONE, 'word': 'x'}).error(),
             (400, 'REQUEST'), 'V15.3.3: a part of the name of a field is no field')
    tap.same(page.ask('POST', '/api/v1/sync/every?minutes=5', {'minutes': 20}).error(),
             (400, 'SETTING'), 'V15.3.7: an argument in the body and in the address is refused')
    tap.same(page.get('audit?max=1&max=2').error(), (400, 'SETTING'),
             'V15.3.7: an argument that is there twice is refused')
    good = b'PatternType,PSTNFailover,Pattern\r\nE164,ITSELF,+81665550123\r\n'
    page.ask('POST', '/api/v1/plan/import?source=HQ', good, Content_Type='text/csv')
    bad = page.api('plan/import', {'source': 'HQ', 'content': 'PatternType,Pattern\r\nbad,row\r\n'})
    tap.ok(bad.status == 409 and '+81665550123' in page.get('plan/export').body.decode(),
           'V2.3.3: a file with a bad row changes nothing', bad.body)
    tap.same(page.api('plan/import', {'source': 'HQ', 'content': '\x7fELF\x01\x01'}).json()['ok'],
             False, 'V5.2.2: a file of another kind is refused')
    tap.ok(page.api('trust/bundle/import', {'content': 'no certificate'}).json()['ok'] is False,
           'V5.2.2: a file that is no certificate is refused')


# --- V3, V4: what a browser is told

def headers(c, page):
    got = {}
    for path in ('/', '/assets/page.js', '/api/v1/session', '/api/v1/status', '/nothing'):
        answer = page.ask('GET', path)
        got[path] = answer.headers
    got['refused'] = page.ask('POST', '/api/v1/sync/every', {}, X_CSRF_Token='0').headers
    for name, raw in unread(page):
        answer = Answer(page.send(raw))
        got[name] = answer.headers
        tap.same(answer.error(), (400, 'FRAMING'), 'V4.1.1: what is no request: ' + name)
    behind = page.send(page.raw('GET', '/', Connection='keep-alive') * 3 +
                       b'GET / HTTP/1.1\r\n\r\n')
    tap.same([behind.count(word) for word in (b'HTTP/1.1 200 ', b'HTTP/1.1 400 ',
                                              b'\r\nContent-Security-Policy: ')], [3, 1, 4],
             'V3.4.3: behind three requests as well')
    tap.same(page.send(b'\x16\x03\x01\x02\r\n\r\n'), b'',
             'V4.1.1: what has no words is not answered')
    got['events'] = first(page, '/api/v1/events').headers

    def each(wanted):
        return [path for path, h in got.items() if not wanted(h)]

    def csp(h):
        return dict((d.split(' ')[0], d.split(' ')[1:])
                    for d in h.get('content-security-policy', [''])[0].split('; '))
    tap.same(each(lambda h: h.get('strict-transport-security') ==
                  ['max-age=31536000; includeSubDomains']), [],
             'V3.4.1: every answer wants TLS of the browser for a year')
    tap.same(each(lambda h: csp(h).get('object-src') == ["'none'"] and
                  csp(h).get('base-uri') == ["'none'"] and
                  csp(h).get('default-src') == ["'none'"] and
                  csp(h).get('script-src') == ["'self'"] and
                  'unsafe' not in h['content-security-policy'][0]), [],
             'V3.4.3: every answer has a policy that lets nothing run but our own')
    tap.same(each(lambda h: h.get('x-content-type-options') == ['nosniff']), [],
             'V3.4.4: every answer forbids to guess its type')
    tap.same(each(lambda h: h.get('referrer-policy') == ['no-referrer']), [],
             'V3.4.5: no address is told to others')
    tap.same(each(lambda h: csp(h).get('frame-ancestors') == ["'none'"]), [],
             'V3.4.6: nothing of it is shown in a frame')
    tap.same(each(lambda h: not any(k.startswith('access-control') for k in h)), [],
             'V3.4.2: no other origin is let in (CORS)')
    tap.same(each(lambda h: h.get('cross-origin-resource-policy') == ['same-origin']), [],
             'V3.2.1: no other page loads an answer as a resource')
    tap.same(each(lambda h: 'location' not in h and 'refresh' not in h), [],
             'V3.7.2: nobody is sent elsewhere')
    tap.same(got['refused']['cache-control'], ['no-store'],
             'V14.2.2: a refusal is kept nowhere on the way')
    types = {path: h['content-type'][0] for path, h in got.items()}
    tap.same((types['/'], types['/assets/page.js'], types['/api/v1/status'], types['events']),
             ('text/html; charset=utf-8', 'text/javascript; charset=utf-8', 'application/json',
              'text/event-stream'), 'V4.1.1: every answer says its type, and texts their encoding')
    tap.same((got['/api/v1/status']['cache-control'], got['/api/v1/session']['cache-control'],
              got['events']['cache-control']), (['no-store'],) * 3,
             'V14.3.2: what a session sees is not kept by the browser')


def unread(page):
    """What a library answers before anybody is asked."""
    host = b'Host: 127.0.0.1:%d\r\n' % page.port
    return (('no Host', b'GET / HTTP/1.1\r\n\r\n'),
            ('another version', b'GET / HTTP/3.7\r\n' + host + b'\r\n'),
            ('a header without a colon', b'GET / HTTP/1.1\r\n' + host + b'nothing\r\n\r\n'),
            ('a length that is none', b'POST / HTTP/1.1\r\n' + host + b'Content-Length: x\r\n\r\n'),
            ('a line without an end', b'GET /' + b'a' * 200000),
            ('a head without an end', b'GET / HTTP/1.1\r\n' + host + b'x: y\r\n' * 40000))


def first(page, path):
    """The head of an answer that does not end."""
    with page.connect() as s:
        s.settimeout(20)
        s.sendall(page.raw('GET', path, Accept='text/event-stream'))
        raw = b''
        while b'\r\n\r\n' not in raw:
            raw += s.recv(4096)
        return Answer(raw)


def cross_site(c, page):
    """As the browser of somebody who is logged in would send it for a page of another place; the
    cookie is there, though SameSite would leave it out."""
    good, port = {'minutes': 20}, page.port
    same = 'https://127.0.0.1:%d' % port
    tap.same(page.api('sync/every', good, Origin=same, Sec_Fetch_Site='same-origin').status, 200,
             'V3.5.1: the control: a change from the page itself')
    for name, wanted, kind in (
            ('a form', (403, 'ORIGIN'), 'application/x-www-form-urlencoded'),
            ('a form of plain text', (403, 'ORIGIN'), 'text/plain'),
            ('a script', (403, 'ORIGIN'), 'application/json')):
        tap.same(page.ask('POST', '/api/v1/sync/every', b'{"minutes":20}', X_CSRF_Token=None,
                          Origin='https://evil.example', Sec_Fetch_Site='cross-site',
                          Content_Type=kind).error(), wanted,
                 'V3.5.1: a change by %s of another page is refused' % name)
    tap.same(page.api('sync/every', good, X_CSRF_Token=None).error(), (403, 'CSRF'),
             'V3.5.1: and without the token also where no Origin is sent')
    for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'):
        tap.same(page.ask('POST', '/api/v1/sync/every', b'{"minutes":20}', Content_Type=kind)
                 .error(), (415, 'TYPE'), 'V3.5.2: no change by a body that needs no preflight: '
                 + kind)
    asked = page.ask('OPTIONS', '/api/v1/sync/every', Origin='https://evil.example', Cookie=None,
                     Access_Control_Request_Method='POST',
                     Access_Control_Request_Headers='x-csrf-token,content-type')
    tap.ok(asked.status == 403 and not any(k.startswith('access-control') for k in asked.headers),
           'V3.5.2: a preflight is not answered', asked.headers)
    for method in ('GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'TRACE', 'DELETE', 'QUERY'):
        tap.same(page.ask(method, '/api/v1/sync/every?minutes=20').status, 405,
                 'V3.5.3: no change by ' + method)
    for site in ('cross-site', 'same-site'):
        tap.same(page.get('status', Sec_Fetch_Site=site, Sec_Fetch_Dest='image').error(),
                 (403, 'ORIGIN'), 'V3.5.3: no answer of the API to another page: ' + site)
    for site in ('cross-site', 'same-site'):
        tap.same(Page(port).ask('POST', '/api/v1/session', {'name': 'ann', 'password': ONE},
                                Sec_Fetch_Site=site).error(), (403, 'ORIGIN'),
                 'V7.6.2: nobody is logged in by another page: ' + site)
    for method in ('TRACE', 'TRACK', 'CONNECT'):
        tap.ok(page.ask(method, '/').status in (400, 403, 404, 405),
               'V13.4.4: %s is refused' % method)


def rebinding(c, page):
    """Somebody else's name that points here: the browser believes it is his page."""
    port = page.port
    for host in ('evil.example', 'evil.example:%d' % port, 'localhost.evil.example',
                 '127.0.0.1.evil.example', 'ils.tokyo.example.com.', 'ils.tokyo.example.com@evil',
                 '[::1', '[evil]x', '', 'localhost\tevil', 'evil%00.localhost'):
        answer = page.api('sync/every', {'minutes': 20}, Host=host, Origin='https://' + host,
                          Sec_Fetch_Site='same-origin')
        tap.same(answer.error(), (421, 'HOST'), 'V3.5.4: rebinding: Host %r' % host, answer.body)
        tap.same(page.ask('GET', '/', Host=host).status, 421, 'V3.5.4: and no page: %r' % host)
    for host in ('127.0.0.1:%d' % port, 'localhost:%d' % port, 'ILS.tokyo.example.com:%d' % port,
                 '[::1]:%d' % port):
        tap.same(page.api('sync/every', {'minutes': 20}, Host=host, Origin='https://' + host,
                          Sec_Fetch_Site='same-origin').status, 200,
                 'V3.5.4: the control: Host ' + host)


def smuggling(c, page):
    good = page.raw('POST', '/api/v1/sync/every', {'minutes': 20}, Connection='keep-alive')
    second = page.raw('GET', '/api/v1/session')

    def answers(raw):
        return re.findall(rb'HTTP/1\.1 (\d+)', page.send(raw))
    tap.same(answers(good + second), [b'200', b'200'], 'V4.2.1: the control: two requests')
    hidden = b'GET /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
    head = (b'POST /api/v1/sync/every HTTP/1.1\r\nHost: 127.0.0.1\r\n'
            b'Content-Type: application/json\r\n')
    for name, lines in (
            ('a length and chunks', b'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n'),
            ('chunks and a length', b'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n'),
            ('chunks by another name', b'Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n'),
            ('two lengths', b'Content-Length: 0\r\nContent-Length: 60\r\n'),
            ('a length with a sign', b'Content-Length: +4\r\n'),
            ('a length that is none', b'Content-Length: 0x4\r\n'),
            ('a length that is negative', b'Content-Length: -1\r\n'),
            ('a length in a list', b'Content-Length: 4, 4\r\n'),
            ('a length of 2^64', b'Content-Length: 18446744073709551616\r\n'),
            ('a blank before the colon', b'Content-Length : 4\r\nContent-Length: 0\r\n'),
            ('a line that goes on', b'Content-Length:\r\n 4\r\n')):
        got = page.send(head + lines + b'\r\n0\r\n\r\n' + hidden)
        tap.ok(re.match(rb'HTTP/1\.1 4\d\d ', got) and b'HTTP/1.1 2' not in got,
               'V4.2.1: refused, and nothing behind it is answered: ' + name, got)
    for name, target in (('an absolute target', b'https://evil.example/api/v1/session'),
                         ('a fragment', b'/api/v1/session#x'), ('a tab', b'/api\t/v1/session')):
        got = page.send(b'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' % target)
        tap.ok(b'HTTP/1.1 200' not in got, 'V4.2.1: no other way to write a path: ' + name, got)
    tap.same(page.get('audit?max=1', X_Forwarded_For='192.0.2.9', X_Real_IP='192.0.2.9',
                      Forwarded='for=192.0.2.9').status, 200, 'V4.1.3: a request by a proxy')
    page.api('sync/every', {'minutes': 21}, X_Forwarded_For='192.0.2.9', X_Real_IP='192.0.2.9')
    who = page.get('audit?max=1').json()['result'][0]['who']
    tap.same(who, 'ann (page, 127.0.0.1)', 'V4.1.3: what it says of the source is not believed')
    tap.same(who, 'ann (page, 127.0.0.1)', 'V15.3.4: the source is that of the connection')


def files(c, page):
    for path in ('/assets/../index.html', '/assets/..%2findex.html', '/assets//page.js', '//',
                 '/./', '/assets/%2e%2e/%2e%2e/etc/passwd', '/assets/..\\index.html', '/assets',
                 '/assets/', '/assets/page.js/', '/assets/page.js%00.css', '/etc/passwd',
                 '/.git/config', '/.svn/entries', '/index.html.bak', '/server-status'):
        number = '13.4.1' if '.git' in path or '.svn' in path else \
            '13.4.3' if path.rstrip('/') == '/assets' else '5.3.2'
        answer = page.ask('GET', path)
        tap.same(answer.error(), (404, 'PATH'), 'V%s: no file by %s' % (number, path))
    plain = page.ask('GET', '/', Accept_Encoding=None)
    tap.same(plain.error(), (406, 'ENCODING'),
             'V4.1.1: whoever takes nothing compressed gets nothing compressed')
    for offered, status in (('gzip;q=0', 406), ('identity', 406), ('gzip, deflate, br', 200),
                            ('*', 200), ('*;q=0', 406), ('br;q=1.0, GZIP;q=0.5', 200)):
        tap.same(page.ask('GET', '/', Accept_Encoding=offered).status, status,
                 'V4.1.1: Accept-Encoding: ' + offered)


# --- V6: who comes in

POOR = ('short', 'elevenchars', 'パスワード', 'aaaaaaaaaaaaaaaa', 'password1234', 'P@ssw0rd2026!',
        'qwertyuiop123', '1q2w3e4r5t6y', '1qaz2wsx3edc', '123456789012', '987654321987',
        'abc123abc123', 'abcdefghijkl', 'administrator', 'letmein12345', 'iloveyou1234',
        'liverpool2026', 'michael19791979', 'changeme1234', 'welcome12345', 'football1234!',
        'passwordpassword', 'trustno1trustno1', 'sunshine123456', 'princess20261123')
CONTEXT_WORDS = ('openils12345', 'OpenILS-2026!', 'ilsdilsdilsd', 'tokyo-east2026', 'Tokyo123456!',
                 'ann123456789', 'callmanager1', 'cucm12345678', 'example12345', 'dialplan2026')


def passwords(c, page):
    for poor in POOR:
        number = '6.2.1' if len(poor) < 12 else '6.2.4'
        tap.same(page.api('users', {'name': 'rob', 'password': poor}).error(), (400, 'PASSWORD'),
                 'V%s: refused: %s' % (number, poor))
    for poor in CONTEXT_WORDS:
        tap.same(page.api('users', {'name': 'ann', 'password': poor, 'role': 'admin'}).error(),
                 (400, 'PASSWORD'), 'V6.2.11: refused: ' + poor)
    long = 'Only small letters and blanks, 64 characters and more: ' + 'xyzzy plugh ' * 30
    cut = long[:60]
    for number, good in (('6.2.9', long), ('6.2.5', 'twelvesmalls-forest'),
                         ('6.2.5', '漢字とかなの長い合い言葉です'), ('6.2.8', '  Two Blanks, Case  ')):
        tap.same(page.api('users', {'name': 'rob', 'password': good, 'role': 'read'}).status, 200,
                 'V%s: taken: %s' % (number, good[:40]))
    tap.same(Page(page.port).login('rob', 'Two Blanks, Case').error(), (401, 'LOGIN'),
             'V6.2.8: without its blanks it is another')
    tap.same(Page(page.port).login('rob', '  two blanks, case  ').error(), (401, 'LOGIN'),
             'V6.2.8: in another case it is another')
    tap.ok(cut != long, 'V6.2.9: the control: 60 characters are another password')
    page.api('users', {'name': 'rob', 'password': TWO, 'role': 'read'})


def own_password(c, page):
    rob, elsewhere = other(page, 'rob', TWO), other(page, 'rob', TWO)
    three = 'the third one of this account'
    tap.same(rob.api('session/password', {'new': three}).error(), (403, 'LOGIN'),
             'V6.2.3: a new password wants the present one')
    tap.same(rob.api('session/password', {'password': 'not mine at all', 'new': three}).error(),
             (403, 'LOGIN'), 'V6.2.3: the right one')
    tap.same(rob.api('session/password', {'password': TWO, 'new': 'password1234'}).error(),
             (400, 'PASSWORD'), 'V6.2.4: a poor one is refused here too')
    before = rob.cookie
    tap.same(rob.enter(rob.api('session/password', {'password': TWO, 'new': three})).status, 200,
             'V6.2.2: everybody changes his own, also who may only read')
    tap.same(rob.get('session').json().get('name'), 'rob', 'V6.2.2: and is in')
    tap.same(elsewhere.get('status').error(), (401, 'SESSION'),
             'V7.4.3: his other sessions have ended')
    tap.same(rob.get('status', Cookie='__Host-ils=' + before).error(), (401, 'SESSION'),
             'V7.2.4: and the id that he had')
    tap.same(Page(page.port).login('rob', TWO).error(), (401, 'LOGIN'),
             'V6.2.2: not by the old one')
    tap.same(rob.get('session').json()['role'], 'read', 'V8.2.1: his role is what it was')
    rob.enter(rob.api('session/password', {'password': three, 'new': TWO}))
    tap.same(rob.api('session/proof', {'password': 'no'}).error(), (403, 'LOGIN'),
             'V7.5.1: a proof wants the password')
    token = c.json('token', 'add', 'pbx')['token']
    for scheme in ('Bearer ' + token, 'Basic YW5uOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ=='):
        tap.same(Page(page.port).get('status', Authorization=scheme).error(), (401, 'SESSION'),
                 'V6.3.4: no other way in: ' + scheme.split(' ', maxsplit=1)[0])
    kept = b''
    for path in glob.glob(c.data + '/**', recursive=True):
        if os.path.isfile(path):
            with open(path, 'rb') as handle:
                kept += handle.read()
            tap.ok(os.stat(path).st_mode & 0o007 == 0,
                   'V16.4.2: for nobody else: ' + os.path.basename(path))
    hashes = set(re.findall(rb'\$argon2id\$v=19\$m=65536,t=3,p=1\$([A-Za-z0-9+/]{22})\$', kept))
    tap.ok(len(hashes) >= 2, 'V11.4.2: passwords are kept by Argon2id, each with its salt', hashes)
    tap.ok(TWO.encode() not in kept, 'V11.4.2: and not as they are')


def setup_codes(c, page, code):
    tap.ok(re.fullmatch('[A-Z2-7]{4}(-[A-Z2-7]{4}){2}', code),
           'V6.5.4: a setup code has 60 bits', code)
    tap.same(Page(page.port).setup(code, 'eve', TWO).error(), (403, 'CODE'),
             'V6.5.1: a code is good once')
    codes = [c.json('page', 'setup')['code'] for _ in range(20)]
    tap.same(len(set(codes)), 20, 'V6.5.3: no two codes are alike')
    tap.same(Page(page.port).setup(codes[0], 'eve', TWO).error(), (403, 'CODE'),
             'V6.4.1: a code ends when another one is made')
    page.login('ann', ONE)  # so that nobody waits
    last, guesser = c.json('page', 'setup')['code'], Page(page.port)
    said = [guesser.setup('AAAA-BBBB-CCCC', 'eve', TWO).error() for _ in range(5)]
    tap.same(said, [(403, 'CODE')] * 5, 'V6.6.3: wrong codes are refused')
    tap.same(guesser.setup(last, 'eve', TWO).error(), (429, 'WAIT'),
             'V6.6.3: after five of them one waits')
    said = wait_until(lambda: [e for e in [guesser.setup(last, 'eve', TWO).error()]
                               if e != (429, 'WAIT')], 20, 0.3)
    tap.same(said, [(403, 'CODE')], 'V6.6.3: and the right one is good no more')
    tap.ok(wait_until(lambda: other(page, 'ann', ONE).cookie, 30),
           'V6.1.1: nobody is locked out: after the waiting the password is good')
    for name in ('admin', 'root', 'sa', 'openils', 'administrator', 'guest'):
        tap.ok(name not in [u['name'] for u in page.get('users').json()],
               'V6.3.2: there is no account that nobody made: ' + name)


def guessing(c, page):
    """Many at once, from one address: those on their way when the waiting begins are not told."""
    codes = []

    def one():
        codes.append(Page(page.port).login('ann', 'wrong wrong wrong').error())
    for _ in range(4):
        one()
    threads = [threading.Thread(target=one) for _ in range(7)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wrong = codes.count((401, 'LOGIN'))
    tap.ok(5 <= wrong <= 8 and codes.count((429, 'WAIT')) == 11 - wrong,
           'V6.3.1: of eleven guesses, seven at once, few are judged', codes)
    tap.same(page.get('status').status, 200, 'V6.3.1: the control: who is in stays in')
    tap.ok(wait_until(lambda: page.login('ann', ONE).status == 200, 40),
           'V6.3.1: the control: the right one is good after the waiting')
    tap.same(Page(page.port).login('ann', 'x' * 600).error(), (401, 'LOGIN'),
             'V6.3.1: a password that is too long is a wrong one')
    page.login('ann', ONE)
    times = {}
    for name in ('ann', 'nobody'):
        begun = time.monotonic()
        Page(page.port).login(name, 'wrong wrong wrong')
        times[name] = time.monotonic() - begun
    tap.ok(0.3 < times['ann'] / times['nobody'] < 3,
           'V6.3.1: an unknown name takes as long', times)
    page.login('ann', ONE)


def meanwhile(c, page):
    """Passwords are stretched one after the other: with three behind his, there is time to remove
    somebody between the proof of his present password and the new one."""
    page.api('users', {'name': 'sue', 'password': TWO, 'role': 'admin'})
    sue, said = other(page, 'sue', TWO), []
    change = threading.Thread(target=lambda: said.append(
        sue.api('session/password', {'password': TWO, 'new': 'the third one of this account'})))
    change.start()
    time.sleep(0.05)
    logins = [threading.Thread(target=other, args=(page, 'ann', ONE)) for _ in range(3)]
    for t in logins:
        t.start()
    logins_before = counted(c, 'logins')
    wait_until(lambda: counted(c, 'logins') > logins_before, 20, 0.005)
    tap.same(page.api('users/remove', {'name': 'sue'}).status, 200, 'V7.4.2: an account goes')
    for t in logins + [change]:
        t.join()
    tap.same(said[0].error(), (401, 'SESSION'), 'V7.4.2: what its owner had on the way is refused')
    tap.ok('sue' not in [u['name'] for u in page.get('users').json()],
           'V7.4.2: and does not bring it back')


def counted(c, name):
    door = {d['door']: d for d in c.json('door', 'list')}['page']
    return int(re.search(r"'%s'[^0-9]*(\d+)" % name, repr(door))[1])


# --- V7, V8: sessions and roles

def sessions(c, page):
    tap.ok(re.fullmatch('[0-9a-f]{64}', page.cookie), 'V7.2.3: an id has 256 bits', page.cookie)
    seen = {other(page, 'rob', TWO).cookie for _ in range(3)}
    tap.same(len(seen), 3, 'V7.2.2: each login makes an id of its own')
    tokens = {other(page, 'rob', TWO).csrf for _ in range(2)} | {page.csrf}
    tap.ok(len(tokens) == 3 and all(re.fullmatch('[0-9a-f]{64}', t) for t in tokens),
           'V11.5.1: and a token of 256 bits', tokens)
    answer = Page(page.port).api('session', {'name': 'rob', 'password': TWO})
    cookie = answer.headers['set-cookie'][0]
    tap.ok('; Secure' in cookie and cookie.startswith('__Host-'),
           'V3.3.1: the cookie is for TLS alone', cookie)
    tap.ok('; SameSite=Strict' in cookie, 'V3.3.2: it goes to its own pages alone')
    tap.ok(cookie.startswith('__Host-ils=') and 'Domain' not in cookie and '; Path=/;' in cookie,
           'V3.3.3: it is of this host alone')
    tap.ok('; HttpOnly' in cookie and cookie.split('=')[1][:64] not in answer.body.decode(),
           'V3.3.4: no script sees it, and no body has it')
    fixed = '0' * 64
    planted = Page(page.port)
    planted.cookie = fixed
    answer = planted.ask('POST', '/api/v1/session', {'name': 'rob', 'password': TWO})
    planted.enter(answer)
    tap.ok(planted.cookie != fixed and page.get('status', Cookie='__Host-ils=' + fixed).error() ==
           (401, 'SESSION'), 'V7.2.4: an id that somebody planted is not taken')
    before = planted.cookie
    planted.enter(planted.ask('POST', '/api/v1/session', {'name': 'rob', 'password': TWO}))
    tap.same(page.get('status', Cookie='__Host-ils=' + before).error(), (401, 'SESSION'),
             'V7.2.4: a login ends the session that the browser had')
    before = planted.cookie
    tap.same(planted.prove(TWO).status, 200, 'V7.2.4: a proof')
    tap.ok(planted.cookie != before and planted.get('status').status == 200,
           'V7.2.4: makes another id')
    tap.ok(wait_until(lambda: planted.get('status', Cookie='__Host-ils=' + before).error() ==
                      (401, 'SESSION'), 8, 0.2), 'V7.2.4: and that of before ends')
    tap.same(page.get('status', Cookie='__Host-ils=' + planted.cookie.upper()).status in (200, 401),
             True, 'V7.2.1: an id is looked up here and nowhere else')
    return planted


def ends(s):
    try:
        while s.recv(65536):
            pass
        return True
    except OSError:
        return False


def leaving(c, page, rob):
    """Whoever is out is out: also of what he has open."""
    with rob.connect() as s:
        s.settimeout(8)
        s.sendall(rob.raw('GET', '/api/v1/trace/follow', Accept='text/event-stream'))
        time.sleep(0.2)
        page.api('sync/every', {'minutes': 22})
        tap.same(rob.ask('DELETE', '/api/v1/session').status, 200, 'V7.4.1: logged out')
        tap.ok(ends(s), 'V7.4.1: a trace that is followed ends with its session')
    tap.same(rob.get('status').error(), (401, 'SESSION'), 'V7.4.1: its id is good no more')
    sue = other(page, 'rob', TWO)
    with sue.connect() as s:
        s.settimeout(8)
        s.sendall(sue.raw('GET', '/api/v1/events'))
        s.recv(100)
        page.api('users', {'name': 'rob', 'password': TWO})
        tap.ok(ends(s), 'V7.4.2: events end with the account')
    tap.same(sue.get('status').error(), (401, 'SESSION'), 'V7.4.2: and its sessions')


def many_sessions(c, page):
    users = [other(page, 'rob', TWO) for _ in range(9)]
    tap.same((users[0].get('status').error(), users[1].get('status').status,
              users[8].get('status').status), ((401, 'SESSION'), 200, 200),
             'V7.1.2: the ninth session of an account ends the one that was used least lately')
    listed = users[1].get('sessions').json()
    tap.same((len(listed), {s['name'] for s in listed}, sum(s['own'] for s in listed)),
             (8, {'rob'}, 1), 'V7.5.2: everybody sees his own sessions')
    own = [s['number'] for s in listed if s['own']][0]
    last = max(s['number'] for s in listed)
    admins = [s['number'] for s in page.get('sessions').json() if s['name'] == 'ann'][0]
    tap.same(users[1].api('sessions/end', {'number': last}).status, 200, 'V7.5.2: and ends them')
    tap.same(users[8].get('status').error(), (401, 'SESSION'), 'V7.5.2: at once')
    tap.same(users[1].api('sessions/end', {'number': own}).error(), (409, 'OWN'),
             'V7.5.2: his present one by logging out')
    tap.same(users[1].api('sessions/end', {'number': admins}).error(), (404, 'NUMBER'),
             'V8.2.2: not those of others')
    tap.same(page.get('status').status, 200, 'V8.2.2: which go on')
    tap.same(page.api('sessions/end', {'number': own}).status, 200,
             'V7.4.5: an admin ends anybody\'s')
    tap.same(users[1].get('status').error(), (401, 'SESSION'), 'V7.4.5: at once')
    streams, answers = [], []
    for _ in range(17):
        s = users[2].connect()
        s.settimeout(20)
        s.sendall(users[2].raw('GET', '/api/v1/events', Connection='keep-alive'))
        answers.append(s.recv(64).split(b' ')[1])
        streams.append(s)
    tap.same((answers[:16], answers[16]), ([b'200'] * 16, b'503'),
             'V15.2.2: an account has sixteen streams of events, and leaves room for others')
    tap.same(first(page, '/api/v1/events').status, 200, 'V15.2.2: the control: another account')
    for s in streams:
        s.close()


def roles(c, page):
    rob = other(page, 'rob', TWO)
    paths = Page(page.port).get('openapi.json').json()['paths']
    changes = [p for p, m in paths.items()
               if m.get('post', {}).get('x-role') == 'admin']
    wrong = [p for p in changes if rob.ask('POST', '/api/v1' + p, {}).error() != (403, 'ROLE')]
    tap.same(wrong, [], 'V8.2.1: none of %d changes is for the role read' % len(changes))
    tap.ok(len(changes) > 50, 'V8.2.1: the control: so many there are', changes)
    tap.same(rob.get('users').error(), (403, 'ROLE'), 'V8.2.1: nor the list of accounts')
    tap.same(rob.ask('POST', '/api/v1/sync/every', {'minutes': 5}, X_Role='admin', X_User='ann')
             .error(), (403, 'ROLE'), 'V8.3.1: what the browser says of its role is nothing')
    for path, body in (('join', {'host': '127.0.0.1', 'port': 22}),
                       ('diagnose', {'target': '127.0.0.1'}),
                       ('source/add', {'name': 'x', 'kind': 'ldap', 'place': 'ldap://127.0.0.1'})):
        tap.same(rob.api(path, body).error(), (403, 'ROLE'),
                 'V1.3.6: no place to connect to is taken of the role read: ' + path)
    auth = rob.get('auth/show').body + rob.get('cert/show').body + rob.get('source/list').body
    tap.ok(b'PRIVATE' not in auth and b'stretched' not in auth and b'"key_pem"' not in auth,
           'V8.2.3: no field holds a secret', auth)
    tap.ok(b'argon2' not in page.get('users').body and b'argon2' not in page.get('page/show').body,
           'V15.3.1: accounts are told without what their passwords became')


# --- V12: TLS

def tls(c, page):
    warnings.simplefilter('ignore')  # that TLS 1.1 is old is known
    def shake(low, high, ciphers=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers(ciphers or 'ALL:@SECLEVEL=0')
        context.minimum_version, context.maximum_version = low, high
        with socket.create_connection(('127.0.0.1', page.port), 20) as plain:
            try:
                with context.wrap_socket(plain) as s:
                    bits.append(s.cipher()[2])
                    return s.version()
            except (ssl.SSLError, OSError):
                return None
    v, bits = ssl.TLSVersion, []
    tap.same(shake(v.TLSv1_2, v.TLSv1_3), 'TLSv1.3', 'V12.1.1: the newest TLS is preferred')
    tap.same(shake(v.TLSv1, v.TLSv1_1), None, 'V12.1.1: nothing older than TLS 1.2')
    tap.same(shake(v.TLSv1_2, v.TLSv1_2), 'TLSv1.2', 'V12.1.2: the control: good suites')
    for good in ('ECDHE+AESGCM', 'ECDHE+CHACHA20'):
        tap.same(shake(v.TLSv1_2, v.TLSv1_2, good), 'TLSv1.2', 'V11.3.2: taken: ' + good)
    for number, weak in (('12.1.2', 'aNULL'), ('12.1.2', 'NULL'), ('11.3.1', 'AES256-GCM-SHA384'),
                         ('11.3.1', 'AES128-SHA'), ('11.3.3', 'ECDHE-ECDSA-AES128-SHA256'),
                         ('11.3.3', 'ECDHE-RSA-AES256-SHA384')):
        tap.same(shake(v.TLSv1_2, v.TLSv1_2, weak + ':@SECLEVEL=0'), None,
                 'V%s: refused: %s' % (number, weak))
    tap.ok(bits and min(bits) >= 128, 'V11.2.3: 128 bits and more', bits)
    door = {d['door']: d for d in c.json('door', 'list')}['page']
    tap.ok(re.search(r"'tls_failed'[^0-9]*[1-9]", repr(door)),
           'V16.3.4: TLS that failed is counted', door)
    for raw in (b'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n', page.raw('GET', '/api/v1/session')):
        with socket.create_connection(('127.0.0.1', page.port), 20) as s:
            s.settimeout(20)
            s.sendall(raw)
            try:
                got = s.recv(4096)
            except ConnectionResetError:
                got = b''
        tap.ok(b'HTTP' not in got, 'V12.2.1: without TLS there is no answer', got)
    tap.ok(b'Location' not in got, 'V4.1.2: and nobody is sent on to TLS', got)


# --- V2, V5, V15: how much

def limits(c, page):
    waiting = []
    big = str(256 << 20)
    for _ in range(2):
        s = page.connect()
        s.settimeout(20)
        s.sendall(page.raw('POST', '/api/v1/plan/import?source=X', Content_Type='text/csv',
                           Content_Length=big))
        waiting.append(s)
    time.sleep(0.3)
    third = page.ask('POST', '/api/v1/plan/import?source=X', Content_Type='text/csv',
                     Content_Length=big)
    tap.same(third.error(), (503, 'BUSY'), 'V5.2.1: all files on their way take 512 MiB at most')
    tap.same(page.api('sync/every', {'minutes': 20}).status, 200,
             'V5.2.1: the control: what is small goes on')
    for s in waiting:
        s.close()
    tap.ok(wait_until(lambda: page.ask('POST', '/api/v1/plan/import?source=X', b'x' * 70000,
                                       Content_Type='text/csv').status != 503, 20),
           'V5.2.1: and files, when those are gone')
    tap.same(page.ask('POST', '/api/v1/plan/import?source=X', Content_Type='text/csv',
                      Content_Length=str((256 << 20) + 1)).error(), (413, 'TOO_LARGE'),
             'V5.2.1: one file has 256 MiB at most')
    tap.same(Page(page.port).ask('POST', '/api/v1/plan/import', Content_Type='text/csv',
                                 Content_Length=big).error(), (401, 'SESSION'),
             'V5.2.1: of a stranger nothing is taken')
    follows = []
    for _ in range(30):  # of which some are refused already
        s = page.connect()
        s.sendall(page.raw('GET', '/api/v1/trace/follow', Accept='text/event-stream'))
        follows.append(s)
    tap.ok(wait_until(lambda: page.get('status').error() == (503, 'BUSY'), 20),
           'V15.2.2: an account has 24 commands under way, and no more', page.get('status').body)
    tap.same(other(page, 'rob', TWO).get('status').status, 200, 'V15.2.2: the control: another')
    tap.same(c.json('status')['cluster_id'], 'tokyo-east', 'V15.2.2: and the console')
    for s in follows:
        s.close()
    tap.ok(wait_until(lambda: page.get('status').status == 200, 10),
           'V15.2.2: when they are gone there is room')
    c.must('door', 'set', 'page', '--rate', '5/s')
    said = [page.get('session').status for _ in range(30)]
    tap.ok(429 in said, 'V2.4.1: whoever asks too often is told to wait', said)
    c.must('door', 'set', 'page', '--rate', '200/s')
    for secret in ('password', 'stretched'):
        tap.same(page.ask('POST', '/api/v1/password/add?generation=9&%s=%s' % (secret, 'ab' * 32),
                          b'').error(), (400, 'SETTING'),
                 'V14.2.1: a secret in an address is refused: ' + secret)


# --- V16: what is told of it

def logs(c, page):
    rob = other(page, 'rob', TWO)
    time.sleep(1.1)
    rob.api('sync/every', {'minutes': 5})
    time.sleep(1.1)
    rob.api('sync/every', {'minutes': 5}, X_CSRF_Token='0' * 64)
    time.sleep(1.1)
    for _ in range(40):
        rob.get('status', Host='evil.example\x1b[31m')
    time.sleep(1.1)
    rob.get('status', Origin='https://evil.example')
    rob.ask('DELETE', '/api/v1/session')
    Page(page.port).login(MARK + '\n<3>forged', 'x')
    with open(c.output, encoding='utf-8', errors='replace') as handle:
        text = handle.read()
    for number, line in (
            ('16.3.1', 'page: ann logged in, from 127.0.0.1'),
            ('16.3.1', 'page: rob logged out, from 127.0.0.1'),
            ('16.3.1', 'page: ann was refused: name or password is wrong, from 127.0.0.1'),
            ('16.3.2', 'page: refused ROLE to rob: sync every, from 127.0.0.1'),
            ('16.3.3', 'page: refused CSRF to rob: sync every, from 127.0.0.1'),
            ('16.3.3', 'page: refused HOST to ?, from 127.0.0.1'),
            ('16.3.3', 'page: refused ORIGIN to ?, from 127.0.0.1; before it ')):
        tap.ok(line in text, 'V%s: told: %s' % (number, line), text[-3000:])
    tap.ok(MARK not in text and 'forged' not in text and '\x1b' not in text and 'evil' not in text,
           'V16.4.1: nothing that a stranger chose is in a line')
    tap.ok(text.count('refused HOST') < 5, 'V16.3.3: forty in a second are one line and a number')
    tap.ok(re.search(r'^<5>page: ann logged in', text, re.M),
           'V16.2.4: each line has its priority for the journal')
    page.api('sync/every', {'minutes': 23})
    row = page.get('audit?max=1').json()['result'][0]
    tap.ok(row['who'] == 'ann (page, 127.0.0.1)' and row['what'].startswith('sync every'),
           'V16.2.1: the audit says when, who, from where and what', row)
    tap.ok(any(re.fullmatch(r'\d{4}-\d\d-\d\dT[0-9:.]+Z', str(v)) for v in row.values()),
           'V16.2.2: in UTC', row)
    words = [ONE, TWO, page.cookie, page.csrf, rob.cookie or 'none']
    tap.ok(not any(word in text for word in words), 'V16.2.5: no password and no id is in the log')
    answer = page.ask('POST', '/api/v1/plan/import', b'{', Content_Type='application/json')
    tap.ok(b'.c:' not in answer.body and b'/src/' not in answer.body,
           'V16.5.1: an error tells nothing of the inside', answer.body)
    got = Page(page.port).get('openapi.json')
    tap.ok(got.status == 200 and c.data.encode() not in got.body,
           'V13.4.5: the document of the API is open, and tells nothing of this cluster')
    tap.same([p for p in ('/debug', '/metrics', '/healthz', '/api/v1/debug')
              if page.ask('GET', p).status != 404], [], 'V13.4.2: there is nothing to debug by')


with Network() as net:
    slow = brief(net)
    cluster, ann, setup_code = set_up(net)
    first_answer = ann.setup(setup_code, 'ann', ONE)
    for part in (encoding, validation, headers, cross_site, rebinding, smuggling, files, passwords,
                 own_password, meanwhile):
        tap.run(part, cluster, ann)
    tap.run(lambda: leaving(cluster, ann, sessions(cluster, ann)))
    for part in (many_sessions, roles, tls, limits, guessing):
        tap.run(part, cluster, ann)
    tap.run(setup_codes, cluster, ann, setup_code)
    tap.run(logs, cluster, ann)
    tap.run(over_time, *slow)
tap.done()
