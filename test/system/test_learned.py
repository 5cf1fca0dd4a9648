#!/usr/bin/env python3
"""What is made of what others announce, by real daemons: the duplicate number, blocks, bounds, a
plan that shrank, limits, browsing and SQL. What the screen says is typed."""
import re

from harness import Network, Tap, wait_until

tap = Tap()
NUMBER = '+81660000001'


def network(net):
    """tokyo is the hub of osaka and nara; calls go to each by its route string."""
    tokyo = net.cluster('tokyo').hub('secret')
    others = [net.cluster(name).init('secret') for name in ('osaka', 'nara')]
    for c in others:
        verdict = c.join(tokyo)
        assert verdict['code'] == 'ILS-100', verdict
    for c in others:
        tokyo.must('route', 'add', c.name + '.example.com', 'sip:%s.example.com' % c.name,
                   '--unresolved')
    return [tokyo] + others


def rows(n, first=0):
    return 'PatternType,PSTNFailover,Pattern\n' + ''.join(
        'URI,,user%04d@osaka.example.com\n' % i for i in range(first, n))


def served(c, dialled):
    """Who gets the call, as c says; '' if nobody."""
    match = c.json('lookup', dialled)['match']
    return match['cluster_id'] if match else ''


def typed(c, text, pattern):
    """The command that the screen shows, typed at c; its status and output."""
    found = re.search(pattern, text)
    if not found:
        return 127, 'there is no %s in: %s' % (pattern, text)
    return c.shell(found.group(1))


def alarm(c, name):
    return any(row['name'] == name and row['active'] for row in c.json('alarms'))


# --- the duplicate number

def duplicate(tokyo, osaka, nara):
    osaka.must('plan', 'add', 'E164', NUMBER)
    tap.ok(wait_until(lambda: served(tokyo, NUMBER) == 'osaka'), 'a number of one cluster')
    tap.same(tokyo.json('duplicates')['duplicates'], [], 'nobody else has it')
    nara.must('plan', 'add', 'E164', NUMBER)
    tap.ok(wait_until(lambda: alarm(tokyo, 'ILSDuplicateURI')),
           'the alarm comes when it is learned: nobody has called it')
    status, out = tokyo.ils('status')
    tap.ok(status == 0 and 'ils duplicates' in out, 'ils status names the command', out)
    status, out = typed(tokyo, out, r'\((ils duplicates)\)')
    tap.ok(status == 0 and NUMBER in out and 'smaller cluster id' in out,
           'which shows the number, the winner and the rule', out)
    tap.same(served(tokyo, NUMBER), 'nara', 'the winner gets the call')
    status, said = typed(tokyo, out, r'(ils duplicates prefer \S+)')
    tap.ok(status == 0, 'the other way is typed as it is shown', said)
    tap.same(served(tokyo, NUMBER), 'osaka', 'and the call goes there')
    out = tokyo.must('lookup', NUMBER)
    tap.ok("operator's order" in out and 'nara' in out, 'ils lookup says why the other lost', out)
    tap.ok('preferred' in tokyo.must('duplicates', 'list'), 'the order is shown')
    tokyo.restart()
    tap.ok(wait_until(lambda: served(tokyo, NUMBER) == 'osaka'), 'it holds after a restart')
    tokyo.must('duplicates', 'prefer')
    nara.must('plan', 'remove', 'E164', NUMBER)
    tap.ok(wait_until(lambda: not alarm(tokyo, 'ILSDuplicateURI')), 'it clears when one has gone')


