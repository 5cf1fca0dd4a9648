#!/usr/bin/env python3
"""What the documents say of the code holds, and the code's hash labels are in the documents.

    test_docs.py ROOT

Each check is a function from texts to a list of complaints; each is also run on texts with a
planted mistake, on which it must complain.
"""
import ctypes
import ctypes.util
import hashlib
import re
import sys
from pathlib import Path

PAGES = ['README.md', 'README.ja.md', 'ARCHITECTURE.md', 'PROTOCOL.md', 'HACKING.md', 'SECURITY.md']
ROOMS = 'src|test|script|docs|man|dist'
# a path, perhaps with braces as a shell takes them: src/core/{link,dial}.c
PATH = re.compile(r'(?<![\w/.-])((?:%s)/[\w./{},-]*[\w}])(?![\w*])' % ROOMS)
PAGE = re.compile(r'(?<![\w/.-])([A-Z]+\.md)\b')
CODE_ROW = re.compile(r'^CODE\((\d+), (\w+),', re.M)
CALL = re.compile(r'\bcrypto_hash1?\s*\(\s*([^,()]*(?:\([^()]*\))?[^,()]*),\s*([^,]*?)\s*,')
EXAMPLE = re.compile(r'^(\w+) =(?: ([0-9a-f]+)$|((?:\n  [0-9a-f]+)+))', re.M)
FUNCTION = re.compile(r'`([a-z]\w*)\(\)`')
VERB = re.compile(r'\{"([a-z -]+)",\s*RIGHT_(READ|CHANGE),\s*((?:"[a-z_,]*"\s*)+),\s*(true|false)')
PLACE = re.compile(r'`([a-z]\w*)\(\)`\s+(?:in\s+|\()`(src/[\w./]+\.[ch])`')
CONSTANT = re.compile(r'`([A-Z][A-Z0-9]*_[A-Z0-9_]+)`')


def braces(path):
    m = re.match(r'(.*)\{([^{}]*)\}(.*)$', path)
    return [path] if not m else [p for word in m[2].split(',')
                                 for p in braces(m[1] + word + m[3])]


def bad_proto(page, proto):
    quoted = re.findall(r'```proto\n(.*?)```', page, re.S)
    return [] if quoted == [proto] else ['the quoted .proto is not src/link/ils.proto']


def bad_paths(name, page, exists):
    paths = [p for found in PATH.findall(page) for p in braces(found)] + PAGE.findall(page)
    return ['%s names %s, which is not there' % (name, p) for p in paths if not exists(p)]


def bad_codes(name, page, table):
    codes = dict(CODE_ROW.findall(table))
    bad = ['%s: ILS-%s is not in src/core/code.def' % (name, n)
           for n in re.findall(r'ILS-(\d+)', page) if n not in codes]
    rows = re.findall(r'^\| ILS-(\d+) \| (\w+) \|', page, re.M)
    bad += ['%s: ILS-%s is not %s' % (name, n, word) for n, word in rows if codes.get(n) != word]
    if rows and {n for n, word in rows} != set(codes):
        bad.append('%s: the table of codes is not whole' % name)
    return bad


def labels_of(sources):
    """The labels that the code hashes under, and calls whose label is no literal. What only a build
    with a planted bug compiles is left out, and the simulator's stand-in for the cryptography."""
    found, odd = set(), []
    for name, text in sources.items():
        if name.startswith('src/sim/stub/'):
            continue
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        text = re.sub(r'^#ifdef OPENILS_BUG_.*?^#(else|endif)', '', text, flags=re.S | re.M)
        for m in CALL.finditer(text):
            literals = re.findall(r'"([^"]*)"', m[2])
            declared = 'const char *' in m[2] or (name == 'src/base/crypto.c' and m[2] == 'label')
            found.update(literals)
            if not literals and not declared:
                odd.append('%s: %s is hashed under, and is no literal' % (name, m[2]))
    return found, odd


def bad_labels(page, sources):
    table = re.search(r'^\| label \| parts \| used for \|\n\|[-|]+\|\n((?:\|.*\n)+)', page, re.M)
    rows = table[1].splitlines() if table else []
    registered = [label for row in rows for label in re.findall(r'`([^`]+)`', row.split('|')[1])]
    used, bad = labels_of(sources)
    bad += ['label "%s" is not registered in PROTOCOL.md' % x for x in used - set(registered)]
    bad += ['label "%s" is registered and not used' % x for x in set(registered) - used]
    if len(set(registered)) != len(registered):
        bad.append('a label is registered twice')
    return bad


