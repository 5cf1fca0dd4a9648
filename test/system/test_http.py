#!/usr/bin/env python3
"""The HTTP door by curl and by rude clients: what is answered, who is let in, what is cut off, that
the OpenAPI document says what happens, and metrics that promtool accepts."""
import json
import os
import re
import shutil
import socket
import subprocess
import urllib.parse

from harness import ROOT, Network, Tap, free_port, wait_until
from kill import invite

tap = Tap()
CURL = shutil.which('curl')


def curl(c, path, *words, address='127.0.0.1', port=None):
    """(status, headers, body) of one request."""
    run = subprocess.run([CURL, '-s', '-i', '--max-time', '20', '--globoff', *words,
                          'http://%s:%d%s' % (address, port or c.http_port, path)],
                         stdout=subprocess.PIPE, check=False)
    head, _, body = run.stdout.decode().partition('\r\n\r\n')
    while head.startswith('HTTP/1.1 100'):
        head, _, body = body.partition('\r\n\r\n')
    lines = head.split('\r\n')
    return (int(lines[0].split(' ')[1]) if lines[0] else 0,
            {k.lower(): v for k, _, v in (line.partition(': ') for line in lines[1:])}, body)


def rude(c, text, more=b''):
    """All bytes that come back for these; b'' when it is cut off."""
    with socket.create_connection(('127.0.0.1', c.http_port), 20) as s:
        s.sendall(text.encode('latin-1') + more)
        s.settimeout(20)
        got = b''
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    return got
                got += piece
                head, sep, body = got.partition(b'\r\n\r\n')
                length = re.search(rb'Content-Length: (\d+)', head)
                if sep and length and len(body) >= int(length[1]) and b'close' not in head.lower():
                    return got
        except ConnectionResetError:
            return got


def status_of(answer):
    return int(answer.split(b' ')[1]) if answer else 0


# --- the OpenAPI document

def resolve(document, schema):
    while '$ref' in schema:
        found = document
        for part in schema['$ref'][2:].split('/'):
            found = found[part]
        schema = found
    return schema


def fits(document, schema, value, where='body'):
    """What is wrong with the value; '' where it is as the schema says."""
    schema = resolve(document, schema)
    kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool,
             'integer': int, 'number': (int, float)}
    if value is None and schema.get('nullable'):
        return ''
    for part in schema.get('allOf', []):
        wrong = fits(document, part, value, where)
        if wrong:
            return wrong
    kind = schema.get('type')
    if kind and (not isinstance(value, kinds[kind]) or
                 (isinstance(value, bool) and kind != 'boolean')):
        return '%s is no %s: %r' % (where, kind, value)
    if 'enum' in schema and value not in schema['enum']:
        return '%s is not in its enum: %r' % (where, value)
    if isinstance(value, dict):
        known = schema.get('properties', {})
        missing = [k for k in schema.get('required', []) if k not in value]
        unknown = [k for k in value if k not in known] \
            if schema.get('additionalProperties') is False else []
        if missing or unknown:
            return '%s: missing %s, unknown %s' % (where, missing, unknown)
        for k, v in value.items():
            wrong = fits(document, known.get(k, {}), v, where + '.' + k)
            if wrong:
                return wrong
    for i, v in enumerate(value if isinstance(value, list) else []):
        wrong = fits(document, schema.get('items', {}), v, '%s[%d]' % (where, i))
        if wrong:
            return wrong
    return ''


def said(c, document, method, path, *words):
    """One request, whose answer must be what the document says of it. (status, body)"""
    status, head, body = curl(c, path, '-X', method, *words)
    page = document['paths'][urllib.parse.urlsplit(path).path][method.lower()]
    answer = page['responses'].get(str(status))
    if answer is None:
        tap.ok(False, '%s %s: status %d is in the document' % (method, path, status), body)
        return status, body
    content = resolve(document, answer).get('content', {})
    kind = head['content-type'].split(';')[0]
    schema = content.get(kind, {}).get('schema')
    wrong = 'no ' + kind if schema is None else \
        fits(document, schema, json.loads(body) if kind == 'application/json' else body)
    tap.ok(not wrong, '%s %s: %d as the document says' % (method, path, status), wrong)
    return status, body


