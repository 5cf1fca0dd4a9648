#!/usr/bin/env python3
"""Entries of every kind between two daemons: typed and imported as people write them, found by
whoever dials them at the other end; the original's files in and out; what is wrong in a file, by
line and character."""
import os
import re

from harness import Network, Tap, wait_until

# The form of the original, as an operator's spreadsheet leaves it: a byte order mark, CRLF, a blank
# line, quotes, a type in the words of its API.
ORIGINAL = '''\ufeffPatternType,PSTNFailover,Pattern\r
URI,,meet.user1@company.com\r
URI,+14085550100,"Jared,""Jerry"",Smith@test.com"\r
\r
URI,,joe smith#@cisco.com\r
+E.164 Number,ITSELF,+1 (408) 555-4000\r
+E.164 Number,ITSELF,+14085554XXX\r
E164Pattern,2:0,\\+81[1-9]!\r
'''

OWN = '''type,key,failover,source
ENTERPRISE,８００１,1:031234,desk
ENTERPRISEPATTERN,81404XXX,4:+1408555,ranges
ENTERPRISEPATTERN,814[^0]X!,,ranges
E164PATTERN,+8166[0-4]XX,,ranges
URI,own@osaka.example.com,,
'''

# dialled, result, kind, value, the user of the target, the number for the PSTN
CALLS = (
    ('meet.user1@company.com', 'URI', 'meet.user1@company.com', 'meet.user1@company.com', None),
    ('sip:MEET.user1@Company.com', 'URI', 'meet.user1@company.com', 'meet.user1', None),
    ('joe smith#@cisco.com', 'URI', 'joe%20smith%23@cisco.com', 'joe%20smith%23', None),
    ('sip:joe%20smith%23@cisco.com', 'URI', 'joe%20smith%23@cisco.com', 'joe%20smith%23', None),
    ('Jared,"Jerry",Smith@test.com', 'URI', 'Jared,%22Jerry%22,Smith@test.com',
     'Jared,%22Jerry%22,Smith', '+14085550100'),
    ('tel:+1-408-555-4000', 'E164', '+14085554000', '+14085554000', '+14085554000'),
    ('+14085554001', 'E164PATTERN', '+14085554XXX', '+14085554001', '+14085554001'),
    ('＋８１３１２３４', 'E164PATTERN', '+81[^0]!', '+8131234', '031234'),
    ('8001', 'ENTERPRISE', '8001', '8001', '031234001'),
    ('81404001', 'ENTERPRISEPATTERN', '81404XXX', '81404001', '+14085554001'),
    ('sip:81499123@anywhere.example', 'ENTERPRISEPATTERN', '814[^0]X!', '81499123', None),
    ('+8166412', 'E164PATTERN', '+8166[0-4]XX', '+8166412', None),
)


def write(net, name, text):
    path = os.path.join(net.folder, name)
    with open(path, 'w', encoding='utf-8', newline='') as handle:
        handle.write(text)
    return path


def entries(c, source=None):
    """Of a cluster's own plan: (kind, key, failover, source), in order."""
    rows = c.json('plan', 'show', '--max', 1000)['entries']
    return sorted((r['kind'], r['key'], r['failover'], r['source']) for r in rows
                  if source in (None, r['source']))


def calls(tap, caller, name):
    """Every call as `caller` decides it."""
    wrong = []
    for dialled, kind, value, user, pstn in CALLS:
        answer = caller.json('lookup', dialled)
        match, targets = answer['match'] or {}, answer['targets']
        got = (answer['result'], match.get('kind'), match.get('value'),
               re.sub('@10.0.0.5.*', '', targets[0]['uri']) if targets else None,
               re.sub('^sip:|@.*', '', targets[1]['uri']) if len(targets) > 1 else None)
        wanted = ('found', kind, value, 'sip:' + user.split('@')[0], pstn)
        if got != wanted:
            wrong.append('%s: %s, not %s' % (dialled, got, wanted))
    tap.ok(not wrong, name, *wrong)