def bad_examples(page, vectors):
    bad = []
    for name, short, long in EXAMPLE.findall(page):
        value = short or re.sub(r'\s', '', long)
        if name != 'stretch_salt' and (name, value) not in vectors:
            bad.append('example %s is not what the scripts compute' % name)
    return bad


def bad_names(name, page, code):
    words = set(re.findall(r'\w+', code))
    return ['%s names %s, which the code has not' % (name, word)
            for word in FUNCTION.findall(page) + CONSTANT.findall(page) if word not in words]


def bad_places(name, page, sources):
    """`function()` in `file`, or `function()` (`file`): the file must define it."""
    return ['%s: %s does not define %s' % (name, path, word) for word, path in PLACE.findall(page)
            if not re.search(r'^\w[^;\n]*\b%s\(' % word, sources.get(path, ''), re.M)]


def bad_words(page, usage, script):
    """The words of a script, as its own comment and HACKING.md have them."""
    said = set(re.findall(r'^    %s (\w+)' % re.escape(script), page, re.M))
    own = set(re.findall(r'^#   %s (\w+)' % re.escape(script), usage, re.M))
    return ['%s: %s is said in one place alone' % (script, word) for word in sorted(said ^ own)]


def bad_verbs(page, table):
    """The commands of the control socket: each with its right and its arguments, none beyond."""
    said, bad = {}, []
    for row in re.findall(r'^\|(.*)\|$', page.split('## Commands')[1].split('\n## ')[0], re.M):
        cells = [cell.strip() for cell in row.split('|')]
        for name in re.findall(r'`([a-z -]+)`', cells[0]):
            said[name] = cells[-1], set(re.findall(r'`([a-z_]+)`', cells[1])), cells[1]
    head = page.split('## Answers')[0].replace('\n', ' ')
    for name, right, words, content in VERB.findall(table):
        wanted = set(re.findall(r'[a-z_]+', words))
        if name not in said or said[name][0] != right.lower() or wanted - said[name][1]:
            bad.append('docs/control.md: %s has another right or other arguments' % name)
        elif content == 'true' and ('content' not in said[name][2] or '`%s`' % name not in head):
            bad.append('docs/control.md: that %s has a content stands in its row and on top' % name)
    verbs = {row[0] for row in VERB.findall(table)}
    return bad + ['docs/control.md: there is no command %s' % n for n in set(said) - verbs]


def bad_options(config, manual, page, example):
    """Every option of ilsd is in its manual, as a key in that of ilsd.conf, and in the example."""
    names = [n for n in re.findall(r'\{"([a-z-]+)", required_argument', config) if n != 'config']
    places = (('man/ilsd.8.scd', '--%s* ', manual), ('man/ilsd.conf.5.scd', '*%s*', page),
              ('dist/ilsd.conf', '\n;%s = ', example))
    bad = [] if len(names) > 10 else ['no options were found']
    return bad + ['%s of ilsd is not in %s' % (name, where) for name in names
                  for where, form, text in places if form % name not in text]


def bad_stretching(page, sodium):
    salt = hashlib.blake2b(b'openils/password', digest_size=16).digest()
    m = re.search(r'stretched of `([^`]*)` =\n  ([0-9a-f]{64})', page)
    if m is None or 'stretch_salt = %s\n' % salt.hex() not in page:
        return ['salt or example of the stretching are missing or wrong']
    out, word = ctypes.create_string_buffer(32), m[1].encode()
    sodium.sodium_init()
    failed = sodium.crypto_pwhash(out, ctypes.c_ulonglong(32), word, ctypes.c_ulonglong(len(word)),
                                  salt, ctypes.c_ulonglong(3), ctypes.c_size_t(1 << 26), 2)
    good = not failed and out.raw.hex() == m[2]
    return [] if good else ['the example of the stretching is wrong']


def vectors_of(root):
    found = set()
    for room in ('link', 'plan'):
        for line in (root / 'test' / room / 'vectors.txt').read_text().splitlines():
            words = line.replace(' = ', ' ').split()
            if len(words) == 2 and not line.startswith('#'):
                found.add(tuple(words))
    return found


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def check(self, what, complaints):
        self.n += 1
        self.failed += bool(complaints)
        print('%sok %d - %s' % ('not ' if complaints else '', self.n, what))
        for complaint in complaints:
            print('# ' + complaint)

    def control(self, what, complaints):
        self.check('control: ' + what, [] if complaints else ['nobody complained'])