def duplicate_of_a_catalog(tokyo, osaka, nara):
    """The hub imports a catalog whose number a cluster announces as well: osaka comes before it by
    its id, at the hub and at nara, which learned it."""
    number = '+81660000002'
    tokyo.must('catalog', 'add', 'zebra', '--route-string', 'zebra.example.com')
    tokyo.must('catalog', 'import', 'zebra', '-',
               stdin='PatternType,PSTNFailover,Pattern\nE164,,%s\n' % number)
    osaka.must('plan', 'add', 'E164', number)
    for c in (tokyo, nara):
        tap.ok(wait_until(lambda: len(c.json('duplicates')['duplicates']) == 1),
               'a number of a catalog and of a cluster is found at ' + c.name)
        tap.same(served(c, number), 'osaka', 'the smaller id gets the call')
        status, said = typed(c, c.must('duplicates'), r'(ils duplicates prefer \S+)')
        tap.ok(status == 0 and c.json('duplicates')['preferred'] == ['zebra'],
               'the other way is typed as it is shown', said)
        tap.same(served(c, number), 'zebra', 'and the call goes there')
    nara.restart()
    tap.ok(wait_until(lambda: served(nara, number) == 'zebra'), 'it holds after a restart')
    tap.same(nara.ils('duplicates', 'prefer', 'zebra', 'osaka', 'ZEBRA')[0], 1, 'twice is refused')
    tap.ok(nara.ils('duplicates', 'prefer', 'zebr')[0] == 1 and 'ils clusters' in nara.error,
           'one that is not known is refused', nara.error)
    osaka.must('plan', 'remove', 'E164', number)
    tokyo.must('catalog', 'remove', 'zebra')
    for c in (tokyo, nara):
        c.must('duplicates', 'prefer')
        tap.ok(wait_until(lambda: not alarm(c, 'ILSDuplicateURI')), 'all is over at ' + c.name)


# --- blocks and bounds

def block(tokyo, osaka):
    osaka.must('plan', 'add', 'ENTERPRISE', '2065551212')
    tap.ok(wait_until(lambda: served(tokyo, '2065551212') == 'osaka'), 'a number that is learned')
    tokyo.must('block', 'add', '206XXXXXXX', '--description', 'not ours')
    answer = tokyo.json('lookup', '2065551212')
    tap.same([answer['result'], answer['match'], tokyo.status], ['blocked', None, 1],
             'a pattern blocks it')
    status, out = tokyo.ils('lookup', '2065551212')
    tap.ok('ils block list' in out, 'the screen says where the rule is', out)
    status, out = typed(tokyo, out, r'\((ils block list)\)')
    tap.ok(status == 0 and '206XXXXXXX' in out and 'not ours' in out, 'which lists it', out)
    rule = tokyo.json('block', 'list')[0]['rule']
    tokyo.must('block', 'remove', rule)
    tap.same(served(tokyo, '2065551212'), 'osaka', 'without it the number is served')
    for said, is_blocked in (('Enterprise Pattern', True), ('+E.164 Pattern', False),
                             ('Any', True), ('Directory URI', False)):
        tokyo.must('block', 'add', '--prefix', '206', '--type', said)
        tap.same(served(tokyo, '2065551212'), '' if is_blocked else 'osaka',
                 'a type in the words of the original: ' + said)
        tokyo.must('block', 'remove', tokyo.json('block', 'list')[0]['rule'])
    tap.ok(tokyo.ils('block', 'add', '--type', 'Enterprise Route')[0] == 1 and
           'ils help block add' in tokyo.error, 'other words are refused', tokyo.error)
    for n in 129, 5000:
        status, _ = tokyo.ils('block', 'add', '--prefix', '99', '--description', 'x' * n)
        tap.ok(status == 1 and 'a description has at most 128 bytes' in tokyo.error and
               tokyo.error.endswith('next: ils help block add\n'), 'words that are too long',
               tokyo.error)
    tokyo.must('block', 'add', '--prefix', '99', '--description', 'x' * 128)
    tokyo.must('block', 'remove', tokyo.json('block', 'list')[0]['rule'])
    status, _ = tokyo.ils('block', 'remove', rule)
    tap.ok(status == 1 and 'ils block list' in tokyo.error, 'twice is refused', tokyo.error)
    status, _ = tokyo.ils('block', 'add')
    tap.ok(status == 1 and 'ils help block add' in tokyo.error, 'a block says something',
           tokyo.error)