def import_and_dial(tap, net, osaka, tokyo):
    osaka.must('plan', 'import', write(net, 'original.csv', ORIGINAL), '--source', 'cucm')
    osaka.must('plan', 'import', write(net, 'own.csv', OWN), '--source', 'rest')
    tap.same([(e[0], e[1], e[3]) for e in entries(osaka)], sorted([
        ('E164', '+14085554000', 'cucm'), ('E164PATTERN', '+14085554XXX', 'cucm'),
        ('E164PATTERN', '+81[^0]!', 'cucm'), ('E164PATTERN', '+8166[0-4]XX', 'ranges'),
        ('ENTERPRISE', '8001', 'desk'), ('ENTERPRISEPATTERN', '81404XXX', 'ranges'),
        ('ENTERPRISEPATTERN', '814[^0]X!', 'ranges'),
        ('URI', 'Jared,%22Jerry%22,Smith@test.com', 'cucm'),
        ('URI', 'joe%20smith%23@cisco.com', 'cucm'), ('URI', 'meet.user1@company.com', 'cucm'),
        ('URI', 'own@osaka.example.com', 'rest')]),
        'both files are read, each kind in its spelling')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5')
    tokyo.must('route', 'add', 'pstn', 'sip:10.0.0.9')
    wait_until(lambda: tokyo.json('lookup', 'own@osaka.example.com')['result'] == 'found')
    calls(tap, tokyo, 'whoever dials at the other end finds each of them')

    answer = tokyo.json('lookup', '+14085554000')
    tap.same([(m['value'], m['rule']) for m in answer['why']['losers']],
             [('+14085554XXX',
               'a number or URI that is advertised as such comes before patterns')],
             'why names the pattern that lost, and to what')
    answer = tokyo.json('lookup', '+8166412')
    tap.same([(m['value'], m['rule']) for m in answer['why']['losers']],
             [('+81[^0]!', 'the more specific pattern comes first')], 'and the wider pattern')
    answer = tokyo.json('lookup', '81404')
    tap.same((answer['result'], answer['longer']), ('no_match', True),
             'a number that is too short is known as such')
    answer = tokyo.json('lookup', '7')
    tap.same((answer['result'], answer['longer']), ('no_match', False), 'control: a wrong one')
    osaka.must('plan', 'remove', 'ENTERPRISEPATTERN', '8.1404 xxx')
    tap.ok(wait_until(lambda: tokyo.json('lookup', '81404001')['result'] == 'no_match'),
           'a pattern that is taken away is gone there too')
    osaka.must('plan', 'add', 'ENTERPRISEPATTERN', '81404XXX', '--failover', '4:+1408555')
    wait_until(lambda: tokyo.json('lookup', '81404001')['result'] == 'found')


def undialled(tap, tokyo):
    """What is no dialled string: why, and where; what a person spells is found all the same."""
    neither, unsound = ('it is neither a number nor a directory URI: ',
                        'no cluster advertises it, and it is no sound SIP URI: ')
    for dialled, result, said in (
            ('alice', 'bad_input', neither + 'a directory URI is user@host'),
            ('81X', 'bad_input',
             neither + 'at character 3: a character that may not stand in such a value'),
            ('sip:8.0.0.1', 'bad_input', neither + 'a directory URI is user@host'),
            ('sip:a b@c', 'no_match', unsound + 'at character 6: in a SIP URI such a character is '
             'escaped: a blank is %20'),
            ('sip:a@osaka.example.com:70000', 'no_match',
             unsound + 'at character 25: a port is a number from 1 to 65535')):
        answer = tokyo.json('lookup', dialled)
        tap.same((answer['result'], answer['why']['text']), (result, said), dialled)
        tap.ok(said in tokyo.ils('why', dialled)[1], 'and by why')
    tap.same(tokyo.json('lookup', 'sip:joe smith#@cisco.com')['result'], 'found',
             'control: as it is advertised')