def main():
    root, tap = Path(sys.argv[1]), Tap()
    page = {name: (root / name).read_text() for name in PAGES}
    protocol = page['PROTOCOL.md']
    proto = (root / 'src/link/ils.proto').read_text()
    table = (root / 'src/core/code.def').read_text()
    vectors = vectors_of(root)
    sources = {str(p.relative_to(root)): p.read_text()
               for p in sorted((root / 'src').rglob('*.[ch]'))}
    code = '\n'.join(sources.values()) + (root / 'test/test.h').read_text()

    def exists(path):
        return (root / path).exists()

    tap.check('the .proto is quoted as it is', bad_proto(protocol, proto))
    tap.control('another field number', bad_proto(protocol, proto.replace('= 1;', '= 7;', 1)))
    for name in PAGES:
        tap.check('%s: files' % name, bad_paths(name, page[name], exists))
        tap.check('%s: codes' % name, bad_codes(name, page[name], table))
        tap.check('%s: names' % name, bad_names(name, page[name], code))
        tap.check('%s: what is where' % name, bad_places(name, page[name], sources))
    tap.control('a file that is not there', bad_paths('x', 'see `src/core/{link,lnik}.c`.', exists))
    tap.control('a page that is not there', bad_paths('x', 'see ABSENT.md.', exists))
    tap.control('a code that is not there', bad_codes('x', 'refused with ILS-299.', table))
    tap.control('a code under another name', bad_codes('x', '| ILS-404 | SILENT |', table))
    tap.control('a table of codes with a gap',
                bad_codes('x', protocol.replace('| ILS-404 |', '| |'), table))
    tap.control('a function that is not there', bad_names('x', 'in `link_upp()`', code))
    tap.control('a constant that is not there', bad_names('x', '`SEGMENT_MAXIMUM`', code))
    tap.control('a function that is elsewhere',
                bad_places('x', '`link_up()` in `src/core/dial.c`', sources))
    usage = (root / 'script/prove').read_text()
    tap.check('the words of script/prove', bad_words(page['HACKING.md'], usage, 'script/prove'))
    tap.control('a word that is not said', bad_words('', usage, 'script/prove'))
    control, verbs = (root / 'docs/control.md').read_text(), sources['src/daemon/control.c']
    tap.check('there are verbs', [] if len(VERB.findall(verbs)) > 100 else ['too few'])
    tap.check('the commands of the control socket', bad_verbs(control, verbs))
    tap.control('an argument that is not said',
                bad_verbs(control, verbs.replace('"file,', '"flie,')))
    tap.control('a content that is not said',
                bad_verbs(control.replace('`catalog import`, ', ''), verbs))
    tap.control('a command that is not there',
                bad_verbs(control, verbs.replace('"unban"', '"nuban"')))
    config = sources['src/daemon/config.c']
    texts = [(root / name).read_text()
             for name in ('man/ilsd.8.scd', 'man/ilsd.conf.5.scd', 'dist/ilsd.conf')]
    tap.check('the options of ilsd', bad_options(config, *texts))
    tap.control('an option that is not said',
                bad_options(config.replace('"workers"', '"wrokers"'), *texts))
    tap.check('every label is registered once, and used', bad_labels(protocol, sources))
    tap.control('a label that is not registered',
                bad_labels(protocol, sources | {'x.c': 'crypto_hash1(ret, "planted", part);'}))
    tap.control('a label over two lines',
                bad_labels(protocol, sources | {'x.c': 'crypto_hash(f(a),\n  "planted", p, 2);'}))
    tap.control('a label that is no literal',
                bad_labels(protocol, sources | {'x.c': 'crypto_hash1(ret, text, part);'}))
    tap.control('a label that nobody uses',
                bad_labels(protocol.replace('| `head` |', '| `head`, `planted` |'), sources))
    tap.check('the examples are the vectors', bad_examples(protocol, vectors))
    tap.check('there are examples', [] if len(EXAMPLE.findall(protocol)) > 40 else ['too few'])
    tap.control('an example with another digit',
                bad_examples(protocol.replace('frame_keepalive = 06', 'frame_keepalive = 07'),
                             vectors))
    library = ctypes.util.find_library('sodium')
    if library is None:
        tap.n += 1
        print('ok %d - the stretching # SKIP libsodium is not installed' % tap.n)
    else:
        sodium = ctypes.CDLL(library)
        tap.check('the stretching', bad_stretching(protocol, sodium))
        other = protocol.replace('correct horse', 'Correct horse')
        tap.control('another password', bad_stretching(other, sodium))
    print('1..%d' % tap.n)
    return 1 if tap.failed else 0


if __name__ == '__main__':
    sys.exit(main())