def accept(tokyo, osaka):
    osaka.must('plan', 'add', 'URI', 'boss@tokyo.example.com')
    tap.ok(wait_until(lambda: served(tokyo, 'boss@tokyo.example.com') == 'osaka'),
           'a member announces somebody else\'s user')
    tokyo.must('accept', 'osaka', '--domain', 'osaka.example.com', '--prefix', '206', '+8166')
    tap.same(served(tokyo, 'boss@tokyo.example.com'), '', 'outside of its bounds it is not served')
    tap.same(served(tokyo, '2065551212'), 'osaka', 'within them it is')
    tap.ok('osaka.example.com' in tokyo.must('accept', 'list'), 'the bounds are shown')
    for words, where in (('accept', 'osaka'), 'accept'), (('block', 'add'), 'block add'):
        status, _ = tokyo.ils(*words, '--prefix', '206x')
        tap.ok(status == 1 and "'206x' is no prefix" in tokyo.error and
               tokyo.error.endswith('next: ils help %s\n' % where),
               'no prefix, and where to look: ' + where, tokyo.error)
    tap.same(tokyo.ils('accept', 'osaka')[0], 1, 'neither bounds nor everything: refused')
    tokyo.must('accept', 'osaka', '--everything')
    tap.same(served(tokyo, 'boss@tokyo.example.com'), 'osaka', 'everything again')


# --- the plan that shrank

def shrink(tokyo, osaka, nara):
    def give(n):
        osaka.must('plan', 'import', '-', '--source', 'HQ', '--force', stdin=rows(n))

    give(300)
    last = 'user0299@osaka.example.com'
    tap.ok(wait_until(lambda: served(nara, last) == 'osaka'), '300 users are learned')
    give(20)
    tap.ok(wait_until(lambda: alarm(nara, 'ILSPlanHeld')), 'all but 20 gone: an alarm')
    tap.same([served(c, last) for c in (tokyo, nara)], ['osaka', 'osaka'],
             'and the former plan is served')
    status, out = nara.ils('status')
    tap.ok(status == 1 and 'ils held release osaka' in out, 'ils status says what to do', out)
    tap.ok('Held' in nara.must('clusters'), 'the table of clusters says Held')
    status, out = typed(nara, out, r'(ils held release osaka)')
    tap.ok(status == 0 and served(nara, last) == '', 'released here, it is gone here', out)
    tap.same(served(tokyo, last), 'osaka', 'and only here')
    status, out = osaka.ils('status')
    tap.ok(status == 1, 'its origin is told as well', out)
    status, out = typed(osaka, out, r'(ils plan confirm-shrink)')
    tap.ok(status == 0, 'and what it is told is typed', out)
    tap.ok(wait_until(lambda: served(tokyo, last) == ''), 'then it is gone everywhere')
    tap.ok(wait_until(lambda: osaka.ils('status')[0] == 0), 'and all is well')
    tap.same(osaka.ils('plan', 'confirm-shrink')[0], 1, 'twice is refused')


# --- limits

def limit(tokyo, osaka):
    used = next(row['used'] for row in tokyo.json('limits') if row['name'] == 'learned')
    tokyo.must('limits', 'set', 'learned', used + 5)
    osaka.must('plan', 'import', '-', '--source', 'HQ', stdin=rows(200))
    tap.ok(wait_until(lambda: alarm(tokyo, 'ILSLearnedLimitExceeded')), 'too many: an alarm')
    tap.same(served(tokyo, 'user0010@osaka.example.com'), 'osaka', 'the former plan is served')
    status, out = tokyo.ils('held')
    tap.ok('quota' in out and 'ils limits' in out, 'ils held says why', out)
    used = next(row['used'] for row in tokyo.json('limits') if row['name'] == 'learned')
    tokyo.must('limits', 'set', 'learned', used + 1)
    tap.ok(alarm(tokyo, 'ILSLearnedLimitApproachingWarning'), 'nine tenths: a warning')
    tokyo.must('limits', 'set', 'learned', 10000000)
    tap.ok(not alarm(tokyo, 'ILSLearnedLimitApproachingWarning'), 'which is over then')
    tap.ok(wait_until(lambda: served(tokyo, 'user0150@osaka.example.com') == 'osaka'),
           'raised, it comes at once')
    tap.ok(not alarm(tokyo, 'ILSLearnedLimitExceeded'), 'and the alarm is over')
    used = next(row['used'] for row in tokyo.json('limits') if row['name'] == 'learned')
    tokyo.must('limits', 'set', 'learned', used + 2)
    out = tokyo.must('status')
    tap.ok('the limit of what is learned is near' in out and any(
        'are learned from others: the limit is near' in line for line in tokyo.trace_lines()),
        'status and trace say that it is near', out)
    status, out = typed(tokyo, out, r'(ils limits set learned \d+)')
    tap.ok(status == 0 and 'is near' not in tokyo.must('status'), 'and what is said is typed', out)
    tokyo.must('limits', 'set', 'learned', 10000000)
    status, _ = tokyo.ils('limits', 'set', 'learned', 10000001)
    tap.ok(status == 1 and 'ils limits' in tokyo.error, 'more than ten million are refused',
           tokyo.error)