def routes_decide(tap, osaka, tokyo):
    """Which route decides, in what order its targets are tried, and what is said without one."""
    tap.same(tokyo.json('status')['routes_missing'], [], 'no learned route string lacks a route')
    tokyo.must('route', 'remove', 'osaka.example.com')
    tap.same([(r['route_string'], r['next']) for r in tokyo.json('status')['routes_missing']],
             [('osaka.example.com', "ils route add 'osaka.example.com' sip:HOST")],
             'without its route, status names it, and what to type')
    tap.same(tokyo.json('lookup', 'meet.user1@company.com')['why']['next'],
             "ils route add 'osaka.example.com' sip:HOST", 'and so does why')
    tokyo.must('lookup', 'set', '--domains', 'on')
    tap.same([a['uri'] for a in tokyo.json('why', 'own@osaka.example.com')['why']['avoided']],
             ['sip:own@osaka.example.com'], 'a domain that is what was dialled is left out')
    answer = tokyo.json('lookup', '8001')
    tap.same((answer['targets'][0]['uri'], answer['why']['text']),
             ('sip:8001@osaka.example.com',
              "no route covers the match's route string, so it is the domain to call"),
             'a route string can be the domain to call')
    tokyo.must('lookup', 'set', '--domains', 'off')
    tokyo.must('route', 'add', '*.example.com', 'sip:10.0.0.7', '--priority', 20)
    tokyo.must('route', 'add', '*.example.com', 'sip:10.0.0.6;transport=tcp', '--priority', 5)
    tokyo.must('route', 'add', '*', 'sip:10.0.0.8')
    test = tokyo.json('route', 'test', 'osaka.example.com')
    tap.same(([t['target'] for t in test['targets']], test['patterns']),
             (['sip:10.0.0.6;transport=tcp', 'sip:10.0.0.7'], ['*.example.com', '*']),
             'the more specific route decides, its targets by priority')
    tokyo.must('lookup', 'set', '--dial-strings', 'uri')
    tap.same(tokyo.json('lookup', '8001@anywhere.example')['why']['number'], None,
             'a numeric user is no number where all dialled strings are URIs')
    tokyo.must('lookup', 'set', '--dial-strings', 'phone')
    there = tokyo.json('why', '8001', '--from', 'osaka')
    tap.same((there['result'], there['targets'], there['why']['route_patterns']),
             ('local', [], []), 'to osaka it is its own number; its routes are not known here')
    osaka.must('route', 'add', '*', 'sip:10.0.0.8')
    own = osaka.json('why', '8001')
    tap.same((own['result'], own['targets'], own['why']['route_patterns']), ('local', [], []),
             "of one's own number * decides nothing, and is not said to")
    osaka.must('route', 'add', '*.example.com', 'sip:10.0.0.8')
    own = osaka.json('why', '8001')
    tap.same((len(own['targets']), own['why']['route_patterns']), (1, ['*.example.com']),
             'control: another one does')
    osaka.must('route', 'remove', '*')
    osaka.must('route', 'remove', '*.example.com')
    tokyo.must('route', 'remove', '*.example.com')
    tokyo.must('route', 'remove', '*')
    tokyo.must('route', 'add', 'osaka.example.com', 'sip:10.0.0.5')


def sources_return(tap, net, osaka):
    """What several sources gave is exported, and imported as of several sources."""
    before = entries(osaka)
    path = write(net, 'back.csv', osaka.must('plan', 'export'))
    tap.same(osaka.json('plan', 'import', path, '--source', 'cucm')['text'],
             osaka.json('plan', 'import', path, '--source', 'cucm')['text'], 'twice is once')
    tap.same(entries(osaka), before, 'an export that is imported again changes nothing')
    text = osaka.must('plan', 'export')
    kept = ''.join(line for line in text.splitlines(True) if ',+8166' not in line)
    answer = osaka.json('plan', 'import', '-', '--source', 'cucm', stdin=kept)
    tap.same((answer['added'], answer['removed'], answer['changed']), (0, 1, 0),
             'what a named source has no more goes away, and nothing else')
    osaka.must('plan', 'rollback', answer['number'])
    tap.same(entries(osaka), before, 'and comes back')


