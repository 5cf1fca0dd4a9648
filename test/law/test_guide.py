#!/usr/bin/env python3
"""docs/troubleshooting.md and its Japanese are what the code's tables say: each code, alarm and
line, the lines that the rows of the join are held to, and commands that `ils` has.

    test_guide.py ROOT ILS
"""
import ast
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

from test_docs import Tap

READ = ['src/core/code.def', 'src/core/alarm.def', 'src/core/event.def', 'src/core/reply.def',
        'src/doctor/row.def', 'po/ja.po', 'docs/troubleshooting.toml', 'docs/troubleshooting.md',
        'docs/troubleshooting.ja.md']
PAGES = READ[-2:]
MORE = ['docs/guide.md', 'docs/guide.ja.md', 'docs/trust.md', 'README.md',
        'README.ja.md']
ROWS = ['test/system/rows.py', 'test/system/test_rows_join.py']
COMMAND = re.compile(r'`([^`]+)`|^    (.+)$', re.M)
# A link to a file, without its language.
LINK = re.compile(r'\]\(([\w/.]+?)(?:\.(?:ja|en)\.webp|(?:\.ja)?\.?(?:md)?)[#)]')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as handle:
        return handle.read()


def load_guide(root):
    loader = importlib.machinery.SourceFileLoader('guide', os.path.join(root, 'script/guide'))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('guide', loader))
    loader.exec_module(module)
    return module


def check(root, tree):
    """What `script/guide check` of ROOT says of a tree."""
    done = subprocess.run([sys.executable, os.path.join(root, 'script/guide'), 'check', '--root',
                           tree], stderr=subprocess.PIPE, encoding='utf-8', check=False)
    return done.stderr.splitlines() or (['no word'] if done.returncode else [])


def spoilt(root, path, old, new):
    """The complaints on a copy in which something was changed."""
    with tempfile.TemporaryDirectory(prefix='ils-guide-') as tree:
        for name in READ:
            os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
            shutil.copy(os.path.join(root, name), os.path.join(tree, name))
        text = read(tree, path)
        assert old in text, old
        with open(os.path.join(tree, path), 'w', encoding='utf-8') as handle:
            handle.write(text.replace(old, new, 1))
        return check(root, tree)


# --- the rows of the join, which real daemons are held to

def value(node, names):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    return [value(n, names) for n in node.elts] if isinstance(node, ast.Tuple) else None


def rows(root):
    """(row, code, by, {end: lines}, alarm) of each refusal in test_rows_join.py."""
    names, found = {}, []
    trees = [ast.parse(read(root, path)) for path in ROWS]
    for node in ast.walk(trees[0]):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = zip(target.elts, node.value.elts) if isinstance(target, ast.Tuple) and \
                    isinstance(node.value, ast.Tuple) else [(target, node.value)]
                names.update({t.id: v.value for t, v in pairs
                              if isinstance(t, ast.Name) and isinstance(v, ast.Constant)})
    for node in ast.walk(trees[1]):
        if not isinstance(node, ast.Dict):
            continue
        for key, call in zip(node.keys, node.values):
            if isinstance(call, ast.Call) and getattr(call.func, 'id', '') == 'Row':
                code, by, c, s, *more = [value(a, names) for a in call.args[2:]]
                if by:
                    found.append((key.value.split()[0], code[4:], by,
                                  {'C': c.split(), 'S': s.split()}, more[0][0]))
    return found


def in_order(wanted, lines):
    at = iter(lines)
    return all(any(line == one for line in at) for one in wanted)


def bad_rows(data, found):
    """Each row looks as its code's entry says."""
    bad = [] if len(found) > 15 else ['only %d rows were found' % len(found)]
    passed = {'T6', 'T12', 'T19', 'T24', 'T32', 'T25', 'T28'} # by which method, by which rule
    for row, code, by, says, alarm in found:
        entry = data['code'][code]
        ways = [w for w in data['look'][entry['look']] if w['by'] == by]
        own = {end: [n for n in says[end] if n not in passed or 'T20' in says[end]]
               for end in says}
        if not any(w['alarm'] == alarm and all(in_order(own[e], w[e].split()) for e in own)
                   for w in ways):
            bad.append('%s does not look as ILS-%s by %s says' % (row, code, by))
        if row not in entry['rows'].split():
            bad.append('ILS-%s does not name the scenario %s' % (code, row))
    return bad


# --- the doctor, on traces that are written as the page says

FACTS = {'C': {'ip': '10.0.0.1', 'port': '7501', 'lip': '10.0.0.2', 'lport': '40000', 'n': '5'},
         'S': {'ip': '10.0.0.2', 'port': '40000', 'lip': '10.0.0.1', 'lport': '7501', 'n': '7'}}
BOTH = {'k': '17', 'host': '10.0.0.1', 'hport': '7501', 'peer': '0' * 32, 'tf': 't', 'true': 'true',
        'verdict': '0123456789abcdef', 'x0': '000000C9', 'n0': '1', 'n1': '1', 'n2': '1'}