def document_true(c):
    status, _, body = curl(c, '/v1/openapi.json')
    document = json.loads(body)
    with open(os.path.join(ROOT, 'docs', 'openapi.json'), encoding='utf-8') as handle:
        tap.same((status, document), (200, json.load(handle)), 'the document is docs/openapi.json')
    for path, page in document['paths'].items():
        for method, operation in page.items():
            names = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(operation))
            tap.ok(all(resolve(document, {'$ref': '#/' + name}) for name in names) and
                   operation['operationId'] and '200' in operation['responses'],
                   '%s %s: every reference leads somewhere' % (method, path))
    for dialed in ('+81662345678', 'alice@tokyo.example.com', '4711', '!', '%20', '+8166'):
        said(c, document, 'GET', '/v1/lookup?dialed=' + dialed)
        said(c, document, 'GET', '/v1/lookup?format=text&dialed=' + dialed)
        said(c, document, 'GET', '/v1/why?dialed=' + dialed)
    said(c, document, 'GET', '/v1/lookup')
    said(c, document, 'GET', '/v1/why?dialed=1&from=nowhere')
    said(c, document, 'GET', '/v1/lookup?dialed=1', '-H', 'Authorization: Bearer x')
    said(c, document, 'GET', '/v1/lookup?dialed=1', '-H', 'Host: evil.example')
    said(c, document, 'POST', '/v1/lookup', '-d', '["1", "+81662345678"]')
    said(c, document, 'POST', '/v1/lookup', '-d', '{}')
    for path in ('/metrics', '/healthz', '/v1/openapi.json'):
        said(c, document, 'GET', path)
    tap.ok(fits(document, {'$ref': '#/components/schemas/Lookup'}, {'dialed': '1'}) != '' and
           fits(document, {'$ref': '#/components/schemas/Result'}, 'lost') != '',
           'control: another answer does not fit')


# --- what is answered

def answers(c):
    status, head, body = curl(c, '/v1/lookup?dialed=+81662345678')
    answer = json.loads(body)
    tap.same((status, answer['result'], answer['targets'][0]['uri'] if answer['targets'] else ''),
             (200, 'found', 'sip:+81662345678@10.0.0.5'), 'a lookup', body)
    tap.ok('connection' not in head and head['cache-control'] == 'no-store',
           'the connection stays, and nobody keeps the answer', head)
    status, _, body = curl(c, '/v1/lookup?format=text&dialed=%2B81662345678')
    tap.same((status, body), (200, 'sip:+81662345678@10.0.0.5\n'), 'as text')
    status, _, body = curl(c, '/v1/lookup?format=text&dialed=999')
    tap.same((status, body), (404, 'no_match\n'), 'as text, where there is none')
    strings = ['+81662345678', 'alice@tokyo.example.com', '999', '']
    status, _, body = curl(c, '/v1/lookup', '-d', json.dumps(strings))
    tap.same([r['result'] for r in json.loads(body)], ['found', 'local', 'no_match', 'bad_input'],
             'a batch')
    for dialed in strings + ['a"b@x.example', 'é@x.example']:
        _, _, body = curl(c, '/v1/lookup?dialed=' + urllib.parse.quote(dialed, safe=''))
        ours = json.loads(body)
        theirs = c.json('lookup', dialed) if dialed else None
        if theirs is None:
            continue
        _, _, body = curl(c, '/v1/why?dialed=' + urllib.parse.quote(dialed, safe=''))
        tap.same(json.loads(body), theirs, 'why is what ils says of %r' % dialed)
        differ = {k: (ours[k], theirs.get(k)) for k in ('dialed', 'result')
                  if ours[k] != theirs.get(k)}
        if [t['uri'] for t in ours['targets']] != [t['uri'] for t in theirs['targets']]:
            differ['targets'] = (ours['targets'], theirs['targets'])
        tap.same(differ, {}, 'and so is the lookup')
    for cluster in ('osaka', 'OSAKA'):
        _, _, body = curl(c, '/v1/why?dialed=+81662345678&from=' + cluster)
        tap.same(json.loads(body), c.ask('lookup', dialled='+81662345678', **{'from': cluster})[
            'result'], 'as %s sees it' % cluster)
    run = subprocess.run([CURL, '-s', '-o', '/dev/null', '-w', '%{num_connects} ',
                          'http://127.0.0.1:%d/v1/lookup?dialed=[1-5]' % c.http_port],
                         stdout=subprocess.PIPE, check=False)
    tap.same(run.stdout.decode().split(), ['1', '0', '0', '0', '0'], 'five on one connection')
    status, _, body = curl(c, '/healthz')
    health = c.json('status')
    tap.same((status, json.loads(body)),
             (200, {'health': 'healthy', 'cause': None, 'next': health['next']}), 'healthy')