def to_the_original(tap, net, osaka, tokyo, nara):
    """Everybody's plan, one file for each route string, into a third cluster."""
    folder = os.path.join(net.folder, 'out')
    os.mkdir(folder)
    tokyo.must('plan', 'add', 'URI', 'own@tokyo.example.com', '--failover', '+81355550100')
    answer = tokyo.json('plan', 'export', '--format', 'cucm', '--all', '--dir', folder)
    tap.same(sorted(os.listdir(folder)), ['osaka.example.com.csv', 'tokyo.example.com.csv'],
             'one file for each route string, learned ones too')
    tap.same([f['route_string'] for f in answer['files']],
             ['osaka.example.com', 'tokyo.example.com'], 'which are told')
    tap.same(answer['left_out'], 3, 'enterprise numbers have no place there, and are counted')
    with open(os.path.join(folder, 'tokyo.example.com.csv'), encoding='utf-8') as handle:
        tap.same(handle.read(), 'PatternType,PSTNFailover,Pattern\n'
                 'URI,+81355550100,own@tokyo.example.com\n', 'in the form of the original')
    nara.must('plan', 'import', os.path.join(folder, 'osaka.example.com.csv'), '--source', 'osaka')

    def dialled(c):
        return sorted((k, v, '+14085554000' if f == 'ITSELF' and k == 'E164' else f)
                      for k, v, f, _ in entries(c) if not k.startswith('ENTERPRISE'))
    tap.same(dialled(nara), dialled(osaka), 'imported again these are the same entries')
    tap.ok('3 enterprise numbers' in (tokyo.must('plan', 'export', '--format', 'cucm', '--all',
                                                 '--dir', folder) and tokyo.error),
           'and said, with what writes them', tokyo.error)
    whole = os.path.join(net.folder, 'whole')
    os.mkdir(whole)
    answer = tokyo.json('plan', 'export', '--format', 'cucm', '--enterprise', '--all', '--dir',
                        whole)
    tap.same((answer['left_out'], answer['left_out_enterprise']), (0, 0), 'or nothing is left out')
    nara.must('plan', 'import', os.path.join(whole, 'osaka.example.com.csv'), '--source', 'osaka')

    def spelt(c):
        return sorted((k, v, '+14085554000' if f == 'ITSELF' and k == 'E164' else f)
                      for k, v, f, _ in entries(c))
    tap.same([e for e in spelt(nara) if not e[0].startswith('ENTERPRISE')],
             [e for e in spelt(osaka) if not e[0].startswith('ENTERPRISE')], 'there and back')
    tap.same([e[:2] for e in spelt(nara)], [e[:2] for e in spelt(osaka)],
             'with every number and pattern')
    again = nara.must('plan', 'export', '--format', 'cucm', '--enterprise')
    with open(os.path.join(whole, 'osaka.example.com.csv'), encoding='utf-8') as handle:
        tap.same(sorted(again.splitlines()), sorted(handle.read().splitlines()),
                 'the file of what was read from it is the same')
    tap.ok('EnterpriseNumber,' in again and 'EnterprisePattern,4:+1408555,81404XXX' in again,
           'enterprise rows, their failover with them', again)
    tokyo.must('plan', 'export', '--format', 'cucm', '--all', '--dir', folder)
    tap.same(sorted(os.listdir(folder)), ['osaka.example.com.csv', 'tokyo.example.com.csv'],
             'a second run replaces its files')
    status, _ = tokyo.ils('plan', 'export', '--all', '--dir', folder + '/none')
    tap.ok(status == 1 and 'none' in tokyo.error, 'a directory that is not there is named')
    status, _ = tokyo.ils('plan', 'export', '--format', 'xml')
    tap.ok(status == 1 and 'ils plan export --format cucm' in tokyo.error, 'and another format')


WRONG = (
    ('PatternType,PSTNFailover,Pattern\nURI,,a@xx\nWIDGET,,b\n\nGADGET,,c\n',
     ['line 3, column PatternType: "WIDGET"', 'line 5, column PatternType: "GADGET"']),
    ('type,key\nENTERPRISE,80XX\n', ['line 2, column key: "80XX": at character 3']),
    ('type,key\nENTERPRISEPATTERN,8[5-1]\n', ['line 2', 'at character 5', 'a set of digits']),
    ('type,key\nE164PATTERN,81XX\n', ['line 2', 'country code first']),
    ('type,key\nURI,%s@xx\n' % ('u' * 48), ['line 2', 'at most 47 characters']),
    ('type,key\nURI,a@-x.example\n', ['line 2', 'at character 3', 'a host name']),
    ('type,key,failover\nENTERPRISEPATTERN,80X,4:1\n', ['line 2, column failover']),
    ('type,key\nENTERPRISEPATTERN,80XX\nENTERPRISEPATTERN,8-0 x X\n', ['line 3', 'line 2 has']),
)


def wrong_files(tap, net, osaka):
    before, lost = entries(osaka), []
    for text, said in WRONG:
        answer = osaka.json('plan', 'import', write(net, 'wrong.csv', text), '--source', 'x')
        words = str(answer)
        lost += [(text, s, words) for s in said if s not in words or osaka.status != 1]
    tap.ok(not lost, 'what is wrong is said with its line, column and character', *lost)
    tap.same(entries(osaka), before, 'and nothing of these files is taken')
    status, _ = osaka.ils('init', '--cluster-id', 'osaka', '--fqdn', 'osaka.example.com',
                          '--route-string', 'abc-123-def.example.com')
    tap.ok(status == 1, 'digits alone between two dashes make no route string', osaka.error)


