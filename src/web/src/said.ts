/* said: a sentence of ilsd in the language of the page. ilsd says everything in English; the
 * Japanese of its tables is a file beside the page (/assets/said.ja.json: pairs of template and
 * translation, made from po/ja.po). A sentence is laid beside the templates it may have been
 * made from, and what stands in the place of their {names} goes into the translation, itself
 * translated first. */
import { signal } from '@preact/signals';
import { language } from './words';

interface Template {
    like: RegExp;
    names: string[];
    first: number; /* characters before the first name, and in all */
    literal: number;
    into: string;
}

const HOLE = /\{\w+\}|%s/g;
/* What stands in their places is a sentence itself. */
const SENTENCES = new Set(['{cause}', '{where}', '{what}', '{rule}']);
const exact = new Map<string, string>();
const templates: Template[] = [];
const known = new Map<string, string>();
const loaded = signal(false);
let asked = false;

function escaped(text: string): string {
    return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function learn(from: string, into: string): void {
    const names: string[] = [];
    let pattern = '';
    let literal = 0;
    let first = from.length;
    let at = 0;
    for (const hole of from.matchAll(HOLE)) {
        const before = from.slice(at, hole.index);
        if (names.length === 0) first = before.length;
        pattern += escaped(before) + (hole[0] === '{n}' ? '(\\d+)' : '(.+?)');
        literal += before.length;
        names.push(hole[0]);
        at = hole.index + hole[0].length;
    }
    if (names.length === 0) {
        exact.set(from, into);
        return;
    }
    pattern += escaped(from.slice(at));
    literal += from.length - at;
    const like = new RegExp(`^${pattern}$`, 's');
    templates.push({ like, names, first, literal, into });
}

async function load(): Promise<void> {
    asked = true;
    const answer = await fetch('/assets/said.ja.json');
    if (!answer.ok) return;
    const table = (await answer.json()) as Record<'templates' | 'words', [string, string][]>;
    for (const [from, into] of table.words) exact.set(from, into);
    for (const [from, into] of table.templates) learn(from, into);
    /* The longest beginning of its own is the likeliest, then the most text of its own. */
    templates.sort((a, b) => b.first - a.first || b.literal - a.literal);
    loaded.value = true;
}

function translated(text: string, depth: number): string {
    const whole = exact.get(text);
    if (whole !== undefined || depth > 3) return whole ?? text;
    for (const one of templates) {
        const match = one.like.exec(text);
        if (match === null) continue;
        const parts = new Map<string, string>();
        one.names.forEach((name, i) => {
            const part = match[i + 1] ?? '';
            parts.set(name, SENTENCES.has(name) ? translated(part, depth + 1) : part);
        });
        return one.into.replace(HOLE, name => parts.get(name) ?? '');
    }
    return text;
}

export function said(text: string | null | undefined): string {
    if (!text || language.value === 'en') return text ?? '';
    if (!asked) void load();
    if (!loaded.value) return text;
    let got = known.get(text);
    if (got === undefined) {
        if (known.size > 5000) known.clear();
        got = translated(text, 0);
        known.set(text, got);
    }
    return got;
}

/* The evidence of a verdict: pieces that ilsd puts together with commas. */
export function evidence(text: string): string {
    return text
        .split(/(?=, )/)
        .map(said)
        .join('');
}