def degraded(net):
    c = net.cluster('spoke', http=True).init('secret')
    c.must('join', '127.0.0.1:%d' % free_port(), '--no-wait')
    got = wait_until(lambda: (lambda a: a if a[0] == 503 and 'not joined' in a[2] else None)(
        curl(c, '/healthz')))
    tap.ok(got is not None and json.loads(got[2])['cause'] == c.json('status')['cause'],
           'degraded: 503 with the root cause of ils status', got)


def refused(c):
    for method, path, status in (('GET', '/', 404), ('GET', '/v1/lookup/../why', 404),
                                 ('DELETE', '/v1/lookup?dialed=1', 405), ('POST', '/metrics', 405),
                                 ('GET', '/v1/lookup?dialed=1&dialed=2', 400),
                                 ('GET', '/v1/lookup?dialed=%zz', 400),
                                 ('GET', '/v1/lookup?dialed=' + '1' * 5000, 400)):
        got, head, body = curl(c, path, '-X', method, '--path-as-is')
        tap.ok(got == status and 'next' in json.loads(body)['error'] and
               (status != 405 or 'GET' in head['allow']), '%s %.40s: %d' % (method, path, status),
               got, body)
    status, head, _ = curl(c, '/healthz', '-I')
    tap.ok(status == 200 and int(head['content-length']) > 0, 'HEAD')


def hosts(c):
    for host, status in (('localhost', 200), ('[::1]:%d' % c.http_port, 200),
                         ('tokyo.example.com', 200), ('evil.example.org', 421),
                         ('tokyo.example.com.evil.org', 421)):
        got, _, _ = curl(c, '/healthz', '-H', 'Host: ' + host)
        tap.same(got, status, 'Host: %s' % host)
    c.must('describe', '--fqdn', 'edo.example.com')
    tap.ok(wait_until(lambda: curl(c, '/healthz', '-H', 'Host: edo.example.com')[0] == 200) and
           curl(c, '/healthz', '-H', 'Host: tokyo.example.com')[0] == 421,
           'a new name counts, and the old one no more')


# --- tokens

def tokens(c):
    made = c.json('token', 'add', 'kamailio')
    bearer = ['-H', 'Authorization: Bearer ' + made['token']]
    tap.ok(re.fullmatch('ils_[0-9a-f]{64}', made['token']), 'a token')
    tap.same([row['name'] for row in c.json('token', 'list')], ['kamailio'], 'listed by its name')
    tap.ok(made['token'] not in json.dumps([c.json('token', 'list'), c.json('audit')]),
           'and never shown again')
    found = subprocess.run(['grep', '-r', '-l', made['token'][4:], c.data],
                           stdout=subprocess.PIPE, check=False).stdout
    tap.same(found, b'', 'nor kept')
    status, _ = c.ils('token', 'add', 'kamailio')
    tap.ok(status == 1 and 'ils token remove kamailio' in c.error, 'a name has one', c.error)
    status, _ = c.ils('token', 'add', 'a b')
    tap.ok(status == 1 and '1 to 64 letters' in c.error, 'a name that is none', c.error)
    status, _ = c.ils('token', 'remove', 'nobody')
    tap.ok(status == 1 and "'nobody'" in c.error, 'none of that name', c.error)
    c.must('door', 'set', 'http', '--listen', '0.0.0.0:%d' % c.http_port)
    page = '/v1/lookup?dialed=+81662345678'
    status, head, body = curl(c, page)
    tap.ok(status == 401 and head['www-authenticate'].startswith('Bearer') and
           'ils token add' in body, 'elsewhere than on loopback it is wanted', body)
    tap.same([curl(c, p, *bearer)[0] for p in (page, '/metrics', '/healthz')], [200] * 3,
             'who shows it is answered')
    tap.same(curl(c, page, *bearer, '-H', 'Host: lookup.internal')[0], 200, 'under any name')
    def turned_away():
        return int(re.search(r'^http .* (\d+)$', c.must('door', 'list'), re.M).group(1))

    before = turned_away()
    for wrong in ('x', made['token'][:-1], made['token'] + '0', ''):
        tap.same(curl(c, page, '-H', 'Authorization: Bearer ' + wrong)[0], 401,
                 'a wrong one is refused')
    tap.same(turned_away() - before, 4, 'and `ils door list` counts it as refused')
    status, _, body = curl(c, '/healthz')
    tap.same((status, json.loads(body)), (200, {'health': 'healthy', 'cause': None, 'next': None}),
             'health without one says no more than that')
    c.restart()
    tap.same((curl(c, page, *bearer)[0], curl(c, page)[0]), (200, 401), 'also after a restart')
    c.must('token', 'remove', 'kamailio')
    tap.same(curl(c, page, *bearer)[0], 401, 'taken back: at once')
    c.must('door', 'set', 'http', '--listen', '127.0.0.1:%d' % c.http_port)
    tap.same((curl(c, page)[0], curl(c, page, *bearer)[0]), (200, 401),
             'on loopback none is wanted, but a wrong one is wrong')
    tap.ok(wait_until(lambda: curl(c, '/healthz')[0] == 200), 'osaka is back: healthy again',
           c.json('status'))


