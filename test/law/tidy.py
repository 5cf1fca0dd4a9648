#!/usr/bin/env python3
"""The tidy test: the sizes, words and shapes that HACKING.md asks of this tree.

    tidy.py [ROOT]      prints TAP, one line a rule; the places follow as comments

Reads every text file under ROOT except build directories. Function lengths come from
universal-ctags. `/* tidy: state table */` on the line above a function exempts it from the limit:
it is for the switch tables of state machines and nothing else.
"""
import os
import re
import subprocess
import sys

PURE = ('base', 'link', 'plan', 'core', 'answer', 'doctor')
FUNCTION_MAX, FILE_MAX, LINE_MAX = 70, 800, 100
MARKER = '/* tidy: state table */'
BANNED = ('strcpy strcat sprintf vsprintf gets strtok atoi atol atoll rand srand system popen '
          'alloca strncpy strncat').split()
BANNED_PURE = ('printf fprintf dprintf snprintf asprintf vprintf vfprintf vsnprintf puts putchar '
               'malloc calloc realloc free strdup strndup getenv setlocale time clock '
               'clock_gettime gettimeofday random abort exit').split()
UNFINISHED = ('TO' 'DO', 'FIX' 'ME', 'XX' 'X')
PATHS = tuple('/%s/' % name for name in ('wo' 'rk', 'fa' 'rm', 'ro' 'ot'))
STRIP = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class Text:
    """One text file: its path from the root, its lines, and C without comments and strings."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding='utf-8', newline='') as handle:
            self.whole = handle.read()
        self.lines = self.whole.split('\n')
        self.is_c = path.endswith(('.c', '.h'))
        shebang = self.whole.startswith('#!')
        self.is_code = self.is_c or shebang or path.endswith(('.py', '.sh', '.proto', '.ts',
                                                               '.tsx', '.css'))
        parts = path.split('/')
        self.room = parts[1] if parts[0] == 'src' and len(parts) > 2 else ''
        self.slashes = []
        self.bare = STRIP.sub(self.blank, self.whole).split('\n') if self.is_c else []

    def blank(self, found):
        """What stands for a comment or string: its line ends and nothing else."""
        if found.group().startswith('//'):
            self.slashes.append(self.whole.count('\n', 0, found.start()) + 1)
        return re.sub(r'[^\n]+', ' ', found.group())


def read_tree(root):
    """Every text file under root but those of build directories."""
    texts = []
    for base, folders, names in os.walk(root):
        folders[:] = sorted(d for d in folders if d not in ('.git', '__pycache__', 'node_modules')
                            and not d.startswith('build'))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(base, name), root)
            if (path == 'LICENSE' or '/corpus' in path or path.startswith('src/web/built/') or
                    os.path.islink(os.path.join(root, path))):
                continue
            try:
                texts.append(Text(root, path))
            except UnicodeDecodeError:
                pass
    return texts


def long_functions(root, texts):
    by_path = {t.path: t for t in texts if t.is_c}
    done = subprocess.run(['ctags', '--quiet=yes', '--options=NONE', '--languages=C',
                           '--langmap=C:.c.h', '--fields=+ne', '--c-kinds=f', '-o', '-', '-L', '-'],
                          input='\n'.join(by_path) + '\n', stdout=subprocess.PIPE, cwd=root,
                          text=True, check=True)
    for row in done.stdout.splitlines():
        found = re.search(r'^(\S+)\t(\S+)\t.*\tline:(\d+).*\tend:(\d+)', row)
        if not found:
            continue
        name, path = found.group(1), found.group(2)
        first, last = int(found.group(3)), int(found.group(4))
        above = [text.strip() for text in by_path[path].lines[max(0, first - 3):first - 1]]
        if last - first + 1 > FUNCTION_MAX and MARKER not in above:
            yield '%s:%d %s has %d lines' % (path, first, name, last - first + 1)


def long_files(root, texts):
    for t in texts:
        count = len(t.lines) - 1
        if t.is_code and count > FILE_MAX:
            yield '%s has %d lines' % (t.path, count)


def long_lines(root, texts):
    for t in texts:
        for number, text in enumerate(t.lines, 1):
            if t.is_code and len(text) > LINE_MAX:
                yield '%s:%d has %d columns' % (t.path, number, len(text))


def calls(t, names):
    pattern = re.compile(r'(?<![\w>.])(%s)\s*\(' % '|'.join(names))
    for number, text in enumerate(t.bare, 1):
        for found in pattern.finditer(text):
            yield '%s:%d calls %s' % (t.path, number, found.group(1))


def banned_calls(root, texts):
    for t in texts:
        yield from calls(t, BANNED)


def impure_calls(root, texts):
    for t in texts:
        if t.room in PURE:
            yield from calls(t, BANNED_PURE)


def floating_point(root, texts):
    for t in texts:
        if t.room in PURE:
            for number, text in enumerate(t.bare, 1):
                if re.search(r'\b(float|double)\b', text):
                    yield '%s:%d' % (t.path, number)


def openings(root, texts):
    for t in texts:
        if t.is_c and not t.whole.startswith('/*'):
            yield t.path


def slash_comments(root, texts):
    for t in texts:
        for number in t.slashes:
            yield '%s:%d' % (t.path, number)


def white_space(root, texts):
    for t in texts:
        for number, text in enumerate(t.lines, 1):
            if text != text.rstrip():
                yield '%s:%d ends in blanks' % (t.path, number)
            if t.is_code and '\t' in text and not t.path.endswith('.sh'):
                yield '%s:%d has a tab' % (t.path, number)
        if t.whole and not t.whole.endswith('\n'):
            yield '%s has no line end at its end' % t.path


def dead_files(root, texts):
    by_path = {t.path: t for t in texts}
    everything = '\n'.join(t.whole for t in texts if t.is_c)
    for t in texts:
        folder, name = os.path.split(t.path)
        if folder.split('/')[0] not in ('src', 'test') or not name.endswith(('.c', '.proto')):
            continue
        meson = ''
        while folder:
            near = by_path.get(folder + '/meson.build')
            meson += near.whole if near else ''
            folder = os.path.dirname(folder)
        stem = re.sub(r'^(test|fuzz)_', '', name.rsplit('.', 1)[0])
        if not re.search(r"'(\S*/)?(%s|%s)'" % (re.escape(name), re.escape(stem)), meson):
            yield '%s is in no meson.build' % t.path
    for t in texts:
        inside = t.path[len('src/'):]
        if t.room and t.path.endswith('.h') and not re.search(
                r'#\s*include\s*"(%s|%s)"' % (re.escape(inside), re.escape(inside.split('/')[-1])),
                everything):
            yield '%s is included by nothing' % t.path


def header_guards(root, texts):
    for t in texts:
        if not t.path.endswith('.h'):
            continue
        parts = [re.sub(r'\W', '_', part).upper() for part in t.path.split('/')[-2:]]
        wanted = ['OPENILS_' + '_'.join(parts)]
        if not t.room:
            wanted += ['OPENILS_TEST_' + '_'.join(parts), 'OPENILS_TEST_' + parts[-1],
                       'OPENILS_' + parts[-1]]
        if not any(re.search(r'^#ifndef %s\n#define %s\n' % (g, g), t.whole, re.M)
                   for g in wanted):
            yield '%s wants %s' % (t.path, wanted[0])


def unfinished_words(root, texts):
    pattern = re.compile(r'\b(%s)\b' % '|'.join(UNFINISHED))
    for t in texts:
        for number, text in enumerate(t.lines, 1):
            found = pattern.search(text)
            if found:
                yield '%s:%d says %s' % (t.path, number, found.group())


def machine_paths(root, texts):
    pattern = re.compile(r'(?<![\w.}])(%s)' % '|'.join(PATHS))
    for t in texts:
        for number, text in enumerate(t.lines, 1):
            if pattern.search(text):
                yield '%s:%d' % (t.path, number)


RULES = [
    ('functions of at most %d lines' % FUNCTION_MAX, long_functions),
    ('files of at most %d lines' % FILE_MAX, long_files),
    ('lines of at most %d columns' % LINE_MAX, long_lines),
    ('no banned calls', banned_calls),
    ('no impure calls in a pure room', impure_calls),
    ('no floating point in a pure room', floating_point),
    ('every C file opens with a comment', openings),
    ('no // comments in C', slash_comments),
    ('no tabs, trailing blanks or missing line ends', white_space),
    ('no dead files', dead_files),
    ('header guards', header_guards),
    ('no words of unfinished work', unfinished_words),
    ('no paths of one machine', machine_paths),
]


def main(root):
    texts = read_tree(root)
    bad = 0
    print('1..%d' % len(RULES))
    for number, (title, rule) in enumerate(RULES, 1):
        places = list(rule(root, texts))
        bad += bool(places)
        print('%s %d - tidy: %s' % ('not ok' if places else 'ok', number, title))
        for place in places:
            print('# ' + place)
    return 1 if bad else 0


if __name__ == '__main__':
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
    sys.exit(main(os.path.normpath(sys.argv[1] if len(sys.argv) > 1 else default)))