ERRORS = {'302': '20', '303': '10', '304': '23', '305': '62', '306': '26', '310': '9', '311': '66',
          '312': '24', '313': '25', '314': '50', '315': '7'}


def trace(tables, data, code, way, end):
    """The trace of an end, with values."""
    plain = 'T6' in way.get('C', '')
    facts = dict(BOTH, **FACTS[end], code='ILS-' + code, t0='x.example.com', t1='a', t2='b')
    facts['n0'] = ERRORS.get(code, '18')
    if plain:
        facts.update(k='13', tf='f', true='false', hport='7502',
                     **{'port' if end == 'C' else 'lport': '7502'})
    text = ''
    for at, name in enumerate(way.get(end, '').split()):
        line = tables.events[data['line'][name].get('as', name)]['text']
        text += '00000001.%03d |12:00:00.%03d |AppInfo |%s\n' % (
            at, 10 * at, re.sub(r'\{(\w+)\}', lambda m: facts[m[1]], line))
    return text


def diagnosed(ils, folder, ends):
    """The codes of the attempts that `ils diagnose` finds."""
    paths = []
    for end, text in ends.items():
        paths.append(os.path.join(folder, end, 'SDL001_100_000001.txt'))
        os.makedirs(os.path.dirname(paths[-1]), exist_ok=True)
        with open(paths[-1], 'w', encoding='utf-8') as handle:
            handle.write(text)
    done = subprocess.run([ils, 'diagnose', '--json', *paths], stdout=subprocess.PIPE, check=False)
    return [(a['code'], a['contradicts']) for a in json.loads(done.stdout)['attempts']]


def bad_looks(ils, tables, data):
    """What the page shows of a code, the doctor explains as that code."""
    bad = []
    with tempfile.TemporaryDirectory(prefix='ils-guide-') as folder:
        for code, entry in data['code'].items():
            for way in data['look'][entry['look']]:
                ends = {e: trace(tables, data, code, way, e) for e in 'CS' if way.get(e)}
                if 'V1' not in way['C']:
                    continue # a link that ended
                got = diagnosed(ils, folder, ends)
                if got != [('ILS-' + code, False)]:
                    bad.append('ILS-%s by %s is read as %r' % (code, way['by'] or 'nobody', got))
    return bad


def bad_page(page, data):
    """An entry shows both ends of each way that its code comes about, and no link leads nowhere."""
    bad = []
    for code, entry in data['code'].items():
        part = page.split('\n### ILS-%s ' % code)[1].split('\n##')[0]
        shown = [tuple(re.findall(r'\[([A-Z]\d+)\]', row))
                 for row in re.findall(r'^\|.*\([CS]\).*$', part, re.M)]
        if shown != [tuple(w.get(e, '').split()) for w in data['look'][entry['look']]
                     for e in 'CS']:
            bad.append('ILS-%s shows %r' % (code, shown))
    heads = [re.sub(r'[^\w -]', '', h).lower().replace(' ', '-')
             for h in re.findall(r'^#+ (.*)$', page, re.M)]
    places = set(heads + re.findall(r'<a id="(\w+)">', page))
    return bad + ['there is no %s' % a for a in re.findall(r'\]\(#([^)]*)\)', page)
                  if a not in places]


# --- commands

def commands_of(page):
    """The words of every `ils ...` in a page, as they are typed."""
    page = re.sub(r'^```.*\n((?:.*\n)*?)```', lambda m: re.sub('(?m)^', '    ', m[1]), page,
                  flags=re.M)
    page = re.sub(r'^    (\w+[$] )?', '    ', page, flags=re.M)
    page = re.sub(r'\bils --data \S+', 'ils', page)
    for quoted, line in COMMAND.findall(page):
        for part in re.split(r'&&|\||;|  ', ' '.join(quoted.split()) if quoted else line):
            words = part.split()
            if words[:1] == ['ils'] and not {'nnn', '...'} & set(words):
                yield words[1:]


class Words:
    """The commands and options that `ils help` knows."""

    def __init__(self, ils):
        self.ils, self.known = ils, {}

    def help(self, words):
        """Of the longest command that begins so: how many words it has, and its help."""
        for n in range(min(len(words), 3), 0, -1):
            one = tuple(words[:n])
            if one not in self.known:
                self.known[one] = subprocess.run(
                    [self.ils, 'help', *one], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    encoding='utf-8', env=dict(os.environ, LC_ALL='C'), check=False).stdout
            if self.known[one].startswith('usage: ils ' + ' '.join(one)):
                return n, self.known[one]
        return 0, ''

    def bad(self, name, page):
        bad = []
        for words in commands_of(page):
            plain = [w for w in words[:3] if re.fullmatch('[a-z-]*[a-z]', w) and w[0] != '-']
            if not words or words[0].startswith('-'):
                continue
            n, text = self.help(plain)
            if n == 0:
                bad.append('%s: there is no command `ils %s`' % (name, ' '.join(words)))
            bad += ['%s: `ils %s` has no option %s' % (name, ' '.join(words[:n]), w)
                    for w in words[n:] if n and re.match('--[a-z]', w) and w != '--json'
                    and not re.search(re.escape(w) + '(?![a-z-])', text)]
        return bad