# --- rude clients

def framing(c):
    good = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    tap.same(status_of(rude(c, good)), 200, 'control: a request by hand')
    for name, text in {
        'no Host': 'GET /healthz HTTP/1.1\r\n\r\n',
        'two Hosts': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n',
        'two lengths': 'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n'
                       'Content-Length: 2\r\n\r\n[]',
        'a length beside chunks': 'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n'
                                  'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n'
                                  '2\r\n[]\r\n0\r\n\r\n',
        'a length that is none': 'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n'
                                 'Content-Length: +2\r\n\r\n[]',
        'two tokens': 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a\r\n'
                      'Authorization: Bearer b\r\n\r\n',
    }.items():
        answer = rude(c, text + good)
        tap.ok(status_of(answer) in (0, 400) and b' 200 ' not in answer,
               '%s: refused, and nothing hides behind it' % name, answer)
    answer = rude(c, 'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n'
                     'Transfer-Encoding: chunked\r\n\r\n5\r\n["1"]\r\n0\r\n\r\n')
    tap.same(status_of(answer), 200, 'control: chunks alone are well')
    answer = rude(c, good * 3 + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n'
                                'Connection: close\r\n\r\n')
    tap.ok(answer.count(b'HTTP/1.1 200') >= 1, 'several requests in one piece', answer)
    large = os.path.join(c.net.folder, 'large.json')
    with open(large, 'w', encoding='utf-8') as handle:
        handle.write('["%s"]' % ('1' * 300000))
    status, _, body = curl(c, '/v1/lookup', '-H', 'Expect:', '--data-binary', '@' + large)
    tap.ok(status == 413, 'a body above the limit', status, body)
    answer = rude(c, 'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n'
                     'Content-Length: 99999999999\r\n\r\n')
    tap.same(status_of(answer), 413, 'a length above it, before a byte came')
    with socket.create_connection(('127.0.0.1', c.http_port), 20) as s:
        try:
            s.sendall(b'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\n'
                      b'Transfer-Encoding: chunked\r\n\r\n')
            for _ in range(100):
                s.sendall(b'4000\r\n' + b'1' * 0x4000 + b'\r\n')
            end = s.recv(65536)
        except OSError:
            end = b''
        tap.ok(status_of(end) != 200, 'chunks above it are cut off', end)
    answer = rude(c, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n' % ('x' * 40000))
    tap.ok(status_of(answer) in (0, 413, 414, 431), 'a head above the limit', answer[:80])
    tap.same(curl(c, '/healthz')[0], 200, 'and the next one is answered')


def slow(c):
    """As many as one source may have trickle their requests; whoever comes in order is answered,
    and the slow ones are cut off."""
    held = []
    for _ in range(200):
        s = socket.create_connection(('127.0.0.1', c.http_port), 20)
        s.sendall(b'GET /healthz HTTP/1.1\r\nHost: loc')
        held.append(s)
    answer = curl(c, '/healthz')
    tap.ok(answer[0] == 200, '200 slow clients keep nobody out', answer, c.json('status'))

    def cut():
        for s in held:
            try:
                s.sendall(b'x')
            except OSError:
                pass
        row = next(r for r in c.json('door', 'list') if r['door'] == 'http')
        return row['counts']['late'] >= 200
    tap.ok(wait_until(cut, 60, 0.5), 'however they trickle, they are cut off')
    for s in held:
        s.close()
    held = [socket.create_connection(('127.0.0.1', c.http_port), 20) for _ in range(300)]
    tap.ok(wait_until(lambda: curl(c, '/healthz')[0] == 200, 60, 0.5),
           'more than one source may have: it is let in again')
    for s in held:
        s.close()


def limits(c):
    c.must('door', 'set', 'http', '--rate', '3/s')
    got = [curl(c, '/v1/lookup?dialed=1') for _ in range(30)]
    late = [g for g in got if g[0] == 429]
    tap.ok(late and late[0][1].get('retry-after') == '1' and 'RATE' in late[0][2],
           'a source above its rate', [g[0] for g in got])
    c.must('door', 'set', 'http', '--rate', 'off', '--allow', '192.0.2.0/24')
    tap.same(curl(c, '/healthz')[0], 0, 'whose network may not ask is not heard')
    c.must('door', 'set', 'http', '--allow', 'private')
    port = free_port()
    with socket.socket() as s:
        s.bind(('127.0.0.1', port))
        s.listen()
        status, _ = c.ils('door', 'set', 'http', '--listen', '127.0.0.1:%d' % port)
        answer = curl(c, '/healthz')
        tap.ok(status == 1 and 'TCP port %d is in use by' % port in c.error and answer[0] == 200,
               'a port in use: the old one goes on', c.error, answer, c.json('status'))


# --- metrics

def metrics(c):
    for _ in range(3):
        curl(c, '/v1/lookup?dialed=+81662345678')
    status, head, text = curl(c, '/metrics')
    tap.ok(status == 200 and head['content-type'].startswith('text/plain; version=0.0.4'),
           'metrics')
    found = {m[1]: int(m[2]) for m in re.finditer(r'^(openils_\S+) (\d+)$', text, re.M)}
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    tap.same(len(found), len(lines), 'every line is a sample')
    tap.ok(found['openils_plan_own_entries'] == 2 and found['openils_healthy'] == 1 and
           found['openils_door_requests_total{door="http"}'] >= 3 and
           found['openils_door_outcomes_total{door="http",outcome="lookups"}'] >= 3, 'that count',
           text)
    families = re.findall(r'^# TYPE (\S+) (\w+)$', text, re.M)
    tap.ok(len(families) == len({f for f, _ in families}) and
           all(f.endswith('_total') == (kind == 'counter') for f, kind in families) and
           {re.sub(r'\{.*', '', name) for name in found} <= {f for f, _ in families},
           'each family is declared once, and is what its name says')
    with open(os.path.join(ROOT, 'docs', 'grafana.json'), encoding='utf-8') as handle:
        board = json.load(handle)
    asked = set(re.findall(r'openils_[a-z_]+', json.dumps(board)))
    tap.ok(asked and asked <= {f for f, _ in families} |
           {'openils_cluster_' + n for n in ('linked', 'stale', 'up_to_date', 'entries')},
           'the dashboard asks for what there is', asked - {f for f, _ in families})
    if shutil.which('promtool') is None:
        tap.skip('promtool accepts it', 'prometheus is not installed')
        return
    run = subprocess.run(['promtool', 'check', 'metrics'], input=text.encode(),
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    tap.ok(run.returncode == 0 and not run.stdout, 'promtool accepts it', run.stdout)
    bad = subprocess.run(['promtool', 'check', 'metrics'], input=text.replace(' gauge', ' gage')
                         .encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    tap.ok(bad.returncode != 0, 'control: not a mistyped one')


def sums(net):
    """Each question from a socket of its own, so that every worker has some; and connections."""
    c = net.cluster('nagoya', start=False, http=True, dns=True)
    c.options = ['--workers', '4']
    c.start().init('secret')
    question = b'\0\7\0\0\0\1\0\0\0\0\0\0\1x\3ils\10internal\0\0\43\0\1'
    for _ in range(60):
        invite(('127.0.0.1', c.sip_port), '1234')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(20)
            s.sendto(question, ('127.0.0.1', c.dns_port))
            s.recv(4096)
    with socket.create_connection(('127.0.0.1', c.dns_port), 20) as s:
        for _ in range(5):
            s.sendall(len(question).to_bytes(2, 'big') + question)
            s.recv(4096)
    text = curl(c, '/metrics')[2]
    found = {m[1]: int(m[2]) for m in
             re.finditer(r'^openils_door_requests_total\{door="(\w+)"\} (\d+)$', text, re.M)}
    tap.same((found['sip'], found['dns'], found['http']), (60, 65, 0),
             'what each worker answered is summed')
    tap.ok('openils_door_outcomes_total{door="sip",outcome="not_found"} 60\n' in text,
           'and what it came to', text)


def main():
    if CURL is None:
        tap.skip('the HTTP door', 'curl is not installed')
        tap.done()
    with Network() as net:
        c = net.cluster('tokyo', http=True).init('secret')
        osaka = net.cluster('osaka').init('secret')
        c.must('role', 'hub')
        osaka.join(c)
        osaka.must('plan', 'add', 'E164', '+81662345678')
        c.must('plan', 'add', 'URI', 'alice@tokyo.example.com')
        c.must('plan', 'add', 'E164', '+81312345678')
        c.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5')
        wait_until(lambda: c.json('lookup', '+81662345678')['result'] == 'found')
        for part in (answers, document_true, refused, metrics, hosts, framing, tokens, limits,
                     slow):
            tap.run(part, c)
        tap.run(degraded, net)
        tap.run(sums, net)
    tap.done()


main()