def odd(tap, osaka, tokyo):
    """What each of a plan's entries does not show."""
    tap.same(osaka.json('plan', 'check'), {'findings': [], 'total': 0}, 'nothing is odd')
    osaka.must('plan', 'add', 'ENTERPRISEPATTERN', '9!X')
    tap.same(osaka.error, '', 'a pattern that meets no other is added without a word')
    never = ('warning: ENTERPRISEPATTERN 9!X: never decides: every number of it is the other '
             "pattern's, which is more specific: 9X! of cluster osaka\n  next: ils plan check\n")
    for kind, key in ('ENTERPRISEPATTERN', '9X!'), ('ENTERPRISEPATTERN', '9!X'):
        out = osaka.must('plan', 'add', kind, key)
        tap.same((out[:3], 'warning' in out, osaka.error), ('OK:', False, never),
                 'one that meets another names both, and where to look: ' + key)
        found = osaka.json('plan', 'add', kind, key)
        tap.same([(f['what'], f['key'], f['other'], f['next']) for f in found['warnings']],
                 [('unreachable', '9!X', '9X!', 'ils plan check')], 'with --json')
    rows = 'PatternType,PSTNFailover,Pattern\n' + ''.join(
        'ENTERPRISEPATTERN,,%s\n' % key for key in ('6[1-3]X', '6[2-5]X', '7XX', '70X'))
    osaka.must('plan', 'import', '-', '--source', 'meeting', stdin=rows)
    tap.ok('6[2-5]X: some of its' in osaka.error and ': 6[1-3]X of' in osaka.error and
           osaka.error.count('warning: ') == 1 and osaka.error.endswith('ils plan check\n'),
           'what a file brings likewise, once, and no range within another', osaka.error)
    rows = ''.join('ENTERPRISEPATTERN,,5%04dX\n' % i for i in range(5000))
    found = osaka.json('plan', 'import', '-', '--source', 'meeting', '--force',
                       stdin='PatternType,PSTNFailover,Pattern\n' + rows)
    tap.same((found['added'], found['warnings'], found['warnings_whole']), (5000, [], False),
             'of very many the first are looked at, and that is said')
    osaka.must('plan', 'import', '-', '--source', 'meeting', '--force',
               stdin='PatternType,PSTNFailover,Pattern\n')
    tap.same(osaka.error, '', 'nothing came, nothing is said')
    tokyo.must('plan', 'add', 'E164PATTERN', '+1408555400X')
    wait_until(lambda: osaka.json('lookup', '+14085554001')['match']['cluster_id'] == 'tokyo')
    answer = osaka.json('plan', 'check')
    tap.same([(f['what'], f['key'], f['other'], f['cluster_id']) for f in answer['findings']],
             [('taken', '+14085554XXX', '+1408555400X', 'tokyo'),
              ('unreachable', '9!X', '9X!', 'osaka')], 'what never decides, and what others take')
    tap.same(osaka.status, 1, 'is told by the exit status too')
    remedy = [f['next'] for f in answer['findings'] if f['next']]
    for command in remedy:
        osaka.shell(command)
    tap.same([f['what'] for f in osaka.json('plan', 'check')['findings']], ['taken'],
             'the command that is printed mends it')
    osaka.must('plan', 'add', 'ENTERPRISEPATTERN', '9[78]')
    osaka.must('plan', 'add', 'ENTERPRISE', '97')
    tap.same(len(osaka.json('plan', 'check')['findings']), 1, 'a pattern with a number left')
    osaka.must('plan', 'add', 'ENTERPRISE', '98')
    status, answer = osaka.ils('plan', 'check')
    tap.ok(status == 1 and '9[78]: never decides: each of its numbers' in answer and
           "ils plan remove ENTERPRISEPATTERN '9[78]'" in answer,
           'and one of which numbers of their own leave none', answer)


def main():
    tap = Tap()
    with Network() as net:
        osaka = net.cluster('osaka').hub('secret')
        tokyo = net.cluster('tokyo').init('secret')
        nara = net.cluster('nara').init('secret')
        tokyo.join(osaka)
        tap.run(import_and_dial, tap, net, osaka, tokyo)
        tap.run(undialled, tap, tokyo)
        tap.run(routes_decide, tap, osaka, tokyo)
        tap.run(sources_return, tap, net, osaka)
        tap.run(to_the_original, tap, net, osaka, tokyo, nara)
        tap.run(wrong_files, tap, net, osaka)
        tap.run(odd, tap, osaka, tokyo)
    tap.done()


main()