# --- a page and its Japanese

TYPED = re.compile(r'^(?:\w+[$] )?((?:ils|ilsd|script/\w+|dig|curl|printf|kill|start|token)\b.*)')


def shape(page):
    """Headings by their level, what is typed in blocks, rows of tables, blocks."""
    inside, heads, typed, tables, blocks, former = False, [], [], [], 0, ''
    for line in page.split('\n'):
        fence = line.startswith('```')
        inside = inside != fence
        block = inside or line.startswith('    ')
        match = TYPED.match(line[0 if inside else 4:]) if block else None
        heads += re.findall('^#+', line) if not inside else []
        typed += [re.split('  +', match[1])[0]] if match else []
        tables += [line.count('|')] if line.startswith('|') else []
        blocks += block and not former
        former = block or not line
    return {'headings': heads, 'commands': typed, 'tables': tables, 'blocks': blocks,
            'words': sorted(set(map(tuple, commands_of(page)))),
            'files': sorted(set(LINK.findall(page)))}


def bad_pair(name, one, other):
    one, other = shape(one), shape(other)
    bad = ['%s in Japanese has other %s: %r' % (name, k, [
        x for x in zip(one[k], other[k]) if x[0] != x[1]] if isinstance(one[k], list) else other[k])
        for k in one if one[k] != other[k]]
    return bad + ([] if len(one['headings']) > 4 else ['%s has no headings' % name])


def main():
    root, ils, tap = sys.argv[1], sys.argv[2], Tap()
    tap.check('the pages are what `script/guide write` makes', check(root, root))
    for what, path, old, new in (
            ('another cause', READ[0], 'is self-signed and was', 'is bad and was'),
            ('another remedy', READ[0], '"ils role hub"', '"ils role spoke"'),
            ('a new code', READ[0], 'CODE(100,', 'CODE(999, NEW, "new", "", "dialler")\nCODE(100,'),
            ('a new alarm', READ[1], 'ALARM(ILSSlowPeer', 'ALARM(ILSNew, "error", "X", "%s")\n'
                                                        'ALARM(ILSSlowPeer'),
            ('another trace line', READ[2], 'New connection accepted', 'Connection accepted'),
            ('another scenario', READ[4], '"the passwords differ"', '"they differ"'),
            ('other Japanese', READ[5], '招待の有効期限が切れています', '招待の期限切れ'),
            ('a code without words', READ[6], '[code.422]', '[code.423]'),
            ('a line that is not there', READ[6], 'C = "L2 L1"', 'C = "L9 L1"'),
            ('a page changed by hand', READ[7], 'Where to look first', 'Where to begin'),
            ('a Japanese page changed by hand', READ[8], 'まず見るところ', 'はじめに')):
        tap.control(what, spoilt(root, path, old, new))
    data, found = tomllib.loads(read(root, READ[6])), rows(root)
    tap.check('the rows of the join look as the page says', bad_rows(data, found))
    tables = load_guide(root).Tables(root)
    tap.check('the doctor reads what the page shows', bad_looks(ils, tables, data))
    for path in PAGES:
        page = read(root, path)
        tap.check('%s: both ends, and links' % path, bad_page(page, data))
        tap.control('an end that is not shown', bad_page(page.replace('[T18]', '', 1), data))
        tap.control('a link that leads nowhere', bad_page(page.replace('"t18"', '"t81"'), data))
    data['look']['password'][0]['S'] = 'T1 T2 T11 T10 V1'
    tap.control('lines in another order', bad_rows(data, found))
    data['look']['unknown'] = data['look']['certificate']
    tap.control('lines of another code', bad_looks(ils, tables, data))
    words = Words(ils)
    for path in PAGES + MORE:
        page = read(root, path)
        tap.check('%s: %d commands' % (path, len(list(commands_of(page)))), words.bad(path, page))
    readme, japanese = read(root, 'README.md'), read(root, 'README.ja.md')
    tap.check('README in both languages', bad_pair('README.md', readme, japanese))
    for what, old, new in (('a heading less', '\n## ', '\n'),
                           ('another command', 'page setup', 'page'),
                           ('a row less', '\n| [docs/http.md]', '\n[docs/http.md]')):
        tap.control(what, bad_pair('README.md', readme, japanese.replace(old, new, 1)))
    for name in ('README', 'docs/guide', 'docs/troubleshooting'):
        pair = [os.path.basename(name) + end for end in ('.md', '.ja.md')]
        tap.check(name + ': each names the other', [
            '%s is not named' % other for end, other in zip(('.ja.md', '.md'), pair)
            if '](%s)' % other not in read(root, name + end)])
    tap.control('a command that is not there', words.bad('x', 'type `ils paln add URI`'))
    tap.control('an option that is not there', words.bad('x', '    ils invite --expire 7d'))
    print('1..%d' % tap.n)
    return 1 if tap.failed else 0


if __name__ == '__main__':
    sys.exit(main())
