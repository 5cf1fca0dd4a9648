"""town: an invented network with something on every page: tokyo, a hub with a plan, catalogs,
routes and blocks; osaka and sapporo, its spokes, who announce entries; kobe, whose password
differs."""
import os

CSV = 'PatternType,PSTNFailover,Pattern\n'


def entries(first, count, *more):
    return CSV + ''.join('E164,,+81%d\n' % (first + i) for i in range(count)) + ''.join(more)


def import_csv(c, source, text):
    path = os.path.join(c.net.folder, c.name + '.csv')
    with open(path, 'w', encoding='utf-8') as handle:
        handle.write(text)
    c.must('plan', 'import', path, '--source', source)


def town(net, refused=True):
    tokyo = net.cluster('tokyo').hub(password='one')
    tokyo.must('describe', '--description', 'Head office', '--route-string', 'tokyo.rs.example.com')
    import_csv(tokyo, 'HQ', entries(312340000, 60, 'URI,,ann@tokyo.example.com\n',
                                    'ENTERPRISE,+81312340001,81001\n'))
    tokyo.must('catalog', 'add', 'partner', '--route-string', 'partner.rs.example.com',
               '--description', 'Partner')
    tokyo.must('route', 'add', '*.rs.example.com', 'sip:127.0.0.1:5060;transport=tcp')
    tokyo.must('block', 'add', '+8161234999', '--description', 'moved away')
    osaka = net.cluster('osaka').init(password='one')
    osaka.must('describe', '--description', 'Branch', '--route-string', 'osaka.rs.example.com')
    import_csv(osaka, 'HQ', entries(612340000, 80, 'URI,,bob@osaka.example.com\n'))
    sapporo = net.cluster('sapporo').init(password='one')
    import_csv(sapporo, 'HQ', entries(112340000, 20, 'E164,,+81612340007\n'))
    for spoke in (osaka, sapporo):
        spoke.join(tokyo)
    kobe = net.cluster('kobe').init(password='two')
    if refused:
        kobe.join(tokyo)
    return tokyo, osaka, sapporo, kobe
