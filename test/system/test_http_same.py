#!/usr/bin/env python3
"""Random dialled strings are decided alike by HTTP (one by one, and in batches), by SIP and by the
socket of ils: every key of the answer. test_http_same.py N: so many strings."""
import http.client
import json
import random
import re
import sys
import urllib.parse

from harness import Network, Tap, wait_until
from kill import Control, invite

tap = Tap()
STRINGS = int(sys.argv[1]) if len(sys.argv) > 1 else 3000

OSAKA = """PatternType,PSTNFailover,Pattern
E164,,+81661234567
E164,ITSELF,+81661234568
ENTERPRISE,2:06,2001
URI,,alice@osaka.example.com
URI,,a!b@osaka.example.com
E164PATTERN,,+8190XXXXXXXX
E164PATTERN,,+81901234XXXX
ENTERPRISEPATTERN,,7[1-5]XX
ENTERPRISEPATTERN,,78!
"""
NARA = """PatternType,PSTNFailover,Pattern
E164,,+81742000001
ENTERPRISEPATTERN,,6XXX
URI,,bob@nara.example.com
"""
NEAR = ['+81661234567', '+81661234568', '2001', '7123', '7812', '+819012345678', '1001',
        '+81742000001', '6123', '+49301234', 'alice@osaka.example.com', 'a!b@osaka.example.com',
        'bob@nara.example.com', 'carol@tokyo.example.com', '1002@tokyo.example.com']


def network(net):
    tokyo = net.cluster('tokyo', http=True).hub('secret')
    for name, plan in (('osaka', OSAKA), ('nara', NARA)):
        c = net.cluster(name).init('secret')
        c.join(tokyo)
        c.must('plan', 'import', '-', '--source', 'csv', stdin=plan)
    tokyo.must('plan', 'add', 'ENTERPRISE', '1001')
    tokyo.must('plan', 'add', 'URI', 'carol@tokyo.example.com')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5:5080;transport=tcp')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.6')
    tokyo.must('route', 'add', 'pstn', 'sip:10.0.0.9')
    tokyo.must('block', 'add', '--prefix', '+819012')
    for dialled in ('7812', 'bob@nara.example.com'):
        wait_until(lambda d=dialled: tokyo.json('lookup', d)['match'] is not None)
    return tokyo


def dialled(rand):
    """A string that somebody may dial: most are near something that is advertised."""
    text = rand.choice(NEAR)
    if rand.random() < 0.05:
        return rand.choice(['sip:%s;user=phone', 'tel:%s', 'sips:%s', '%s@', '@%s', '%s\u00e9',
                            ' %s', '%s?a=b', '"%s"', '<sip:%s>', '\\%s', '%s\t']) % text
    if '@' in text:
        if rand.random() < 0.5:
            at = rand.randrange(len(text))
            text = text[:at] + rand.choice('abcxyz.-_!~*\'()&=+$,@%') + text[at + 1:]
        return text
    for _ in range(rand.choice((0, 0, 0, 1, 1, 2, 4))):
        at = rand.randrange(text.startswith('+'), len(text))
        text = rand.choice((text[:at] + rand.choice('0123456789') + text[at + 1:],
                            text[:at] + text[at + 1:], text + rand.choice('0123456789'),
                            text[:at] + rand.choice('-. ()') + text[at:]))
    return text if text.lstrip('+') else '0'


def as_http(ours):
    """An answer of the socket, as HTTP has it."""
    match = dict(ours['match']) if ours['match'] else None
    if match:
        match = {k: match[k] for k in ('kind', 'value', 'cluster_id', 'route_string', 'usn',
                                       'local', 'stale')}
    return {'dialed': ours['dialed'], 'canonical': ours['why']['canonical'],
            'result': ours['result'], 'longer': ours['longer'], 'match': match,
            'targets': [{k: t[k] for k in ('uri', 'q', 'reason', 'route_pattern')}
                        for t in ours['targets']]}


def by_sip(c, text):
    """[(uri, q)] of the Contacts; None where a Request-URI cannot hold the string as it is."""
    if not re.fullmatch(r"[-+A-Za-z0-9_.!~*'()&=$,]+(@[-A-Za-z0-9.]+)?", text):
        return None
    answer = invite(('127.0.0.1', c.sip_port), text)
    return answer and [(u, float(q)) for u, q in re.findall(r'<([^>]*)>;q=([0-9.]+)', answer[1])]


def one_decision(c, seed):
    rand = random.Random(seed)
    strings = [dialled(rand) for _ in range(STRINGS)]
    control, kinds, wrong, sip = Control(c), {}, [], 0
    web = http.client.HTTPConnection('127.0.0.1', c.http_port, timeout=30)
    batch = []
    for at in range(0, STRINGS, 1000):
        web.request('POST', '/v1/lookup', json.dumps(strings[at:at + 1000]))
        batch += json.loads(web.getresponse().read())
    for text, many in zip(strings, batch):
        wanted = as_http(control.ask('lookup', dialled=text))
        web.request('GET', '/v1/lookup?dialed=' + urllib.parse.quote(text, safe='+'))
        one = json.loads(web.getresponse().read())
        contacts = by_sip(c, text)
        kinds[wanted['result']] = kinds.get(wanted['result'], 0) + 1
        if contacts is not None:
            sip += 1
        if one != wanted or many != wanted or \
                contacts not in (None, [(t['uri'], t['q']) for t in wanted['targets']]):
            wrong.append((text, wanted, one, many, contacts))
    print('# %d strings, %d of them by SIP as well: %s' % (STRINGS, sip, kinds))
    tap.same(len(batch), STRINGS, 'every string of the batches has an answer')
    tap.ok(not wrong, '%d strings, the same decision by HTTP, SIP and the socket' % STRINGS,
           len(wrong), wrong[:3])
    tap.ok(len(kinds) >= 6 and all(n * 100 >= STRINGS for n in kinds.values()),
           'which decide in every way', kinds)
    tap.ok(as_http(dict(control.ask('lookup', dialled='7812'), longer=True)) !=
           as_http(control.ask('lookup', dialled='7812')), 'control: another answer differs')


def main():
    with Network() as net:
        tap.run(one_decision, network(net), 20261123)
    tap.done()


main()