# --- browsing, SQL

def browse(tokyo, osaka):
    seen, out = [], tokyo.must('learned', '--search', 'user', '--max', 70)
    pages = 0
    while pages < 10:
        pages += 1
        seen += re.findall(r'user\d{4}@', out)
        after = re.search(r'--after (\S+)', out)
        if not after:
            break
        out = tokyo.must('learned', '--search', 'user', '--max', 70, '--after', after.group(1))
    tap.same(sorted(seen), ['user%04d@' % i for i in range(200)], 'pages show each entry once')
    answer = tokyo.json('learned', '--search', 'USER0123@OSAKA')
    tap.same([row['key'] for row in answer['entries']], ['user0123@osaka.example.com'],
             'a search takes either case')
    tap.same(answer['after'], None, 'and knows its end')
    kinds = {row['kind'] for row in tokyo.json('learned', '--kind', 'E164')['entries']}
    tap.same(kinds, {'E164'}, 'one kind only')
    tap.same(tokyo.json('learned', '--stale')['entries'], [], 'nothing is stale')
    tap.same(tokyo.json('learned', '--cluster', 'nobody')['entries'], [], 'of nobody')
    for bad in ('x', '0' * 64 + '.1.2', '0' * 64 + '.1.0.99999.1', 'f' * 64 + '.1.99999999.3.7'):
        tokyo.ils('learned', '--after', bad)
    tap.ok(tokyo.ask('version')['ok'], 'places that are none harm nobody')
    osaka.must('disconnect', 'tokyo')
    tap.ok(wait_until(lambda: len(tokyo.json('learned', '--stale')['entries']) > 0),
           'what is parted is stale')
    out = tokyo.must('learned', '--stale', '--max', 1)
    tap.ok('stale' in out and 'ago' in out, 'and shown with its age', out)


def sql(tokyo):
    def ask(query):
        return tokyo.json('sql', query)['rows']

    join = ('select c.name, c.routestring, r.pattern, r.tkpatternusage from remoteroutingpattern r '
            'join remotecatalogkey k on r.remotecatalogkey_id = k.remotecatalogkey_id '
            'join remoteclusteruricatalog c on c.peerid = k.remoteclusteruricatalog_peerid '
            'where r.pattern = ')
    tap.same(ask(join + "'%s'" % NUMBER), [['osaka', 'osaka.example.com', NUMBER, 24]],
             'the join by which the original is asked')
    tap.same(ask(join + "'user0001@osaka.example.com'"),
             [['osaka', 'osaka.example.com', 'user0001@osaka.example.com', 28]], 'a URI')
    tokyo.must('plan', 'add', 'E164', '+81310000001')
    tap.same(ask('select number, tkglobalnumber from alternatenumber'), [['+81310000001', 200]],
             'one\'s own numbers')
    tap.same(ask('select name from typepatternusage where enum = 24'),
             [['ILS Learned E164 Number']], 'the words for usages')


def main():
    with Network() as net:
        tokyo, osaka, nara = network(net)
        tap.run(duplicate, tokyo, osaka, nara)
        tap.run(duplicate_of_a_catalog, tokyo, osaka, nara)
        tap.run(block, tokyo, osaka)
        tap.run(accept, tokyo, osaka)
        tap.run(shrink, tokyo, osaka, nara)
        tap.run(limit, tokyo, osaka)
        tap.run(sql, tokyo)
        tap.run(browse, tokyo, osaka)
    tap.done()


main()
